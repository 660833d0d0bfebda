package bridge

import (
	"context"
	"time"
)

// Redeem proves the recovery with the link opened in this browser: the viewer becomes the holder. A second press finds what the first one did.
func (f *Flow) Redeem(ctx context.Context, v Viewer) (Recovery, error) {
	r, found, err := f.read(ctx, v.Person)
	if err != nil {
		return r, err
	}
	done := found && r.RedeemedBy(v)
	if done || !found || !r.redeemable(v.LinkHash, f.Now()) {
		f.Foreign(ctx, v)
		if done {
			return r, nil
		}
		return r, Fault(CodeLinkInvalid, "redeem", nil)
	}
	if err := f.Safe("redeem"); err != nil {
		return r, err
	}
	var just pastReader
	a, err := f.still(ctx, r, v.AuthTime)
	if err == nil {
		just, err = f.mailOpen(ctx, a)
	}
	if err != nil {
		return r, f.refuse(ctx, r, err)
	}
	if err := f.stands(ctx, r, a, just); err != nil {
		return r, err
	}
	if err := f.tellOthers(ctx, r); err != nil {
		return r, err
	}
	return f.prove(ctx, r, v, f.Rules.Policy(a).Delay)
}

// prove stores the proof. What it leads to is kept as jobs before.
func (f *Flow) prove(ctx context.Context, r Recovery, v Viewer, delay time.Duration) (Recovery, error) {
	key, err := f.newKey(ctx)
	if err != nil {
		return r, err
	}
	if err := f.expireAt(ctx, v.Person, f.Now().Add(r.KeyLife)); err != nil {
		return r, err
	}
	if err := f.lockSoon(ctx, r, lockPause); err != nil {
		return r, err
	}
	p := Proof{LinkHash: v.LinkHash, Person: v.Person, Holder: v.Holder, SignedInAt: v.SignedInAt, AuthTime: v.AuthTime, Delay: delay}
	done := false
	r, err = f.apply(ctx, v.Person, f.life()+delay+DelayGrace, func(old Recovery) (Recovery, error) {
		if done = old.RedeemedBy(v); done { // a press beside this one
			return old, nil
		}
		return old.Prove(p, key, f.Now())
	})
	if err != nil || done {
		return r, err
	}
	if r.State == Proven {
		f.record(ctx, event("recovery.proven", r))
	}
	f.lockNow(ctx, r)
	if r.State == Proven {
		return r, nil // the job that ends it stands
	}
	return r, f.afterProof(ctx, r)
}

// RedeemedBy reports that a link has done its work for this browser: it holds the proof, or its sign-in has begun the waiting period. Whatever comes
// of the recovery, it is led there and not told that its link is worth nothing.
func (r Recovery) RedeemedBy(v Viewer) bool {
	switch {
	case v.Person == "" || r.Person != v.Person:
		return false
	case r.State == Waiting:
		return !r.NotBefore.IsZero() && r.Link != nil && r.Link.Hash == "" && r.SignedInAt.Equal(v.SignedInAt)
	}
	return Equal(r.Holder, v.Holder)
}
