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
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"otpbridge/bridge"
)

// Intent is a swap, a lock, a set of recovery codes, a temporary code or a change in the settings that was begun and of which the trail does not say how it ended.
type Intent struct {
	What     bridge.Undertaking
	Recovery string
	Person   string
	Way      string
	Added    string   // id of the credential that is written
	Removed  []string // ids of the old ones
	Time     time.Time
	Stuck    time.Time         // of the first "….stuck"
	Change   bridge.ChangeKind // detail.change
	Marked   time.Time         // detail.marked
}

// Intents returns the swaps with "swap.intended" and neither "swap.done" nor "swap.refused", and what else is begun likewise, the oldest first. It
// reads what was written since the last call, by any process, in the file and in what it was rotated to (names that begin with the file's, not
// compressed).
func (t *Trail) Intents(ctx context.Context) ([]Intent, error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	if err := t.readOn(ctx); err != nil {
		return nil, err
	}
	return t.seen.intents(), nil
}

// Ended says how something of a recovery ended within the last week, as far as this trail knows: "done", "refused", or "".
func (t *Trail) Ended(ctx context.Context, what bridge.Undertaking, recovery string) (how string, err error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	if err := t.readOn(ctx); err != nil {
		return "", bridge.Fault(bridge.CodeAuditFull, "read the trail", err)
	}
	return t.seen.ended[job{what, recovery}].how, nil
}

// Recovered says when the last swap or lock of a person was done within the last week, as far as this trail knows; zero: never.
func (t *Trail) Recovered(ctx context.Context, person string) (at time.Time, err error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	if err := t.readOn(ctx); err != nil {
		return at, bridge.Fault(bridge.CodeAuditFull, "read the trail", err)
	}
	for of, e := range t.seen.ended {
		recovers := of.what == bridge.UndertakingSwap || of.what == bridge.UndertakingLock
		if recovers && e.person == person && e.how == "done" && e.at.After(at) {
			at = e.at
		}
	}
	return at, nil
}

// Locks are the accounts that were locked after a theft within the last week, as far as this trail knows: which is not what is left of that.
func (t *Trail) Locks(ctx context.Context) (out []bridge.Watch, err error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	if err := t.readOn(ctx); err != nil {
		return nil, bridge.Fault(bridge.CodeAuditFull, "read the trail", err)
	}
	for of, e := range t.seen.ended {
		if of.what == bridge.UndertakingLock && e.how == "done" {
			out = append(out, bridge.Watch{Person: e.person, Recovery: of.recovery, At: e.at})
		}
	}
	return out, nil
}

// Guard is what the realm guard put on record last of the realm with this issuer, or of one that it did not name, as far as this trail knows; the zero
// record: nothing.
func (t *Trail) Guard(ctx context.Context, issuer string) (last bridge.AuditRecord, err error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	if err := t.readOn(ctx); err != nil {
		return last, bridge.Fault(bridge.CodeAuditFull, "read the trail", err)
	}
	last = t.seen.guard[issuer]
	if unnamed := t.seen.guard[""]; unnamed.Time.After(last.Time) {
		last = unnamed
	}
	return last, nil
}

func (t *Trail) readOn(ctx context.Context) error {
	limit, err := t.written()
	if err == nil {
		err = t.seen.read(ctx, t.c.Path, limit)
	}
	if err != nil {
		return fmt.Errorf("audit trail: %w", err)
	}
	t.seen.forget(t.c.Now())
	return nil
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
	ended map[job]ending
	guard map[string]bridge.AuditRecord // the last one of the realm guard, by the issuer that it is about
}

func newScanner() scanner {
	return scanner{open: make(map[job]Intent), ended: make(map[job]ending), guard: make(map[string]bridge.AuditRecord)}
}

// job is what an intent is about: one recovery may hold a lock and a swap.
type job struct {
	what     bridge.Undertaking
	recovery string
}

type ending struct {
	how, person string
	at          time.Time
}

// keepEnds is how long an end is remembered: no store is brought back from an older copy.
const keepEnds = 7 * 24 * time.Hour

type position struct {
	info   os.FileInfo
	offset int64
}

// read goes on reading all files of the trail. current, if not nil, bounds how far that file is read.
func (s *scanner) read(ctx context.Context, path string, current os.FileInfo) error {
	if s.open == nil {
		*s = newScanner()
	}
	names, err := family(path)
	if err != nil {
		return err
	}
	var now []position
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := s.file(name, current)
		if errors.Is(err, fs.ErrNotExist) && (current != nil || name != path) {
			continue // moved away meanwhile; it is found under its new name
		}
		if err != nil {
			return err
		}
		now = append(now, p)
	}
	s.files = now
	return nil
}

// forget drops the ends that are too old. Whether anything ended since is no matter: what marks the end of a watch counts from then by the clock, too.
func (s *scanner) forget(now time.Time) {
	maps.DeleteFunc(s.ended, func(_ job, e ending) bool { return now.Sub(e.at) > keepEnds })
}

// intents lists what is open.
func (s *scanner) intents() (out []Intent) {
	for _, i := range s.open {
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b Intent) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Recovery, b.Recovery), cmp.Compare(a.Added, b.Added))
	})
	return out
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
		line, length, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return position{}, err
		}
		p.offset += length
		if length <= lookAtMost { // else it is none of ours
			s.take(line)
		}
	}
}

// take notes what a line says of an undertaking, or of the realm guard. A line that cannot be read says nothing: a torn one was never acknowledged.
func (s *scanner) take(text []byte) {
	ours := func(what bridge.Undertaking) bool { return bytes.Contains(text, []byte(`"event":"`+what+`.`)) }
	if ours("guard") {
		if r, ok := record(text); ok {
			s.guard[r.Detail["issuer"]] = r
		}
		return
	}
	if !slices.ContainsFunc(undertakings, ours) {
		return
	}
	var l Line
	if json.Unmarshal(text, &l) == nil {
		s.note(l)
	}
}

// note notes what a record says of an undertaking.
func (s *scanner) note(l Line) {
	what, how, _ := strings.Cut(l.Event, ".")
	key := job{bridge.Undertaking(what), l.Recovery}
	if !slices.Contains(undertakings, key.what) {
		return
	}
	at, _ := time.Parse(Time, l.Time)
	switch how {
	case "intended":
		marked, _ := time.Parse(time.RFC3339, l.Detail["marked"])
		s.open[key] = Intent{
			What: key.what, Recovery: l.Recovery, Person: l.Target, Way: l.Way, Added: l.Added, Removed: l.Removed, Time: at,
			Change: bridge.ChangeKind(l.Detail["change"]), Marked: marked,
		}
		delete(s.ended, key)
	case "stuck":
		if i, ok := s.open[key]; ok && i.Stuck.IsZero() {
			i.Stuck = at
			s.open[key] = i
		}
	}
	if end := bridge.EndOf(how); end != "" {
		delete(s.open, key)
		s.ended[key] = ending{end, l.Target, at}
	}
}

var undertakings = []bridge.Undertaking{
	bridge.UndertakingSwap, bridge.UndertakingLock, bridge.UndertakingCodes, bridge.UndertakingTemporary, bridge.UndertakingAddress,
	bridge.UndertakingAuthenticator,
}
