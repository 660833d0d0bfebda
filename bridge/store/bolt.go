package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"otpbridge/bridge"
)

var errClosed = errors.New("the store is closed")

// boltStore is the embedded store: one file, one process. Every write is on disk before it is acknowledged.
type boltStore struct {
	db      *bbolt.DB
	hub     *hub
	now     func() time.Time
	log     *slog.Logger
	quit    chan struct{}
	once    sync.Once
	sweeper sync.WaitGroup
	scripts rateScripts
	writers company
}

func (s *boltStore) Get(ctx context.Context, key string) ([]byte, Version, error) {
	var found *record
	err := s.view(ctx, "get "+kindOf(key), func(tx *bbolt.Tx) (err error) {
		found, err = getLive(tx, key, s.now())
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if found == nil {
		return nil, "", absent("get", key)
	}
	return found.value, found.version, nil
}

func (s *boltStore) Put(ctx context.Context, key string, value []byte, o PutOptions) (Version, error) {
	if err := checkPut(key, o); err != nil {
		return "", err
	}
	var put record
	err := s.update(ctx, "put "+kindOf(key), func(tx *bbolt.Tx) (refusal, err error) {
		now := s.now()
		cur, err := getLive(tx, key, now)
		if err != nil {
			return nil, err
		}
		if refusal := o.If.allows("put", key, cur); refusal != nil {
			return refusal, nil
		}
		put = newRecord(value, now, o.TTL)
		return nil, putRecord(tx, key, put)
	})
	if err != nil {
		return "", err
	}
	s.hub.signal(key)
	return put.version, nil
}

func (s *boltStore) Delete(ctx context.Context, key string, ifVersion Version) error {
	if err := checkPut(key, PutOptions{If: ifVersion}); err != nil {
		return err
	}
	err := s.update(ctx, "delete "+kindOf(key), func(tx *bbolt.Tx) (refusal, err error) {
		cur, err := getLive(tx, key, s.now())
		if err != nil {
			return nil, err
		}
		if refusal := ifVersion.allows("delete", key, cur); refusal != nil {
			return refusal, nil
		}
		return nil, deleteRecord(tx, key)
	})
	if err == nil {
		s.hub.signal(key)
	}
	return err
}

func (s *boltStore) Watch(ctx context.Context, key string) (<-chan struct{}, error) {
	return s.hub.watch(ctx, key)
}

func (s *boltStore) examine(context.Context) ([]bridge.Finding, error) { return nil, nil }

// Close waits for writes that are under way.
func (s *boltStore) Close() error {
	var err error
	s.once.Do(func() {
		close(s.quit)
		s.sweeper.Wait()
		s.hub.close()
		err = s.db.Close()
	})
	return err
}

// view and update turn every fault of the file into ErrBroken. update's function may run more than once; its refusal is an answer,
// not a fault, and does not disturb the other writes of the same batch.
func (s *boltStore) view(ctx context.Context, op string, read func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return broken(op, err)
	}
	if err := s.db.View(read); err != nil {
		return broken(op, err)
	}
	return nil
}

func (s *boltStore) update(ctx context.Context, op string, write func(*bbolt.Tx) (refusal, err error)) error {
	if err := ctx.Err(); err != nil {
		return broken(op, err)
	}
	transact := s.db.Update
	if s.writers.enter(s.now()) {
		transact = s.db.Batch
	}
	defer s.writers.leave()
	var refusal error
	err := transact(func(tx *bbolt.Tx) (err error) {
		refusal, err = write(tx)
		return err
	})
	if err != nil {
		return broken(op, err)
	}
	return refusal
}

// getLive returns a copy of the record, nil when there is none or its time is up.
func getLive(tx *bbolt.Tx, key string, now time.Time) (*record, error) {
	raw := tx.Bucket(bucketKV).Get([]byte(key))
	if raw == nil {
		return nil, nil //nolint:nilnil // absent is not an error here
	}
	r, err := decodeRecord(bytes.Clone(raw))
	if err != nil {
		return nil, err
	}
	if r.expired(now) {
		return nil, nil //nolint:nilnil // as above
	}
	return &r, nil
}

func putRecord(tx *bbolt.Tx, key string, r record) error {
	if err := dropExpiry(tx, key); err != nil {
		return err
	}
	if r.expiry != 0 {
		if err := tx.Bucket(bucketExpiry).Put(timeKey(r.expiry, key), nil); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketKV).Put([]byte(key), r.encode())
}

func deleteRecord(tx *bbolt.Tx, key string) error {
	if err := dropExpiry(tx, key); err != nil {
		return err
	}
	return tx.Bucket(bucketKV).Delete([]byte(key))
}

// dropExpiry forgets when the stored record, live or not, was to end.
func dropExpiry(tx *bbolt.Tx, key string) error {
	raw := tx.Bucket(bucketKV).Get([]byte(key))
	if raw == nil {
		return nil
	}
	r, err := decodeRecord(raw)
	if err != nil || r.expiry == 0 {
		return err
	}
	return tx.Bucket(bucketExpiry).Delete(timeKey(r.expiry, key))
}

// timeKey orders by time; the tail says what it is about.
func timeKey(ms int64, tail string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(max(ms, 0))), tail...)
}

func splitTimeKey(k []byte) (ms int64, tail string) {
	return int64(binary.BigEndian.Uint64(k)), string(k[8:]) //nolint:gosec // written by timeKey
}

// sweepStep is how many records one transaction removes: short enough not to hold up writers.
const sweepStep = 500

// sweep removes records whose time is up and says how many.
func (s *boltStore) sweep() (int, error) {
	total := 0
	for {
		n := 0
		err := s.db.Update(func(tx *bbolt.Tx) (err error) {
			n, err = sweepSome(tx, s.now().UnixMilli())
			return err
		})
		if err != nil {
			return total, broken("sweep", err)
		}
		total += n
		if n < sweepStep {
			return total, nil
		}
	}
}

func sweepSome(tx *bbolt.Tx, now int64) (int, error) {
	var due [][]byte
	c := tx.Bucket(bucketExpiry).Cursor()
	for k, _ := c.First(); k != nil && len(due) < sweepStep; k, _ = c.Next() {
		if ms, _ := splitTimeKey(k); ms > now {
			break
		}
		due = append(due, bytes.Clone(k))
	}
	for _, k := range due {
		_, key := splitTimeKey(k)
		if err := deleteRecord(tx, key); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}
