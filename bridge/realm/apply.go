package realm

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Run makes changes to a realm.
type Run struct {
	Caller Caller
	Wanted Wanted
	// Note is told of each change before it is made, so that one that is cut off can be undone. Its error ends the run.
	Note func(Change) error
	// Made is told of each change after it was made, Kept of each that is left as it is, because others use it now, and of one of those.
	Made func(Change)
	Kept func(c, by Change)
}

// Do makes the changes in their order. An error says at which one it stopped; those before it were made. What was cut off is seen by the
// next plan, which does the rest.
func (r Run) Do(ctx context.Context, changes []Change) error {
	known := kinds()
	for _, c := range changes {
		k, there := known[c.Kind]
		if !there {
			return fmt.Errorf("%s: no such kind of change", c.Kind)
		}
		if err := r.Note(c); err != nil {
			return fmt.Errorf("%s: %w", c.Title(), err)
		}
		err := k.write(ctx, actor{r.Caller, r.Wanted}, c)
		used, stays := errors.AsType[inUse](err)
		switch {
		case err == nil:
			r.Made(c)
		case c.Will == nil && stays:
			r.Kept(c, used.by)
		default:
			return fmt.Errorf("%s: %w", c.Title(), err)
		}
	}
	return nil
}

// Changes are the plan's changes in their order.
func (p Plan) Changes() []Change {
	out := make([]Change, len(p.Steps))
	for i, s := range p.Steps {
		out[i] = s.Change
	}
	return out
}

// Undo says what takes changes back that were noted, the last one first, as far as they are in force: what was not made after all is left out, and
// what was changed more than once goes back to the beginning at once, since what it was in between may rest on what is gone.
// kept stays: what somebody has changed since, and the switch of fine-grained permissions where the server that is wanted is harmed by it.
func (s *State) Undo(noted []Change, w Wanted) (undo, kept []Change) {
	known := kinds()
	for i := len(noted) - 1; i >= 0; i-- {
		c := noted[i]
		back := c.reversed()
		later := findIn(undo, c.about)
		here := value(known[c.Kind].now(s, c))
		if later != nil {
			here = later.Will
		}
		switch {
		case known[c.Kind].exists && (here == nil) == (back.Will == nil), known[c.Kind].exists && madeBefore(noted[:i], c), same(here, back.Will):
			continue // it is as it was, or an earlier change takes it back
		case known[c.Kind].remade && here == nil && c.Was != nil && c.Will != nil: // cut off after it was removed
			if later != nil {
				later.Will = back.Will
			} else {
				back.Was = nil
				undo = append(undo, back)
			}
		case !known[c.Kind].exists && !same(here, c.Will), back.SwitchesPermissionsOff() && !w.switchable():
			kept = append(kept, back)
		case later != nil:
			later.Will = back.Will
		default:
			undo = append(undo, back)
		}
	}
	return slices.DeleteFunc(undo, func(c Change) bool { return same(c.Was, c.Will) }), kept
}

// madeBefore reports whether an earlier change made the thing in the first place.
func madeBefore(earlier []Change, c Change) bool {
	return findIn(earlier, func(e Change) bool { return e.about(c) && e.Was == nil }) != nil && c.Was != nil
}
