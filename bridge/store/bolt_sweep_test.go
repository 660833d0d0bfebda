package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"otpbridge/bridge"
)

// hundredThousand is how many recoveries the store has to bear.
const hundredThousand = 100_000

// STO-05: as many records as 10⁵ recoveries leave the file when their time is up, and their room is used again. Others write meanwhile.
func TestSweepKeepsTheFileSmall(t *testing.T) {
	if sweepEvery > time.Minute {
		t.Errorf("swept every %v", sweepEvery)
	}
	const each = hundredThousand / rounds
	written := 0
	s := grows(t, func(s *Store, round int) {
		err := boltOf(t, s).db.Update(func(tx *bbolt.Tx) error {
			for i := range each {
				if err := putRecord(tx, fmt.Sprint("r/", round, "/", i), newRecord(make([]byte, 500), s.Jobs.now(), time.Minute)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}, func(s *Store) { written += sweepBeside(t, s, each) })
	if written == 0 {
		t.Error("nobody could write while a sweep was under way")
	}
	if err := s.Ping(t.Context()); err != nil { // what has not ended is still there
		t.Error(err)
	}
}

// STO-05: a record, an index and jobs that are done, one recovery after the other: nothing of them stays, and the file does not grow. With FULL=1 10⁵ recoveries.
func TestRecoveriesLeaveNothing(t *testing.T) {
	each := 400 / rounds
	if os.Getenv("FULL") == "1" {
		each = hundredThousand / rounds
	}
	s := grows(t, func(s *Store, _ int) { recoverMany(t, s, each) }, func(s *Store) {
		if n, err := boltOf(t, s).sweep(); n != 2*each || err != nil {
			t.Fatalf("swept %d, %v", n, err)
		}
	})
	for _, kind := range []string{bridge.JobMail, bridge.JobExpiry} {
		if n, err := s.Jobs.Count(t.Context(), kind); err != nil || n != (Counts{}) {
			t.Errorf("%s: %+v, %v", kind, n, err)
		}
	}
}

const rounds = 10

// grows fails the test if the file grows while a store is filled and swept again and again; what is filled in has ended before the sweep.
func grows(t *testing.T, fill func(s *Store, round int), sweep func(*Store)) *Store {
	t.Helper()
	now := time.Now()
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	path := filepath.Join(t.TempDir(), "store.db")
	s := openFileStore(t, Config{Path: path, Now: clock})
	sweepsOnlyWhenTold(t, s)
	var size [rounds]int64
	for round := range size {
		fill(s, round)
		mu.Lock()
		now = now.Add(2 * time.Minute)
		mu.Unlock()
		sweep(s)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size[round] = info.Size()
	}
	if size[rounds-1] > 2*size[1] {
		t.Errorf("the file grows: %v", size)
	}
	return s
}

// sweepsOnlyWhenTold ends the store's own sweeps, so that each record counts in one of the test's, however long that takes on a busy machine.
func sweepsOnlyWhenTold(t *testing.T, s *Store) {
	t.Helper()
	bolt := boltOf(t, s)
	close(bolt.quit)
	bolt.sweeper.Wait()
	bolt.quit = make(chan struct{}) // for Close
}

// recoverMany leaves in the store what so many recoveries do: a record, an index, and jobs that were done.
func recoverMany(t *testing.T, s *Store, n int) {
	t.Helper()
	var all sync.WaitGroup
	ids := make(chan int)
	for range 500 { // the store brings writes of the same moment to disk together
		all.Go(func() {
			for range ids {
				if err := recoverOne(t.Context(), s, bridge.NewToken().Hash()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		ids <- i
	}
	close(ids)
	all.Wait()
}

func recoverOne(ctx context.Context, s *Store, id string) error {
	_, err := s.KV.Put(ctx, "recovery/"+id, make([]byte, 2000), PutOptions{If: Absent, TTL: time.Minute})
	_, indexed := s.KV.Put(ctx, "link/"+id, make([]byte, 100), PutOptions{If: Absent, TTL: time.Minute})
	err = errors.Join(err, indexed)
	for _, kind := range []string{bridge.JobMail, bridge.JobExpiry} {
		added := s.Jobs.Add(ctx, Job{Kind: kind, ID: id, At: s.Jobs.now(), Payload: make([]byte, 2000)})
		c, claimed := s.Jobs.Claim(ctx, []string{kind}, s.Jobs.now(), time.Minute) // whose ever it is
		err = errors.Join(err, added, claimed)
		if claimed == nil {
			err = errors.Join(err, s.Jobs.Done(ctx, c))
		}
	}
	return err
}

// sweepBeside sweeps n records and returns how many writes came through after the first of them was gone and before the last one was.
func sweepBeside(t *testing.T, s *Store, n int) (written int) {
	t.Helper()
	bolt, over := boltOf(t, s), make(chan struct{})
	first := func() (key string) {
		err := bolt.db.View(func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket(bucketExpiry).Cursor().First()
			key = string(k)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return key
	}
	before := first()
	go func() {
		defer close(over)
		if swept, err := bolt.sweep(); swept != n || err != nil {
			t.Errorf("swept %d of %d, %v", swept, n, err)
		}
	}()
	for {
		begun := first() != before
		if begun {
			if _, err := s.KV.Put(t.Context(), "beside", nil, PutOptions{If: Any, TTL: Forever}); err != nil {
				t.Error(err)
			}
		}
		select {
		case <-over:
			return written
		default:
		}
		if begun {
			written++
		}
	}
}

// STO-05: an open store sweeps by itself.
func TestAnOpenStoreSweepsByItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), Config{Path: path, Keys: newRing(t, "k1"), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // the bubble ends with it
		if _, err := s.KV.Put(t.Context(), "r/short", nil, PutOptions{If: Any, TTL: time.Second}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(sweepEvery + time.Second) // of the bubble's clock
		synctest.Wait()
		if n, err := boltOf(t, s).sweep(); n != 0 || err != nil {
			t.Errorf("%d records were left, %v", n, err)
		}
	})
}

// What was written again ends by its new time, and one whose end was taken away stays.
func TestSweepGoesByTheLastWrite(t *testing.T) {
	now := time.Now()
	s := openFileStore(t, Config{Now: func() time.Time { return now }})
	for _, ttl := range []time.Duration{time.Minute, time.Hour} {
		if _, err := s.KV.Put(t.Context(), "r/longer", nil, PutOptions{If: Any, TTL: ttl}); err != nil {
			t.Fatal(err)
		}
	}
	for _, ttl := range []time.Duration{time.Minute, Forever} {
		if _, err := s.KV.Put(t.Context(), "r/kept", nil, PutOptions{If: Any, TTL: ttl}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(30 * time.Minute)
	if n, err := boltOf(t, s).sweep(); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	now = now.Add(time.Hour)
	if n, err := boltOf(t, s).sweep(); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if _, _, err := s.KV.Get(t.Context(), "r/kept"); err != nil {
		t.Error(err)
	}
}
