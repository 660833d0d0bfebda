package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// jobRecord is a job in the file. A due job also stands in its kind's due bucket; a parked one does not.
type jobRecord struct {
	At      int64  `json:"at"`  // when it is to be done, Unix milliseconds
	Due     int64  `json:"due"` // when it can be claimed next: At, a later try, or the end of the lease
	Fence   int64  `json:"fence,omitempty"`
	Tries   int    `json:"tries,omitempty"`
	Again   bool   `json:"again,omitempty"` // replaced while claimed: At and Payload are the new ones
	Parked  int64  `json:"parked,omitempty"`
	Reason  []byte `json:"reason,omitempty"`
	Payload []byte `json:"payload,omitempty"`
}

// jobBuckets are the two buckets of one kind.
type jobBuckets struct {
	root, due, jobs *bbolt.Bucket
}

var (
	bucketDue = []byte("due")
	bucketAll = []byte("all")
)

func makeJobBuckets(tx *bbolt.Tx, kind string) (b jobBuckets, err error) {
	if b.root, err = tx.Bucket(bucketJobs).CreateBucketIfNotExists([]byte(kind)); err != nil {
		return b, err
	}
	if b.due, err = b.root.CreateBucketIfNotExists(bucketDue); err != nil {
		return b, err
	}
	b.jobs, err = b.root.CreateBucketIfNotExists(bucketAll)
	return b, err
}

// findJobBuckets returns ok=false when no job of the kind was ever added.
func findJobBuckets(tx *bbolt.Tx, kind string) (b jobBuckets, ok bool) {
	if b.root = tx.Bucket(bucketJobs).Bucket([]byte(kind)); b.root == nil {
		return b, false
	}
	b.due, b.jobs = b.root.Bucket(bucketDue), b.root.Bucket(bucketAll)
	return b, b.due != nil && b.jobs != nil
}

// get returns ok=false when there is no such job.
func (b jobBuckets) get(id string) (r jobRecord, ok bool, err error) {
	raw := b.jobs.Get([]byte(id))
	if raw == nil {
		return r, false, nil
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, false, errors.New("a job is unreadable")
	}
	return r, true, nil
}

// put replaces the job and its place in the order.
func (b jobBuckets) put(id string, r jobRecord) error {
	if err := b.unqueue(id); err != nil {
		return err
	}
	if r.Parked == 0 {
		if err := b.due.Put(timeKey(r.Due, id), nil); err != nil {
			return err
		}
	}
	return b.jobs.Put([]byte(id), mustJSON(r))
}

func (b jobBuckets) remove(id string) error {
	if err := b.unqueue(id); err != nil {
		return err
	}
	return b.jobs.Delete([]byte(id))
}

func (b jobBuckets) unqueue(id string) error {
	old, ok, err := b.get(id)
	if err != nil || !ok {
		return err
	}
	return b.due.Delete(timeKey(old.Due, id))
}

func (s *boltStore) addJob(ctx context.Context, j Job, now time.Time) error {
	err := s.update(ctx, "add job "+j.Kind, func(tx *bbolt.Tx) (refusal, err error) {
		b, err := makeJobBuckets(tx, j.Kind)
		if err != nil {
			return nil, err
		}
		old, ok, err := b.get(j.ID)
		if err != nil {
			return nil, err
		}
		r := jobRecord{At: j.At.UnixMilli(), Due: j.At.UnixMilli(), Payload: j.Payload}
		if ok && old.Fence != 0 && old.Due > now.UnixMilli() {
			r.Fence, r.Due, r.Again = old.Fence, old.Due, true
		}
		return nil, b.put(j.ID, r)
	})
	if err == nil {
		s.hub.signal("jobs/" + j.Kind)
	}
	return err
}

func (s *boltStore) claimJob(ctx context.Context, kind string, now, leaseEnd time.Time) (c Claimed, err error) {
	due, err := s.anyDue(ctx, kind, now)
	if err != nil {
		return c, err
	}
	if !due {
		return c, absent("claim", "job")
	}
	err = s.update(ctx, "claim "+kind, func(tx *bbolt.Tx) (refusal, err error) {
		b, ok := findJobBuckets(tx, kind)
		for ok {
			k, _ := b.due.Cursor().First()
			if k == nil {
				break
			}
			ms, id := splitTimeKey(k)
			if ms > now.UnixMilli() {
				break
			}
			var done bool
			if c, done, err = b.claim(Job{Kind: kind, ID: id}, now, leaseEnd); done || err != nil {
				return nil, err
			}
		}
		return absent("claim", "job"), nil
	})
	return c, err
}

