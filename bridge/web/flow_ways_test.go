package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// wayCase is an account, and what its owner may do by mail.
type wayCase struct {
	person func(*fakekc.Person)
	campus func(*campus.Campus)
	says   string // "" = a link is offered, to
	to     string
}

// TOK-12, TOK-14: to whom no link goes, and what they read.
func TestNoLinkGoesToAnAddressThatProvesNothing(t *testing.T) {
	t.Parallel()
	address := func(list ...string) func(*fakekc.Person) {
		return func(m *fakekc.Person) { m.Attributes = map[string][]string{"notificationEmail": list} }
	}
	event := func(c *campus.Campus, typ string, ago time.Duration) {
		c.KC.AddEvent(fakekc.Event{
			Type: typ, UserID: c.KC.PersonID("somebody"), ClientID: fakekc.ClientPortal, Time: c.Clock.Now().Add(-ago).UnixMilli(),
		})
	}
	byMail := func(c *campus.Campus) {
		c.Flow.Rules.Reset, c.Flow.Rules.ResetAttribute = bridge.ResetMail, "notificationEmail"
	}
	email := func(c *campus.Campus) { c.Flow.Rules.Sources = []bridge.AddressSource{{VerifiedEmail: true}} }
	for what, is := range map[string]wayCase{
		"none":              {person: address(), says: "no confirmed notification address"},
		"not an address":    {person: address("not an address"), says: "was never confirmed"},
		"campus":            {person: address("a@example.ac.jp"), says: "is a campus mailbox"},
		"below campus":      {person: address("a@Mail.Example.AC.jp"), says: "is a campus mailbox"},
		"second one":        {person: address("a@example.ac.jp", "a@elsewhere.example"), to: "a@elsewhere.example"},
		"not confirmed":     {person: func(m *fakekc.Person) { m.Unverified = true }, campus: email, says: "was never confirmed"},
		"own to change":     {campus: email, says: "needs attention"},
		"changed yesterday": {campus: func(c *campus.Campus) { event(c, "UPDATE_EMAIL", 24*time.Hour) }, says: "changed a short time ago"},
		"changed 73 h ago":  {campus: func(c *campus.Campus) { event(c, "UPDATE_EMAIL", 73*time.Hour) }, to: "somebody@mail.example.org"},
		"password yesterday": {
			campus: func(c *campus.Campus) {
				c.KC.SetPassword(c.KC.PersonID("somebody"), "somebody-password", c.Clock.Now().Add(-24*time.Hour))
			}, says: "Your password was set a short time ago",
		},
		"password reset yesterday":     {campus: func(c *campus.Campus) { event(c, "RESET_PASSWORD", 24*time.Hour) }, says: "Your password was set a short time ago"},
		"password by the same mailbox": {campus: byMail, says: "Your password was set a short time ago"},
		"a mailbox that sets no password": {
			person: func(m *fakekc.Person) { m.Attributes["resetEmail"] = []string{"other@elsewhere.example"} },
			campus: func(c *campus.Campus) {
				byMail(c)
				c.Flow.Rules.ResetAttribute = "resetEmail"
				c.KC.SetProfileAttribute(fakekc.ProfileAttribute{Name: "resetEmail", Permissions: fakekc.ProfileRights{Edit: []string{"admin"}}})
			}, to: "somebody@mail.example.org",
		},
		"young password where nobody resets": {
			campus: func(c *campus.Campus) {
				c.Flow.Rules.Reset = bridge.ResetNone
				c.KC.SetPassword(c.KC.PersonID("somebody"), "somebody-password", c.Clock.Now().Add(-time.Hour))
			}, to: "somebody@mail.example.org",
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			is.mustHold(t)
		})
	}
}

// mustHold signs the person in and presses for a link, offered or not.
func (is wayCase) mustHold(t *testing.T) {
	t.Helper()
	c := campus.Open(t)
	c.Flow.Rules.Desk = false
	if is.person == nil {
		is.person = func(*fakekc.Person) {}
	}
	name := member(c, "somebody", is.person)
	if is.campus != nil {
		is.campus(c)
	}
	p := newPerson(t, c)
	p.signIn(name)
	if is.says != "" {
		p.says(is.says)
		p.open("/", http.StatusOK)
		p.Body += `<input type="hidden" name="csrf" value="` + formToken(t, c, p.session()) + `">`
		p.must(p.Post(t.Context(), c.URL+"/recovery", map[string][]string{
			"csrf": {formToken(t, c, p.session())}, "do": {"start"}, "reason": {"lost"}, "way": {"mail"},
		}))
		if p.Status < 400 || len(c.Mails("")) > 0 {
			t.Errorf("asked all the same: %d, %d mails", p.Status, len(c.Mails("")))
		}
		return
	}
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	if got := lastLink(t, c).To; got != is.to {
		t.Errorf("sent to %s", got)
	}
	if strings.Contains(text(p.Body), is.to) {
		t.Error("the address is shown whole")
	}
}

// WB-08, POL-06: an operator's account is not recovered by mail.
func TestAnOperatorIsNotRecoveredByMail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "operator", func(m *fakekc.Person) { m.Roles = append(m.Roles, "otp-helpdesk") })
	p := newPerson(t, c)
	p.signIn("operator")
	p.says("done by the help desk")
	if len(c.Mails("")) > 0 {
		t.Error("mail was sent")
	}
}

