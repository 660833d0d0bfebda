package storetest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge/store"
)

// put and get are for steps that must work.
func put(t testing.TB, kv store.KV, key, value string, o store.PutOptions) store.Version {
	t.Helper()
	v, err := kv.Put(t.Context(), key, []byte(value), o)
	wantErr(t, "put "+key, err, nil)
	return v
}

func get(t testing.TB, kv store.KV, key, want string) store.Version {
	t.Helper()
	value, v, err := kv.Get(t.Context(), key)
	wantErr(t, "get "+key, err, nil)
	if string(value) != want {
		t.Fatalf("get %s: %q, want %q", key, value, want)
	}
	return v
}

func gone(t testing.TB, kv store.KV, key string) {
	t.Helper()
	_, _, err := kv.Get(t.Context(), key)
	wantErr(t, "get "+key, err, store.ErrAbsent)
}

// testConditions goes through every state of a record and every condition of a write (STO-02, STO-04).
func testConditions(t *testing.T, w World) {
	clock := NewClock()
	a, b := w.Two(t, clock.Now)
	minute := store.PutOptions{If: store.Any, TTL: time.Minute}
	states := map[string]func(key string) (old, current store.Version){
		"never made": func(string) (old, cur store.Version) { return "00000000000000aa", "" },
		"live": func(key string) (old, cur store.Version) {
			return put(t, a.KV, key, "1", minute), put(t, b.KV, key, "2", minute)
		},
		"deleted": func(key string) (old, cur store.Version) {
			old = put(t, a.KV, key, "1", minute)
			wantErr(t, "delete", b.KV.Delete(t.Context(), key, old), nil)
			return old, ""
		},
		"expired": func(key string) (old, cur store.Version) {
			old = put(t, a.KV, key, "1", store.PutOptions{If: store.Any, TTL: time.Second})
			clock.Advance(time.Second)
			return old, ""
		},
		"made again": func(key string) (old, cur store.Version) {
			old = put(t, a.KV, key, "1", minute)
			wantErr(t, "delete", b.KV.Delete(t.Context(), key, store.Any), nil)
			return old, put(t, b.KV, key, "1", minute)
		},
	}
	for name, reach := range states {
		for _, op := range []string{"put", "delete"} {
			checkConditions(t, b, state{op, name, reach})
		}
	}
}

// state is how a record is when op comes; reach brings it there and returns a version it had and the one it has.
type state struct {
	op, name string
	reach    func(key string) (old, current store.Version)
}

func checkConditions(t *testing.T, s *store.Store, st state) {
	t.Helper()
	for i, cond := range []string{"absent", "present", "any", "old", "current"} {
		key := fmt.Sprintf("cond/%s/%s/%d", st.op, st.name, i)
		old, cur := st.reach(key)
		want, ifVersion := map[string]error{}, map[string]store.Version{
			"absent": store.Absent, "present": store.Present, "any": store.Any, "old": old, "current": cur,
		}[cond]
		if cur == "" {
			want["present"], want["old"] = store.ErrAbsent, store.ErrAbsent
		} else {
			want["absent"], want["old"] = store.ErrConflict, store.ErrConflict
		}
		if ifVersion == "" {
			continue
		}
		var err error
		if st.op == "put" {
			_, err = s.KV.Put(t.Context(), key, []byte("new"), store.PutOptions{If: ifVersion, TTL: time.Minute})
		} else {
			err = s.KV.Delete(t.Context(), key, ifVersion)
		}
		wantErr(t, st.op+" "+st.name+" if "+cond, err, want[cond])
		switch {
		case err == nil && st.op == "put":
			get(t, s.KV, key, "new")
		case err == nil || cur == "":
			gone(t, s.KV, key)
		}
	}
}

// testBadArguments: what no condition names is a mistake of the caller, not a decision.
func testBadArguments(t *testing.T, w World) {
	s := w.Open(t, NewRing(t, "k1"), time.Now)
	_, err := s.KV.Put(t.Context(), "a/b", nil, store.PutOptions{})
	if err == nil {
		t.Error("a write without a condition was taken")
	}
	if _, err = s.KV.Put(t.Context(), "a/b", nil, store.PutOptions{If: store.Any, TTL: -1}); err == nil {
		t.Error("a negative time to live was taken")
	}
	if err = s.KV.Delete(t.Context(), "a/b", ""); err == nil {
		t.Error("a delete without a condition was taken")
	}
	put(t, s.KV, "a/b", "", store.PutOptions{If: store.Absent, TTL: store.Forever})
	get(t, s.KV, "a/b", "")
}

