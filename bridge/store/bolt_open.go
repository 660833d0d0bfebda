package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Buckets of the file.
var (
	bucketMark   = []byte("otpbridge")
	bucketKV     = []byte("kv")
	bucketExpiry = []byte("expiry") // when + key of every record that has an end
	bucketJobs   = []byte("jobs")   // one bucket a kind
	keyFormat    = []byte("format")
	valueFormat  = []byte("1")
)

const (
	lockWait   = 700 * time.Millisecond
	sweepEvery = 30 * time.Second
	fileMode   = 0o600
)

// openBolt opens the file, or makes it when there is none. A file that is there is never made anew: an empty, foreign or damaged one
// is refused.
func openBolt(c Config) (*boltStore, error) {
	if err := ensureFile(c.Path); err != nil {
		return nil, broken("open "+c.Path, err)
	}
	db, err := openFile(c.Path)
	if err != nil {
		return nil, broken("open "+c.Path, err)
	}
	if err := inspect(db); err != nil {
		return nil, broken("open "+c.Path, errors.Join(fmt.Errorf("damaged, or not a store of otpbridge: %w; "+
			"it was left as it is: restore a copy or move it away", err), db.Close()))
	}
	s := &boltStore{db: db, hub: newHub(), now: c.Now, log: c.Log, quit: make(chan struct{})}
	if err := s.voidLeases(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.sweeper.Go(func() { s.sweepLoop(sweepEvery) })
	return s, nil
}

// ensureFile makes the file complete under another name first, so that a crash never leaves half a store under the right one.
func ensureFile(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		return checkFile(path, info)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var b [6]byte
	_, _ = rand.Read(b[:])
	draft := path + ".new-" + hex.EncodeToString(b[:])
	err = createFile(draft)
	if err == nil {
		err = os.Link(draft, path) // unlike a rename it never replaces
	}
	if errors.Is(err, os.ErrExist) { // another process made it at the same moment
		err = nil
	}
	if rmErr := os.Remove(draft); rmErr != nil && !errors.Is(rmErr, os.ErrNotExist) {
		err = errors.Join(err, rmErr)
	}
	return errors.Join(err, syncDir(filepath.Dir(path)))
}

func checkFile(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if info.Size() == 0 {
		return errors.New("the file is empty: not a store of otpbridge; move it away to begin a new one")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(path, fileMode)
	}
	return nil
}

func createFile(path string) error {
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{Timeout: lockWait})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketKV, bucketExpiry, bucketJobs} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		mark, err := tx.CreateBucket(bucketMark)
		if err != nil {
			return err
		}
		return mark.Put(keyFormat, valueFormat)
	})
	return errors.Join(err, db.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func openFile(path string) (db *bbolt.DB, err error) {
	var file *os.File
	err = guarded(func() error {
		db, err = bbolt.Open(path, fileMode, &bbolt.Options{
			Timeout: lockWait, FreelistType: bbolt.FreelistMapType,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
				return file, err
			},
		})
		return err
	})
	if err != nil && file != nil {
		_ = file.Close() // a damaged file may leave bbolt's lock behind; already closed is fine
	}
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%w: another process has it open, and only one may: stop it first", ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("damaged, or not a store of otpbridge: %w; it was left as it is", err)
	}
	db.MaxBatchDelay = time.Millisecond // writers that come together share one fsync; a lone one hardly waits
	return db, nil
}

// inspect walks through everything once: bbolt has no checksums of its own, and a damaged page would end the process later.
func inspect(db *bbolt.DB) error {
	return guarded(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			info, err := os.Stat(db.Path())
			if err != nil {
				return err
			}
			if info.Size() < tx.Size() {
				return errors.New("the file is cut short")
			}
			mark := tx.Bucket(bucketMark)
			if mark == nil || !bytes.Equal(mark.Get(keyFormat), valueFormat) {
				return errors.New("the format mark is missing or unknown")
			}
			return walk(tx)
		})
	})
}

func walk(tx *bbolt.Tx) error {
	kv, expiry, jobs := tx.Bucket(bucketKV), tx.Bucket(bucketExpiry), tx.Bucket(bucketJobs)
	if kv == nil || expiry == nil || jobs == nil {
		return errors.New("a part is missing")
	}
	err := kv.ForEach(func(_, v []byte) error {
		_, err := decodeRecord(v)
		return err
	})
	if err != nil {
		return err
	}
	if err := expiry.ForEach(func(_, _ []byte) error { return nil }); err != nil {
		return err
	}
	return eachJob(tx, func(jobBuckets, string, jobRecord) error { return nil })
}

// guarded turns the panics and memory faults of reading a damaged file into an error.
func guarded(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("unreadable: %v", p)
		}
	}()
	return read()
}

func (s *boltStore) sweepLoop(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-tick.C:
			if _, err := s.sweep(); err != nil {
				s.log.Error("expired records could not be removed", slog.Any("err", err))
			}
		}
	}
}