// RL-02: one mail a minute, also from fifty requests at once on two replicas.
func TestFiftyPressesSendOneMail(t *testing.T) {
	t.Parallel()
	campus.OnBoth(t, func(t *testing.T, c *campus.Campus) { pressesFiftyTimes(t, c) })
}

// pressesFiftyTimes is somebody who asked for a link fifty times at once.
func pressesFiftyTimes(t *testing.T, c *campus.Campus) *person {
	t.Helper()
	c.Second(t)
	p := newPerson(t, c)
	p.signIn("alice")
	var got map[string]int
	c.Wait(t, "another answer to fifty presses than that the machine is busy", func() bool {
		got = together(t, c, times(50, post("/recovery", p.session(), p.token(), "do", "start", "reason", "lost", "way", "mail"))...)
		return got["503"] < 50 || len(c.Mails(bridge.NoticeLink)) > 0
	})
	if n := len(c.Mails(bridge.NoticeLink)); n != 1 || got["303 /recovery"] > 1 || got["303 /recovery"]+got["429"]+got["503"] != 50 { // a busy machine may say that it is one
		t.Fatalf("%d mails: %v", n, got)
	}
	return p
}

// RL-02: one mail a minute, three an hour; pressing too early uses up nothing. The limits of Redis go by its own clock, so this is on the other store.
func TestLinkMailsAreLimitedAndEarlyPressesCostNothing(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := pressesFiftyTimes(t, c)
	p.open("/recovery", http.StatusOK)
	for mails := 2; mails <= 3; mails++ {
		for range 5 {
			p.send("/recovery", http.StatusOK, "do", "resend")
			p.says("sent a moment ago")
		}
		c.Clock.Add(61 * time.Second)
		got := together(t, c, times(50, post("/recovery", p.session(), p.token(), "do", "resend"))...)
		if n := len(c.Mails(bridge.NoticeLink)); n != mails {
			t.Fatalf("%d mails, want %d: %v", n, mails, got)
		}
	}
	c.Clock.Add(61 * time.Second)
	p.send("/recovery", http.StatusTooManyRequests, "do", "resend")
	p.says("You can try again from")
	p.open("/recovery", http.StatusOK)
	p.says("Link valid until")
	for _, m := range c.Mails("") {
		if m.Kind != bridge.NoticeLink {
			t.Errorf("a mail of kind %s", m.Kind)
		}
	}
	newPerson(t, c).redeem("alice") // the last link still works
}

// RL-02: one mailbox gets ten links a day, whoever they are for: the eleventh is refused before a mail is made.
func TestOneMailboxGetsTenLinksADay(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	people := []string{"mia", "max"}
	for _, name := range people {
		member(c, name, func(p *fakekc.Person) { p.Attributes["notificationEmail"] = []string{"family@mail.example.org"} })
	}
	ask := func(n, want int) {
		p := newPerson(t, c)
		p.signIn(people[n%len(people)])
		p.send("/recovery", want, "do", "start", "reason", "lost", "way", "mail")
		if got := len(c.Mails(bridge.NoticeLink)); got != min(n+1, 10) {
			t.Fatalf("%d mails after %d starts", got, n+1)
		}
		c.Clock.Add(61 * time.Minute)
	}
	for n := range 10 {
		ask(n, http.StatusOK)
	}
	ask(10, http.StatusTooManyRequests)
	c.Clock.Add(24 * time.Hour)
	newPerson(t, c).ask("max")
}

// RL-04: nobody without the password uses up a quota or counts anything against a person.
func TestAFloodWithoutThePasswordCostsAPersonNothing(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	stranger := newPerson(t, c)
	stranger.open("/start", http.StatusOK)
	together(t, c, times(50, post("/start", stranger.session(), stranger.token(), "name", "alice"))...)
	alice := newPerson(t, c)
	alice.ask("alice")
	alice.redeem("alice")
	alice.finish()
	if len(c.Mails(bridge.NoticeLink)) != 1 || len(c.Mails(bridge.NoticeGateShut)) != 0 {
		t.Error("the flood sent mails")
	}
}

// A mail that cannot be queued: the page says that none is under way, and sending it again works.
func TestAMailThatCannotBeQueuedIsNotSaidToBeSent(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for _, code := range []bridge.Code{bridge.CodeStoreAway, bridge.CodeMailAway} {
		name := member(c, string(code))
		p := newPerson(t, c)
		p.signIn(name)
		c.Break("mail", bridge.Fault(code, "queue", nil))
		p.send("/recovery", http.StatusServiceUnavailable, "do", "start", "reason", "lost", "way", "mail")
		p.open("/recovery", http.StatusOK)
		p.says("The mail was not sent")
		p.says("no mail is under way")
		c.Clock.Add(61 * time.Second)
		p.send("/recovery", http.StatusServiceUnavailable, "do", "resend")
		p.open("/recovery", http.StatusOK)
		p.says("The mail was not sent")
		c.Break("mail", nil)
		c.Clock.Add(61 * time.Second)
		p.send("/recovery", http.StatusOK, "do", "resend")
		p.says("Mail sent")
		if strings.Contains(text(p.Body), "no mail is under way") {
			t.Error("the page still says that no mail is under way")
		}
		p.redeem(name)
	}
}
