package bridge_test

import (
	"testing"
	"time"

	"otpbridge/bridge"
)

// TOK-12: no link goes anywhere while a mark says that the addresses were changed within 72 hours, or cannot be read, or could be taken away by people
// themselves. What administrators set without a mark counts as ever.
func TestMarksCloseTheMailWay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	rules := bridge.Rules{Sources: []bridge.AddressSource{{Attribute: "mail"}, {VerifiedEmail: true}}, Marks: "marks"}
	facts := bridge.RealmFacts{AdminOnly: map[string]bool{"mail": true, "marks": true}}
	for name, tt := range map[string]struct {
		marks []string
		want  bridge.Code
	}{
		"none":                       {nil, ""},
		"confirmed lately":           {[]string{at(-time.Hour) + " a@example.org"}, ""},
		"changed 71 h 59 min ago":    {[]string{at(-72*time.Hour + time.Minute)}, bridge.CodeAddressChanged},
		"changed 72 h ago":           {[]string{at(-72 * time.Hour)}, ""},
		"the later one of two rules": {[]string{at(-time.Hour), at(-90 * time.Hour)}, bridge.CodeAddressChanged},
		"by a clock ahead of ours":   {[]string{at(time.Hour)}, bridge.CodeAddressChanged},
		"no time":                    {[]string{"yesterday a@example.org"}, bridge.CodeAddressChanged},
		"empty":                      {[]string{""}, bridge.CodeAddressChanged},
	} {
		t.Run(name, func(t *testing.T) {
			a := bridge.Account{Email: "b@example.org", EmailVerified: true, Attributes: map[string][]string{"mail": {"a@example.org"}, "marks": tt.marks}}
			for _, got := range rules.Addresses(a, bridge.History{}, facts, now) {
				if got.Code != tt.want {
					t.Errorf("%s: %q, want %q", got.Value, got.Code, tt.want)
				}
			}
		})
	}
	open := bridge.RealmFacts{AdminOnly: map[string]bool{"mail": true}}
	a := bridge.Account{Attributes: map[string][]string{"mail": {"a@example.org"}}}
	if got := rules.Addresses(a, bridge.History{}, open, now); got[0].Code != bridge.CodeRealmUnsafe {
		t.Errorf("marks that people may edit: %q", got[0].Code)
	}
	rules.Marks = ""
	if got := rules.Addresses(a, bridge.History{}, open, now); got[0].Code != "" {
		t.Errorf("without settings: %q", got[0].Code)
	}
}

// Marks are added for what was confirmed, taken away with the address, and leave those of others as they are.
func TestMarksOfAChange(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	s := &bridge.Settings{Flow: &bridge.Flow{Rules: bridge.Rules{Marks: "marks"}}, Attribute: "mail"}
	had := map[string][]string{
		"mail": {"A@example.org", " b@example.org "}, "room": {"12"},
		"marks": {"2026-01-01T00:00:00Z a@example.org", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z b@example.org", "not a mark"},
	}
	got := bridge.WithAddress(s, had, "c@example.org", now)
	wantLists(t, got, map[string][]string{
		"mail": {"A@example.org", " b@example.org ", "c@example.org"},
		"marks": {
			"2026-01-01T00:00:00Z a@example.org", "2026-01-03T00:00:00Z b@example.org", "2026-11-29T10:00:00Z c@example.org", "2026-11-29T10:00:00Z",
		},
	})
	wantLists(t, bridge.WithAddress(s, got, "C@example.org", now), map[string][]string{
		"mail": got["mail"],
		"marks": {
			"2026-01-01T00:00:00Z a@example.org", "2026-01-03T00:00:00Z b@example.org", "2026-11-29T10:00:00Z C@example.org", "2026-11-29T10:00:00Z",
		},
	})
	wantLists(t, bridge.WithoutAddress(s, got, "b@EXAMPLE.org", now.Add(time.Hour)), map[string][]string{
		"mail":  {"A@example.org", "c@example.org"},
		"marks": {"2026-01-01T00:00:00Z a@example.org", "2026-11-29T10:00:00Z c@example.org", "2026-11-29T11:00:00Z"},
	})
	wantLists(t, had, map[string][]string{"mail": {"A@example.org", " b@example.org "}, "room": {"12"}, "marks": had["marks"]})
}

func wantLists(t *testing.T, got, want map[string][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%q, want %q", got, want)
	}
	for name, list := range want {
		if text, wanted := joined(got[name]), joined(list); text != wanted {
			t.Errorf("%s:\n%s\nwant:\n%s", name, text, wanted)
		}
	}
}

func joined(list []string) (out string) {
	for _, s := range list {
		out += s + "\n"
	}
	return out
}
