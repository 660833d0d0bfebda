package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"otpbridge/bridge"
)

// Config is what a Trail needs.
type Config struct {
	Path    string           // the file; made with mode 0600 when it is not there
	Copy    io.Writer        // gets every line too, without a promise; nil for none
	Version string           // of the program, in every line
	Now     func() time.Time //
	Log     *slog.Logger     // for a copy that fails
}

// Trail is the audit trail of one process. It implements bridge.Audit.
type Trail struct {
	c     Config
	known map[string]bool
	open  func(path string) (file, error)

	mu   sync.Mutex
	f    file
	seq  int64
	torn bool // the file does not end with a line feed

	copying sync.Mutex
	reading sync.Mutex
	seen    scanner
}

// file is what a trail does with its file.
type file interface {
	io.WriteCloser
	Stat() (os.FileInfo, error)
	Sync() error
	Truncate(size int64) error
	lock() error // fails when another process has the file
}

// disk is the real file.
type disk struct{ *os.File }

func (d disk) lock() error {
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%s: another process writes to it: %w", d.Name(), err)
	}
	return nil
}

var errClosed = errors.New("the trail is closed")

// Open opens the trail, or begins it. The numbers of its lines go on where the file ends.
func Open(c Config) (*Trail, error) {
	t := &Trail{c: c, known: make(map[string]bool), open: openFile}
	for _, k := range Catalogue() {
		t.known[k.Name] = true
	}
	if err := t.Reopen(); err != nil {
		return nil, err
	}
	var err error
	if t.seq, err = lastSequence(c.Path); err != nil {
		return nil, errors.Join(fmt.Errorf("audit trail: %w", err), t.Close())
	}
	return t, nil
}

// Reopen opens the file by its name again, after it was moved away. When that fails, the file that was open stays in use. One process
// holds a file at a time.
func (t *Trail) Reopen() error {
	f, err := t.open(t.c.Path)
	if err != nil {
		return fmt.Errorf("audit trail: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	same, err := sameFile(t.f, f)
	if err == nil && same {
		return f.Close()
	}
	var torn bool
	if err == nil {
		err = f.lock()
	}
	if err == nil {
		torn, err = endsTorn(t.c.Path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("audit trail: %w", err), f.Close())
	}
	old := t.f
	t.f, t.torn = f, torn
	if old == nil {
		return nil
	}
	return old.Close()
}

// sameFile reports that the name still leads to the file that is open; locking it twice would fail.
func sameFile(old, f file) (bool, error) {
	if old == nil {
		return false, nil
	}
	was, err := old.Stat()
	if err != nil {
		return false, err
	}
	is, err := f.Stat()
	return err == nil && os.SameFile(was, is), err
}

// Close ends the trail; Record fails from then on.
func (t *Trail) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.f == nil {
		return nil
	}
	err := t.f.Close()
	t.f = nil
	return err
}

// Record writes one event. nil means that it is on disk. CodeAuditFull: it is not, and the file is as it was before. An event that the
// catalogue does not know is CodeInternal. Reference number and client address come from the context (bridge.WithRequest).
func (t *Trail) Record(ctx context.Context, e bridge.AuditEvent) error {
	l := newLine(e, bridge.RequestFrom(ctx))
	if err := l.valid(t.known); err != nil {
		return bridge.Fault(bridge.CodeInternal, "audit", err)
	}
	text, err := t.append(l)
	if err != nil {
		return bridge.Fault(bridge.CodeAuditFull, "audit", err)
	}
	if err := t.copy(text); err != nil {
		t.c.Log.WarnContext(ctx, "copy of an audit event lost; the trail has it", "event", e.Event, "err", err)
	}
	return nil
}

// copy writes the line to the copy, without an order among racing lines: their numbers have it.
func (t *Trail) copy(text []byte) error {
	if t.c.Copy == nil {
		return nil
	}
	t.copying.Lock()
	defer t.copying.Unlock()
	_, err := t.c.Copy.Write(text)
	return err
}

// append writes the line with the next number and waits for the disk.
func (t *Trail) append(l Line) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.f == nil {
		return nil, errClosed
	}
	l.Sequence, l.Version = t.seq+1, t.c.Version
	text, err := l.encode(t.c.Now())
	if err != nil {
		return nil, err
	}
	before, err := t.f.Stat()
	if err != nil {
		return nil, err
	}
	whole := text
	if t.torn {
		whole = append([]byte("\n"), text...)
	}
	if _, err := t.f.Write(whole); err != nil {
		return nil, t.undo(before.Size(), err)
	}
	if err := t.f.Sync(); err != nil {
		return nil, t.undo(before.Size(), err)
	}
	t.seq, t.torn = l.Sequence, false
	return text, nil
}

// undo takes a line back that did not get to the disk whole, so that nobody takes it for an event.
func (t *Trail) undo(size int64, cause error) error {
	if err := t.f.Truncate(size); err != nil {
		t.torn = true
		return errors.Join(cause, err)
	}
	return cause
}

// openFile opens a regular file to append to it, for its owner only.
func openFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := secure(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return disk{f}, nil
}

// secure refuses what is no file of ours, takes everybody else's rights away and makes the file's name durable.
func secure(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", f.Name())
	}
	if err := foreign(f.Name()); err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return err
		}
	}
	dir, err := os.Open(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
