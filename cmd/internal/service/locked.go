package service

import (
	"context"
	"errors"
	"slices"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/control"
)

// locked lists whom a tombstone keeps out after a theft and who has no row of their own; rows say of the others that they are locked.
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
		if !w.Shut || !w.Opened.IsZero() || !w.Over.IsZero() {
			continue
		}
		if i := slices.IndexFunc(rows, func(r control.Recovery) bool { return r.Person == w.Person }); i >= 0 {
			rows[i].Locked = w.At
			continue
		}
		row := control.Recovery{
			ID: w.Recovery, Person: w.Person, State: control.Locked, Way: string(w.Way), Started: w.At, Locked: w.At, Next: j.Due, Attention: string(w.Stuck),
		}
		if a, err := s.flow.Accounts.ByID(named, w.Person); err == nil {
			row.User = a.Username
		}
		out = append(out, row)
	}
	return out, nil
}

// tombstones names the credentials that keep the locked account of one person shut, as Keycloak has them; without an answer none.
func (s *service) tombstones(ctx context.Context, whose string, rows []control.Recovery) {
	named, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	for i, r := range rows {
		if whose == "" || !r.Meant(whose) || r.Locked.IsZero() {
			continue
		}
		seen, err := s.flow.Target.Credentials(named, r.Person)
		if err != nil {
			s.log.DebugContext(ctx, "no tombstone is named", "err", err)
		}
		for _, c := range seen {
			if c.Tombstone() {
				rows[i].Tombstone = append(rows[i].Tombstone, c.ID)
			}
		}
	}
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
