package config

import (
	"strings"
	"testing"
)

// CFG-01: a byte order mark, as some editors put it in front of a file, hides no key.
func TestAMarkInFrontOfTheFileHidesNoKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, faults := s.load("\ufeff" + s.text); faults != nil {
		t.Errorf("%s", strings.Join(faults, "\n"))
	}
	if _, faults := s.load("\ufeffbase_ulr: x\n" + s.text); len(faults) != 1 || !strings.Contains(faults[0], "otpbridge.yaml:1:1: base_ulr: ") {
		t.Errorf("a mistyped key: %s", strings.Join(faults, "\n"))
	}
}
