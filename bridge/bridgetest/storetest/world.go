package storetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge/store"
)

// Clock is a clock that a test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock begins at the present.
func NewClock() *Clock { return &Clock{now: time.Now().Truncate(time.Millisecond)} }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// NewRing returns a ring of random keys of these names, newest first.
func NewRing(t testing.TB, ids ...string) *store.KeyRing {
	t.Helper()
	var keys []store.Key
	for _, id := range ids {
		keys = append(keys, NewKey(t, id))
	}
	return Ring(t, keys...)
}

// NewKey returns a random key.
func NewKey(t testing.TB, id string) store.Key {
	t.Helper()
	k, err := store.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Ring returns a ring of these keys, newest first.
func Ring(t testing.TB, keys ...store.Key) *store.KeyRing {
	t.Helper()
	ring, err := store.NewKeyRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// World is the data of one store during one test, and how it is reached. Config has all but keys and clock.
type World struct {
	Config store.Config
	// Shared: several processes may have it open at once. Otherwise the clients of one test share one store, as goroutines do.
	Shared bool
	// Break makes the store unreachable for who has it open; Mend ends that and returns a working store on the same data.
	Break func(t *testing.T, s *store.Store)
	Mend  func(t *testing.T, s *store.Store) *store.Store
	// Restart ends and begins whatever stands behind the store; nobody has it open then.
	Restart func(t *testing.T)
	// Dump returns all that is stored, as somebody who takes the machine sees it.
	Dump func(t *testing.T) string
}

// Open opens the store with a clock and keys; it is closed with the test at the latest.
func (w World) Open(t *testing.T, keys *store.KeyRing, now func() time.Time) *store.Store {
	t.Helper()
	c := w.Config
	c.Keys, c.Now = keys, now
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Two opens the store for two clients: of two processes where that is possible.
func (w World) Two(t *testing.T, now func() time.Time) (a, b *store.Store) {
	t.Helper()
	ring := NewRing(t, "k1")
	a = w.Open(t, ring, now)
	if !w.Shared {
		return a, a
	}
	return a, w.Open(t, ring, now)
}

// Bolt is a world on a bbolt file.
func Bolt(t *testing.T) World {
	path := filepath.Join(t.TempDir(), "store.db")
	w := World{Config: store.Config{Path: path}, Restart: func(*testing.T) {}}
	w.Break = func(t *testing.T, s *store.Store) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w.Mend = func(t *testing.T, s *store.Store) *store.Store { return w.Open(t, s.Keys(), time.Now) }
	w.Dump = func(t *testing.T) string {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	return w
}

// patience is the call limit where the limit is not what is tested: a busy machine may take its time.
const patience = 15 * time.Second

// OnRedis is a world on a server behind a proxy. The configuration may be changed before the first Open.
func OnRedis(t *testing.T, r *Redis) World {
	p := StartProxy(t, r.Addr)
	w := World{Config: store.Config{Redis: &store.RedisConfig{Addrs: []string{p.Addr}, Limit: patience}}, Shared: true}
	w.Break = func(*testing.T, *store.Store) { p.Cut() }
	w.Mend = func(t *testing.T, s *store.Store) *store.Store {
		p.Mend()
		Eventually(t, time.Minute, "the store answers again", func() bool { return s.Ping(context.Background()) == nil })
		return s
	}
	w.Restart = func(t *testing.T) { r.Stop(t); r.Start(t) }
	w.Dump = func(t *testing.T) string {
		r.Stop(t) // what is written is in the append-only files then
		defer r.Start(t)
		return readAll(t, r.dir)
	}
	return w
}

func readAll(t testing.TB, dir string) string {
	t.Helper()
	var all strings.Builder
	files := os.DirFS(dir)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(files, path)
		all.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// wantErr fails unless err is want (nil = none), and only that one of the package's errors.
func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if want == nil && err != nil {
		t.Fatalf("%s: %v, want none", what, err)
	}
	for _, e := range []error{store.ErrAbsent, store.ErrBroken, store.ErrConflict} {
		if want != nil && errors.Is(err, e) != errors.Is(want, e) {
			t.Fatalf("%s: %v, want %v", what, err, want)
		}
	}
}
