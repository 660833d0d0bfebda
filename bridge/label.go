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
// four signs.
func (f *Flow) newLabel(typed string, others []Credential) string {
	return freshSigns(strings.TrimSpace(cleanLabel(typed)+" "+f.Rules.date(f.Now()))+" ", others)
}

// cleanLabel drops what has no shape, and what is too long.
func cleanLabel(typed string) string {
	clean := strings.TrimSpace(graphic(typed))
	if runes := []rune(clean); len(runes) > maxLabel {
		clean = strings.TrimSpace(string(runes[:maxLabel]))
	}
	return clean
}

// graphic drops what has no shape. Two signs that join letters or keep them apart, as Persian and Indic scripts need, stay between letters.
func graphic(text string) string {
	letter := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }
	runes, out := []rune(text), strings.Builder{}
	for i, r := range runes {
		joiner := r == '\u200c' || r == '\u200d'
		between := i > 0 && i+1 < len(runes) && letter(runes[i-1]) && letter(runes[i+1])
		if unicode.IsGraphic(r) || joiner && between {
			out.WriteRune(r)
		}
	}
	return out.String()
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
		s.New.Label, s.Refused, s.RefusedAt = label, "", time.Time{}
		old.Swap, old.Label = &s, label
	})
}
