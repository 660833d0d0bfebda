package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/loginform"
)

var (
	shownCode  = regexp.MustCompile(`<dd class="big"><span aria-hidden="true">(\d{4} \d{4})</span>`)
	openCase   = regexp.MustCompile(`name="case" value="([^"]+)"`)
	shownPair  = regexp.MustCompile(`(?s)<p class="big word">(.*?)</p>`)
	shownPairs = regexp.MustCompile(`(?s)name="words" value="(\d+)"[^>]*><span>(.*?)</span></label>`)
)

// approves does an operator's part: the pair that the caller reads out, the call-back, the words on the caller's page, the approval.
func (n *newcomer) approves(operator person, caller *newcomer, name string) {
	n.t.Helper()
	n.must(n.SignIn(n.t.Context(), n.d.Bridge+"/desk", operator.Username, operator.Password, func() string { return n.reads("old-" + operator.Username) }))
	n.sees(n.d.Bridge+"/desk", "csrf")
	caller.must(caller.Get(caller.t.Context(), n.d.Bridge+"/recovery"))
	code := shownCode.FindStringSubmatch(caller.Body)
	if code == nil {
		n.t.Fatalf("no call code on %s\n%s", caller.URL, caller.Body)
	}
	n.sends("/desk", "name", name, "code", code[1])
	n.sees(n.d.Bridge+"/desk/case", "81 75-000-")
	n.sends("/desk/case", "do", "callback")
	caller.must(caller.Get(caller.t.Context(), n.d.Bridge+"/recovery"))
	words := shownPair.FindStringSubmatch(caller.Body)
	if words == nil {
		n.t.Fatalf("no match words on %s\n%s", caller.URL, caller.Body)
	}
	for _, pair := range shownPairs.FindAllStringSubmatch(n.Body, -1) {
		if strings.TrimSpace(pair[2]) == strings.TrimSpace(words[1]) {
			n.sends("/desk/case", "do", "pick", "words", pair[1])
		}
	}
	n.sends("/desk/case", "do", "approve", "ticket", "DEMO-1", "checks", "callback")
	n.sees(n.d.Bridge+"/desk/case", "csrf")
	n.sends("/signout")
}

// The second script: bob phones; carol and dave, in one private window after the other, approve; his own page shows the key.
func TestNewcomerTriesTheHelpDesk(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := started(t, newDemo(t, options{}, c))
	used := map[string]bool{}
	bob, carol, dave := d.people[1], d.people[2], d.people[3]
	caller, private := &newcomer{loginform.New(), t, d, c, used}, &newcomer{loginform.New(), t, d, c, used}
	caller.must(caller.Get(t.Context(), d.Bridge+"/start"))
	caller.typesPassword(bob)
	caller.sends("/recovery", "do", "start", "reason", "lost", "way", "desk")
	private.approves(carol, caller, "bob")
	private.approves(dave, caller, "bob")
	caller.must(caller.Get(t.Context(), d.Bridge+"/recovery"))
	caller.sees(d.Bridge+"/enrol", "csrf")
	caller.copiesKey(bob)
	caller.sends("/enrol", "do", "confirm", "code", caller.reads("new-bob"))
	if caller.Status != http.StatusOK {
		t.Fatalf("%d at %s", caller.Status, caller.URL)
	}
	for strings.HasSuffix(caller.URL, "/recovery") { // finishing
		caller.must(caller.Get(t.Context(), d.Bridge+"/recovery"))
	}
	caller.opensPortal(bob, "new-bob")
	caller.sees(d.Portal, `Signed in as <b id="username">bob</b>`)
	home := get(t, d.Pages+"/").body
	if !strings.Contains(home, "private window") {
		t.Error("the page of the demo does not tell how to try the help desk")
	}
}
