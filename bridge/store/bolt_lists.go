package store

import (
	"context"
	"time"

	"go.etcd.io/bbolt"
)

func (s *boltStore) listJobs(ctx context.Context, kind string, limit int) (list []Listed, err error) {
	err = s.view(ctx, "list "+kind, func(tx *bbolt.Tx) error {
		b, ok := findJobBuckets(tx, kind)
		if !ok {
			return nil
		}
		c := b.due.Cursor()
		for k, _ := c.First(); k != nil && len(list) < limit; k, _ = c.Next() {
			ms, id := splitTimeKey(k)
			r, ok, err := b.get(id)
			if err != nil || !ok {
				return notFound(err)
			}
			list = append(list, Listed{
				Job: Job{Kind: kind, ID: id, At: time.UnixMilli(r.At), Payload: r.Payload},
				Due: time.UnixMilli(ms), Tries: r.Tries, Leased: r.Fence != 0,
			})
		}
		return nil
	})
	return list, err
}

func (s *boltStore) listParked(ctx context.Context, kind string, limit int) (list []Parked, err error) {
	err = s.eachOfKind(ctx, kind, func(id string, r jobRecord) {
		if r.Parked != 0 && len(list) < limit {
			list = append(list, Parked{kind, id, time.UnixMilli(r.Parked), r.Tries, string(r.Reason)})
		}
	})
	return list, err
}

func (s *boltStore) countJobs(ctx context.Context, kind string) (n Counts, err error) {
	err = s.eachOfKind(ctx, kind, func(_ string, r jobRecord) {
		if r.Parked != 0 {
			n.Parked++
		} else {
			n.Waiting++
		}
	})
	return n, err
}

func (s *boltStore) eachOfKind(ctx context.Context, kind string, see func(id string, r jobRecord)) error {
	return s.view(ctx, "list "+kind, func(tx *bbolt.Tx) error {
		b, ok := findJobBuckets(tx, kind)
		if !ok {
			return nil
		}
		return b.each(func(id string, r jobRecord) error {
			see(id, r)
			return nil
		})
	})
}

func (b jobBuckets) each(see func(id string, r jobRecord) error) error {
	return b.jobs.ForEach(func(k, _ []byte) error {
		r, _, err := b.get(string(k))
		if err != nil {
			return err
		}
		return see(string(k), r)
	})
}

// eachJob goes through the jobs of all kinds.
func eachJob(tx *bbolt.Tx, see func(b jobBuckets, id string, r jobRecord) error) error {
	return tx.Bucket(bucketJobs).ForEachBucket(func(kind []byte) error {
		b, ok := findJobBuckets(tx, string(kind))
		if !ok {
			return notFound(nil)
		}
		return b.each(func(id string, r jobRecord) error { return see(b, id, r) })
	})
}

// voidLeases makes every claimed job due again: the file belongs to one process, so whoever held a lease is gone.
func (s *boltStore) voidLeases() error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		type held struct {
			b  jobBuckets
			id string
			r  jobRecord
		}
		var all []held
		err := eachJob(tx, func(b jobBuckets, id string, r jobRecord) error {
			if r.Fence != 0 {
				all = append(all, held{b, id, r})
			}
			return nil
		})
		for _, h := range all { // not while iterating: bbolt forbids it
			h.r.Fence, h.r.Due = 0, h.r.At
			if h.r.Again {
				h.r.Again, h.r.Tries = false, 0
			}
			if err == nil {
				err = h.b.put(h.id, h.r)
			}
		}
		return err
	})
	if err != nil {
		return broken("void leases", err)
	}
	return nil
}
