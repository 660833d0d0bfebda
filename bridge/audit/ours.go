package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// errForeign refuses a file that something else has written: a line in its midst would destroy it.
var errForeign = errors.New("has something in it that is no audit trail; audit.file wants a file of its own")

// foreign refuses a file that holds something, but no record where it begins. What a crash tore or padded, and what somebody cut off, is ours all the same.
func foreign(name string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, windowSize))
	if err != nil {
		return err
	}
	if text = bytes.Trim(text, "\x00\n"); len(text) == 0 {
		return nil
	}
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if len(line) >= len(shortest) && begins(line) {
			return nil
		}
	}
	if len(text) < len(shortest) && begins(text) {
		return nil // torn
	}
	return fmt.Errorf("%s %w", name, errForeign)
}

// shortest is what a line begins with, digits aside.
const shortest = `{"time":"0000-00-00T00:00:00.000Z","seq":`

// begins reports that a line begins like ours, as far as it goes.
func begins(line []byte) bool {
	for i, c := range line[:min(len(line), len(shortest))] {
		if '0' <= c && c <= '9' {
			c = '0'
		}
		if c != shortest[i] {
			return false
		}
	}
	return true
}
