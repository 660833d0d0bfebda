package web_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/phone"
)

const portalAddress = "http://localhost:8089"

// says wants words on the page at hand.
func (p *person) says(words string) {
	p.t.Helper()
	if !strings.Contains(text(p.Body), words) {
		p.t.Fatalf("%s (%d) does not say %q\n%s", p.URL, p.Status, words, text(p.Body))
	}
}

// proven is somebody in front of the key.
func proven(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	p := newPerson(t, c)
	p.ask(name)
	c.Clock.Add(time.Second) // a sign-in after the mail, by a clock that stands still, too
	p.redeem(name)
	return p
}

// oldSecret is the key of the old authenticator of everybody whom member adds.
const oldSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXA"

// member adds somebody who may recover by mail and had an authenticator, and returns the user name.
func member(c *campus.Campus, name string, change ...func(*fakekc.Person)) string {
	m := fakekc.Person{
		Username: name, First: name, Last: "Example", Email: name + "@example.net", Password: name + "-password", OTP: oldSecret,
		Groups: []string{"otp-recoverable"}, Roles: []string{"default-roles-campus"},
		Attributes: map[string][]string{"notificationEmail": {name + "@mail.example.org"}},
	}
	for _, f := range change {
		f(&m)
	}
	c.KC.AddPerson(m)
	return name
}

// otps lists the person's OTP credentials.
func otps(c *campus.Campus, name string) (ids []string) {
	for _, k := range c.KC.Credentials(c.KC.PersonID(name)) {
		if k.Type == bridge.TypeOTP {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// portal opens the sample application in a browser; ok says whether it let the person in with this code.
func (p *person) portal(name string, code func() string) (ok bool) {
	p.t.Helper()
	app := &loginform.App{Issuer: p.c.KC.Issuer, ID: fakekc.ClientPortal, Redirect: portalAddress + "/callback"}
	address, err := app.Start(p.t.Context(), nil)
	p.must(err)
	p.Stop = []string{portalAddress}
	p.must(p.SignIn(p.t.Context(), address, name, name+"-password", code))
	return p.Left != "" && p.Answer().Get("code") != ""
}

// portalWith is portal with the code of one of several authenticators.
func (p *person) portalWith(name, credential string, code func() string) (ok bool) {
	p.t.Helper()
	p.portal(name, nil)
	p.must(p.CodeFor(p.t.Context(), credential, code()))
	return p.Left != "" && p.Answer().Get("code") != ""
}

// opensPortal reports whether the code of a key opens the portal in a fresh browser.
func opensPortal(t *testing.T, c *campus.Campus, name string, key phone.Key) bool {
	t.Helper()
	return newPerson(t, c).portal(name, func() string { return key.Code(c.Clock.Now()) })
}

// oldKey is the key of an old authenticator.
func oldKey(t *testing.T) phone.Key {
	t.Helper()
	k, err := phone.FromBase32(oldSecret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newOnly wants exactly one authenticator, the new one: its code opens the portal and the old one's does not.
func newOnly(t *testing.T, c *campus.Campus, name string, key phone.Key) {
	t.Helper()
	if n := len(otps(c, name)); n != 1 {
		t.Fatalf("%s has %d authenticators", name, n)
	}
	c.Clock.Add(time.Minute) // another code than the one that was typed
	if opensPortal(t, c, name, oldKey(t)) {
		t.Errorf("the old code of %s still opens the portal", name)
	}
	if !opensPortal(t, c, name, key) {
		t.Errorf("the new code of %s does not open the portal", name)
	}
}

// oldStill wants the old authenticator to work and to be the only one.
func oldStill(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	if n := len(otps(c, name)); n != 1 {
		t.Fatalf("%s has %d authenticators", name, n)
	}
	c.Clock.Add(time.Minute)
	if !opensPortal(t, c, name, oldKey(t)) {
		t.Errorf("the old code of %s no longer opens the portal", name)
	}
}

// together makes one request many times at once and counts the answers.
func together(t *testing.T, c *campus.Campus, requests ...byHand) map[string]int {
	t.Helper()
	var mu sync.Mutex
	got := map[string]int{}
	var all sync.WaitGroup
	for _, q := range requests {
		all.Go(func() {
			a, err := q.try(t.Context(), c)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			got[strings.TrimSpace(fmt.Sprint(a.status, " ", a.header.Get("Location")))]++
		})
	}
	all.Wait()
	return got
}

func times(n int, q byHand) []byHand {
	out := make([]byHand, n)
	for i := range out {
		out[i] = q
	}
	return out
}

// comesBack opens the link of the last mail in this browser and signs in: the page then says what was asked.
func (p *person) comesBack(name, token string) {
	p.t.Helper()
	p.open("/link/"+token, http.StatusOK)
	p.send("/link", http.StatusOK, "do", "continue")
	p.send("/start", http.StatusOK, "name", name)
	p.must(p.Password(p.t.Context(), name, name+"-password"))
}

// wrongCode is a code of no step that is near.
func wrongCode(key phone.Key, now time.Time) string {
	near := map[string]bool{}
	step := key.Step(now)
	for s := step - 25; s < step+25; s++ {
		near[key.At(s)] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}

// rounds is how often a test repeats what it does: as often as it says with FULL=1, two fifths of that otherwise, one fifth under -short, and twice
// at least.
func rounds(full int) int {
	switch {
	case os.Getenv("FULL") == "1":
		return full
	case testing.Short():
		return max(2, full/5)
	}
	return max(2, full*2/5)
}

// tells wants a notice of that kind to each of the addresses.
func tells(t *testing.T, c *campus.Campus, kind bridge.NoticeKind, to ...string) {
	t.Helper()
	got := map[string]int{}
	for _, n := range c.Mails(kind) {
		got[n.To]++
	}
	for _, address := range to {
		if got[address] != 1 {
			t.Errorf("%d notices %s to %s, all: %v", got[address], kind, address, got)
		}
	}
}
