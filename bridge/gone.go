package bridge

import (
	"context"
	"time"
)

// goneForGood is how long an account has to stay out of sight until it counts as deleted, and unlooked how long nobody may have looked meanwhile: what was in
// between is not known then.
const (
	goneForGood = time.Hour
	unlooked    = goneForGood / 2
)

// unseen is the fault of an account that is not to be seen and does not count as deleted yet: whatever stands before Keycloak says so, too, for a while.
func unseen(err error) error {
	return Fault(CodeKeycloakAway, "an account that is not to be seen", err)
}

// gone is what an answer to a question about a person means, nil too, where no record of its own says since when. CodeGone: the account was deleted, since it has
// not been to be seen for goneForGood, from the first look on that this was given, with nothing else in between. Until then it is away. Each question has an
// hour of its own, since Keycloak may refuse the one and not know the other.
func (f *Flow) gone(ctx context.Context, question, person string, err error) error {
	key := "gone/" + question + "/" + person
	if CodeOf(err) != CodeGone {
		if old, absent := f.Counted.Get(ctx, key); absent == nil && len(old.Times) > 0 && ctx.Err() == nil {
			return firstError(err, f.Counted.Delete(ctx, key))
		}
		return err
	}
	c, away := f.Counted.Update(ctx, key, 2*goneForGood, func(old Counted, _ bool) (Counted, error) {
		first, now := f.Now(), f.Now()
		if n := len(old.Times); n > 0 && now.Sub(old.Times[n-1]) <= unlooked {
			first = old.Times[0]
		}
		return Counted{[]time.Time{first, now}}, nil
	})
	if away != nil {
		return away
	}
	if c.Times[1].Sub(c.Times[0]) < goneForGood {
		return unseen(err)
	}
	return err
}

// outlasted is the same for what has a record of its own, which says since when: a process that began meanwhile does not know what was in between.
func (f *Flow) outlasted(since time.Time) bool {
	return f.Now().Sub(later(since, f.Began)) >= goneForGood
}

// seen reads a person's credentials; CodeGone as in gone.
func (f *Flow) seen(ctx context.Context, person string) ([]Credential, error) {
	list, err := f.Target.Credentials(ctx, person)
	return list, f.gone(ctx, "credentials", person, err)
}
