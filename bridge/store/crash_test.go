package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// perform is what the test program does in place of tests when it runs as another process.
func perform(act string) int {
	ring, err := ParseKeys([]byte(os.Getenv("STORE_TEST_KEYS")))
	if err != nil {
		return 3
	}
	s, err := Open(context.Background(), Config{Path: os.Getenv("STORE_TEST_FILE"), Keys: ring, Now: time.Now})
	if err != nil {
		fmt.Println("open:", err)
		return 4
	}
	if act == "full disk" {
		err = fillDisk(s)
	} else {
		err = writeForEver(s)
	}
	fmt.Println("fault:", err)
	return 0
}

func child(t *testing.T, act, path string, ring *KeyRing) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_ACT="+act, "STORE_TEST_FILE="+path, "STORE_TEST_KEYS="+ring.keys()[0].Line())
	return cmd
}

// writeForEver says which records are acknowledged, as fast as four writers can.
func writeForEver(s *Store) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("r/%d-%d", w, i)
				if _, err := s.KV.Put(context.Background(), key, bytes.Repeat([]byte(key), 20), PutOptions{If: Absent, TTL: time.Hour}); err != nil {
					return
				}
				mu.Lock()
				fmt.Println(key)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.New("the store failed")
}

// Killed in the middle of writing, no acknowledged record is lost and none is half there (STO-06).
func TestKilledWriterLosesNothing(t *testing.T) {
	path, ring := filepath.Join(t.TempDir(), "store.db"), newRing(t, "k1")
	total := 0
	for round := range 20 {
		if err := os.Remove(path); err != nil && round > 0 {
			t.Fatal(err)
		}
		keys := killAfter(t, child(t, "write", path, ring), 20+round*5)
		s := openFileStore(t, Config{Path: path, Keys: ring})
		for _, key := range keys {
			got, _, err := s.KV.Get(t.Context(), key)
			if want := strings.Repeat(key, 20); err != nil || string(got) != want {
				t.Errorf("round %d: %s: %q, %v", round, key, got, err)
			}
		}
		total += len(keys)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total < 1000 {
		t.Errorf("only %d writes were looked at", total)
	}
}

// killAfter kills the writer once it has acknowledged n records, and returns all that it acknowledged.
func killAfter(t *testing.T, cmd *exec.Cmd, n int) (keys []string) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "r/") {
			t.Fatalf("the writer says: %s", lines.Text())
		}
		keys = append(keys, lines.Text())
		if len(keys) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if keys = keys[:max(len(keys)-1, 0)]; len(keys) == 0 {
		t.Fatal("nothing was written") // the last line may be cut
	}
	return keys
}

// fillDisk writes until the file may not grow, then lets it grow again.
func fillDisk(s *Store) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	before := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: before.Max}); err != nil {
		return err
	}
	n := 0
	put := func() error {
		_, err := s.KV.Put(ctx, fmt.Sprint("r/", n), make([]byte, 100_000), PutOptions{If: Absent, TTL: time.Hour})
		return err
	}
	var full error
	for ; n < 100 && full == nil; n++ {
		full = put()
	}
	n--
	if !errors.Is(full, ErrBroken) {
		return fmt.Errorf("a full disk is not broken: %w", full)
	}
	if _, _, err := s.KV.Get(ctx, fmt.Sprint("r/", n)); !errors.Is(err, ErrAbsent) {
		return fmt.Errorf("the refused record: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := put(); err != nil {
		return fmt.Errorf("after there is room again: %w", err)
	}
	for i := range n + 1 {
		if _, _, err := s.KV.Get(ctx, fmt.Sprint("r/", i)); err != nil {
			return err
		}
	}
	return s.Close()
}

// A full disk is broken, loses nothing and is over when there is room again (STO-07).
func TestFullDisk(t *testing.T) {
	path, ring := filepath.Join(t.TempDir(), "store.db"), newRing(t, "k1")
	out, err := child(t, "full disk", path, ring).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "fault: <nil>" {
		t.Fatalf("%v: %s", err, out)
	}
	s := openFileStore(t, Config{Path: path, Keys: ring})
	if _, _, err := s.KV.Get(t.Context(), "r/0"); err != nil {
		t.Error(err)
	}
}
