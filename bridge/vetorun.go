package bridge

import (
	"context"
	"slices"
	"time"
)

// Events of objections.
const (
	eventVetoed   = "recovery.vetoed" // it ended what was open
	eventObjected = "alarm.objected"  // it came too late
)

const (
	vetoGrace = 30 * time.Second // for whoever takes the objection to tell of it
	vetoPause = 10 * time.Second // before another try
)

// vetoSoon keeps the job that tells of an objection, before that is stored: without it the job does nothing.
func (f *Flow) vetoSoon(ctx context.Context, person string) error {
	return f.Jobs.Add(ctx, Job{Kind: JobVeto, ID: person, At: f.Now().Add(vetoGrace)})
}

// unsaid notes an objection of which others have yet to hear.
func (r Recovery) unsaid(what string) Recovery {
	if !slices.Contains(r.Unsaid, what) {
		r.Unsaid = append(slices.Clone(r.Unsaid), what)
	}
	return r
}

// said notes that others heard of an objection, unless err says that they did not: then its job tells them.
func (f *Flow) said(ctx context.Context, r Recovery, what string, err error) {
	if err == nil {
		_, err = f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
			if old.ID == r.ID {
				old.Unsaid = slices.DeleteFunc(slices.Clone(old.Unsaid), func(u string) bool { return u == what })
			}
			if len(old.Unsaid) == 0 {
				old.Unsaid = nil
			}
			return old, nil
		})
	}
	if err != nil && CodeOf(err) != CodeNotOpen {
		f.Log.WarnContext(ctx, "of an objection is told a little later", "recovery", r.ID, "event", what, "err", err)
	}
}

// RunVeto tells of the objections of a person of which nobody heard, since the process ended or something was away. next is when to look again.
func (f *Flow) RunVeto(ctx context.Context, person string) (next time.Time, err error) {
	r, found, err := f.read(ctx, person)
	if err != nil || !found {
		return time.Time{}, err
	}
	if err := f.sayAll(ctx, r); err != nil {
		return f.Now().Add(vetoPause), nil
	}
	return time.Time{}, nil
}

// sayAll tells of the objections to a recovery of which nobody heard. An error is the first of what could not be done; the rest is.
func (f *Flow) sayAll(ctx context.Context, r Recovery) (fault error) {
	for _, what := range r.Unsaid {
		tell := f.disputed
		if what == eventVetoed {
			tell = f.vetoed
		}
		err := tell(ctx, r, "system")
		f.said(ctx, r, what, err)
		fault = firstError(fault, err)
	}
	return fault
}
