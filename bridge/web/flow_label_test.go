package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// label is the name of the person's only authenticator.
func label(t *testing.T, c *campus.Campus, name string) string {
	t.Helper()
	var out []string
	for _, k := range c.KC.Credentials(c.KC.PersonID(name)) {
		if k.Type == bridge.TypeOTP {
			out = append(out, k.Label)
		}
	}
	if len(out) != 1 {
		t.Fatalf("authenticators: %q", out)
	}
	return out[0]
}

// ENR-13: a name of any script is kept with the date behind it, fits into Keycloak's column, and holds nothing without a shape.
func TestANameOfAnyScriptTellsDevicesApart(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Clock.Stop()                                 // on one day
	c.Clock.Zone(time.FixedZone("here", -12*3600)) // where it is another day
	for i, tt := range []struct{ typed, want string }{
		{"", ""},
		{"  わたしの電話　", "わたしの電話 "},
		{"هاتفي", "هاتفي "},
		{"e\u0301tudes", "\u00e9tudes "}, // composed
		{"a\u202eb\x00c\u2028", "abc "},
		{"\u200dگوشی\u200cها \u200c1\u200c", "گوشی\u200cها 1 "}, // a joiner stays between letters only
		{strings.Repeat("𝒳", 100), strings.Repeat("𝒳", 100) + " "},
	} {
		name := member(c, "owner"+string(rune('a'+i)))
		p := proven(t, c, name)
		today := c.Clock.Now().In(c.Flow.Rules.Zone).Format(time.DateOnly)
		p.send("/enrol", http.StatusOK, "do", "confirm", "code", p.code(p.scan()), "label", tt.typed)
		p.at("/done")
		got := label(t, c, name)
		rest, ok := strings.CutPrefix(got, tt.want+today+" ")
		if !ok || len(rest) != 4 || len(utf16.Encode([]rune(got))) > 255 {
			t.Errorf("%q became %q", tt.typed, got)
		}
	}
	p := proven(t, c, member(c, "talker"))
	p.send("/enrol", http.StatusUnprocessableEntity, "do", "confirm", "code", p.code(p.scan()), "label", strings.Repeat("x", 101))
	oldStill(t, c, "talker")
}

// ENR-13, SWAP-07: a label that another credential got after it was chosen, in whatever case, costs the person nothing: another one is taken.
func TestALabelTakenMeanwhileIsReplaced(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	p, key := writing(t, c, name)
	chosen := recovery(t, c, name).Swap.New.Label
	id := c.KC.PersonID(name)
	c.KC.AddCredential(id, fakekc.Credential{Type: "webauthn", Label: " " + strings.ToLower(chosen) + " ", Data: "{}", SecretData: "{}"})
	if next, err := c.Flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() {
		t.Fatal(next, err)
	}
	got, rec := label(t, c, name), recovery(t, c, name)
	if strings.EqualFold(got, chosen) || got[:len(got)-4] != chosen[:len(chosen)-4] || rec.Label != got || rec.State != bridge.Done {
		t.Errorf("chosen %q, now %q, on record %q, %s", chosen, got, rec.Label, rec.State)
	}
	if n := len(c.Events("swap.intended")) + len(c.Events("swap.done")); n != 2 || len(c.Events("swap.refused")) != 0 {
		t.Errorf("%d events", n)
	}
	p.open("/recovery", http.StatusOK)
	p.says(got)
	c.Clock.Add(time.Minute)
	if !opensPortal(t, c, name, key) {
		t.Error("the new code does not open the portal")
	}
}
