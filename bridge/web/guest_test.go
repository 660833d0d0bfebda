package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/store"
	"otpbridge/bridge/web"
)

func isGuest(session string) bool { return strings.HasPrefix(session, ".") }

// neverAdopted plants a session in a browser: every page gives it another one, and no form takes it.
func neverAdopted(t *testing.T, c *campus.Campus, planted string) {
	t.Helper()
	for _, path := range []string{"/", "/start", "/veto/AAAA"} {
		if got := get(path, planted).to(t, c).session(t); got == planted || !isGuest(got) {
			t.Errorf("%s with %.20q set %.20q", path, planted, got)
		}
	}
	if a := post("/start", planted, "", "name", "alice").to(t, c); a.status != http.StatusForbidden {
		t.Errorf("a form with a planted session: %d", a.status)
	}
}

// sealed is a guest's cookie made by hand.
func sealed(t *testing.T, ring *store.KeyRing, name string, state map[string]any) string {
	t.Helper()
	text, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	return "." + base64.RawURLEncoding.EncodeToString(ring.Seal(name, text))
}

// SES-02: a guest's session is taken from a cookie that this service sealed as one, and from nothing else.
func TestAGuestsCookieThatIsNotOursIsNeverAdopted(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	own := p.session()
	key, err := store.NewKey("k1")
	p.must(err)
	foreign, err := store.NewKeyRing(key)
	p.must(err)
	now := c.Clock.Now()
	state := map[string]any{"CSRF": "known", "Started": now, "Seen": now}
	p.send("/start", http.StatusOK, "name", "alice")
	record, _, err := c.Store.Raw().Get(t.Context(), "session/"+bridge.Secret(p.session()).Hash())
	p.must(err)
	forged := []byte(own)
	forged[40] = "xy"[strings.Count(own[40:41], "x")] // the other one
	for _, planted := range []string{
		".", "..", "." + p.session(), own[1:], own + "A", own[:len(own)-2], string(forged),
		"." + base64.RawURLEncoding.EncodeToString([]byte(`{"CSRF":"known"}`)), "." + base64.RawURLEncoding.EncodeToString(record),
		sealed(t, foreign, "guest", state), sealed(t, c.Store.Keys(), "session", state), sealed(t, c.Store.Keys(), "guest", map[string]any{"CSRF": "known"}),
	} {
		neverAdopted(t, c, planted)
		if a := post("/language", planted, "known", "lang", "ja").to(t, c); a.status != http.StatusForbidden {
			t.Errorf("a form with %.20q: %d", planted, a.status)
		}
	}
	if a := post("/language", sealed(t, c.Store.Keys(), "guest", state), "known", "lang", "ja").to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("the same by the service itself: %d", a.status) // or the above shows nothing
	}
}

// SES-02, SES-03: an attacker plants his own guest's session. The victim's sign-in gets an id that he does not know, and what he planted
// stays a guest's: it shows nothing of her, ends nothing, and her form token is not his.
func TestAPlantedGuestLearnsNothingOfASignIn(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	thief, alice := newPerson(t, c), newPerson(t, c)
	thief.open("/start", http.StatusOK)
	planted, token := thief.session(), thief.token()
	alice.Plant(c.URL, web.SessionCookie, planted)
	alice.open("/start", http.StatusOK)
	alice.send("/start", http.StatusOK, "name", "alice")
	if begun := alice.session(); begun == planted || isGuest(begun) {
		t.Errorf("the sign-in began in %.20q", begun)
	}
	back := alice.caught("alice")
	if a := get(back, planted).to(t, c); a.status != http.StatusBadRequest {
		t.Errorf("the planted session took the sign-in: %d", a.status)
	}
	if a := post("/signout", planted, token).to(t, c); a.status != http.StatusSeeOther {
		t.Errorf("signing the guest out: %d", a.status)
	}
	alice.open(back, http.StatusOK)
	alice.at("/recovery")
	alice.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	before := facts(t, c, "alice")
	for _, path := range paths(c, http.MethodGet) {
		if a := get(path, planted).to(t, c); strings.Contains(strings.ToLower(a.body), "alice") {
			t.Errorf("%s shows %s", path, text(a.body))
		}
	}
	for _, do := range []string{"cancel", "start", "redeem", "confirm"} {
		post("/recovery", planted, token, "do", do, "reason", "lost", "way", "mail").to(t, c)
		post("/enrol", planted, token, "do", do, "code", "123456").to(t, c)
		if a := post("/recovery", alice.session(), token, "do", do).to(t, c); a.status != http.StatusForbidden {
			t.Errorf("her session takes his token: %d", a.status)
		}
	}
	if facts(t, c, "alice") != before {
		t.Error("the planted session changed something")
	}
}

