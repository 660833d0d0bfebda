// Package store keeps what must survive a request: records with an end (KV), durable work (Jobs) and counters of uses (Limiter),
// on an embedded bbolt file or on a Redis server. One Store has the same behaviour on both. Everything that is stored is sealed:
// whoever holds the file or the server sees names of records and random bytes.
//
// The package knows no record of the domain. It decides nothing about people.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"otpbridge/bridge"
)

// Absent and broken never look alike. Every error of this package answers to exactly one of these by errors.Is, or is a fault of
// the caller's own arguments.
var (
	// ErrAbsent: there is no such record or job, or its time is up.
	ErrAbsent = bridge.ErrAbsent
	// ErrBroken: the store did not answer, or what it holds cannot be read. No decision may rest on it.
	ErrBroken = bridge.ErrStoreAway
	// ErrConflict: somebody else was first: the record exists already, has another version, or the lease went to another worker.
	ErrConflict = errors.New("somebody else was first")
	// ErrLocked: the bbolt file is held by another process. Comes with ErrBroken.
	ErrLocked = errors.New("the store file is in use")
	// ErrUnknownKey: sealed with a key that is not in the keys file. Comes with ErrBroken.
	ErrUnknownKey = errors.New("the sealing key is missing")
)

// Version names one state of one record. It is never used twice, not even when a record is deleted and made again.
type Version string

// Conditions that are not a version. The empty Version is refused.
const (
	Absent  Version = "absent"  // the record must not exist: create only
	Present Version = "present" // the record must exist, in whatever version: update only
	Any     Version = "any"     // no condition
)

// Forever as a ttl means that the record has no end.
const Forever time.Duration = 0

// KV holds records by key ("kind/…"). Every operation touches one key; there is no way to list.
type KV interface {
	// Get returns ErrAbsent when there is no record or its time is up, ErrBroken when that cannot be said.
	Get(ctx context.Context, key string) (value []byte, v Version, err error)
	// Put writes if the condition holds. ErrConflict: it exists (Absent) or has another version. ErrAbsent: it is gone (Present, or
	// a version). ErrBroken: it is unknown whether it was written.
	Put(ctx context.Context, key string, value []byte, o PutOptions) (Version, error)
	// Delete removes if the condition holds; Any is content with an absent record. Errors as in Put.
	Delete(ctx context.Context, key string, ifVersion Version) error
	// Watch signals after every change of key, and whenever changes may have been missed; signals that nobody has read yet become
	// one. Read the record after Watch, then wait. The channel is closed when ctx ends or the store is closed.
	Watch(ctx context.Context, key string) (<-chan struct{}, error)
}

// PutOptions are the conditions of a write. Both fields must be thought about: If has no default.
type PutOptions struct {
	If  Version
	TTL time.Duration // Forever (0) = no end; never negative
}

// Config says which store to open. Exactly one of Path and Redis is set.
type Config struct {
	Path  string       // of the bbolt file
	Redis *RedisConfig // or a server
	Keys  *KeyRing     // seals everything
	Now   func() time.Time
	Log   *slog.Logger // nil = silent
	// Look opens the store beside `serve`: an empty one is not begun, so that `serve` still notices that it is, and nothing is sealed anew.
	Look bool
}

// Store is an open store. All its parts may be used by any number of goroutines.
type Store struct {
	KV      KV
	Jobs    *Jobs
	Limiter *Limiter

	raw  backend
	keys *KeyRing
	now  func() time.Time

	look bool

	mu    sync.Mutex
	id    string
	fresh bool
}

// backend is what bbolt and Redis each bring.
type backend interface {
	KV
	jobBackend
	rater
	// examine tells what the administrator should mend in the way the store is run.
	examine(ctx context.Context) ([]bridge.Finding, error)
	Close() error
}

// Open opens the store, creates its identity record when there is none and it is not to look only, and checks that the keys file belongs to it.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Keys == nil || c.Now == nil {
		return nil, errors.New("store: keys and clock must be given")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	raw, err := openBackend(ctx, c)
	if err != nil {
		return nil, err
	}
	s := &Store{raw: raw, keys: c.Keys, now: c.Now, look: c.Look, KV: sealedKV{raw, c.Keys}}
	s.Jobs = &Jobs{raw: raw, keys: c.Keys, now: c.Now}
	s.Limiter = newLimiter(raw, c.Keys)
	if err := s.identify(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return s, nil
}

func openBackend(ctx context.Context, c Config) (backend, error) {
	switch {
	case (c.Path == "") == (c.Redis == nil):
		return nil, errors.New("store: either a file or a Redis server must be given")
	case c.Redis != nil:
		return openRedis(ctx, c)
	default:
		return openBolt(c)
	}
}

// Raw is the store without the sealing: what somebody with the file or the server sees. For checks and tests.
func (s *Store) Raw() KV { return s.raw }

// Keys returns the ring that the store seals with.
func (s *Store) Keys() *KeyRing { return s.keys }

// ID names the store's contents; another ID means that the contents were lost. It is "" when an empty store was opened to look.
func (s *Store) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// Fresh reports that the contents are new: created by this Open, or lost and begun again while it was open (noticed by Ping).
func (s *Store) Fresh() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fresh
}

// Ping reads the identity record: nil means that the store answers and can be read with our keys. It begins an emptied store
// again, which Fresh then reports.
func (s *Store) Ping(ctx context.Context) error { return s.identify(ctx) }

// Close ends all watches and lets the file or the connections go.
func (s *Store) Close() error { return s.raw.Close() }

// broken makes an error that says "no decision": op failed because of cause.
func broken(op string, cause error) error {
	return bridge.Fault(bridge.CodeStoreAway, "store: "+op, cause)
}

func absent(op, key string) error {
	return bridge.Fault(bridge.CodeAbsent, "store: "+op+" "+kindOf(key), nil)
}

func conflict(op, key string) error {
	return fmt.Errorf("store: %s %s: %w", op, kindOf(key), ErrConflict)
}

// kindOf is the part of a key that may appear in logs.
func kindOf(key string) string {
	kind, _, _ := strings.Cut(key, "/")
	return kind
}

// checkPut refuses what no backend should see.
func checkPut(key string, o PutOptions) error {
	if key == "" || o.If == "" {
		return errors.New("store: put: key and condition must be given")
	}
	if o.TTL < 0 {
		return fmt.Errorf("store: put %s: negative time to live", kindOf(key))
	}
	return nil
}
