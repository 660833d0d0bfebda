package store

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type person struct {
	Name string `json:"name"`
	Age  int    `json:"age"`
}

// Records of the last release are readable; one of a later release, or none at all, is broken and never absent (STO-09).
func TestRecordVersions(t *testing.T) {
	s := openFileStore(t, Config{})
	renamed := func(_ int, data []byte) ([]byte, error) { // version 1 said "n"
		var old struct {
			N string `json:"n"`
		}
		if err := json.Unmarshal(data, &old); err != nil {
			return nil, err
		}
		return json.Marshal(person{Name: old.N})
	}
	people := NewTyped[person](s.KV, Kind{Name: "p", Version: 2, Old: renamed})
	golden, err := os.ReadFile("testdata/record_v1.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		strings.TrimSpace(string(golden)):      "Alice",
		`{"v":2,"d":{"name":"Bob","age":3}}`:   "Bob",
		`{"v":2,"d":{"name":"Eve","later":1}}`: "Eve",
		`{"v":3,"d":{"name":"Eve"}}`:           "",
		`{"v":0,"d":{"name":"Eve"}}`:           "",
		`{"d":{"name":"Eve"}}`:                 "",
		`{"v":2}`:                              "",
		`{"v":2,"d":{"name":7}}`:               "",
		`{"v":1,"d":7}`:                        "",
		`name: Eve`:                            "",
		``:                                     "",
	} {
		if _, err := s.KV.Put(t.Context(), "p/1", []byte(text), PutOptions{If: Any, TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
		got, err := people.Get(t.Context(), "1")
		if want == "" && (!errors.Is(err, ErrBroken) || errors.Is(err, ErrAbsent)) {
			t.Errorf("%s: %+v, %v, want broken", text, got, err)
		}
		if want != "" && (err != nil || got.Name != want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "Eve") {
			t.Errorf("the fault quotes the record: %v", err)
		}
	}
}

// What this release writes is what the next one must read (STO-09).
func TestRecordsAreWrittenAsTheGoldenOnes(t *testing.T) {
	s := openFileStore(t, Config{})
	people := NewTyped[person](s.KV, Kind{Name: "p", Version: 2})
	if err := people.Create(t.Context(), "1", time.Hour, person{"Bob", 3}); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.KV.Get(t.Context(), "p/1")
	if want := `{"v":2,"d":{"name":"Bob","age":3}}`; err != nil || string(got) != want {
		t.Fatalf("%s, %v, want %s", got, err, want)
	}
}

// A conflict repeats the change on what is there then; what change refuses is not stored; a late save revives nothing (STO-02, STO-04).
func TestUpdateRepeatsOnConflict(t *testing.T) {
	s := openFileStore(t, Config{})
	numbers := NewTyped[int](s.KV, Kind{Name: "n", Version: 1})
	ctx := t.Context()
	calls := 0
	got, err := numbers.Update(ctx, "x", time.Hour, func(old int, found bool) (int, error) {
		calls++
		if calls == 1 { // somebody is faster
			if found {
				t.Error("found before it was made")
			}
			return old + 1, numbers.Create(ctx, "x", time.Hour, 10)
		}
		return old + 1, nil
	})
	if err != nil || got != 11 || calls != 2 {
		t.Fatalf("%d after %d calls, %v", got, calls, err)
	}
	no := errors.New("no")
	if _, err := numbers.Update(ctx, "x", time.Hour, func(int, bool) (int, error) { return 99, no }); !errors.Is(err, no) {
		t.Errorf("refusal: %v", err)
	}
	_, err = numbers.Modify(ctx, "x", time.Hour, func(old int) (int, error) { return old + 1, numbers.Delete(ctx, "x") })
	if !errors.Is(err, ErrAbsent) {
		t.Errorf("deleted meanwhile: %v, want absent", err)
	}
	if _, err := numbers.Get(ctx, "x"); !errors.Is(err, ErrAbsent) {
		t.Errorf("revived: %v", err)
	}
}

// The repetition is bounded, and ends with its context.
func TestUpdateGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := retryConflict(t.Context(), func() error { calls++; return ErrConflict })
		if !errors.Is(err, ErrBroken) || errors.Is(err, ErrConflict) || calls != maxConflicts {
			t.Errorf("%v after %d", err, calls)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	err := retryConflict(ctx, func() error { cancel(); return ErrConflict })
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrBroken) {
		t.Errorf("cancelled: %v", err)
	}
}

// What may not be taken stays.
func TestTakeAsksFirst(t *testing.T) {
	s := openFileStore(t, Config{})
	records := NewTyped[int](s.KV, Kind{Name: "n", Version: 1})
	if err := records.Create(t.Context(), "x", time.Hour, 7); err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	if n, err := records.Take(t.Context(), "x", func(int) error { return no }); n != 0 || !errors.Is(err, no) {
		t.Errorf("what may not be taken: %d, %v", n, err)
	}
	if n, err := records.Take(t.Context(), "x", func(int) error { return nil }); n != 7 || err != nil {
		t.Errorf("what may be taken: %d, %v", n, err)
	}
	if _, err := records.Get(t.Context(), "x"); !errors.Is(err, ErrAbsent) {
		t.Errorf("after it was taken: %v", err)
	}
}
