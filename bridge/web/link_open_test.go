package web_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// TOK-01: a token is 32 random bytes, bound to its purpose.
func TestALinkTokenIsRandomAndForOnePurpose(t *testing.T) {
	t.Parallel()
	seen := map[bridge.Secret]bool{}
	const many = 100_000
	for range many {
		seen[bridge.NewToken()] = true
	}
	if len(seen) != many {
		t.Errorf("%d different tokens of %d", len(seen), many)
	}
	c := campus.Open(t)
	p := newPerson(t, c)
	p.ask("alice")
	mail := lastLink(t, c)
	for _, token := range []bridge.Secret{mail.Link, mail.Veto} {
		raw, err := base64.RawURLEncoding.DecodeString(token.Reveal())
		if err != nil || len(raw) != 32 {
			t.Errorf("%d bytes, %v", len(raw), err)
		}
	}
	before := facts(t, c, "alice")
	p = newPerson(t, c)
	p.open("/link/"+mail.Veto.Reveal(), http.StatusOK) // the veto link as a link
	p.send("/link", http.StatusOK, "do", "continue")
	p.send("/start", http.StatusOK, "name", "alice")
	p.must(p.Password(t.Context(), "alice", "alice-password"))
	p.want(http.StatusNotFound)
	anybody := newPerson(t, c)
	anybody.open("/veto/"+mail.Link.Reveal(), http.StatusOK) // the link as a veto link
	anybody.send("/veto", http.StatusNotFound, "choice", "stop", "number", mail.Objection)
	if facts(t, c, "alice") != before {
		t.Error("a token worked for another purpose")
	}
}

var ownValues = regexp.MustCompile(`name="csrf" value="[^"]*"|data-in="\d+"`)

// page is the body without what differs by session: the form token, and the seconds to its end.
func page(a answer) string { return ownValues.ReplaceAllString(a.body, "") }

// opens follows /link/{token} by hand and returns both answers, and the session that the browser has then.
func opens(t *testing.T, c *campus.Campus, token, session string) (first, second answer, after string) {
	t.Helper()
	first = get("/link/"+token, session).to(t, c)
	after = first.session(t)
	return first, get("/link", after).to(t, c), after
}

// oddTokens are tokens that open nothing, each for another reason; alice has an open recovery afterwards, whose link is "open".
func oddTokens(t *testing.T, c *campus.Campus) map[string]string {
	t.Helper()
	p := newPerson(t, c)
	p.ask("alice")
	out := map[string]string{"superseded": lastLink(t, c).Link.Reveal()}
	c.Clock.Add(61 * time.Second)
	p.open("/recovery", http.StatusOK)
	p.send("/recovery", http.StatusOK, "do", "resend")
	out["open"] = lastLink(t, c).Link.Reveal()
	used := newPerson(t, c)
	enrolled(c, "used")
	used.ask("used")
	out["used"] = lastLink(t, c).Link.Reveal()
	used.redeem("used")
	expired := newPerson(t, c)
	enrolled(c, "ended")
	expired.ask("ended")
	out["ended"] = lastLink(t, c).Link.Reveal()
	expired.send("/recovery", http.StatusOK, "do", "cancel")
	out["unknown"] = bridge.NewToken().Reveal()
	out["short"], out["long"], out["odd"] = "x", strings.Repeat("a", 300), "%E3%81%82%00%22%3Cscript%3E"
	return out
}

// TOK-08, TOK-09: without a sign-in every token leads to the same page, which says nothing of its owner; the address is clean at once.
func TestTheLinkAloneIsWorthless(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	tokens := oddTokens(t, c)
	_, model, _ := opens(t, c, bridge.NewToken().Reveal(), "")
	for name, token := range tokens {
		first, second, _ := opens(t, c, token, "")
		if first.status != http.StatusSeeOther || first.header.Get("Location") != "/link" || strings.Contains(first.body, token) && len(token) > 10 {
			t.Errorf("%s: %d %s", name, first.status, first.header.Get("Location"))
		}
		if second.status != model.status || page(second) != page(model) {
			t.Errorf("%s: another page than a random token's:\n%s\n%s", name, text(second.body), text(model.body))
		}
		for _, secret := range []string{"alice", "Alice", "example.net", token} {
			if len(secret) > 3 && strings.Contains(second.body, secret) {
				t.Errorf("%s: the page says %q", name, secret)
			}
		}
	}
}

