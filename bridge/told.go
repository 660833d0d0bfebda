package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// tellOthers tells the addresses on record that have not heard yet that a recovery was started, beside the one that gets the link. Each gets
// a veto link and an objection number of its own. The record remembers who has yet to be told; an error says that somebody has.
func (f *Flow) tellOthers(ctx context.Context, r Recovery) error {
	if len(r.Untold) == 0 {
		return nil
	}
	var told []string
	var faults []error
	for _, to := range r.Untold {
		if err := f.tellOther(ctx, r, to); err != nil {
			f.Log.ErrorContext(ctx, "notice not sent yet", "kind", NoticeRequest, "recovery", r.ID, "err", err)
			faults = append(faults, err)
			continue
		}
		told = append(told, to)
	}
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) {
		if old.ID != r.ID {
			return old, Fault(CodeNotOpen, "told", nil)
		}
		heard := func(to string) bool { return slices.Contains(told, to) }
		old.Untold = slices.DeleteFunc(slices.Clone(old.Untold), heard)
		return old, nil
	})
	if err != nil { // they are told twice
		f.Log.WarnContext(ctx, "who was told is not noted", "recovery", r.ID, "err", err)
	}
	return errors.Join(faults...)
}

func (f *Flow) tellOther(ctx context.Context, r Recovery, to string) error {
	token, number := f.newVeto(ctx, r)
	if token == "" {
		return Fault(CodeStoreAway, "tell others", nil)
	}
	return f.Mail.Send(ctx, Notice{
		Kind: NoticeRequest, To: to, Language: r.Language, Name: r.Name, At: r.StartedAt, Expires: r.Expires, Way: r.Way, Origin: r.Origin,
		Veto: token, Objection: number, Today: r.Today(),
	})
}

// tellDone queues a notice of what was done in a recovery for every address on record. A repeat is the same mail; whatever hangs on it does not
// wait for a mail that can never be queued.
func (f *Flow) tellDone(ctx context.Context, kind NoticeKind, r Recovery) error {
	now := f.Now()
	for _, to := range f.Rules.recipients(r.Snapshot) {
		n := Notice{
			Kind: kind, To: to, Language: r.Language, Name: r.Name, At: now, Expires: now.Add(3 * 24 * time.Hour), Way: r.Way, Origin: r.Origin,
			Label: r.Label, ID: r.ID, Today: r.Today(),
		}
		if kind == NoticeLocked {
			n.Kept = len(r.Lock.Kept)
		}
		switch err := f.Mail.Send(ctx, n); CodeOf(err) {
		case "":
		case CodeInternal, CodeExpired:
			f.Log.ErrorContext(ctx, "notice lost", "kind", n.Kind, "recovery", r.ID, "err", err)
		default:
			return err
		}
	}
	return nil
}
