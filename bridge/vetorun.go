package bridge

import (
	"context"
	"slices"
	"time"
)

// What there is to do about an objection. The first two are its events.
const (
	eventVetoed   = "recovery.vetoed" // it ended what was open
	eventObjected = "alarm.objected"  // it came too late
	objectionTold = "told"            // everybody hears of what it ended
	objectionEnds = "sessions"        // the sessions end, since it came too late
)

const (
	vetoGrace = 30 * time.Second // for whoever takes the objection
	vetoPause = 10 * time.Second // before another try
)

// vetoSoon keeps the job of an objection, before that is stored: without it the job does nothing.
func (f *Flow) vetoSoon(ctx context.Context, person string) error {
	return f.Jobs.Add(ctx, Job{Kind: JobVeto, ID: person, At: f.Now().Add(vetoGrace)})
}

// unsaid notes what is to be done about an objection.
func (r Recovery) unsaid(now time.Time, what ...string) Recovery {
	r.Unsaid, r.UnsaidAt = slices.Clone(r.Unsaid), now
	for _, w := range what {
		if !slices.Contains(r.Unsaid, w) {
			r.Unsaid = append(r.Unsaid, w)
		}
	}
	return r
}

// said notes that one thing was done about an objection.
func (r Recovery) said(what string) Recovery {
	r.Unsaid = slices.DeleteFunc(slices.Clone(r.Unsaid), func(u string) bool { return u == what })
	if len(r.Unsaid) == 0 {
		r.Unsaid, r.UnsaidAt, r.UnsaidWhy = nil, time.Time{}, ""
	}
	return r
}

// RunVeto does what is left to do about the objections of a person, since the process ended or something was away. next is when to look again.
func (f *Flow) RunVeto(ctx context.Context, person string) (next time.Time, err error) {
	r, found, err := f.read(ctx, person)
	if err != nil || !found {
		return time.Time{}, err
	}
	cause := f.sayAll(ctx, r, "system")
	if cause == nil {
		return time.Time{}, nil
	}
	if err := f.unsaidNeedsHelp(ctx, r, cause); err != nil {
		f.Log.ErrorContext(ctx, "nobody is told yet that an objection is not carried out", "recovery", r.ID, "err", err)
	}
	if r.UnsaidWhy != "" {
		return f.Now().Add(faultPatience), nil
	}
	return f.Now().Add(vetoPause), nil
}

// sayAll does what there is to do about the objections to a recovery; each once. An error is the first of what could not be done; the rest is.
func (f *Flow) sayAll(ctx context.Context, r Recovery, actor string) (fault error) {
	for _, what := range r.Unsaid {
		var err error
		switch what {
		case eventVetoed:
			f.vetoed(ctx, r, actor)
			if !slices.Contains(r.Unsaid, objectionTold) { // kept by a release for which both were one
				err = f.tellVetoed(ctx, r)
			}
		case eventObjected:
			f.disputed(ctx, r, actor)
		case objectionTold:
			err = f.tellVetoed(ctx, r)
		case objectionEnds:
			err = f.endsAll(ctx, r.Person)
		}
		if err == nil {
			_, err = f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
				if old.ID != r.ID || !old.UnsaidAt.Equal(r.UnsaidAt) { // another objection came meanwhile
					return old, Fault(CodeNotOpen, "objection", nil)
				}
				return old.said(what), nil
			})
			err = notOpenIsFine(err)
		}
		if err != nil {
			f.Log.WarnContext(ctx, "an objection is carried out a little later", "recovery", r.ID, "what", what, "err", err)
		}
		fault = firstError(fault, err)
	}
	if fault == nil && r.UnsaidWhy != "" {
		r.UnsaidWhy = ""
		if _, needed := r.Attention(); !needed {
			f.calm(ctx, r)
		}
	}
	return fault
}

func (f *Flow) tellVetoed(ctx context.Context, r Recovery) error {
	f.tellDesk(ctx, NoticeDeskVetoed, r.ID)
	return f.tellDone(ctx, NoticeCancelled, r)
}

// unsaidNeedsHelp puts an objection that Keycloak refuses to carry out on the administrators' list; it is tried again all the same.
func (f *Flow) unsaidNeedsHelp(ctx context.Context, r Recovery, cause error) error {
	code := CodeOf(cause)
	lasts := (code == CodeRefusedByAccount || code == CodeInternal) && ctx.Err() == nil && f.Now().Sub(r.UnsaidAt) > faultPatience
	if r.UnsaidWhy == code || !lasts && !f.lastingAway(ctx, r.UnsaidAt, r.Person, cause) {
		return nil
	}
	if err := f.mark(ctx, r.Person); err != nil {
		return err
	}
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID == r.ID && len(old.Unsaid) > 0 {
			old.UnsaidWhy = code
		}
		return old, nil
	})
	return err
}

// objectionFirst carries out what is left of an objection before a new start, which would make it forgotten. That may end the sign-in which the start rests on.
func (f *Flow) objectionFirst(ctx context.Context, r Recovery) error {
	err := f.sayAll(ctx, r, "system")
	switch {
	case CodeOf(err) == CodeRefusedByAccount: // which says nothing of what is about to begin
		return Fault(CodeKeycloakAway, "start", err)
	case err == nil && slices.Contains(r.Unsaid, objectionEnds):
		return Fault(CodeLoggedOut, "start", nil)
	}
	return err
}
