package bridge

import (
	"context"
	"slices"
	"time"
)

// Veto is a further way to object, beside the link's own. Each mail has its own, so that nobody who reads one can use up another's.
type Veto struct {
	Hash      string
	Objection string
	Objected  int       `json:",omitempty"` // wrong objection numbers
	Done      time.Time `json:",omitzero"`  // it objects to an earlier recovery, which was done then
}

const maxVetoes = 32

// withVeto adds a way to object; of very many the oldest go.
func (r Recovery) withVeto(v Veto) Recovery {
	all := append(slices.Clone(r.Vetoes), v)
	r.Vetoes = all[max(0, len(all)-maxVetoes):]
	return r
}

// AddVeto adds the veto link of another notice to an open recovery.
func (r Recovery) AddVeto(v Veto) (Recovery, error) {
	if r.State != Waiting && r.State != Proven {
		return r, Fault(CodeNotOpen, "add veto", nil)
	}
	return r.withVeto(v), nil
}

func (l Link) veto() Veto {
	return Veto{Hash: l.VetoHash, Objection: l.Objection, Objected: l.Objected}
}

// vetoes are all ways to object.
func (r Recovery) vetoes() []Veto {
	if r.Link == nil {
		return nil
	}
	return append([]Veto{r.Link.veto()}, r.Vetoes...)
}

// doneVetoes are the ways to object to what was done: they outlive a new start, for which the thief's password is enough.
func (r Recovery) doneVetoes(now time.Time) []Veto {
	var out []Veto
	for _, v := range r.vetoes() {
		if r.State == Done && v.Done.IsZero() {
			v.Done = r.DoneAt
		}
		if !v.Done.IsZero() && now.Sub(v.Done) < KeepEnded {
			out = append(out, v)
		}
	}
	return out
}

// objectable is until when somebody may object to what was done by mail, zero when nobody can.
func (r Recovery) objectable(now time.Time) (until time.Time) {
	if r.State == Done && r.Way != WayMail {
		return until
	}
	for _, v := range r.doneVetoes(now) {
		until = later(until, v.Done.Add(KeepEnded))
	}
	return until
}

// objection returns the veto of a veto link.
func (r Recovery) objection(hash string, now time.Time) (v Veto, ok bool) {
	all := r.vetoes()
	if r.State == Done {
		all = r.doneVetoes(now)
	}
	i := slices.IndexFunc(all, func(v Veto) bool { return Equal(v.Hash, hash) })
	if i < 0 {
		return Veto{}, false
	}
	v = all[i]
	return v, v.Done.IsZero() || now.Sub(v.Done) < KeepEnded
}

// objected counts a wrong number against the one veto link that it was typed for.
func (r Recovery) objected(hash string) Recovery {
	if Equal(r.Link.VetoHash, hash) {
		l := *r.Link
		l.Objected++
		r.Link = &l
		return r
	}
	r.Vetoes = slices.Clone(r.Vetoes)
	for i, v := range r.Vetoes {
		if Equal(v.Hash, hash) {
			r.Vetoes[i].Objected++
		}
	}
	return r
}

// MaxObjections is how many wrong objection numbers a veto link takes before it is dead.
const MaxObjections = 5

// Veto ends the recovery from a veto link with the right objection number, without a sign-in; one that a veto has ended stays as it is. The caller
// stores the returned recovery with two errors too: CodeObjection, a wrong number, which counts; and CodeTooLate, an objection to what is being or was
// written, which is kept.
func (r Recovery) Veto(vetoHash, number string, now time.Time) (Recovery, error) {
	r = r.At(now)
	v, ok := r.objection(vetoHash, now)
	if !ok || v.Objected >= MaxObjections {
		return r, Fault(CodeLinkInvalid, "veto", nil)
	}
	if !Equal(v.Objection, number) {
		return r.objected(vetoHash), Fault(CodeObjection, "veto", nil)
	}
	late, open := r.State == Writing || !v.Done.IsZero(), r.State == Waiting || r.State == Proven
	if open {
		r = r.ended(EndVetoed, "", now)
	}
	switch {
	case late:
		if !r.Disputed(now) {
			r.Objected = now
		}
		return r, Fault(CodeTooLate, "veto", nil)
	case open, r.End == EndVetoed:
		return r, nil
	}
	return r, Fault(CodeLinkInvalid, "veto", nil)
}

// Disputed reports that somebody objected to a recovery of this person after its end: until it is cleared up no link is worth anything.
func (r Recovery) Disputed(now time.Time) bool {
	return !r.Objected.IsZero() && now.Sub(r.Objected) < KeepEnded
}

// undisputed refuses to mail anything that opens the account while somebody says that another one did with the last.
func (f *Flow) undisputed(ctx context.Context, person string) error {
	if r, _, err := f.read(ctx, person); err != nil || r.Disputed(f.Now()) {
		return firstError(err, Fault(CodeDeskOnly, "somebody objected", nil))
	}
	if t, _, err := f.Temporary(ctx, person); err != nil || t.Disputed(f.Now()) {
		return firstError(err, Fault(CodeDeskOnly, "somebody objected to a temporary code", nil))
	}
	return nil
}
