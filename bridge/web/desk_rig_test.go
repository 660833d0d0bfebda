package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// homes are where people of the desk's tests come from.
var homes = map[string]string{"carol": "198.51.100.3", "dave": "198.51.100.4"}

// at is somebody with a browser at an address of their own.
func at(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	p := newPerson(t, c)
	if p.From = homes[name]; p.From == "" {
		p.From = "192.0.2.7"
	}
	return p
}

// secretOf is the key of one of the realm's first people.
func secretOf(name string) string {
	return "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX" + strings.ToUpper(name[:1])
}

// caller is somebody who waits for the desk.
func caller(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	p := at(t, c, name)
	p.calls(name)
	return p
}

func (p *person) calls(name string) {
	p.t.Helper()
	p.signIn(name)
	p.at("/recovery")
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "desk")
	p.at("/recovery")
}

var shownCode = regexp.MustCompile(`<dd class="big"><span aria-hidden="true">(\d{4}) (\d{4})</span>`)

// reads is the call code on the caller's page.
func (p *person) reads() string {
	p.t.Helper()
	p.open("/recovery", http.StatusOK)
	m := shownCode.FindStringSubmatch(p.Body)
	if m == nil {
		p.t.Fatalf("no call code on %s\n%s", p.URL, text(p.Body))
	}
	return m[1] + m[2]
}

// operator is somebody in front of the console, signed in with password and code.
func operator(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	p := at(t, c, name)
	p.signInFully(name, "/desk")
	p.at("/desk")
	p.want(http.StatusOK)
	return p
}

func (p *person) signInFully(name, path string) {
	p.t.Helper()
	p.c.Clock.Add(30 * time.Second) // each code opens one sign-in only
	p.must(p.SignIn(p.t.Context(), p.c.URL+path, name, name+"-password", func() string { return codeOf(p.t, secretOf(name), p.c.Clock.Now()) }))
}

// looksUp types a pair and arrives at the case.
func (p *person) looksUp(name, code string) {
	p.t.Helper()
	p.open("/desk", http.StatusOK)
	p.send("/desk", http.StatusOK, "name", name, "code", code)
	p.at("/desk/case")
}

// decides sends the case's form.
func (p *person) decides(want int, do, ticket string, checks ...string) {
	p.t.Helper()
	p.must(p.Post(p.t.Context(), p.c.URL+"/desk/case", url.Values{"csrf": {p.token()}, "case": {p.caseID()}, "do": {do}, "ticket": {ticket}, "checks": checks}))
	p.want(want)
}

var caseField = regexp.MustCompile(`name="case" value="([^"]+)"`)

// caseID is what the forms of the case at hand, or of the one that is open in this browser, name it by; "" when there is none.
func (p *person) caseID() string {
	p.t.Helper()
	for _, body := range []func() string{func() string { return p.Body }, func() string { return get("/desk/case", p.session()).to(p.t, p.c).body }} {
		if m := caseField.FindStringSubmatch(body()); m != nil {
			return m[1]
		}
	}
	return ""
}

// approves approves with the ID by video.
func (p *person) approves() {
	p.t.Helper()
	p.decides(http.StatusOK, "approve", "T-1", "video")
}

var shownPair = regexp.MustCompile(`name="words" value="(\d+)"`)

// pairs are the match words that the operator picks from.
func (p *person) pairs() []string {
	var out []string
	for _, m := range shownPair.FindAllStringSubmatch(p.Body, -1) {
		out = append(out, m[1])
	}
	return out
}

// withPhone gives somebody a number on record.
func withPhone(c *campus.Campus, name string) {
	c.KC.Change(c.KC.PersonID(name), func(a *fakekc.Account) {
		if a.Attributes == nil {
			a.Attributes = map[string][]string{}
		}
		a.Attributes[campus.PhoneAttribute] = []string{"+81 75-753-1234"}
	})
}

// roles changes the realm roles of somebody.
func roles(c *campus.Campus, name string, change func([]string) []string) {
	c.KC.Change(c.KC.PersonID(name), func(a *fakekc.Account) { a.Roles = change(a.Roles) })
}

func without(role string) func([]string) []string {
	return func(all []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(r string) bool { return r == role })
	}
}

func with(role string) func([]string) []string {
	return func(all []string) []string { return append(slices.Clone(all), role) }
}

// countEvents is how often an event was recorded.
func countEvents(c *campus.Campus, name string) int { return len(c.Events(name)) }

// policies makes these rule, in this order.
func policies(c *campus.Campus, p ...bridge.Policy) {
	c.Rules(func(r *bridge.Rules) { r.Policies = p })
}

// wasDesk signs somebody in at the console and out again.
func (p *person) wasDesk(name string) {
	p.t.Helper()
	p.signInFully(name, "/desk")
	p.send("/signout", http.StatusOK)
}
