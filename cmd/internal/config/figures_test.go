package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// CFG-05, TOK-02: each configurable figure is taken at its bounds and refused one step outside, with the bound named.
func TestFiguresHoldTheirBounds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, f := range configurable() {
		if strings.Contains(f.Key, "[]") {
			continue // see TestFiguresOfPoliciesHoldTheirBounds
		}
		step := int64(1)
		write := func(n int64) string { return fmt.Sprint(n) }
		if f.Unit == nanoseconds {
			step = int64(time.Second)
			write = func(n int64) string { return DurationText(time.Duration(n)) }
		}
		name := (&field{path: f.Key}).env()
		extra := ""
		if strings.HasPrefix(f.Key, "store.redis") {
			extra = "OTPBRIDGE_STORE_REDIS_ADDRESSES=r:1"
		}
		text := strings.Replace(s.text, "store: {bolt: /var/lib/otpbridge/state.db}", "", 1)
		for n, want := range map[int64]string{f.Floor: "", f.Cap: "", f.Default: "", f.Cap + step: "is above the cap of " + f.text(f.Cap), f.Floor - step: "below the floor of " + f.text(f.Floor)} {
			_, faults := s.load(text, name+"="+write(n), extra)
			switch {
			case n < 0 && len(faults) == 1:
			case want == "" && faults != nil, want != "" && (len(faults) != 1 || !strings.Contains(faults[0], f.Key+": ") || !strings.Contains(faults[0], want)):
				t.Errorf("%s=%s: want %q, got %q", f.Key, write(n), want, faults)
			}
		}
	}
}

// CFG-05, POL-01, POL-04: the same for figures that stand in entries of a list.
func TestFiguresOfPoliciesHoldTheirBounds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const written = "approvals: 2, checks: 2}"
	for fresh, want := range map[string]string{
		"approvals: 1, checks: 1}": "", "approvals: 2, checks: 3}": "", "checks: 1, delay: 0h}": "", "checks: 1, delay: 72h}": "",
		"approvals: 0}":     "policies[0].approvals: is below the floor of 1",
		"approvals: 3}":     "policies[0].approvals: is above the cap of 2",
		"approvals: \"1\"}": "policies[0].approvals: is a text",
		"checks: 0}":        "policies[0].checks: is below the floor of 1",
		"checks: 6}":        "policies[0].checks: is above the cap of 5",
		"checks: 4}":        "policies[0].checks: is more than there are in help_desk.checks, allowed: at most 3",
		"delay: 72h1s}":     "policies[0].delay: is above the cap of 72h",
		"delay: 24}":        "policies[0].delay: is a bare number",
	} {
		_, faults := s.load(s.with(written, fresh))
		if want == "" && faults != nil || want != "" && (len(faults) != 1 || !strings.Contains(faults[0], want)) {
			t.Errorf("%s: want %q, got %q", fresh, want, faults)
		}
	}
}

func TestFiguresAreWhole(t *testing.T) {
	t.Parallel()
	for _, f := range figures() {
		if f.Reason == "" || f.Name == "" || f.Floor > f.Default || f.Default > f.Cap {
			t.Errorf("%+v", f)
		}
		if f.Key == "" {
			continue
		}
		i := slices.IndexFunc(fields(), func(k *field) bool { return k.path == f.Key })
		if i < 0 || fields()[i].def != f.text(f.Default) {
			t.Errorf("%s: the default of the key is not that of the figure", f.Key)
		}
	}
}

// Every default can be read, and every key has a meaning and, in both languages, what is allowed.
func TestFieldsAreWhole(t *testing.T) {
	t.Parallel()
	for _, f := range fields() {
		if f.meaning == "" || f.allowed.EN == "" || f.allowed.JA == "" || f.needed && f.def != "" {
			t.Errorf("%s is not whole", f.path)
		}
		var cfg Config
		for _, list := range slices.Sorted(maps.Keys(growers())) {
			growers()[list](&cfg)
		}
		if f.def == "" {
			continue
		}
		for _, p := range f.set(&cfg, f.split(f.def, place{})) {
			t.Errorf("%s: its default %s", f.path, p.what.EN)
		}
	}
}
