package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// The waiting page says of this request, on every replica, whether its mail was taken, is tried again, or was given up; then it can be sent
// again. Another person's page is not concerned, and a mail of an earlier link says nothing.
func TestTheWaitingPageSaysWhatBecameOfItsMail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	second := c.Second(t)
	member(c, "mia")
	alice, mia := newPerson(t, c), newPerson(t, c)
	alice.ask("alice")
	mia.ask("mia")
	first := c.Mails(bridge.NoticeLink)[0]
	if first.Person != c.KC.PersonID("alice") {
		t.Fatalf("the mail is %s's", first.Person)
	}
	says := func(p *person, want, not string) {
		t.Helper()
		for range 2 { // each replica
			p.open("/recovery", http.StatusOK)
			p.says(want)
			if strings.Contains(text(p.Body), not) {
				t.Errorf("the page says %q", not)
			}
		}
	}
	for _, step := range []struct {
		outcome   bridge.MailOutcome
		want, not string
	}{
		{bridge.MailDelayed, "The mail is delayed", "Mail sent."},
		{bridge.MailDropped, "The mail was not sent", "sent by itself"},
		{bridge.MailHanded, "Mail sent.", "not been sent"},
		{bridge.MailDropped, "no mail is under way. Send it again", "Mail sent."},
	} {
		if err := second.Flow.Mailed(t.Context(), first.Person, first.Link.Hash(), step.outcome); err != nil {
			t.Fatal(err)
		}
		says(alice, step.want, step.not)
		says(mia, "Mail sent.", "delayed")
	}
	alice.says("contact the help desk")
	c.Clock.Add(time.Minute)
	alice.send("/recovery", http.StatusOK, "do", "resend")
	says(alice, "Mail sent.", "not been sent")
	err := second.Flow.Mailed(t.Context(), first.Person, first.Link.Hash(), bridge.MailDropped)
	if bridge.CodeOf(err) != bridge.CodeNotOpen {
		t.Errorf("an earlier link: %v", err)
	}
	says(alice, "Mail sent.", "not been sent")
}

// What a fast mail server says before the request has noted that its mail is queued is not overwritten.
func TestAFastRefusalIsNotOverwritten(t *testing.T) {
	t.Parallel()
	r := bridge.Recovery{State: bridge.Waiting, Link: &bridge.Link{Hash: "h", Unsent: true}}
	r, err := r.Mailed("h", bridge.MailDropped)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = r.Sent("h"); err != nil || !r.Link.Unsent {
		t.Errorf("%v, unsent %v", err, r.Link.Unsent)
	}
}
