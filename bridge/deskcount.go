package bridge

import (
	"context"
	"time"
)

// Counted are the times of what an operator did lately, or since when a person is not to be seen.
type Counted struct{ Times []time.Time }

// quota is how often an operator may do something in any span of time.
type quota struct {
	name string
	most int
	span time.Duration
	code Code // of the refusal
}

var (
	wrongPairs  = quota{"pair", 5, 10 * time.Minute, CodeDeskLocked} // HD-09
	permitLooks = quota{"permit-look", 20, time.Hour, CodeTooMany}   // people whom an operator looks at for a permit
)

// count counts a try before its outcome is known, so that parallel tries cannot outrun the count. last: the next one is refused.
func (f *Flow) count(ctx context.Context, q quota, o Operator) (last bool, err error) {
	c, err := f.Counted.Update(ctx, q.of(o), q.span, func(old Counted, _ bool) (Counted, error) {
		now := f.Now()
		var kept []time.Time
		for _, t := range old.Times {
			if now.Sub(t) < q.span {
				kept = append(kept, t)
			}
		}
		if len(kept) >= q.most {
			return old, &Error{Code: q.code, Op: q.name, Until: kept[0].Add(q.span)}
		}
		return Counted{append(kept, now)}, nil
	})
	return len(c.Times) >= q.most, err
}

// Press counts one press of an operator. A refusal goes on record (RL-07).
func (f *Flow) Press(ctx context.Context, o Operator) error {
	return f.take(ctx, o.Person, Use{Limit: LimitDeskPress, Key: o.Person})
}

// giveBack takes back what count counted last.
func (f *Flow) giveBack(ctx context.Context, q quota, o Operator) error {
	_, err := f.Counted.Update(ctx, q.of(o), q.span, func(old Counted, _ bool) (Counted, error) {
		return Counted{old.Times[:max(0, len(old.Times)-1)]}, nil
	})
	return err
}

func (q quota) of(o Operator) string { return q.name + "/" + o.Person }
