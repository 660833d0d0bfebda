package bridge

import (
	"context"
	"time"
)

// goneForGood is how long an account has to stay out of sight until it counts as deleted.
const goneForGood = time.Hour

// unseen is the fault of an account that is not to be seen and does not count as deleted yet: whatever stands before Keycloak says so, too, for a while.
func unseen(err error) error {
	return Fault(CodeKeycloakAway, "an account that is not to be seen", err)
}

// gone is what an answer about a person means, nil too, where no record of its own says since when. CodeGone: the account was deleted, since it has not been to
// be seen for goneForGood, from the first look on that this was given, with nothing else in between. Until then it is away.
func (f *Flow) gone(ctx context.Context, person string, err error) error {
	key := "gone/" + person
	if CodeOf(err) != CodeGone {
		if old, absent := f.Counted.Get(ctx, key); absent == nil && len(old.Times) > 0 && ctx.Err() == nil {
			return firstError(err, f.Counted.Delete(ctx, key))
		}
		return err
	}
	c, away := f.Counted.Update(ctx, key, 2*goneForGood, func(old Counted, _ bool) (Counted, error) {
		if len(old.Times) == 0 {
			old.Times = []time.Time{f.Now()}
		}
		return old, nil
	})
	if away != nil {
		return away
	}
	if f.Now().Sub(c.Times[0]) < goneForGood {
		return unseen(err)
	}
	return err
}

// seen reads a person's credentials; CodeGone as in gone.
func (f *Flow) seen(ctx context.Context, person string) ([]Credential, error) {
	list, err := f.Target.Credentials(ctx, person)
	return list, f.gone(ctx, person, err)
}
