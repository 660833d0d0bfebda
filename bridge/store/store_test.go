package store

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"otpbridge/bridge"
)

// The domain's small interfaces fit as they are.
var (
	_ bridge.Records[int] = (*Typed[int])(nil)
	_ bridge.Jobs         = (*Jobs)(nil)
	_ bridge.Limiter      = (*Limiter)(nil)
)

func newRing(t *testing.T, ids ...string) *KeyRing {
	t.Helper()
	var keys []Key
	for _, id := range ids {
		k, err := NewKey(id)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	ring, err := NewKeyRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func openFileStore(t *testing.T, c Config) *Store {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "store.db")
	}
	if c.Keys == nil {
		c.Keys = newRing(t, "k1")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestOpenMarksAStoreAsNewOnlyOnce(t *testing.T) {
	path, ring := filepath.Join(t.TempDir(), "store.db"), newRing(t, "k1")
	s := openFileStore(t, Config{Path: path, Keys: ring})
	id := s.ID()
	if !s.Fresh() || id == "" {
		t.Fatalf("first open: fresh=%v id=%q", s.Fresh(), id)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openFileStore(t, Config{Path: path, Keys: ring})
	if s.Fresh() || s.ID() != id {
		t.Fatalf("second open: fresh=%v id=%q, want %q", s.Fresh(), s.ID(), id)
	}
}

// Whoever only looks leaves an emptied store empty: the next start has to notice it.
func TestLookDoesNotBeginAnEmptyStore(t *testing.T) {
	k1, err1 := NewKey("k1")
	k2, err2 := NewKey("k2")
	old, err3 := NewKeyRing(k1)
	both, err4 := NewKeyRing(k2, k1)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "store.db")
	look := func(keys *KeyRing, want string) {
		t.Helper()
		s := openFileStore(t, Config{Path: path, Keys: keys, Look: true})
		_, err := s.Check().Run(t.Context())
		if s.Fresh() || s.ID() != want || (bridge.UncheckedFrom(err) != nil) != (want == "") {
			t.Fatalf("look: fresh=%v id=%q, want %q, %v", s.Fresh(), s.ID(), want, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open := func(fresh bool) string {
		t.Helper()
		s := openFileStore(t, Config{Path: path, Keys: old})
		if s.Fresh() != fresh {
			t.Fatalf("open: fresh=%v", s.Fresh())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return s.ID()
	}
	look(old, "")
	id := open(true)
	look(both, id) // a new key that `serve` does not know yet
	open(false)
}
