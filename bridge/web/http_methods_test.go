package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/web"
)

// HEAD answers as GET does, without a body, on every route.
func TestHeadAnswersAsGetDoesOnEveryRoute(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for _, path := range paths(c, http.MethodGet) {
		head, full := byHand{method: http.MethodHead, path: path}.to(t, c), get(path, "").to(t, c)
		switch {
		case path == "/oidc/callback": // the code is for a GET only
			if head.status != http.StatusSeeOther {
				t.Errorf("HEAD %s: %d", path, head.status)
			}
		case head.status != full.status || head.header.Get("Content-Type") != full.header.Get("Content-Type"):
			t.Errorf("HEAD %s: %d %q, GET: %d %q", path, head.status, head.header.Get("Content-Type"), full.status, full.header.Get("Content-Type"))
		}
		if head.body != "" || len(head.header.Values("Set-Cookie")) > 0 {
			t.Errorf("HEAD %s has a body or sets a cookie", path)
		}
	}
}

// SES-07: a method that a path does not know is refused, and the answer names those that it knows.
func TestUnknownMethodsAreRefusedWithTheKnownOnes(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	methods := map[string][]string{}
	for _, r := range web.Routes(c.Web) {
		methods[r.Path] = append(methods[r.Path], r.Methods...)
	}
	for pattern, known := range methods {
		path := strings.NewReplacer("{token}", "AAAA", "{name}", "x.css").Replace(pattern)
		slices.Sort(known)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X-ANY"} {
			if slices.Contains(known, method) {
				continue
			}
			a := byHand{method: method, path: path}.to(t, c)
			allowed := strings.Split(a.header.Get("Allow"), ", ")
			slices.Sort(allowed)
			if a.status != http.StatusMethodNotAllowed || !slices.Equal(allowed, known) {
				t.Errorf("%s %s answered %d, Allow %q, want %q", method, path, a.status, a.header.Get("Allow"), known)
			}
			if method == "TRACE" && strings.Contains(a.body, "TRACE /") {
				t.Errorf("TRACE %s echoes the request", path)
			}
		}
	}
}

// momentsOfAJourney are people at each stage of a recovery, by the name of the stage.
var momentsOfAJourney = []struct {
	name  string
	reach func(*person)
}{
	{"nobody", func(*person) {}},
	{"signed in", func(p *person) { p.signIn("alice") }},
	{"waiting", func(p *person) { p.ask("alice") }},
	{"link opened", func(p *person) {
		p.ask("alice")
		p.open("/link/"+lastLink(p.t, p.c).Link.Reveal(), http.StatusOK)
	}},
	{"enrolling", func(p *person) { p.ask("alice"); p.redeem("alice") }},
	{"wrong code typed", func(p *person) {
		p.ask("alice")
		p.redeem("alice")
		p.send("/enrol", http.StatusUnprocessableEntity, "do", "confirm", "code", "000000")
	}},
	{"done", func(p *person) { p.ask("alice"); p.redeem("alice"); p.finish() }},
	{"cancelled", func(p *person) { p.ask("alice"); p.send("/recovery", http.StatusOK, "do", "cancel") }},
}

// momentsAtTheDesk are callers and operators at each stage of a call for alice.
var momentsAtTheDesk = []struct {
	name  string
	reach func(*person)
}{
	{"a caller who waits", func(p *person) { p.calls("alice") }},
	{"a case is open", func(p *person) { p.opensCaseOf("alice") }},
	{"the words are on the caller's page", func(p *person) {
		withPhone(p.c, "alice")
		p.opensCaseOf("alice")
		p.send("/desk/case", http.StatusOK, "do", "callback")
	}},
	{"an account that may not recover any more", func(p *person) {
		p.opensCaseOf("alice")
		p.c.KC.Change(p.c.KC.PersonID("alice"), func(a *fakekc.Account) { a.Enabled = false })
	}},
	{"a policy that closes the desk", func(p *person) {
		p.opensCaseOf("alice")
		policies(p.c, bridge.Policy{Name: "closed", Ways: []bridge.Way{bridge.WayMail}})
	}},
}

// opensCaseOf makes this an operator who has the case of somebody who calls.
func (p *person) opensCaseOf(name string) {
	p.t.Helper()
	code := caller(p.t, p.c, name).reads()
	p.signInFully("carol", "/desk")
	p.looksUp(name, code)
	p.c.Clock.Add(time.Minute) // time that a look could keep
}

// SES-07, INV-4: no method but POST changes a recovery, a count, a credential, the gate or the mails, whoever asks for whatever route.
func TestNothingButPostChangesAnything(t *testing.T) {
	t.Parallel()
	for _, stage := range slices.Concat(momentsOfAJourney, momentsAtTheDesk) {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			p := newPerson(t, c)
			stage.reach(p)
			all := append(paths(c, http.MethodGet), paths(c, http.MethodPost)...)
			for _, mail := range c.Mails("") {
				all = append(all, "/veto/"+mail.Veto.Reveal(), "/link/"+mail.Link.Reveal())
			}
			all = append(all, "/veto", "/link", "/enrol", "/recovery?do=cancel", "/enrol?do=cancel", "/desk/case?do=keep", "/desk/case?do=deny", "/recovery?do=start&reason=lost&way=mail",
				"/veto?choice=stop&number=000000", "/link?do=redeem", "/signout", "/oidc/callback?code=a&state=b", "/done")
			before, session := facts(t, c, "alice"), p.session()
			for _, path := range all {
				for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"} {
					q := byHand{method: method, path: path, session: session}
					if method == "PUT" || method == "PATCH" {
						q = post(path, session, "x", "do", "cancel")
						q.method = method
					}
					session = q.to(t, c).after(session)
					if after := facts(t, c, "alice"); after != before {
						t.Fatalf("%s %s changed\n%s\nto\n%s", method, path, before, after)
					}
				}
			}
		})
	}
}
