package bridge_test

import (
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
)

// An address that no mail can be sent to gets neither a link nor a notice, whatever else is wrong with it: a swap would wait for its notice.
func TestAddressesThatCannotBeMailedAreNone(t *testing.T) {
	t.Parallel()
	rules := bridge.Rules{Sources: []bridge.AddressSource{{Attribute: "mail"}}}
	for value, want := range map[string]bool{
		"a@example.org": true, "a..b@docomo.example": true, "a+b@x.example.org": true, "tarō@example.org": false, "a@例え.jp": false,
		"a@[1.2.3.4]": false, "a@b_c.example": false, strings.Repeat("a", 65) + "@example.org": false, "Name <a@example.org>": false, "a@x,b@x": false,
	} {
		for _, adminOnly := range []bool{true, false} {
			facts := bridge.RealmFacts{AdminOnly: map[string]bool{"mail": adminOnly}}
			s := rules.Snapshot(bridge.Account{Attributes: map[string][]string{"mail": {value}}}, bridge.History{}, facts, time.Now())
			_, link := s.LinkAddress()
			if link != (want && adminOnly) || (len(s.Others("")) == 1) != want || bridge.Deliverable(value) != want {
				t.Errorf("%s, administrators only %v: link %v, told %v", value, adminOnly, link, s.Others(""))
			}
		}
	}
}
