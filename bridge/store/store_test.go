package store

import (
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
