package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"otpbridge/bridge"
)

// identityKey holds a record that tells an old store from an emptied one.
const identityKey = "store/identity"

// identityTTL is long enough to be for ever and keeps the rule that every record has an end.
const identityTTL = 10 * 365 * 24 * time.Hour

type identity struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
}

// identify reads the identity record or creates it, and seals it again with the newest key, so that older keys may go.
func (s *Store) identify(ctx context.Context) error {
	for range 3 {
		sealed, v, err := s.raw.Get(ctx, identityKey)
		if err == nil {
			return s.recognise(ctx, sealed, v)
		}
		if !errors.Is(err, ErrAbsent) {
			return err
		}
		if s.look {
			return nil
		}
		err = s.begin(ctx)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return broken("identify", errors.New("the identity record comes and goes"))
}

// begin creates the identity record of an empty store.
func (s *Store) begin(ctx context.Context) error {
	mine := identity{ID: bridge.NewUUID(), Created: s.now().UTC()}
	if _, err := s.KV.Put(ctx, identityKey, mustJSON(mine), PutOptions{If: Absent, TTL: identityTTL}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.fresh = mine.ID, true
	return nil
}

func (s *Store) recognise(ctx context.Context, sealed []byte, v Version) error {
	plain, err := s.keys.Open(identityKey, sealed)
	if err != nil {
		return err
	}
	var found identity
	if err := json.Unmarshal(plain, &found); err != nil || found.ID == "" {
		return broken("identify", errors.New("the identity record is unreadable"))
	}
	if !s.look && !s.keys.newest(sealed) {
		_, err = s.KV.Put(ctx, identityKey, plain, PutOptions{If: v, TTL: identityTTL})
		if err != nil && !errors.Is(err, ErrConflict) { // another replica was first: fine
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh = s.fresh || (s.id != "" && s.id != found.ID)
	s.id = found.ID
	return nil
}

// Opens reports whether other keys could read the store as it is: nil when they can, or when it is empty. Nothing is written.
func (s *Store) Opens(ctx context.Context, other *KeyRing) error {
	sealed, _, err := s.raw.Get(ctx, identityKey)
	if errors.Is(err, bridge.ErrAbsent) {
		return nil
	}
	if err == nil {
		_, err = other.Open(identityKey, sealed)
	}
	return err
}

// mustJSON is for values of our own that always encode.
func mustJSON(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("store: " + err.Error())
	}
	return out
}
