package bridge

import (
	"context"
	"sync"
	"time"
)

// letter is a link before it is sent: the tokens leave with the mail, the hashes stay.
type letter struct {
	link       Link
	token      Secret
	vetoSecret Secret
}

// newLink counts the mail against its limits and draws the tokens. The shortest limit comes first, so that a press that is too early uses
// up nothing of the others. What is counted before the recovery is stored is lost if the store dies in between: one mail of the hour, and
// a minute's wait.
func (f *Flow) newLink(ctx context.Context, person, to string) (letter, error) {
	if err := f.take(ctx, person, mailUses(person, to, LimitLinkMinute, LimitLinkHour, LimitLinkDay)...); err != nil {
		return letter{}, err
	}
	return f.newTokens(ctx, person, to)
}

// mailUses are one mail's uses of limits, each of which counts by the person who asks and by the address that gets it.
func mailUses(person, to string, limits ...Limit) (uses []Use) {
	for _, l := range limits {
		for _, key := range []string{"person:" + person, "to:" + Secret(to).Hash()} {
			uses = append(uses, Use{Limit: l, Key: key, AtMost: true})
		}
	}
	return uses
}

// newTokens draws the tokens and stores their pointers.
func (f *Flow) newTokens(ctx context.Context, person, to string) (letter, error) {
	now := f.Now()
	w := letter{token: NewToken(), vetoSecret: NewToken()}
	w.link = Link{
		Hash: w.token.Hash(), VetoHash: w.vetoSecret.Hash(), Objection: NewDigits(6), To: to, SentAt: now,
		Expires: now.Add(f.Rules.LinkLife), Unsent: true,
	}
	var both sync.WaitGroup // side by side they are one write of the embedded store
	var link, veto error
	both.Go(func() { veto = f.point(ctx, w.link.VetoHash, person) })
	link = f.point(ctx, w.link.Hash, person)
	both.Wait()
	if err := firstError(link, veto); err != nil {
		return letter{}, err
	}
	return w, nil
}

func (f *Flow) point(ctx context.Context, hash, person string) error {
	_, err := f.Links.Update(ctx, hash, f.life(), func(Pointer, bool) (Pointer, error) { return Pointer{person}, nil })
	return err
}

// pointAgain repairs what leads from the ways to object to whoever they belong to, and makes it last as long as they are heard, if what began at since
// took so long that it may end before (STO-11).
func (f *Flow) pointAgain(ctx context.Context, person string, since time.Time, ways []Veto) error {
	late := f.Now().Sub(since) > f.life()-KeepEnded
	for _, v := range ways {
		if v.Hash == "" {
			continue
		}
		owner, err := f.Owner(ctx, v.Hash)
		if err == nil && (late || owner != person) {
			err = f.point(ctx, v.Hash, person)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
