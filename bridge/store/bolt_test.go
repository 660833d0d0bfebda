package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"otpbridge/bridge"
)

// TestMain is also the program that the tests of crashes and full disks run; see crash_test.go.
func TestMain(m *testing.M) {
	if act := os.Getenv("STORE_TEST_ACT"); act != "" {
		os.Exit(perform(act))
	}
	goleak.VerifyTestMain(m)
}

// A second process is told within a second who holds the file (STO-07).
func TestSecondOpenIsRefusedSoon(t *testing.T) {
	path, ring := filepath.Join(t.TempDir(), "store.db"), newRing(t, "k1")
	openFileStore(t, Config{Path: path, Keys: ring})
	begun := time.Now()
	_, err := Open(t.Context(), Config{Path: path, Keys: ring, Now: time.Now})
	if took := time.Since(begun); took > 30*time.Second { // one on a quiet machine
		t.Errorf("refused after %v", took)
	}
	if !errors.Is(err, ErrLocked) || !errors.Is(err, ErrBroken) {
		t.Fatalf("refused with: %v", err)
	}
	if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "only one") {
		t.Errorf("refused with: %v", err)
	}
}

// Only its owner may read the file, even when it came from a copy with other rights (STO-07).
func TestFileMode(t *testing.T) {
	path, ring := filepath.Join(t.TempDir(), "store.db"), newRing(t, "k1")
	for range 2 {
		s := openFileStore(t, Config{Path: path, Keys: ring})
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("mode %v, %v", info.Mode(), err)
		}
		if err := errors.Join(s.Close(), os.Chmod(path, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	others, err := filepath.Glob(path + "?*")
	if err != nil || len(others) != 0 {
		t.Errorf("left beside the file: %v, %v", others, err)
	}
}

// A file that is not a whole store of ours is refused and left as it was (STO-07).
func TestForeignAndDamagedFilesAreRefused(t *testing.T) {
	ring := newRing(t, "k1")
	good := filledFile(t, ring)
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"whole": good, "empty": {}, "text": []byte("name: alice\n"), "zeros": make([]byte, 1<<16), "foreign": other,
		"cut": good[:len(good)-4096], "cut to a page": good[:4096], "cut to the head": good[:100],
	}
	for page := 2; page*4096 < len(good); page += 3 {
		files[fmt.Sprint("noise in page ", page)] = noise(good, page)
	}
	refused := 0
	for name, content := range files {
		path := filepath.Join(t.TempDir(), "store.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Config{Path: path, Keys: ring, Now: time.Now})
		if err == nil {
			_ = s.Close()
			if name != "whole" && !strings.HasPrefix(name, "noise") { // a free page may hold anything
				t.Errorf("%s: opened", name)
			}
			continue
		}
		refused++
		if name == "whole" {
			t.Fatalf("the undamaged file was refused: %v", err)
		}
		if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
	if refused < 10 {
		t.Errorf("only %d files were refused", refused)
	}
}

func boltOf(t *testing.T, s *Store) *boltStore {
	t.Helper()
	b, ok := s.raw.(*boltStore)
	if !ok {
		t.Fatalf("the store is a %T", s.raw)
	}
	return b
}

// Each write waits for the disk: what belongs together is one, and what changes nothing is none.
func TestWritesAreFew(t *testing.T) {
	s := openFileStore(t, Config{})
	writes := func() (n int) {
		err := boltOf(t, s).db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	limit := bridge.Limit{Name: "l", Count: 9, Per: time.Hour}
	uses := []bridge.Use{{Limit: limit, Key: "a"}, {Limit: limit, Key: "b", AtMost: true}, {Limit: limit, Key: "c"}}
	for name, x := range map[string]struct {
		do   func() error
		want int
	}{
		"three uses":   {func() error { _, _, err := s.Limiter.AllowEach(t.Context(), uses); return err }, 1},
		"a job":        {func() error { return s.Jobs.Add(t.Context(), Job{Kind: "k", ID: "there"}) }, 1},
		"no job":       {func() error { return s.Jobs.Remove(t.Context(), "k", "none") }, 0},
		"no such jobs": {func() error { return s.Jobs.Remove(t.Context(), "none", "none") }, 0},
		"nothing is due": {func() error {
			_, err := s.Jobs.Claim(t.Context(), []string{"none"}, time.Now(), time.Minute)
			return absentIsFine(err)
		}, 0},
	} {
		before := writes()
		if err := x.do(); err != nil || writes()-before != x.want {
			t.Errorf("%s: %d writes, %v; want %d", name, writes()-before, err, x.want)
		}
	}
}

func absentIsFine(err error) error {
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	return err
}

// filledFile is a store with a few hundred records and jobs, up to the last page in use.
func filledFile(t *testing.T, ring *KeyRing) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s := openFileStore(t, Config{Path: path, Keys: ring})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			_, err := s.KV.Put(t.Context(), fmt.Sprint("r/", i), make([]byte, 200), PutOptions{If: Absent, TTL: time.Hour})
			if err = errors.Join(err, s.Jobs.Add(t.Context(), Job{Kind: "k", ID: fmt.Sprint(i)})); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var used int64
	err := boltOf(t, s).db.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil })
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw[:used]
}

func noise(good []byte, page int) []byte {
	bad := bytes.Clone(good)
	for i := page * 4096; i < (page+1)*4096 && i < len(bad); i++ {
		bad[i] = byte(i*7 + 13)
	}
	return bad
}

// Opening the file again frees what a dead process had claimed (SWAP-03).
func TestLeasesAreVoidAtOpen(t *testing.T) {
	path, ring, now := filepath.Join(t.TempDir(), "store.db"), newRing(t, "k1"), time.Now()
	s := openFileStore(t, Config{Path: path, Keys: ring})
	for _, id := range []string{"a", "b"} {
		if err := s.Jobs.Add(t.Context(), Job{Kind: "swap", ID: id, At: now}); err != nil {
			t.Fatal(err)
		}
	}
	old, err := s.Jobs.Claim(t.Context(), []string{"swap"}, now, time.Hour)
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	s = openFileStore(t, Config{Path: path, Keys: ring})
	if err := s.Jobs.Done(t.Context(), old); !errors.Is(err, ErrConflict) {
		t.Errorf("the dead worker's claim still counts: %v", err)
	}
	for range 2 {
		c, err := s.Jobs.Claim(t.Context(), []string{"swap"}, now, time.Hour)
		if err != nil || c.Fence <= old.Fence {
			t.Fatalf("claim: %+v, %v", c, err)
		}
	}
}
