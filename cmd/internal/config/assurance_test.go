package config

import (
	"os"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
)

// POL-02: the mail way claims NIST's account recovery and not ASVS 6.4.4; the sample's policy for those who need that has the help desk only.
func TestMailClaimsNoVerifiedIdentity(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/assurance.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| mail |") && (!strings.Contains(line, "NIST SP 800-63B-4, account recovery") || strings.Contains(line, "6.4.4")) {
			t.Errorf("the mail way's line: %s", line)
		}
	}
	if !strings.Contains(string(text), "**The mail way does not meet ASVS 6.4.4.**") {
		t.Error("the page does not say what the mail way is not")
	}
	s := newSite(t)
	c, faults := s.load(s.text)
	if faults != nil {
		t.Fatal(faults)
	}
	policies := c.Rules().Policies
	staff := slices.IndexFunc(policies, func(p bridge.Policy) bool { return p.Name == "staff" })
	if staff < 0 || !slices.Equal(policies[staff].Ways, []bridge.Way{bridge.WayDesk}) {
		t.Errorf("the sample's policy for staff: %+v", policies)
	}
}
