package bridge

import (
	"context"
	"time"
)

// ofProfile reports a refusal that names a field of the account's profile: no proxy makes that up, and it does not pass by itself.
func ofProfile(refused error) bool { return fieldOf(refused) != "" && !labelTaken(refused) }

// refusedAgain notes that Keycloak refuses the new credential of r, of which nothing stands: nil when it has done so for stonePatience, as a proxy or a
// missing right may for a moment only. Otherwise the job comes again.
func (f *Flow) refusedAgain(ctx context.Context, r Recovery, cause error) error {
	s, code, now := *r.Swap, CodeOf(cause), f.Now()
	if s.Refused != code {
		s.Refused, s.RefusedAt = code, now
	}
	if now.Sub(s.RefusedAt) >= stonePatience {
		return nil
	}
	err := f.noteSwap(ctx, r, func(old *Swap) { old.Refused, old.RefusedAt, old.Sent = s.Refused, s.RefusedAt, s.Sent })
	if err != nil {
		return err
	}
	return &Error{Code: CodeKeycloakAway, Op: "swap is refused", Err: cause, After: refusedPause}
}

// outOfSight notes whether the account of r is not to be seen. deleted: that has lasted for so long, with nothing else in between, that there is none.
func (f *Flow) outOfSight(ctx context.Context, r Recovery, gone bool) (deleted bool, err error) {
	switch since := r.Swap.Gone; {
	case !gone && (since.IsZero() || ctx.Err() != nil):
		return false, nil
	case !gone:
		return false, f.noteSwap(ctx, r, func(s *Swap) { s.Gone = time.Time{} })
	case since.IsZero():
		return false, f.noteSwap(ctx, r, func(s *Swap) { s.Gone = f.Now() })
	}
	return f.outlasted(r.Swap.Gone), nil
}

// notRefused notes that something else came in between: all patience begins again. What may stand although it was refused is no matter of patience.
func (f *Flow) notRefused(ctx context.Context, r Recovery, final bool) error {
	if final || r.Swap.Refused == "" || ctx.Err() != nil {
		return nil
	}
	return f.noteSwap(ctx, r, func(s *Swap) { s.Refused, s.RefusedAt = "", time.Time{} })
}
