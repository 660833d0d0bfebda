package bridge

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
)

const maxLabel = 100 // characters of a typed name; Keycloak takes 255

// labelSigns end every label, so that two of one day differ.
const labelSigns = 4

// newLabel makes a label that no other credential of the person has, case-blind: what was typed and the date, or the date alone, and
// four signs. Control characters are dropped.
func (f *Flow) newLabel(typed string, others []Credential) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, typed)
	clean = strings.TrimSpace(clean)
	if runes := []rune(clean); len(runes) > maxLabel {
		clean = strings.TrimSpace(string(runes[:maxLabel]))
	}
	return freshSigns(strings.TrimSpace(clean+" "+f.Rules.date(f.Now()))+" ", others)
}

// date is the day of a moment where the people are.
func (r Rules) date(now time.Time) string {
	if r.Zone != nil {
		now = now.In(r.Zone)
	}
	return now.Format(time.DateOnly)
}

// freshSigns ends a label with four signs that make it the person's only one.
func freshSigns(begin string, others []Credential) string {
	for {
		label := begin + NewReference()[:labelSigns]
		taken := false
		for _, c := range others {
			taken = taken || strings.EqualFold(strings.TrimSpace(c.Label), label)
		}
		if !taken {
			return label
		}
	}
}

// labelTaken reports whether a credential was refused for its label alone: another one got it since the label was chosen.
func labelTaken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == CodeRefusedByAccount && e.Field == "userLabel"
}

// relabel takes other signs for the label of a swap whose credential does not stand yet; the next step sends it again.
func (f *Flow) relabel(ctx context.Context, r Recovery, seen []Credential) error {
	old := r.Swap.New.Label
	label := freshSigns(old[:max(0, len(old)-labelSigns)], seen)
	f.Log.InfoContext(ctx, "the label was taken meanwhile; another one is sent", "recovery", r.ID)
	return f.swapChange(ctx, r, func(old *Recovery) {
		s := *old.Swap
		s.New.Label = label
		old.Swap, old.Label = &s, label
	})
}
