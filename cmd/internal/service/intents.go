package service

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/control"
)

const (
	intentsAtOnce = 8
	// ownWork is how long an intent is left to the worker that put it on record.
	ownWork = 10 * time.Second
	// listAfter is how long an intent has to be open until an administrator sees it: most end by themselves before.
	listAfter = time.Minute
	nameTime  = 5 * time.Second // for all user names of a list
)

// intents are the undertakings of this process's audit trail that have been open for a while.
func (s *service) intents(ctx context.Context, atLeast time.Duration) (out []bridge.Intent, err error) {
	all, err := s.audit.Intents(ctx)
	for _, i := range all {
		if s.opts.Now().Sub(i.Time) >= atLeast {
			out = append(out, bridge.Intent{
				What: i.What, Person: i.Person, Recovery: i.Recovery, Way: bridge.Way(i.Way), Added: i.Added, Removed: i.Removed, Begun: i.Time, Stuck: i.Stuck,
				Change: i.Change, Marked: i.Marked,
			})
		}
	}
	return out, err
}

// watchLocks watches on over the accounts that this process's audit trail knows to be locked, where the store has lost that: all of it, or its last writes. Of
// one person the last lock counts.
func (s *service) watchLocks(ctx context.Context) error {
	locks, err := s.audit.Locks(ctx)
	last := map[string]bridge.Watch{}
	for _, w := range locks {
		if s.opts.Now().Sub(w.At) >= ownWork && w.At.After(last[w.Person].At) {
			last[w.Person] = w
		}
	}
	for _, w := range last {
		known, fault := s.flow.Watches.Get(ctx, w.Person)
		switch {
		case errors.Is(fault, bridge.ErrAbsent), fault == nil && known.Older(w):
			err = errors.Join(err, s.flow.StartWatch(ctx, w))
		default:
			err = errors.Join(err, fault)
		}
	}
	return err
}

// finishIntents ends what this process's audit trail knows to have begun and the store has lost.
func (s *service) finishIntents(ctx context.Context) error {
	errs := []error{s.watchLocks(ctx)}
	open, err := s.intents(ctx, ownWork)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	of := map[string][]bridge.Intent{} // by person: the lock of one comes before the swap
	for _, i := range open {
		of[i.Person] = append(of[i.Person], i)
	}
	failed := make(chan error, len(open))
	turn := make(chan struct{}, intentsAtOnce)
	var all sync.WaitGroup
	for _, theirs := range of {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			for _, i := range theirs {
				failed <- s.flow.FinishIntent(ctx, i)
			}
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// stateLost is the state of an undertaking that the store knows nothing of: it is finished from the audit trail.
const stateLost = "lost"

// lost lists what is open in the audit trail and has no row of its own.
func (s *service) lost(ctx context.Context, rows []control.Recovery) ([]control.Recovery, error) {
	open, err := s.intents(ctx, listAfter)
	if err != nil {
		return nil, err
	}
	named, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	var out []control.Recovery
	for _, i := range open {
		if known, err := s.flow.Known(ctx, i); err != nil || known {
			if err != nil {
				return nil, err
			}
			continue
		}
		if slices.ContainsFunc(rows, func(r control.Recovery) bool { return r.ID == i.Recovery && r.State != string(bridge.Ended) }) {
			continue
		}
		row := lostRow(i)
		if a, err := s.flow.Accounts.ByID(named, i.Person); err == nil {
			row.User = a.Username
		}
		out = append(out, row)
	}
	return out, nil
}

func lostRow(i bridge.Intent) control.Recovery {
	row := control.Recovery{
		ID: i.Recovery, Person: i.Person, State: stateLost, Lost: string(i.What), Way: string(i.Way), Started: i.Begun,
		Locking: i.What == bridge.UndertakingLock, Swap: &control.Swap{Added: i.Added, Removed: append([]string{}, i.Removed...), Sent: true},
	}
	if !i.Stuck.IsZero() {
		row.Attention = string(bridge.CodeRefusedByAccount)
	}
	return row
}

// administerLost carries out an action on a row of lost, and says how that stands then.
func (s *service) administerLost(ctx context.Context, row control.Recovery, do bridge.ActionName) (control.Recovery, error) {
	same := func(i bridge.Intent) bool { return i.Recovery == row.ID && string(i.What) == row.Lost }
	open, err := s.intents(ctx, 0)
	n := slices.IndexFunc(open, same)
	if err == nil && n < 0 {
		err = bridge.Fault(bridge.CodeNotOpen, string(do), nil)
	}
	if err == nil {
		err = s.flow.AdministerIntent(ctx, open[n], do)
	}
	if err == nil {
		open, err = s.intents(ctx, 0)
	}
	if err == nil && !slices.ContainsFunc(open, same) {
		row.State, row.Attention, row.Locking = string(bridge.Ended), "", false
	}
	return row, err
}
