package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Intent is a swap or a lock that was begun and of which the trail does not say how it ended.
type Intent struct {
	Lock     bool // else a swap
	Recovery string
	Person   string
	Way      string
	Added    string   // id of the new credential or of the tombstone
	Removed  []string // ids of the old ones
	Time     time.Time
	Stuck    time.Time // of the first "lock.stuck"
}

// Intents returns the swaps with "swap.intended" and neither "swap.done" nor "swap.refused", and the locks likewise, the oldest first. It reads
// what was written since the last call, by any process, in the file and in what it was rotated to (names that begin with the file's, not compressed).
func (t *Trail) Intents(ctx context.Context) ([]Intent, error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	limit, err := t.written()
	if err != nil {
		return nil, fmt.Errorf("audit trail: %w", err)
	}
	return t.seen.read(ctx, t.c.Path, limit)
}

// written returns the size of the file without a line that is just being written.
func (t *Trail) written() (os.FileInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.f == nil {
		return nil, errClosed
	}
	return t.f.Stat()
}

// scanner remembers how far it read which file.
type scanner struct {
	files []position
	open  map[job]Intent
}

// job is what an intent is about: one recovery may hold a lock and a swap.
type job struct {
	lock     bool
	recovery string
}

type position struct {
	info   os.FileInfo
	offset int64
}

// read goes on reading all files of the trail. current, if not nil, bounds how far that file is read.
func (s *scanner) read(ctx context.Context, path string, current os.FileInfo) ([]Intent, error) {
	if s.open == nil {
		s.open = make(map[job]Intent)
	}
	names, err := family(path)
	if err != nil {
		return nil, fmt.Errorf("audit trail: %w", err)
	}
	var now []position
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := s.file(name, current)
		if errors.Is(err, fs.ErrNotExist) && (current != nil || name != path) {
			continue // moved away meanwhile; it is found under its new name
		}
		if err != nil {
			return nil, fmt.Errorf("audit trail: %w", err)
		}
		now = append(now, p)
	}
	s.files = now
	var out []Intent
	for _, i := range s.open {
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b Intent) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Recovery, b.Recovery), cmp.Compare(a.Added, b.Added))
	})
	return out, nil
}

// family returns the file and what it was rotated to, in the order of their last change, the file itself last.
func family(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	changed := make(map[string]time.Time)
	var names []string
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), filepath.Base(path))
		if !ours || rest == "" || (rest[0] != '.' && rest[0] != '-') || packed(rest) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		name := filepath.Join(filepath.Dir(path), e.Name())
		changed[name] = info.ModTime()
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(changed[a].Compare(changed[b]), cmp.Compare(a, b)) })
	return append(names, path), nil
}

func packed(name string) bool {
	return slices.Contains([]string{".gz", ".xz", ".zst", ".bz2"}, filepath.Ext(name))
}

// file reads the whole lines of one file from where it stopped last time.
func (s *scanner) file(name string, current os.FileInfo) (position, error) {
	f, err := os.Open(name)
	if err != nil {
		return position{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return position{}, err
	}
	p, size := position{info: info}, info.Size()
	if current != nil && os.SameFile(info, current) {
		size = min(size, current.Size())
	}
	for _, old := range s.files {
		if os.SameFile(old.info, info) && old.offset <= size {
			p.offset = old.offset
		}
	}
	r := bufio.NewReader(io.NewSectionReader(f, p.offset, size-p.offset))
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return position{}, err
		}
		p.offset += int64(len(line))
		s.take(line)
	}
}

// take notes what a line says of a swap or a lock. A line that cannot be read says nothing: a torn one was never acknowledged.
func (s *scanner) take(text []byte) {
	lock := bytes.Contains(text, []byte(`"event":"lock.`))
	if !lock && !bytes.Contains(text, []byte(`"event":"swap.`)) {
		return
	}
	var l Line
	if json.Unmarshal(text, &l) != nil {
		return
	}
	key := job{lock, l.Recovery}
	switch l.Event {
	case "swap.intended", "lock.intended":
		at, _ := time.Parse(Time, l.Time)
		s.open[key] = Intent{Lock: lock, Recovery: l.Recovery, Person: l.Target, Way: l.Way, Added: l.Added, Removed: l.Removed, Time: at}
	case "lock.stuck":
		if i, ok := s.open[key]; ok && i.Stuck.IsZero() {
			i.Stuck, _ = time.Parse(Time, l.Time)
			s.open[key] = i
		}
	case "swap.done", "swap.refused", "lock.done", "lock.refused":
		delete(s.open, key)
	}
}
