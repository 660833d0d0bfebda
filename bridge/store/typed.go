package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Kind describes one kind of record.
type Kind struct {
	Name    string // first part of the key
	Version int    // of the record's JSON; raise it when an older release would misread or lose what is new
	// Old brings the data of an older version to the present one. nil = only the present version is readable.
	Old func(version int, data []byte) ([]byte, error)
}

// Typed is typed access to the records of one kind. It is bridge.Records with a few more ways to write.
type Typed[T any] struct {
	kv   KV
	kind Kind
}

// NewTyped gives access to the records of a kind.
func NewTyped[T any](kv KV, k Kind) *Typed[T] {
	return &Typed[T]{kv: kv, kind: k}
}

// Get returns ErrAbsent or ErrBroken as KV does; a record of an unknown version is broken.
func (t *Typed[T]) Get(ctx context.Context, id string) (T, error) {
	value, _, err := t.read(ctx, id)
	return value, err
}

// Create writes a new record; ErrConflict when there is one.
func (t *Typed[T]) Create(ctx context.Context, id string, ttl time.Duration, value T) error {
	return t.write(ctx, id, value, PutOptions{If: Absent, TTL: ttl})
}

// Update applies change atomically to the record (the zero T and found=false when absent) and stores the result for ttl. A conflict
// repeats change, which must be pure. An error of change stores nothing and is returned as it is.
func (t *Typed[T]) Update(ctx context.Context, id string, ttl time.Duration, change func(old T, found bool) (T, error)) (T, error) {
	var result T
	err := retryConflict(ctx, func() error {
		old, v, err := t.read(ctx, id)
		found := err == nil
		if err != nil && !errors.Is(err, ErrAbsent) {
			return err
		}
		if !found {
			v = Absent
		}
		value, err := change(old, found)
		if err != nil {
			return stop{err}
		}
		result = value
		return again(t.write(ctx, id, value, PutOptions{If: v, TTL: ttl}))
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return result, nil
}

// Modify is Update for a record that must exist: ErrAbsent otherwise, and change is not called.
func (t *Typed[T]) Modify(ctx context.Context, id string, ttl time.Duration, change func(old T) (T, error)) (T, error) {
	return t.Update(ctx, id, ttl, func(old T, found bool) (T, error) {
		if !found {
			return old, absent("modify", t.Key(id))
		}
		return change(old)
	})
}

// Take removes the record and returns it to one caller only: for what may be used once. ErrAbsent for everybody else. An error of may leaves the record,
// and is returned as it is; nil: whatever it is may be taken.
func (t *Typed[T]) Take(ctx context.Context, id string, may func(T) error) (T, error) {
	var result T
	err := retryConflict(ctx, func() error {
		value, v, err := t.read(ctx, id)
		if err != nil {
			return err
		}
		if may != nil {
			if err := may(value); err != nil {
				return stop{err}
			}
		}
		result = value
		return t.kv.Delete(ctx, t.Key(id), v)
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return result, nil
}

// Delete removes the record; an absent one is fine.
func (t *Typed[T]) Delete(ctx context.Context, id string) error {
	return t.kv.Delete(ctx, t.Key(id), Any)
}

// Watch signals changes of the record; see KV.
func (t *Typed[T]) Watch(ctx context.Context, id string) (<-chan struct{}, error) {
	return t.kv.Watch(ctx, t.Key(id))
}

// Key returns the full key of a record.
func (t *Typed[T]) Key(id string) string { return t.kind.Name + "/" + id }

// envelope is the JSON form of every record.
type envelope[D any] struct {
	Version int `json:"v"`
	Data    D   `json:"d"`
}

func (t *Typed[T]) read(ctx context.Context, id string) (value T, v Version, err error) {
	raw, v, err := t.kv.Get(ctx, t.Key(id))
	if err != nil {
		return value, "", err
	}
	if err := t.decode(raw, &value); err != nil {
		var zero T
		return zero, "", broken("read "+t.kind.Name, err)
	}
	return value, v, nil
}

func (t *Typed[T]) decode(raw []byte, value *T) error {
	var now envelope[*T]
	if err := json.Unmarshal(raw, &now); err == nil && now.Version == t.kind.Version && now.Data != nil {
		*value = *now.Data
		return nil
	}
	return t.decodeOther(raw, value)
}

// decodeOther reads what is not simply a record of this release.
func (t *Typed[T]) decodeOther(raw []byte, value *T) error {
	var e envelope[json.RawMessage]
	if err := json.Unmarshal(raw, &e); err != nil {
		return errors.New("not a record") // the text of a JSON error may quote the record
	}
	if e.Version != t.kind.Version {
		if t.kind.Old == nil || e.Version > t.kind.Version || e.Version < 1 {
			return fmt.Errorf("record version %d is unknown to this release", e.Version)
		}
		data, err := t.kind.Old(e.Version, e.Data)
		if err != nil {
			return fmt.Errorf("record version %d: %w", e.Version, err)
		}
		e.Data = data
	}
	if len(e.Data) == 0 || json.Unmarshal(e.Data, value) != nil {
		return errors.New("the record does not have the form of its version")
	}
	return nil
}

func (t *Typed[T]) write(ctx context.Context, id string, value T, o PutOptions) error {
	data, err := json.Marshal(envelope[T]{t.kind.Version, value})
	if err != nil {
		return fmt.Errorf("store: encode %s: %w", t.kind.Name, err)
	}
	_, err = t.kv.Put(ctx, t.Key(id), data, o)
	return err
}

const (
	maxConflicts = 200
	maxPause     = 160 * time.Millisecond
)

// stop carries an error out of retryConflict, whatever it is.
type stop struct{ error }

// again makes "gone meanwhile" a conflict too: the next round reads the record anew.
func again(err error) error {
	if errors.Is(err, ErrAbsent) {
		return ErrConflict
	}
	return err
}

// retryConflict repeats try while it ends in ErrConflict, with growing random pauses, a bounded number of times.
func retryConflict(ctx context.Context, try func() error) error {
	pause := time.Millisecond
	for range maxConflicts {
		err := try()
		if s, ok := err.(stop); ok { //nolint:errorlint // stop is never wrapped
			return s.error
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if err := sleep(ctx, rand.N(pause)); err != nil { //nolint:gosec // only spreads the load
			return broken("update", err)
		}
		pause = min(2*pause, maxPause)
	}
	return broken("update", fmt.Errorf("somebody else was first %d times in a row", maxConflicts))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
