package web_test

import (
	"net/http"
	"slices"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

func twoAddresses(p *fakekc.Person) {
	p.Attributes["notificationEmail"] = []string{p.Username + "@mail.example.org", p.Username + "@second.example.org"}
}

func noticeTo(t *testing.T, c *campus.Campus, kind bridge.NoticeKind, to string) bridge.Notice {
	t.Helper()
	all := c.Mails(kind)
	i := slices.IndexFunc(all, func(n bridge.Notice) bool { return n.To == to })
	if i < 0 {
		t.Fatalf("no %s to %s: %v", kind, to, all)
	}
	return all[i]
}

// MAIL-11: whoever reads one mailbox and types wrong numbers uses up the veto link of that mail only. The one that went to another address
// has its own token, number and count.
func TestOneMailboxCannotUseUpTheVetoOfAnother(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia", twoAddresses)
	thief := newPerson(t, c)
	thief.ask("mia")
	link, other := lastLink(t, c), noticeTo(t, c, bridge.NoticeRequest, "mia@second.example.org")
	if link.Veto == other.Veto || link.Veto == "" || other.Veto == "" {
		t.Fatal("two mails share a veto link")
	}
	thief.open("/veto/"+link.Veto.Reveal(), http.StatusOK)
	for range bridge.MaxObjections {
		thief.send("/veto", http.StatusUnprocessableEntity, "choice", "stop", "number", wrongNumber(link.Objection))
		thief.open("/veto/"+link.Veto.Reveal(), http.StatusOK)
	}
	thief.send("/veto", http.StatusNotFound, "choice", "stop", "number", link.Objection)
	owner := newPerson(t, c)
	owner.open("/veto/"+other.Veto.Reveal(), http.StatusOK)
	owner.send("/veto", http.StatusUnprocessableEntity, "choice", "stop", "number", wrongNumber(other.Objection))
	owner.send("/veto", http.StatusOK, "choice", "stop", "number", other.Objection)
	if r := recovery(t, c, "mia"); r.End != bridge.EndVetoed {
		t.Errorf("%s %s", r.State, r.End)
	}
}

// MAIL-10: a link proves nothing before the other addresses on record have been told, also when the mail to one of them cannot be queued.
func TestNoLinkProvesBeforeTheOthersAreTold(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia", twoAddresses)
	const second = "mia@second.example.org"
	c.Break("mail to "+second, bridge.Fault(bridge.CodeStoreAway, "queue", nil))
	p := newPerson(t, c)
	p.ask("mia")
	if r := recovery(t, c, "mia"); !slices.Equal(r.Untold, []string{second}) {
		t.Fatalf("to be told: %v", r.Untold)
	}
	p.comesBack("mia", lastLink(t, c).Link.Reveal())
	p.at("/link")
	link := p.token()
	p.send("/link", http.StatusServiceUnavailable, "do", "redeem")
	if r := recovery(t, c, "mia"); r.State != bridge.Waiting || r.Key != nil {
		t.Errorf("%s, with a key: %t", r.State, r.Key != nil)
	}
	c.Break("mail to "+second, nil)
	p.send("/link", http.StatusOK, "do", "redeem", "csrf", link)
	p.at("/enrol")
	if n := noticeTo(t, c, bridge.NoticeRequest, second); n.Veto == "" || n.Objection == "" {
		t.Error("told without a way to object")
	}
	if r := recovery(t, c, "mia"); len(r.Untold) > 0 || r.State != bridge.Proven {
		t.Errorf("%s, to be told: %v", r.State, r.Untold)
	}
}
