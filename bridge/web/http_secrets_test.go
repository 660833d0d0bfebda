package web_test

import (
	"encoding/base32"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/view"
	"otpbridge/bridge/web"
)

// secrets collects what must never be written down, while people go about.
type secrets map[string]string

func (s secrets) of(p *person, when string) {
	s["session "+when] = p.session()
	if m := csrfField.FindStringSubmatch(p.Body); m != nil {
		s["form token "+when] = m[1]
	}
	if m := otpauth.FindStringSubmatch(p.Body); m != nil {
		key := p.scan()
		s["key "+when] = base32.StdEncoding.EncodeToString(key.Secret)
		s["bytes of the key "+when] = string(key.Secret)
	}
	if u, err := url.Parse(p.URL); err == nil {
		for _, name := range []string{"code", "state"} {
			if value := u.Query().Get(name); value != "" {
				s[name+" "+when] = value
			}
		}
	}
}

func (s secrets) ofMails(c *campus.Campus) {
	for i, m := range c.Mails("") {
		for what, value := range map[string]string{"link": m.Link.Reveal(), "veto": m.Veto.Reveal(), "objection": m.Objection, "code": m.Code.Reveal()} {
			if value != "" {
				s[fmt.Sprint(what, " ", i)] = value
			}
		}
	}
}

// AUD-02, TOK-09, INV-5: whole journeys, every fault that a person can make, odd methods and paths, panics and parts that are away: nothing
// secret is in the log at debug level, in the audit trail, or in a metric, in whatever spelling.
func TestNoSecretIsEverLogged(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	s := secrets{
		"password": "alice-password", "client secret": "login-secret-for-tests", "admin's secret": "admin-secret-for-tests",
		"old key": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXA",
	}
	p := newPerson(t, c)
	back := p.caught("alice")
	query, err := url.ParseQuery(strings.TrimPrefix(back, "/oidc/callback?"))
	p.must(err)
	s["code of the campus"], s["state of the campus"] = query.Get("code"), query.Get("state")
	s.of(p, "before the sign-in")
	p.open(back, http.StatusOK)
	p.open("/recovery", http.StatusOK)
	s.of(p, "after the sign-in")
	get(back, p.session()).to(t, c) // replayed
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	s.ofMails(c)
	oddRequests(t, c, s, p)
	p.redeem("alice")
	s.of(p, "enrolling")
	wrong := "000000"
	p.send("/enrol", http.StatusUnprocessableEntity, "do", "confirm", "code", wrong, "label", "canary-label")
	p.send("/enrol", http.StatusOK, "do", "new")
	s.of(p, "new key")
	oddRequests(t, c, s, p)
	crash := twin(c, func(s *web.Server) { s.Flow = &bridge.Flow{} })
	p.open("/link/"+lastLink(t, c).Link.Reveal(), http.StatusOK)
	p.open("/enrol", http.StatusOK)
	through(crash, c, post("/enrol", p.session(), p.token(), "do", "confirm", "code", "123456"))
	through(crash, c, get(back, p.session()))
	c.Clock.Add(time.Minute)
	p.open("/enrol", http.StatusOK)
	p.finish()
	s.of(p, "done")
	other := newPerson(t, c)
	other.ask("erin")
	s.ofMails(c)
	c.KC.Down()
	other.must(other.Get(t.Context(), c.URL+"/link/"+lastLink(t, c).Link.Reveal()))
	other.must(other.Get(t.Context(), c.URL+"/recovery"))
	searchFor(t, c, s)
}

// AUD-02, TMP-05, HD-06: the same for a call with its code and match words, for recovery codes, a temporary code, and what people do in the settings.
func TestNoSecretOfCodesAndCallsIsEverLogged(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	s := secrets{"password": "somebody-password", "old key": oldSecret, "sealing key": strings.Fields(c.SealingKey)[1]}
	s.ofACall(t, c)
	p, code := hasCode(t, c, member(c, "owner"))
	s["temporary code"] = code
	s.of(p, "at the temporary code")
	if !newPerson(t, c).portal("owner", typed(code)) {
		t.Fatal("the code does not work")
	}
	p = owner(t, c, member(c, "third"))
	p.wantsMailAt("third@example.org", http.StatusOK)
	s["confirmation number"] = number(t, c, "third@example.org")
	p.send("/settings/address", http.StatusUnprocessableEntity, "do", "confirm", "code", wrongNumber(s["confirmation number"]))
	p.confirmsAddress("third@example.org")
	p.send("/settings", http.StatusOK, "do", "add")
	s.of(p, "in the settings")
	s["one-time password of the second authenticator"] = p.code(p.scan())
	p.send("/settings/add", http.StatusOK, "do", "confirm", "code", s["one-time password of the second authenticator"])
	s.ofMails(c)
	if len(s) < 40 {
		t.Fatalf("only %d secrets", len(s))
	}
	oddRequests(t, c, s, p)
	searchFor(t, c, s)
}

