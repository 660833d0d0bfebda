package service

import (
	"context"
	"errors"
	"slices"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/control"
)

// locked lists whom a tombstone keeps out after a theft and who has no row of their own.
func (s *service) locked(ctx context.Context, rows []control.Recovery) (out []control.Recovery, err error) {
	jobs, err := s.store.Jobs.List(ctx, bridge.JobWatch, maxListed)
	if err != nil {
		return nil, err
	}
	named, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	for _, j := range jobs {
		w, err := s.flow.Watches.Get(ctx, j.ID)
		switch {
		case errors.Is(err, bridge.ErrAbsent):
			continue
		case err != nil:
			return nil, err
		}
		if !w.Shut || !w.Opened.IsZero() || !w.Over.IsZero() || slices.ContainsFunc(rows, func(r control.Recovery) bool { return r.Person == w.Person }) {
			continue
		}
		row := control.Recovery{ID: w.Recovery, Person: w.Person, State: control.Locked, Way: string(w.Way), Started: w.At, Next: j.Due, Attention: string(w.Stuck)}
		if a, err := s.flow.Accounts.ByID(named, w.Person); err == nil {
			row.User = a.Username
		}
		out = append(out, row)
	}
	return out, nil
}

// unwatch leaves a locked account to an administrator, who may then take the tombstone away.
func (s *service) unwatch(ctx context.Context, row control.Recovery, do bridge.ActionName) (control.Recovery, error) {
	if do != bridge.AdminCancel {
		return row, bridge.Fault(bridge.CodeTooLate, string(do), nil)
	}
	if err := s.flow.EndWatch(ctx, row.Person); err != nil {
		return row, err
	}
	row.State = string(bridge.Ended)
	return row, nil
}
