package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
)

// windowSize is how much of a file is read at a time: more than the longest line that is written. A file may have longer ones all the same.
const windowSize = 8 * lineSize

var errLineTooLong = errors.New("a line is too long to be read")

// lastSequence returns the number of the last line, in the file or else in what it was rotated to last; 0 when there is none.
func lastSequence(path string) (int64, error) {
	names, err := family(path)
	if err != nil {
		return 0, err
	}
	for _, name := range slices.Backward(names) {
		seq, err := lastOf(name)
		if err != nil || seq > 0 {
			return seq, err
		}
	}
	return 0, nil
}

// lastOf returns the number of the last line of one file that has one, 0 when none has: however long the lines after it are, and whatever a process that
// died left behind them. Of what is too long to be read the beginning counts, as it does for whoever looks.
func lastOf(name string) (seq int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	for end := info.Size(); end > 0 && seq == 0; {
		var text []byte
		if text, end, err = readBefore(f, end); err != nil {
			return 0, err
		}
		seq = lastNumber(text)
	}
	return seq, nil
}

// readBefore is linesBefore with what stands in the place of a line that is too long to be read.
func readBefore(f io.ReaderAt, end int64) (text []byte, from int64, err error) {
	if text, from, err = linesBefore(f, end, lookAtMost); errors.Is(err, errLineTooLong) {
		return beginningOf(f, end)
	}
	return text, from, err
}

// readLine reads a line with its line feed. Of one with more than lookAtMost bytes the text is what stands in its place, its size is its own. io.EOF: there
// is no whole line any more.
func readLine(r *bufio.Reader) (text []byte, size int64, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if size += int64(len(part)); size <= lookAtMost {
			text = append(text, part...)
		} else if len(text) > windowSize {
			text = bytes.Clone(text[:windowSize])
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return nil, size, err
		case size > lookAtMost:
			return inPlaceOf(text, size), size, nil
		default:
			return text, size, nil
		}
	}
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

// linesBefore returns the whole lines of the last window before a place where a line begins or the file ends, and where the first of them begins:
// one at least. errLineTooLong: the last one has more than most bytes.
func linesBefore(f io.ReaderAt, end, most int64) (text []byte, from int64, err error) {
	for size := int64(windowSize); ; size *= 4 {
		size = min(size, end, most)
		text = make([]byte, size)
		if _, err := f.ReadAt(text, end-size); err != nil {
			return nil, 0, err
		}
		if size == end {
			return text, 0, nil
		}
		if whole := bytes.IndexByte(text, '\n') + 1; 0 < whole && whole < len(text) {
			return text[whole:], end - size + int64(whole), nil
		}
		if size == most {
			return nil, 0, errLineTooLong
		}
	}
}

// lineBefore returns where the line begins that ends at a place.
func lineBefore(f io.ReaderAt, end int64) (int64, error) {
	window := make([]byte, min(windowSize, end))
	for at := end - 1; at > 0; {
		text := window[:min(windowSize, at)]
		if _, err := f.ReadAt(text, at-int64(len(text))); err != nil {
			return 0, err
		}
		at -= int64(len(text))
		if before := bytes.LastIndexByte(text, '\n') + 1; before > 0 {
			return at + int64(before), nil
		}
	}
	return 0, nil
}

// endsTorn reports that the file ends in the middle of a line: the process died while it wrote.
func endsTorn(path string) (torn bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}