// SES-06, login CSRF: a sign-in that an attacker began and finished at the campus is given to no guest, and a guest's form takes no other
// guest's token.
func TestAGuestIsNotSignedInAsSomebodyElse(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	thief, victim := newPerson(t, c), newPerson(t, c)
	thief.open("/start", http.StatusOK)
	token := thief.token()
	back := thief.caught("erin")
	victim.open("/start", http.StatusOK)
	if a := get(back, victim.session()).to(t, c); a.status != http.StatusBadRequest || strings.Contains(a.body, "erin") {
		t.Errorf("the attacker's callback in a guest's browser: %d %s", a.status, text(a.body))
	}
	for _, forged := range []string{token, "", victim.session()} {
		if a := post("/start", victim.session(), forged, "name", "erin").to(t, c); a.status != http.StatusForbidden {
			t.Errorf("a forged press: %d", a.status)
		}
	}
	q := post("/start", victim.session(), victim.token(), "name", "erin")
	q.header = map[string]string{"Sec-Fetch-Site": "cross-site"}
	if a := q.to(t, c); a.status != http.StatusForbidden {
		t.Errorf("a press from another site: %d", a.status)
	}
	if a := get("/recovery", victim.session()).to(t, c); a.status != http.StatusSeeOther || a.header.Get("Location") != "/start" {
		t.Errorf("afterwards: %d %s", a.status, a.header.Get("Location"))
	}
}

// Whoever opens links and pages without keeping a cookie stores nothing, however often, and nobody else is refused for it. With the store away
// the pages are there; what would begin something is not.
func TestGuestsStoreNothing(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	pages := []string{"/link/x", "/veto/x", "/", "/start", "/veto", "/link"}
	for i := range rounds(300) {
		path := pages[i%len(pages)]
		if a := get(path, "").to(t, c); a.status >= http.StatusBadRequest && path != "/link" && path != "/veto" {
			t.Fatalf("%s: %d", path, a.status)
		}
	}
	p := newPerson(t, c)
	p.open("/veto/x", http.StatusOK)
	p.send("/language", http.StatusOK, "lang", "ja", "return", "/veto")
	p.send("/language", http.StatusOK, "lang", "en", "return", "/veto")
	p.send("/veto", http.StatusOK, "choice", "keep")
	if data := c.StateBytes(t); bytes.Contains(data, []byte("session/")) {
		t.Error("a session was stored")
	}
	c.BreakStore(0)
	p.open("/start", http.StatusOK)
	if a := post("/start", p.session(), p.token(), "name", "alice").to(t, c); a.status != http.StatusServiceUnavailable || len(a.header.Values("Set-Cookie")) > 0 {
		t.Errorf("a sign-in begins without a store: %d", a.status)
	}
	c.MendStore()
	p.ask("alice")
	if data := c.StateBytes(t); !bytes.Contains(data, []byte("session/")) {
		t.Error("no session was stored") // or the above shows nothing
	}
}

// SES-04: a guest's session ends by the server's clock too, and a copy of an older cookie not later than itself.
func TestAGuestsSessionEndsByTheServersClock(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Clock.Stop()
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	first, token := p.session(), p.token()
	ended := func(session string) bool {
		a := post("/start", session, token, "name", "").to(t, c)
		if a.status == http.StatusForbidden && !strings.Contains(a.body, "Your session has ended") {
			t.Errorf("%d %s", a.status, text(a.body))
		}
		return a.status == http.StatusForbidden
	}
	for i := range 4 {
		c.Clock.Add(14 * time.Minute)
		if ended(p.session()) {
			t.Fatalf("over after %d looks", i+1)
		}
		p.open("/start", http.StatusOK)
	}
	if !ended(first) {
		t.Error("a copy of the first cookie lives on by the later looks")
	}
	c.Clock.Add(4*time.Minute - time.Second)
	if ended(p.session()) {
		t.Error("over before its hour")
	}
	if p.token() != token {
		t.Error("another form token: forms of an earlier page fail")
	}
	c.Clock.Add(time.Second)
	if !ended(p.session()) {
		t.Error("it lives longer than an hour")
	}
	p.open("/start", http.StatusOK)
	if p.token() == token {
		t.Error("the ended session goes on")
	}
	c.Clock.Add(15 * time.Minute)
	if token = p.token(); !ended(p.session()) {
		t.Error("it lives though nobody looked")
	}
}

// A guest who presses twice at once is let through twice; each press has a session and a lease of its own, and the link that the browser
// opened before goes along with both.
func TestAGuestWhoPressesTwiceAtOnce(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Second(t) // with the same keys: a guest of one is a guest of the other
	newPerson(t, c).ask("alice")
	p := newPerson(t, c)
	p.open("/link/"+lastLink(t, c).Link.Reveal(), http.StatusOK)
	guest := p.session()
	p.open("/start", http.StatusOK)
	ids := map[string]bool{}
	answers := make(chan answer, 2)
	for range 2 {
		go func() {
			a, err := post("/start", guest, p.token(), "name", "alice").try(t.Context(), c)
			if err != nil {
				t.Error(err)
			}
			answers <- a
		}()
	}
	for range 2 {
		a := <-answers
		if a.status != http.StatusSeeOther || isGuest(a.session(t)) {
			t.Fatalf("%d %s", a.status, text(a.body))
		}
		ids[a.session(t)] = true
		if a := get("/link", a.session(t)).to(t, c); a.status != http.StatusOK {
			t.Errorf("the link is forgotten: %d", a.status)
		}
	}
	if len(ids) != 2 {
		t.Error(fmt.Sprint(len(ids), " sessions"))
	}
}
