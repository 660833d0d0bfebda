package web_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// HD-03: nothing is listed. Before a right pair no page of the console knows a name, an id or a code of those who wait.
func TestNoConsolePageShowsWhoWaitsBeforeARightPair(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	var hidden []string
	for _, name := range []string{"maximilian", "kunigunde", "balthasar"} {
		member(c, name)
		code := caller(t, c, name).reads()
		hidden = append(hidden, name, code, code[:4]+" "+code[4:], c.KC.PersonID(name), recovery(t, c, name).ID)
	}
	carol := operator(t, c, "carol")
	carol.says("Waiting 3")
	carol.send("/desk", http.StatusUnprocessableEntity, "name", "alice", "code", "12345678")
	carol.send("/desk", http.StatusUnprocessableEntity, "name", "", "code", "")
	carol.open("/desk/permit", http.StatusOK)
	carol.open("/desk/case", http.StatusForbidden)
	carol.open("/recovery", http.StatusOK)
	seen := 0
	for _, a := range c.Answers() {
		if !strings.HasPrefix(a.Path, "/desk") {
			continue
		}
		seen++
		for _, h := range hidden {
			if strings.Contains(strings.ToLower(a.Body), h) {
				t.Errorf("%s %s shows %s", a.Method, a.Path, h)
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d answers were looked at", seen)
	}
}

var changing = regexp.MustCompile(`name="csrf" value="[^"]*"|value="(erin|bob|nobody)"|<dd>\d+ minutes</dd>|<dd>\d+ min</dd>`)

// HD-09: the answer to a wrong pair is the same whether nobody has the name, the person does not wait, or the code is another.
func TestAWrongPairGetsTheSameAnswerForEverybody(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	bob, carol := caller(t, c, "bob"), operator(t, c, "carol")
	bob.reads()
	c.Clock.Stop() // the pages tell the time
	said := map[string]string{}
	for _, name := range []string{"nobody", "erin", "bob"} {
		a := post("/desk", carol.session(), carol.token(), "name", name, "code", "00000000").to(t, c)
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, a.status)
		}
		said[changing.ReplaceAllString(a.body, "")] = name
	}
	if len(said) != 1 {
		t.Errorf("the answers tell names apart: %v", slices.Collect(maps.Values(said)))
	}
	if n := countEvents(c, "call.wrong_pair"); n != 3 {
		t.Errorf("%d events", n)
	}
}

