package bridge

import (
	"slices"
	"strings"
	"time"
)

// marks are what the attribute beside the notification addresses says of them. Each of its values is a time, in UTC, and the address that was
// confirmed then; one without an address is when the addresses were changed last.
type marks struct {
	confirmed map[string]time.Time // by address in lower case
	changed   time.Time
}

// at is when an address was confirmed, zero if that is not known.
func (m marks) at(address string) time.Time { return m.confirmed[strings.ToLower(address)] }

// far is when a mark that cannot be read counts as made: what it says is not known, so the addresses count as just changed.
var far = time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)

// marks reads the marks of an account.
func (r Rules) marks(a Account) marks {
	m := marks{confirmed: map[string]time.Time{}}
	if r.Marks == "" {
		return m
	}
	for _, value := range a.Attributes[r.Marks] {
		at, address, ok := parseMark(value)
		switch {
		case !ok:
			m.changed = far
		case address != "":
			m.confirmed[strings.ToLower(address)] = at
		case at.After(m.changed):
			m.changed = at
		}
	}
	return m
}

func parseMark(value string) (at time.Time, address string, ok bool) {
	text, address, _ := strings.Cut(value, " ")
	at, err := time.Parse(time.RFC3339, text)
	return at, address, err == nil
}

func mark(at time.Time, address string) string {
	return strings.TrimSpace(at.UTC().Format(time.RFC3339) + " " + address)
}

// changedMarks are the marks after a change at a time: of everything but one address, with another one, "" for none.
func changedMarks(old []string, at time.Time, without, with string) []string {
	kept := slices.DeleteFunc(slices.Clone(old), func(value string) bool {
		_, address, ok := parseMark(value)
		return !ok || address == "" || strings.EqualFold(address, without) || strings.EqualFold(address, with)
	})
	if with != "" {
		kept = append(kept, mark(at, with))
	}
	return append(kept, mark(at, ""))
}

// withAddress is what a person's attributes become with one more confirmed address.
func (s *Settings) withAddress(now map[string][]string, address string, at time.Time) map[string][]string {
	list := slices.Clone(now[s.Attribute])
	if !hasAddress(list, address) {
		list = append(list, address)
	}
	return map[string][]string{s.Attribute: list, s.Rules.Marks: changedMarks(now[s.Rules.Marks], at, "", address)}
}

// withoutAddress is what they become without one.
func (s *Settings) withoutAddress(now map[string][]string, address string, at time.Time) map[string][]string {
	list := slices.DeleteFunc(slices.Clone(now[s.Attribute]), func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), address) })
	return map[string][]string{s.Attribute: list, s.Rules.Marks: changedMarks(now[s.Rules.Marks], at, address, "")}
}
