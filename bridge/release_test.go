package bridge_test

import (
	"testing"

	"otpbridge/bridge"
)

// Issue 6: releases are compared line by line, as numbers; what cannot be read is as old as can be.
func TestReleasesAreCompared(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		line             string
		old, coarse, new bool
	}{
		"26.3.5": {"26.3", true, true, false}, "26.4.0": {"26.4", false, true, false}, "26.5.6.Final": {"26.5", false, true, false},
		"26.7.4": {"26.7", false, false, false}, "26.10.0": {"26.10", false, false, true}, "27.0.0": {"27.0", false, false, true},
		"25.9.9": {"25.9", true, true, false}, "nightly": {"0.0", true, true, false}, "": {"0.0", true, true, false},
	} {
		r := bridge.ParseRelease(text)
		if r.String() != want.line || r.Before(bridge.Oldest) != want.old || r.Before(bridge.FineRelease) != want.coarse || bridge.Newest.Before(r) != want.new {
			t.Errorf("%q is %s", text, r)
		}
	}
}