// anyDue looks without writing: workers ask often and mostly in vain.
func (s *boltStore) anyDue(ctx context.Context, kind string, now time.Time) (due bool, err error) {
	err = s.view(ctx, "claim "+kind, func(tx *bbolt.Tx) error {
		due = false
		if b, ok := findJobBuckets(tx, kind); ok {
			if k, _ := b.due.Cursor().First(); k != nil {
				ms, _ := splitTimeKey(k)
				due = ms <= now.UnixMilli()
			}
		}
		return nil
	})
	return due, err
}

// claim leases one due job, or parks it (done=false) when it was claimed too often.
func (b jobBuckets) claim(j Job, now, leaseEnd time.Time) (c Claimed, done bool, err error) {
	r, ok, err := b.get(j.ID)
	if err != nil || !ok {
		return c, false, notFound(err)
	}
	if r.Again {
		r.Again, r.Tries = false, 0
	}
	if r.Tries >= MaxTries {
		return c, false, b.put(j.ID, r.park(now, nil))
	}
	fence, err := b.root.NextSequence()
	if err != nil {
		return c, false, err
	}
	r.Fence, r.Due, r.Tries = int64(fence), leaseEnd.UnixMilli(), r.Tries+1 //nolint:gosec // counts from 1
	j.At, j.Payload = time.UnixMilli(r.At), r.Payload
	return Claimed{Job: j, Fence: r.Fence, Tries: r.Tries}, true, b.put(j.ID, r)
}

// notFound is err, or that a job is missing which the order of jobs names.
func notFound(err error) error {
	if err != nil {
		return err
	}
	return errors.New("a job in the order of jobs does not exist")
}

// park gives a job up and erases what it carried.
func (r jobRecord) park(now time.Time, reason []byte) jobRecord {
	return jobRecord{At: r.At, Due: r.Due, Tries: r.Tries, Parked: now.UnixMilli(), Reason: reason}
}

func (s *boltStore) settleJob(ctx context.Context, c Claimed, v verdict) error {
	return s.update(ctx, "settle "+c.Kind, func(tx *bbolt.Tx) (refusal, err error) {
		b, ok := findJobBuckets(tx, c.Kind)
		if !ok {
			return conflict(v.verb, "job"), nil
		}
		r, ok, err := b.get(c.ID)
		if err != nil {
			return nil, err
		}
		if !ok || r.Fence != c.Fence || r.Fence == 0 {
			return conflict(v.verb, "job"), nil
		}
		next, keep, err := r.settle(v)
		if err != nil {
			return nil, err
		}
		if !keep {
			return nil, b.remove(c.ID)
		}
		return nil, b.put(c.ID, next)
	})
}

// settle returns what becomes of a claimed job; keep=false: it is over.
func (r jobRecord) settle(v verdict) (next jobRecord, keep bool, err error) {
	if v.verb == "renew" {
		r.Due = v.until.UnixMilli()
		return r, true, nil
	}
	r.Fence = 0
	if r.Again { // whatever became of the old one, its replacement is due
		r.Again, r.Tries, r.Due = false, 0, r.At
		return r, true, nil
	}
	switch v.verb {
	case "done":
		return r, false, nil
	case "retry":
		if r.Tries >= MaxTries {
			return r.park(v.now, v.reason), true, nil
		}
	case "defer":
		r.Tries--
	default:
		return r, false, fmt.Errorf("unknown verdict %q", v.verb)
	}
	r.Due = v.until.UnixMilli()
	return r, true, nil
}

func (s *boltStore) removeJob(ctx context.Context, kind, id string) error {
	there := false
	err := s.view(ctx, "remove job "+kind, func(tx *bbolt.Tx) error {
		b, ok := findJobBuckets(tx, kind)
		there = ok && b.jobs.Get([]byte(id)) != nil
		return nil
	})
	if err != nil || !there { // most often there is none, and a write that changes nothing waits for the disk like any other
		return err
	}
	return s.update(ctx, "remove job "+kind, func(tx *bbolt.Tx) (refusal, err error) {
		b, ok := findJobBuckets(tx, kind)
		if !ok {
			return nil, nil
		}
		return nil, b.remove(id)
	})
}
