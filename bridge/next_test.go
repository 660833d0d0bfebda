package bridge_test

import (
	"testing"
	"time"

	"otpbridge/bridge"
)

// Which page whom: design.md, "Next".
func TestNextNamesOnePageForEveryViewer(t *testing.T) {
	waiting, proven := begin(t), prove(t)
	stopped := proven
	stopped.Key = &bridge.Key{Stopped: true}
	writing, err := proven.Write("holder", bridge.Swap{New: bridge.NewCredential{Secret: "SECRET"}}, 1, t0.Add(3*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	done, err := writing.Finish(t0.Add(4 * time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	ended, err := waiting.Cancel("asker", t0)
	if err != nil {
		t.Fatal(err)
	}
	now := t0.Add(5 * time.Minute)
	nobody := bridge.Viewer{}
	asker := bridge.Viewer{Person: "p1", SignedInAt: t0.Add(-time.Minute), Holder: "asker", Recovery: "r1"}
	holder := bridge.Viewer{Person: "p1", SignedInAt: t0.Add(time.Minute), Holder: "holder", Recovery: "r1"}
	third := bridge.Viewer{Person: "p1", SignedInAt: t0.Add(time.Minute), Holder: "third"}
	other := bridge.Viewer{Person: "p2", SignedInAt: t0.Add(time.Minute), Holder: "other"}
	with := func(v bridge.Viewer, link string) bridge.Viewer { v.LinkHash = link; return v }
	old := func(v bridge.Viewer) bridge.Viewer { v.SignedInAt = now.Add(-16 * time.Minute); return v }
	tests := []struct {
		name  string
		r     bridge.Recovery
		found bool
		v     bridge.Viewer
		want  bridge.Step
	}{
		{"nobody", bridge.Recovery{}, false, nobody, bridge.StepSignIn},
		{"signed in, nothing open", bridge.Recovery{}, false, third, bridge.StepStart},
		{"signed in too long ago", bridge.Recovery{}, false, old(third), bridge.StepSignIn},
		{"asker waits", waiting, true, asker, bridge.StepWait},
		{"asker waits with an old sign-in", waiting, true, old(asker), bridge.StepWait},
		{"link, not signed in", bridge.Recovery{}, false, with(nobody, "hash"), bridge.StepLink},
		{"any token, not signed in", bridge.Recovery{}, false, with(nobody, "junk"), bridge.StepLink},
		{"link in the browser that asked, before the fresh sign-in", waiting, true, with(asker, "hash"), bridge.StepLink},
		{"link after a fresh sign-in", waiting, true, with(holder, "hash"), bridge.StepConfirm},
		{"junk after a fresh sign-in", waiting, true, with(holder, "junk"), bridge.StepLinkInvalid},
		{"planted link, waiting with an old sign-in", waiting, true, with(old(asker), "junk"), bridge.StepWait},
		{"own link, waiting with an old sign-in", waiting, true, with(old(asker), "hash"), bridge.StepLink},
		{"link of somebody else", bridge.Recovery{}, false, with(other, "hash"), bridge.StepLinkInvalid},
		{"foreign record is never shown", waiting, true, other, bridge.StepStart},
		{"holder", proven, true, holder, bridge.StepEnrol},
		{"holder after his link", proven, true, with(holder, "hash"), bridge.StepEnrol},
		{"holder after another link", proven, true, with(holder, "junk"), bridge.StepEnrol},
		{"holder after another link, with an old sign-in", proven, true, with(old(holder), "junk"), bridge.StepSignIn},
		{"writing, after another link", writing, true, with(holder, "junk"), bridge.StepWriting},
		{"third browser after another link", proven, true, with(third, "junk"), bridge.StepLinkInvalid},
		{"holder with an old sign-in", proven, true, old(holder), bridge.StepSignIn},
		{"holder, key stopped", stopped, true, holder, bridge.StepStopped},
		{"asker, proven elsewhere", proven, true, asker, bridge.StepElsewhere},
		{"third browser", proven, true, third, bridge.StepActive},
		{"second browser with the used link", proven, true, with(third, "hash"), bridge.StepLinkInvalid},
		{"writing", writing, true, holder, bridge.StepWriting},
		{"done", done, true, holder, bridge.StepDone},
		{"done, another browser", done, true, third, bridge.StepStart},
		{"ended", ended, true, asker, bridge.StepEnded},
		{"ended, another browser", ended, true, third, bridge.StepStart},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := bridge.Next(tt.r, tt.found, tt.v, now); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNextShowsAnExpiredRecoveryAsEnded(t *testing.T) {
	v := bridge.Viewer{Person: "p1", SignedInAt: t0.Add(59 * time.Minute), Holder: "asker", Recovery: "r1"}
	r := begin(t)
	if got := bridge.Next(r, true, v, r.Expires); got != bridge.StepEnded {
		t.Errorf("got %s", got)
	}
	if got := bridge.Next(r, true, v, r.Expires.Add(-time.Second)); got != bridge.StepWait {
		t.Errorf("got %s", got)
	}
}

// Time alone may change a page then, and at no other moment; a live page sleeps until that.
func TestNextChangeIsTheFirstMomentThatCounts(t *testing.T) {
	now := t0.Add(time.Hour)
	in := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	open := func(change func(*bridge.Recovery)) bridge.Recovery {
		r := bridge.Recovery{State: bridge.Waiting, Expires: in(60)}
		change(&r)
		return r
	}
	for name, tt := range map[string]struct {
		r    bridge.Recovery
		want time.Time
	}{
		"nothing":            {bridge.Recovery{}, now.Add(bridge.KeepEnded)},
		"waiting":            {open(func(*bridge.Recovery) {}), in(60)},
		"proven":             {open(func(r *bridge.Recovery) { r.State = bridge.Proven }), in(60)},
		"writing has no end": {open(func(r *bridge.Recovery) { r.State = bridge.Writing }), now.Add(bridge.KeepEnded)},
		"writing that is slow": {open(func(r *bridge.Recovery) {
			r.State, r.WritingAt = bridge.Writing, now.Add(-9*time.Second)
		}), now.Add(time.Second)},
		"a lock that is slow": {open(func(r *bridge.Recovery) {
			r.State, r.Reason, r.ProvenAt = bridge.Proven, bridge.ReasonStolen, now.Add(-9*time.Second)
		}), now.Add(time.Second)},
		"over":                {open(func(r *bridge.Recovery) { r.Expires = in(-1) }), now.Add(bridge.KeepEnded)},
		"this very moment":    {open(func(r *bridge.Recovery) { r.Expires = now }), now.Add(bridge.KeepEnded)},
		"a waiting period":    {open(func(r *bridge.Recovery) { r.NotBefore = in(20) }), in(20)},
		"a link":              {open(func(r *bridge.Recovery) { r.Link = &bridge.Link{Expires: in(30)} }), in(30)},
		"a link that is used": {open(func(r *bridge.Recovery) { r.State, r.Link = bridge.Proven, &bridge.Link{Expires: in(30)} }), in(60)},
		"a case": {open(func(r *bridge.Recovery) {
			r.Call = &bridge.Call{Case: &bridge.Case{Seen: in(-5)}}
		}), now.Add(bridge.CaseIdle - 5*time.Minute)},
		"a call without a case": {open(func(r *bridge.Recovery) { r.Call = &bridge.Call{Expires: in(5)} }), in(60)},
		"the first of all": {open(func(r *bridge.Recovery) {
			r.NotBefore, r.Link, r.Call = in(20), &bridge.Link{Expires: in(8)}, &bridge.Call{Case: &bridge.Case{Seen: now}}
		}), in(8)},
	} {
		if got := tt.r.NextChange(now); !got.Equal(tt.want) {
			t.Errorf("%s: %s, want %s", name, got.Sub(now), tt.want.Sub(now))
		}
	}
}
