package bridge

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// JobLeftover looks once more for a credential that was sent in a swap which ended without it; id = the credential's.
const JobLeftover = "leftover"

// leftoverAfter is how long a call that was cut off may still take in Keycloak.
const leftoverAfter = time.Minute

// leftover is what the job knows of the swap.
type leftover struct {
	Person, Recovery string
	Way              Way
	Removed          []string  `json:",omitempty"` // what the swap would have removed
	Since            time.Time `json:",omitzero"`
}

// lookAgain makes sure that nothing of a swap which is about to end comes to stand after all, beside what works. It is added before that end.
func (f *Flow) lookAgain(ctx context.Context, r Recovery) error {
	if !r.Intended { // nothing was sent
		return nil
	}
	payload, err := json.Marshal(leftover{Person: r.Person, Recovery: r.ID, Way: r.Way, Removed: r.Swap.Remove, Since: f.Now()})
	if err != nil {
		return err
	}
	return f.Jobs.Add(ctx, Job{Kind: JobLeftover, ID: r.Swap.New.ID, At: f.Now().Add(leftoverAfter), Payload: payload})
}

// RunLeftover removes a credential that came to stand after its swap had ended, since the person was told that nothing was changed. One that
// may have become the person's only one stays.
func (f *Flow) RunLeftover(ctx context.Context, id string, payload []byte) error {
	var l leftover
	if err := json.Unmarshal(payload, &l); err != nil {
		return err
	}
	r, found, err := f.read(ctx, l.Person)
	if err != nil {
		return err
	}
	ours := found && r.ID == l.Recovery
	if ours && r.State != Ended { // it did not end after all
		return nil
	}
	seen, err := f.Target.Credentials(ctx, l.Person)
	if CodeOf(err) == CodeGone && f.Now().Sub(l.Since) >= KeepEnded {
		return nil
	}
	if CodeOf(err) == CodeGone { // whatever stands before Keycloak says so, too
		return &Error{Code: CodeKeycloakAway, Op: "look once more", Err: err, After: time.Minute}
	}
	if err != nil {
		return err
	}
	stands := func(c Credential) bool { return c.ID == id }
	before := func(c Credential) bool { return slices.Contains(l.Removed, c.ID) }
	if !slices.ContainsFunc(seen, stands) || !slices.ContainsFunc(seen, before) && (!ours || len(l.Removed) > 0) {
		return nil
	}
	err = f.Audit.Record(ctx, AuditEvent{
		Event: "swap.undone", Outcome: "ok", Actor: "system", Target: l.Person, Recovery: l.Recovery, Way: string(l.Way), Removed: []string{id},
	})
	if err != nil {
		return err
	}
	return f.Target.Do(ctx, l.Person, Action{Kind: ActionRemove, Credential: id})
}