// HD-09: the fifth wrong pair of an operator in ten minutes locks code entry, on every replica and however many are sent at once; others are
// not locked, and one operator, or a caller with a foreign name, ends nobody's recovery.
func TestFiveWrongPairsLockOneOperator(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Second(t)
	member(c, "somebody")
	other := caller(t, c, "somebody")
	bob, carol, dave := caller(t, c, "bob"), operator(t, c, "carol"), operator(t, c, "dave")
	right := bob.reads()
	session, token := carol.session(), carol.token()
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if _, err := post("/desk", session, token, "name", "bob", "code", "00000000").try(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := countEvents(c, "call.wrong_pair"); n == 0 || n > 5 {
		t.Errorf("%d of 30 parallel guesses counted", n)
	}
	for range 5 {
		post("/desk", session, token, "name", "bob", "code", "00000000").to(t, c)
	}
	if n := countEvents(c, "call.wrong_pair"); n != 5 || countEvents(c, "desk.locked") != 1 {
		t.Errorf("%d guesses counted, %d alerts", n, countEvents(c, "desk.locked"))
	}
	carol.open("/desk", http.StatusOK)
	carol.send("/desk", http.StatusTooManyRequests, "name", "bob", "code", right)
	carol.says("locked")
	a := post("/desk", session, token, "name", "bob", "code", right).to(t, c)
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != http.StatusTooManyRequests || err != nil || wait > 600 || wait < 500 { // the limits go by the machine's own clock
		t.Errorf("%d, come again after %d s: %v", a.status, wait, err)
	}
	if r := recovery(t, c, "bob"); r.State != bridge.Waiting {
		t.Fatalf("one operator ended it: %s", r.End)
	}
	dave.looksUp("somebody", other.reads())
	c.Clock.Add(10 * time.Minute)
	carol.open("/desk", http.StatusOK)
	bob.open("/recovery", http.StatusOK)
	bob.send("/recovery", http.StatusOK, "do", "renew")
	carol.looksUp("bob", bob.reads())
}

// HD-09: five wrong codes by two operators end a recovery; the caller reads neutral words.
func TestFiveWrongCodesOfTwoOperatorsEndTheRecovery(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Second(t)
	bob, carol, dave := caller(t, c, "bob"), operator(t, c, "carol"), operator(t, c, "dave")
	for range 3 {
		carol.send("/desk", http.StatusUnprocessableEntity, "name", "bob", "code", "00000000")
	}
	bob.send("/recovery", http.StatusOK, "do", "renew") // HD-02: forgets no failure
	for range 2 {
		dave.send("/desk", http.StatusUnprocessableEntity, "name", "bob", "code", "00000000")
	}
	if r := recovery(t, c, "bob"); r.State != bridge.Ended || r.End != bridge.EndTooMany {
		t.Fatalf("%s %s", r.State, r.End)
	}
	bob.open("/recovery", http.StatusOK)
	carol.open("/desk", http.StatusOK)
	carol.says("Waiting 0")
}

// HD-02: a code lives ten minutes, belongs to the browser that shows it, ends with the next one, and serves one approval.
func TestACallCodeIsForOneBrowserAndAShortTime(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	bob, carol := caller(t, c, "bob"), operator(t, c, "carol")
	wrong := func(code string) {
		t.Helper()
		carol.open("/desk", http.StatusOK)
		carol.send("/desk", http.StatusUnprocessableEntity, "name", "bob", "code", code)
	}
	first := bob.reads()
	carol.looksUp("bob", first[:4]+" "+first[4:]) // as it is read out
	carol.looksUp("bob", first)                   // HD-06: looking up uses nothing up
	other := at(t, c, "bob")
	other.signIn("bob")
	other.open("/recovery", http.StatusOK)
	if strings.Contains(other.Body, first) || shownCode.MatchString(other.Body) {
		t.Error("another browser of the person shows a code")
	}
	other.send("/recovery", http.StatusForbidden, "do", "renew")
	bob.open("/recovery", http.StatusOK)
	bob.says("is checking")
	bob.send("/recovery", http.StatusOK, "do", "renew") // by hand: the page has no such button now
	wrong(first)
	carol.open("/desk/case", http.StatusOK) // an open case stays open
	c.Clock.Add(7 * time.Minute)
	carol.open("/desk", http.StatusOK)
	bob.open("/recovery", http.StatusOK)
	c.Clock.Add(8 * time.Minute) // the case is idle
	bob.open("/recovery", http.StatusOK)
	bob.says("no longer valid")
	bob.send("/recovery", http.StatusOK, "do", "renew")
	second := bob.reads()
	bob.send("/recovery", http.StatusOK, "do", "renew")
	third := bob.reads()
	wrong(second)
	carol.looksUp("bob", third)
	carol.approves()
	wrong(third) // replay
	if second == first || third == second {
		t.Error("a code came twice")
	}
	c.Clock.Add(10*time.Minute - 20*time.Second)
	carol.open("/desk", http.StatusOK)
	dave := operator(t, c, "dave") // 30 s later
	bob.open("/recovery", http.StatusOK)
	bob.says("no longer valid")
	dave.send("/desk", http.StatusUnprocessableEntity, "name", "bob", "code", recovery(t, c, "bob").Call.Code)
}

// Breeze's and HD-06: looking a caller up burns nothing, not even for another operator.
func TestPeer_Nextcloud39_LookupBurns(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p, carol, dave := caller(t, c, "somebody"), operator(t, c, "carol"), operator(t, c, "dave")
	code := p.reads()
	before := c.KC.Credentials(c.KC.PersonID("somebody"))
	carol.looksUp("somebody", code)
	carol.open("/desk/case", http.StatusOK)
	dave.looksUp("somebody", code)
	carol.open("/desk/case", http.StatusForbidden) // one operator at a time
	carol.looksUp("somebody", code)
	if len(c.KC.Credentials(c.KC.PersonID("somebody"))) != len(before) || recovery(t, c, "somebody").State != bridge.Waiting {
		t.Error("a look changed something")
	}
	carol.approves()
	p.open("/recovery", http.StatusOK)
	p.finish()
}

// nextcloud/twofactor_admin#401: a code that an administrator gives never ends. Ours does, unused and used.
func TestPeer_Nextcloud401_NeverExpires(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	unused := p.reads()
	c.Clock.Add(bridge.CallCodeLife)
	carol.open("/desk", http.StatusOK)
	carol.send("/desk", http.StatusUnprocessableEntity, "name", "somebody", "code", unused)
	p.open("/recovery", http.StatusOK)
	p.send("/recovery", http.StatusOK, "do", "renew")
	carol.looksUp("somebody", p.reads())
	carol.approves()
	c.Clock.Add(bridge.ProofLife + time.Second) // HD-07
	p.open("/recovery", http.StatusOK)
	if p.path() == "/enrol" || strings.Contains(p.Body, "otpauth:") {
		t.Error("the approval never ends")
	}
	c.Wait(t, "the end on record", func() bool { return countEvents(c, "recovery.expired") == 1 })
	if n := len(otps(c, "somebody")); n != 1 {
		t.Errorf("%d authenticators", n)
	}
}

// zitadel: parallel guesses of a second factor are not counted. Here the fifth ends it, for every way of guessing at once.
func TestPeer_ZITADEL_ParallelGuesses_Desk(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Second(t)
	bob := caller(t, c, "bob")
	right := bob.reads()
	var guesses []byHand
	for _, name := range []string{"carol", "dave"} {
		o := operator(t, c, name)
		guesses = append(guesses, times(25, post("/desk", o.session(), o.token(), "name", "bob", "code", "00000000"))...)
		guesses = append(guesses, post("/desk", o.session(), o.token(), "name", "bob", "code", right))
	}
	together(t, c, guesses...)
	if n := countEvents(c, "call.wrong_pair"); n > 10 {
		t.Errorf("%d guesses of two operators were answered", n)
	}
	if r := recovery(t, c, "bob"); r.State == bridge.Waiting && len(r.Call.Wrong) >= bridge.MaxWrongCalls {
		t.Errorf("still open after %d wrong codes", len(r.Call.Wrong))
	}
}

// HD-12: all that an operator sees of a caller is on a short list, and masked.
func TestAnOperatorSeesOnlyWhatIsOnTheList(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody", func(m *fakekc.Person) {
		m.Attributes["affiliation"], m.Attributes["studentNumber"] = []string{"Faculty of Law"}, []string{"0123456789"}
		m.Attributes["secretAttribute"] = []string{"not-for-operators"}
	})
	withPhone(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	allowed := []string{
		"Name", "ID", "Affiliation", "Student number", "Number on record", "Notification address", "Reason given", "Started", "From", "Rule", "Applies because of", "Approvals",
		"Checks for each approval", "Waiting period after it",
	}
	var seen []string
	for _, m := range regexp.MustCompile(`<dt>([^<]+)</dt>`).FindAllStringSubmatch(carol.Body, -1) {
		seen = append(seen, m[1])
		if !slices.Contains(allowed, m[1]) {
			t.Errorf("the operator sees %q", m[1])
		}
	}
	carol.says("Faculty of Law")
	for _, hidden := range []string{"somebody@mail.example.org", "753-1234", "0123456789", "not-for-operators", c.KC.PersonID("somebody")} {
		if strings.Contains(carol.Body, hidden) {
			t.Errorf("the operator sees %s", hidden)
		}
	}
	if len(seen) < 8 {
		t.Errorf("only %q were found", seen)
	}
}
