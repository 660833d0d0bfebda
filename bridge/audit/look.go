package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"regexp"
	"slices"
	"sort"
	"time"

	"otpbridge/bridge"
)

const lookAtMost = 8 << 20 // bytes read for one look, and of one line

// Look implements bridge.AuditReader over the file and what it was rotated to (not compressed).
func (t *Trail) Look(ctx context.Context, q bridge.AuditLook) ([]bridge.AuditRecord, int64, error) {
	current, err := t.written()
	if err != nil {
		return nil, 0, fmt.Errorf("audit trail: %w", err)
	}
	names, err := family(t.c.Path)
	if err != nil {
		return nil, 0, fmt.Errorf("audit trail: %w", err)
	}
	l := look{AuditLook: q, left: lookAtMost}
	for _, name := range slices.Backward(names) {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		if err := l.file(name, current); err != nil && !errors.Is(err, fs.ErrNotExist) { // moved away meanwhile
			return nil, 0, fmt.Errorf("audit trail: %w", err)
		}
		if l.enough() {
			return l.found, l.last, nil
		}
	}
	return l.found, 0, nil
}

// look goes back through the trail.
type look struct {
	bridge.AuditLook
	left  int // bytes that may still be read
	found []bridge.AuditRecord
	last  int64 // number of the record that was read last
}

func (l *look) enough() bool { return l.left <= 0 && l.last > 0 || len(l.found) >= l.Most }

func (l *look) file(name string, current os.FileInfo) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := info.Size()
	if os.SameFile(info, current) {
		end = min(end, current.Size())
	}
	if l.Before > 0 {
		if end, err = startOf(f, end, l.Before); err != nil {
			return err
		}
	}
	for end > 0 && !l.enough() {
		if end, err = l.window(f, end); err != nil {
			return err
		}
	}
	return nil
}

// window takes the lines of the last bytes before end, and returns where the first of them begins.
func (l *look) window(f *os.File, end int64) (int64, error) {
	text, from, err := readBefore(f, end)
	if err != nil {
		return 0, err
	}
	l.left -= len(text)
	for _, line := range slices.Backward(bytes.Split(text, []byte("\n"))) {
		if len(l.found) >= l.Most {
			break
		}
		if r, ok := record(line); ok {
			l.last = r.Sequence
			if l.Wants(r) {
				l.found = append(l.found, r)
			}
		}
	}
	return from, nil
}

// beginning is how each line begins (see Line).
var beginning = regexp.MustCompile(`^\{"time":"[^"]*","seq":[0-9]+,"event":"[a-z_.]+","outcome":"[a-z]+"`)

// beginningOf returns, in the place of a line that is too long to be read, what it begins with and how long it is; and where it begins.
func beginningOf(f io.ReaderAt, end int64) (text []byte, from int64, err error) {
	if from, err = lineBefore(f, end); err != nil {
		return nil, 0, err
	}
	text = make([]byte, min(windowSize, end-from))
	if _, err := f.ReadAt(text, from); err != nil {
		return nil, 0, err
	}
	return inPlaceOf(text, end-from), from, nil
}

// inPlaceOf is what a line says by its beginning and its size.
func inPlaceOf(text []byte, size int64) []byte {
	if text = beginning.Find(text); text != nil {
		text = fmt.Appendf(text, `,"detail":{%q:"%d bytes"}}`, detailCut, size)
	}
	return text
}

// record reads a line; a torn one says nothing.
func record(text []byte) (bridge.AuditRecord, bool) {
	var l Line
	if json.Unmarshal(text, &l) != nil || l.Sequence <= 0 {
		return bridge.AuditRecord{}, false
	}
	at, err := time.Parse(Time, l.Time)
	if err != nil {
		return bridge.AuditRecord{}, false
	}
	return bridge.AuditRecord{
		Time: at, Sequence: l.Sequence, Request: bridge.Request{Reference: l.Reference, Address: l.Address},
		AuditEvent: bridge.AuditEvent{
			Event: l.Event, Outcome: l.Outcome, Actor: l.Actor, Target: l.Target, Recovery: l.Recovery, Way: l.Way, Code: l.Code,
			Added: l.Added, Removed: l.Removed, Detail: l.Detail,
		},
	}, true
}

// startOf is where the first record with a number of at least n begins: numbers only grow in a file.
func startOf(f *os.File, size, n int64) (int64, error) {
	var fault error
	at := sort.Search(int(size), func(at int) bool {
		number, _, err := numberFrom(f, int64(at), size)
		fault = errors.Join(fault, err)
		return number >= n
	})
	_, start, err := numberFrom(f, int64(at), size)
	return start, errors.Join(fault, err)
}

// numberFrom returns the number of the first record that begins at or after a place, and where it begins. Without one the number is the highest
// there is.
func numberFrom(f *os.File, at, size int64) (number, start int64, err error) {
	start = max(0, at-1)
	r := bufio.NewReader(io.NewSectionReader(f, start, size-start))
	for skip := at > 0; ; skip = false {
		line, length, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return math.MaxInt64, size, nil
		}
		if err != nil {
			return 0, 0, err
		}
		if found, ok := record(line); ok && !skip {
			return found.Sequence, start, nil
		}
		start += length
	}
}