// testExpiry: by our clock, to the second, on read and for conditions (STO-05).
func testExpiry(t *testing.T, w World) {
	clock := NewClock()
	a, b := w.Two(t, clock.Now)
	put(t, a.KV, "x/1", "v", store.PutOptions{If: store.Absent, TTL: time.Hour})
	put(t, a.KV, "x/2", "v", store.PutOptions{If: store.Absent, TTL: store.Forever})
	clock.Advance(time.Hour - time.Second)
	get(t, b.KV, "x/1", "v")
	v := get(t, a.KV, "x/1", "v")
	clock.Advance(2 * time.Second)
	gone(t, a.KV, "x/1")
	gone(t, b.KV, "x/1")
	_, err := b.KV.Put(t.Context(), "x/1", []byte("late"), store.PutOptions{If: v, TTL: time.Hour})
	wantErr(t, "late save", err, store.ErrAbsent)
	put(t, b.KV, "x/1", "next", store.PutOptions{If: store.Absent, TTL: time.Second})
	clock.Advance(1000 * time.Hour)
	get(t, b.KV, "x/2", "v")
}

// testRaces: of fifty at once exactly one wins (STO-02).
func testRaces(t *testing.T, w World) {
	a, b := w.Two(t, time.Now)
	v := put(t, a.KV, "race/put", "0", store.PutOptions{If: store.Absent, TTL: time.Minute})
	once := func(s *store.Store) *store.Typed[int] {
		return store.NewTyped[int](s.KV, store.Kind{Name: "once", Version: 1})
	}
	wantErr(t, "create", once(a).Create(t.Context(), "x", time.Minute, 1), nil)
	contests := map[string]func(s *store.Store) error{
		"create": func(s *store.Store) error {
			_, err := s.KV.Put(t.Context(), "race/new", []byte("1"), store.PutOptions{If: store.Absent, TTL: time.Minute})
			return err
		},
		"compare and set": func(s *store.Store) error {
			_, err := s.KV.Put(t.Context(), "race/put", []byte("1"), store.PutOptions{If: v, TTL: time.Minute})
			return err
		},
		"take": func(s *store.Store) error {
			_, err := once(s).Take(t.Context(), "x", nil)
			return err
		},
	}
	for name, try := range contests {
		if won := race(50, func(i int) error { return try([]*store.Store{a, b}[i%2]) }); won != 1 {
			t.Errorf("%s: %d of 50 won", name, won)
		}
	}
}

// race starts n at the same moment and counts those that end without an error. An error other than conflict and absent counts as
// many wins, so that it is noticed.
func race(n int, try func(i int) error) int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	won, start := 0, make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			err := try(i)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrAbsent):
				won += 1000
			}
		})
	}
	close(start)
	wg.Wait()
	return won
}

// testNoLostUpdate: 64 writers (STO-02), with FULL=1 100 increments each, otherwise 30, 5 under -short.
func testNoLostUpdate(t *testing.T, w World) {
	a, b := w.Two(t, time.Now)
	const writers = 64
	each := 30
	switch {
	case os.Getenv("FULL") == "1":
		each = 100
	case testing.Short():
		each = 5
	}
	var wg sync.WaitGroup
	for i := range writers {
		s := []*store.Store{a, b}[i%2]
		numbers := store.NewTyped[int](s.KV, store.Kind{Name: "n", Version: 1})
		wg.Go(func() {
			for range each {
				_, err := numbers.Update(t.Context(), "sum", time.Minute, func(n int, _ bool) (int, error) { return n + 1, nil })
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got, err := store.NewTyped[int](b.KV, store.Kind{Name: "n", Version: 1}).Get(t.Context(), "sum")
	if err != nil || got != writers*each {
		t.Fatalf("%d (%v), want %d", got, err, writers*each)
	}
}