// TOK-11, OIDC-10: for everybody but the signed-in owner, unknown, used, ended, superseded and foreign tokens have one status and one body,
// and take alike long.
func TestOddLinksLookAlikeToAStranger(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	tokens := oddTokens(t, c)
	p := newPerson(t, c)
	p.signIn("erin")
	_, model, session := opens(t, c, bridge.NewToken().Reveal(), p.session())
	if model.status != http.StatusNotFound || strings.Contains(model.body, "Reference") {
		t.Fatalf("a random token: %d %s", model.status, text(model.body))
	}
	for name, token := range tokens {
		var a answer
		if _, a, session = opens(t, c, token, session); a.status != model.status || page(a) != page(model) {
			t.Errorf("%s: %d\n%s\nnot\n%s", name, a.status, text(a.body), text(model.body))
		}
	}
	if n := len(c.Events("link.wrong_person")); n < 3 {
		t.Errorf("%d events for foreign links", n)
	}
	token := formToken(t, c, session)
	for name, link := range tokens {
		session = get("/link/"+link, session).to(t, c).session(t)
		for _, do := range []string{"redeem", "notme"} {
			a := post("/link", session, token, "do", do).to(t, c)
			if a.status != http.StatusNotFound && a.status != http.StatusConflict {
				t.Errorf("%s, %s: %d", name, do, a.status)
			}
		}
	}
	if r := recovery(t, c, "alice"); r.State != bridge.Waiting {
		t.Errorf("alice's recovery is %s", r.State)
	}
}

// TOK-11: the medians of interleaved groups, before and after a sign-in.
func TestOddLinksTakeAlikeLong(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	tokens := oddTokens(t, c)
	kinds := []string{"unknown", "used", "ended", "superseded", "open"}
	p := newPerson(t, c)
	p.signIn("erin")
	for who, session := range map[string]string{"a stranger": p.session(), "nobody": ""} {
		unlikeAtEveryTry(t, func() (string, bool) {
			medians := map[string]time.Duration{}
			for kind, took := range interleaved(rounds(200), kinds, func(kind string) {
				token := tokens[kind]
				if kind == "unknown" {
					token = bridge.NewToken().Reveal()
				}
				if _, _, after := opens(t, c, token, session); session != "" {
					session = after
				}
			}) {
				medians[kind] = median(took)
			}
			all := slices.Sorted(maps.Values(medians))
			most := max(50*time.Millisecond, all[len(all)/2]/2) // where everything takes long, other things make it so
			return fmt.Sprint(who, ": ", medians), all[len(all)-1]-all[0] >= most
		})
	}
}

// interleaved does each kind of a thing n times in turns, and returns how long each took.
func interleaved(n int, kinds []string, do func(kind string)) map[string][]time.Duration {
	took := map[string][]time.Duration{}
	for range n {
		for _, kind := range kinds {
			began := time.Now()
			do(kind)
			took[kind] = append(took[kind], time.Since(began))
		}
	}
	return took
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// unlikeAtEveryTry fails the test when a difference in time is seen each time that it is looked for: what the machine does meanwhile makes one now and
// then, a leak makes one always.
func unlikeAtEveryTry(t *testing.T, look func() (what string, unlike bool)) {
	t.Helper()
	const tries = 8
	for i := range tries {
		what, unlike := look()
		t.Logf("try %d: %s", i+1, what)
		if !unlike {
			return
		}
	}
	t.Error("the times differ")
}

// TOK-02: the link of the signed-in owner that ran out offers a new one in one press, and stands for half an hour to the second.
func TestAnExpiredLinkIsReplacedInOnePress(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	asked, p := newPerson(t, c), newPerson(t, c)
	asked.ask("alice")
	mail := lastLink(t, c)
	c.Clock.Stop()
	c.Clock.Add(mail.Expires.Sub(c.Clock.Now()) - 2*time.Second)
	early := newPerson(t, c)
	early.redeemable("alice", mail, true)
	c.Clock.Add(3 * time.Second)
	p.redeemable("alice", mail, false)
	p.want(http.StatusNotFound)
	if !strings.Contains(p.Body, `name="do" value="resend"`) {
		t.Fatalf("no new link in one press: %s", text(p.Body))
	}
	p.send("/recovery", http.StatusOK, "do", "resend")
	p.at("/recovery")
	if lastLink(t, c).Link == mail.Link {
		t.Fatal("no new link was sent")
	}
	c.Clock.Add(time.Second)
	p.redeem("alice")
}

// redeemable opens a link, signs in and tells whether it asks to continue.
func (p *person) redeemable(name string, mail bridge.Notice, want bool) {
	p.t.Helper()
	p.open("/link/"+mail.Link.Reveal(), http.StatusOK)
	p.signIn(name)
	if got := strings.Contains(p.Body, `value="redeem"`); got != want {
		p.t.Errorf("the link can be redeemed: %t\n%s", got, text(p.Body))
	}
}