// ofACall leads somebody through a whole call, to the recovery codes.
func (s secrets) ofACall(t *testing.T, c *campus.Campus) {
	t.Helper()
	name := member(c, "somebody")
	withPhone(c, name)
	p, carol := caller(t, c, name), operator(t, c, "carol")
	s["call code"] = p.reads()
	s.of(p, "at the call")
	carol.looksUp(name, s["call code"])
	carol.send("/desk/case", http.StatusOK, "do", "callback")
	s.of(carol, "at the console")
	b := recovery(t, c, name).Call.Case.CallBack
	for i, pair := range b.Choices {
		for _, lang := range []string{"en", "ja"} {
			s[fmt.Sprint("match words ", i, " ", lang)] = view.MatchWords(lang, pair)
		}
	}
	carol.send("/desk/case", http.StatusOK, "do", "pick", "words", fmt.Sprint(b.Right))
	carol.decides(http.StatusOK, "approve", "T-1", bridge.CheckCallBack)
	p.open("/recovery", http.StatusOK)
	s.of(p, "enrolling after the call")
	s["one-time password"] = p.code(p.scan())
	p.confirm(s["one-time password"], http.StatusOK)
	p.at("/done")
	p.asksForCodes()
	for i, code := range codesOn(p.Body) {
		s[fmt.Sprint("recovery code ", i)], s[fmt.Sprint("recovery code in one ", i)] = code, strings.ReplaceAll(code, "-", "")
	}
	s.of(p, "at the end of the call")
}

// oddRequests sends every secret to every place where it does not belong: by one method each, with FULL=1 by all.
func oddRequests(t *testing.T, c *campus.Campus, s secrets, p *person) {
	t.Helper()
	methods, n := []string{http.MethodHead, http.MethodDelete, http.MethodPost, "XY"}, 0
	for _, value := range s {
		escaped := url.PathEscape(value)
		for _, path := range []string{"/link/" + escaped, "/link/" + escaped + "/x", "/veto/" + escaped, "/" + escaped, "/nothing?x=" + url.QueryEscape(value), "/static/" + escaped,
			"/oidc/callback?code=" + url.QueryEscape(value) + "&state=" + url.QueryEscape(value) + "&iss=" + url.QueryEscape(value)} {
			n++
			for i, method := range methods {
				if n%len(methods) != i && os.Getenv("FULL") != "1" {
					continue
				}
				byHand{method: method, path: path, header: map[string]string{"Referer": c.URL + path, "User-Agent": escaped}}.to(t, c)
			}
		}
		byHand{method: http.MethodPost, path: "/oidc/backchannel-logout", form: url.Values{"logout_token": {value}}}.to(t, c)
	}
	post("/start", p.session(), "wrong", "name", "x").to(t, c)
}

func searchFor(t *testing.T, c *campus.Campus, s secrets) {
	t.Helper()
	trail := fmt.Sprintf("%+v", c.Events(""))
	var figures strings.Builder
	c.Web.Figures.WritePrometheus(&figures)
	places := map[string]string{"the log": c.Log.String(), "the audit trail": trail, "the metrics": figures.String()}
	if len(places["the log"]) < 10_000 || !strings.Contains(places["the metrics"], "/link/{token}") {
		t.Fatalf("the places are empty: %d bytes of log", len(places["the log"]))
	}
	for what, value := range s {
		if len(value) < 6 {
			continue
		}
		for form, spelled := range spellings(value) {
			for where, all := range places {
				if leaks(all, string(spelled)) {
					t.Errorf("%s (%s) is in %s", what, form, where)
				}
			}
		}
	}
	if !strings.Contains(places["the log"], `"/link/{token}"`) {
		t.Error("the log does not name routes by their pattern")
	}
	if n := len(c.Events("swap.done")); n != 1 {
		t.Errorf("the journey ended %d times", n)
	}
}

// leaks looks for a secret. One of digits only, which may be few, has to stand by itself: other numbers and ids hold its digits by chance.
func leaks(all, secret string) bool {
	if !strings.Contains(all, secret) { // before the expression, which takes a hundred times as long
		return false
	}
	if strings.Trim(secret, "0123456789") != "" {
		return true
	}
	return regexp.MustCompile(`(?:^|[^0-9A-Za-z])` + secret + `(?:$|[^0-9A-Za-z])`).MatchString(all)
}
