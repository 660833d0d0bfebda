package audit

import "os"

// LineSize is the longest line, LookAtMost the longest one that is read back, WindowSize what is read at a time.
const (
	LineSize   = lineSize
	WindowSize = windowSize
	LookAtMost = lookAtMost
)

// Broken is a file whose writes can be made to fail half-way, like those of a full disk.
type Broken struct {
	Write, Sync, Truncate error
	Bytes                 int // of a failing write that get through
}

type brokenFile struct {
	disk
	b *Broken
}

func (f brokenFile) Write(p []byte) (int, error) {
	if f.b.Write == nil {
		return f.disk.Write(p)
	}
	n, err := f.disk.Write(p[:min(f.b.Bytes, len(p))])
	if err == nil {
		err = f.b.Write
	}
	return n, err
}

func (f brokenFile) Sync() error {
	if f.b.Sync != nil {
		return f.b.Sync
	}
	return f.disk.Sync()
}

func (f brokenFile) Truncate(size int64) error {
	if f.b.Truncate != nil {
		return f.b.Truncate
	}
	return f.disk.Truncate(size)
}

// Break puts b between the trail and its file.
func (t *Trail) Break(b *Broken) error {
	if err := t.f.Close(); err != nil {
		return err
	}
	f, err := os.OpenFile(t.c.Path, os.O_APPEND|os.O_WRONLY, 0)
	t.f = brokenFile{disk{f}, b}
	return err
}
