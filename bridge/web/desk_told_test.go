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

// OIDC-21: when two operators open the sign-in of somebody, every address on record hears of it, and until when; with one operator none
// does. Somebody without an address is told of at the supervisor's mailbox (HD-15).
func TestAPermitIsToldToEveryAddress(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	carol, dave := operator(t, c, "carol"), operator(t, c, "dave")
	for name, want := range map[string][]string{
		"somebody": {"somebody@mail.example.org", "second@mail.example.org"},
		"nobody":   {campus.Supervisor},
	} {
		member(c, name, func(p *fakekc.Person) {
			p.Attributes["notificationEmail"] = want
			if name == "nobody" {
				p.Attributes["notificationEmail"] = nil
			}
		})
		guessed(t, c, name)
		before := len(c.Mails(bridge.NoticePermit))
		carol.looksForPermit(name, http.StatusOK)
		carol.givesPermit(name, bridge.CheckInPerson, "T-1", http.StatusOK)
		if n := len(c.Mails(bridge.NoticePermit)); n != before {
			t.Errorf("%s: %d mails after the first operator", name, n-before)
		}
		dave.looksForPermit(name, http.StatusOK)
		dave.givesPermit(name, bridge.CheckInPerson, "T-2", http.StatusOK)
		got := c.Mails(bridge.NoticePermit)[before:]
		if len(got) != len(want) {
			t.Fatalf("%s: %+v", name, got)
		}
		for i, n := range got {
			if n.To != want[i] || n.NotAfter.Sub(n.At) != 10*time.Minute || n.Link != "" {
				t.Errorf("%s: %+v", name, n)
			}
			m, err := c.Web.View.Notice(n)
			if err != nil || !strings.Contains(m.Text, "open until") || !strings.Contains(m.Text, "までです") {
				t.Errorf("%v: %s", err, m.Text)
			}
		}
	}
}

// MAIL-01, POL-05: the help desk's mailbox hears, without a name, of a veto, of a gate that stays shut, and of an end that only the mailbox
// of the link heard of. The last is flagged on the trail.
func TestTheHelpDesksMailboxHearsWhatItShouldLookAt(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Flow.Rules.DeskMailbox = "desk@example.ac.jp"
	member(c, "one")
	proven(t, c, "one").finish()
	member(c, "two", func(p *fakekc.Person) {
		p.Attributes["notificationEmail"] = []string{"two@mail.example.org", "2@mail.example.org"}
	})
	proven(t, c, "two").finish()
	member(c, "vetoed")
	newPerson(t, c).ask("vetoed")
	link := c.Mails(bridge.NoticeLink)[2]
	stranger := newPerson(t, c)
	stranger.open("/veto/"+link.Veto.Reveal(), http.StatusOK)
	stranger.send("/veto", http.StatusOK, "choice", "stop", "number", link.Objection)
	member(c, "guessed")
	guessed(t, c, "guessed")
	for _, kind := range []bridge.NoticeKind{bridge.NoticeDeskOne, bridge.NoticeDeskVetoed, bridge.NoticeDeskGate} {
		got := c.Mails(kind)
		if len(got) != 1 || got[0].To != "desk@example.ac.jp" || got[0].Name != "" {
			t.Errorf("%s: %+v", kind, got)
			continue
		}
		m, err := c.Web.View.Notice(got[0])
		if err != nil || strings.Contains(m.Text, "@mail") || strings.Contains(m.Text, "/link/") {
			t.Errorf("%s: %v: %s", kind, err, m.Text)
		}
	}
	flagged := 0
	for _, e := range c.Events("swap.done") {
		if e.Detail["told"] != "" {
			flagged++
		}
	}
	if flagged != 1 {
		t.Errorf("%d ends are flagged", flagged)
	}
}

// A help desk with a mailbox hears that somebody is about to call only if the configuration says so; the mail holds no name and no code.
func TestACallIsAnnouncedOnlyIfConfigured(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Rules(func(r *bridge.Rules) { r.DeskMailbox = "desk@example.ac.jp" })
	caller(t, c, "bob").send("/recovery", http.StatusOK, "do", "cancel")
	if all := c.Mails(bridge.NoticeCall); len(all) != 0 {
		t.Fatalf("announced by default: %+v", all)
	}
	c.Rules(func(r *bridge.Rules) { r.AnnounceCalls = true })
	p := caller(t, c, "alice")
	all := c.Mails(bridge.NoticeCall)
	if len(all) != 1 || all[0].To != "desk@example.ac.jp" || all[0].Name != "" {
		t.Fatalf("%+v", all)
	}
	m, err := c.Web.View.Notice(all[0])
	code := p.reads()
	for _, secret := range []string{"alice", "Alice", code, code[:4] + " " + code[4:]} {
		if err != nil || strings.Contains(m.Subject+m.Text, secret) {
			t.Errorf("%v: says %q\n%s", err, secret, m.Text)
		}
	}
}
