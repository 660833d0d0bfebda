package bridge

import (
	"context"
	"slices"
)

// finishLostTemporary takes away a temporary code that the store has forgotten, at once: nothing is known of it any more but its id, so whoever has
// it asks for another one. One that the store knows is left to its job.
func (f *Flow) finishLostTemporary(ctx context.Context, i Intent) error {
	t, found, err := f.Temporary(ctx, i.Person)
	if err != nil || found && t.ID == i.Recovery && t.Open() {
		return err
	}
	if !found || t.ID != i.Recovery {
		if done, err := f.removeLost(ctx, i); err != nil || !done {
			return err
		}
	}
	e := i.event("done", "") // or by another replica, whose own trail has the rest
	e.Event, e.Added, e.Removed, e.Detail = "temporary.done", "", []string{i.Added}, map[string]string{"why": "lost"}
	if found && t.ID == i.Recovery {
		e.Detail["why"] = string(t.End)
	}
	return f.Audit.Record(ctx, e)
}

// removeLost removes the code if it stands, behind a tombstone if it is the last OTP, and ends the sessions that it may have opened: before, in
// case this process ends in between, and after. One that is gone already was ended in order, by us or by a swap; done is false while it may still come to stand.
func (f *Flow) removeLost(ctx context.Context, i Intent) (done bool, err error) {
	seen, err := f.seen(ctx, i.Person)
	if CodeOf(err) == CodeGone {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if !slices.ContainsFunc(seen, func(c Credential) bool { return c.ID == i.Added }) {
		return f.Now().Sub(i.Begun) >= intentAbsent, nil
	}
	remove := []Action{{Kind: ActionEndSessions}, {Kind: ActionRemove, Credential: i.Added}, {Kind: ActionEndSessions}}
	if !slices.ContainsFunc(seen, func(c Credential) bool { return c.Type == TypeOTP && !c.Temporary() }) {
		stone, err := f.lastStone(ctx, TemporaryCode{ID: i.Added, Person: i.Person})
		if err != nil {
			return false, err
		}
		stone.Secret = f.Codes.NewKey()
		remove = append([]Action{{Kind: ActionAdd, Credential: stone.ID, New: &stone}}, remove...)
	}
	for _, a := range remove {
		if err := f.Target.Do(ctx, i.Person, a); err != nil {
			return false, err
		}
	}
	return true, nil
}
