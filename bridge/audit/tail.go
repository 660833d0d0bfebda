package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
)

const tailSize = 64 << 10 // more than the longest line

// lastSequence returns the number of the last line, in the file or else in what it was rotated to last; 0 when there is none.
func lastSequence(path string) (int64, error) {
	names, err := family(path)
	if err != nil {
		return 0, err
	}
	for _, name := range slices.Backward(names) {
		text, err := end(name)
		if err != nil {
			return 0, err
		}
		if seq := lastNumber(text); seq > 0 {
			return seq, nil
		}
	}
	return 0, nil
}

// endsTorn reports that the file ends in the middle of a line: the process died while it wrote.
func endsTorn(path string) (bool, error) {
	text, err := end(path)
	return len(text) > 0 && text[len(text)-1] != '\n', err
}

func lastNumber(text []byte) int64 {
	lines := bytes.Split(text, []byte("\n"))
	for _, text := range slices.Backward(lines) {
		var l Line
		if json.Unmarshal(text, &l) == nil && l.Sequence > 0 {
			return l.Sequence
		}
	}
	return 0
}

// end returns the last bytes of a file.
func end(path string) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-tailSize)
	return io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
}
