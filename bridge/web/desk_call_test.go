package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// HD-02, HD-03, HD-07, HD-11: the whole call. The caller's own browser gets the key, and nobody else's does.
func TestACallerWhomAnOperatorKnowsGetsANewAuthenticator(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	caller := caller(t, c, "somebody")
	other := at(t, c, "somebody")
	other.signIn("somebody")
	carol := operator(t, c, "carol")
	carol.looksUp("somebody", caller.reads())
	caller.open("/recovery", http.StatusOK)
	caller.says("The operator is checking")
	carol.approves()
	carol.says("Approved")
	other.open("/recovery", http.StatusOK)
	if other.path() == "/enrol" {
		t.Error("another browser of the person shows the key")
	}
	caller.open("/recovery", http.StatusOK)
	caller.at("/enrol")
	key := caller.scan()
	caller.send("/enrol", http.StatusOK, "do", "confirm", "code", caller.code(key))
	caller.at("/done")
	newOnly(t, c, "somebody", key)
	tells(t, c, bridge.NoticeRequest, "somebody@mail.example.org")
	tells(t, c, bridge.NoticeApproved, "somebody@mail.example.org")
	tells(t, c, bridge.NoticeCompleted, "somebody@mail.example.org")
	for _, name := range []string{"desk.opened", "desk.approved", "alarm.weak_approval", "recovery.proven", "swap.done"} {
		if countEvents(c, name) != 1 {
			t.Errorf("%d events %s", countEvents(c, name), name)
		}
	}
}

// HD-15, HD-05: whoever has no address needs two people at the desk; the supervisor's mailbox is told.
func TestACallerWithoutAnAddressNeedsTwoOperators(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	bob, carol, dave := caller(t, c, "bob"), operator(t, c, "carol"), operator(t, c, "dave")
	first := bob.reads()
	carol.looksUp("bob", first)
	carol.says("no notification address")
	carol.approves()
	bob.open("/recovery", http.StatusOK)
	bob.says("second")
	dave.send("/desk", http.StatusUnprocessableEntity, "name", "bob", "code", first)
	second := bob.reads()
	carol.looksUp("bob", second)
	carol.decides(http.StatusForbidden, "approve", "T-2", "video")
	dave.looksUp("bob", second)
	dave.says("Carol")
	dave.approves()
	bob.open("/recovery", http.StatusOK)
	bob.at("/enrol")
	bob.finish()
	for _, n := range c.Mails("") {
		if n.To != campus.Supervisor {
			t.Errorf("notice %s to %s", n.Kind, n.To)
		}
	}
	if len(c.Mails(bridge.NoticeApproved)) != 2 {
		t.Errorf("%d notices of approvals", len(c.Mails(bridge.NoticeApproved)))
	}
}

// OIDC-09: no key is shown to a sign-in of more than 15 minutes ago. Whoever waited longer reads why the password is asked for once more, and
// then sees the key in the same browser.
func TestACallerWhoWaitedLongSignsInAgain(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p := caller(t, c, "somebody")
	for range 2 {
		c.Clock.Add(8 * time.Minute)
		p.open("/recovery", http.StatusOK)
	}
	p.send("/recovery", http.StatusOK, "do", "renew")
	carol := operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	carol.approves()
	p.open("/recovery", http.StatusOK)
	p.at("/start")
	p.says("The identity check is finished")
	p.says("Type your password once more")
	stranger := at(t, c, "bob")
	stranger.open("/start", http.StatusOK)
	if strings.Contains(stranger.Body, "The identity check is finished") {
		t.Error("a stranger reads it")
	}
	p.signIn("somebody")
	p.at("/enrol")
	p.finish()
}
