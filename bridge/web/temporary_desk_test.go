package web_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// codesByDesk is a campus whose help desk may answer with a temporary code, and the name of somebody without an address there.
func codesByDesk(t *testing.T) (c *campus.Campus, name string) {
	t.Helper()
	c = campus.OpenDesk(t)
	policies(c, bridge.Policy{Name: "everyone", Ways: []bridge.Way{bridge.WayMail, bridge.WayDesk}, Approvals: 1, Checks: 1, Temporary: true})
	return c, member(c, "owner", func(p *fakekc.Person) { p.Attributes = nil })
}

// callsForCode is somebody who asked the help desk for a temporary code.
func callsForCode(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	p := at(t, c, name)
	p.open("/start?to=temporary", http.StatusOK)
	p.send("/start", http.StatusOK, "name", name, "to", "temporary")
	p.must(p.Password(t.Context(), name, name+"-password"))
	p.at("/temporary")
	p.want(http.StatusOK)
	p.send("/temporary", http.StatusOK, "do", "phone")
	p.at("/recovery")
	return p
}

// approvedCode is a caller whose temporary code two operators have approved.
func approvedCode(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	p := callsForCode(t, c, name)
	for _, who := range []string{"carol", "dave"} {
		o := operator(t, c, who)
		o.looksUp(name, p.reads())
		o.approves()
	}
	p.open("/recovery", http.StatusOK)
	p.at("/temporary")
	p.says("The help desk has approved a temporary code")
	return p
}

var bigCode = regexp.MustCompile(`<dd class="big"><span aria-hidden="true">(\d{4}) (\d{4})</span>`)

// seesCode is the temporary code on the page, "" when there is none.
func (p *person) seesCode() string {
	if m := bigCode.FindStringSubmatch(p.Body); m != nil {
		return m[1] + m[2]
	}
	return ""
}

// HD-06, HD-15, TMP-01, TMP-05: after two approvals the code stands on the caller's own page, as often as it is loaded there, until the caller has it;
// it opens the application once. No operator, mail, log or store shows it, and the supervisor hears of it.
func TestTheDeskAnswersWithATemporaryCode(t *testing.T) {
	t.Parallel()
	c, name := codesByDesk(t)
	p := callsForCode(t, c, name)
	carol, dave := operator(t, c, "carol"), operator(t, c, "dave")
	for i, o := range []*person{carol, dave} {
		o.looksUp(name, p.reads())
		o.says("Asked for: a temporary code for one sign-in today")
		o.approves()
		o.says([]string{"A second operator must confirm", "Never have the code read out"}[i])
	}
	if len(otps(c, name)) != 1 || recovery(t, c, name).Key != nil {
		t.Fatal("an approval writes something, or makes a key")
	}
	p.open("/recovery", http.StatusOK)
	p.at("/temporary")
	p.send("/temporary", http.StatusOK, "do", "show")
	code := p.seesCode()
	for range 2 {
		p.open("/temporary", http.StatusOK)
		if len(code) != bridge.TemporaryDigits || p.seesCode() != code {
			t.Fatalf("%q, then %q", code, p.seesCode())
		}
	}
	tells(t, c, bridge.NoticeTemporaryAsked, campus.Supervisor)
	p.send("/temporary", http.StatusOK, "do", "keep")
	p.says("You have a temporary code")
	p.open("/recovery", http.StatusOK)
	p.at("/recovery") // for whoever wants to re-register
	for _, m := range c.Mails("") {
		if m.Code != "" || m.Link != "" {
			t.Errorf("a secret in the mail %s", m.Kind)
		}
	}
	if !newPerson(t, c).portal(name, typed(code)) || newPerson(t, c).portal(name, typed(code)) {
		t.Error("the code does not open the portal once and only once")
	}
	c.Clock.Add(31 * time.Second)
	c.Wait(t, "the removal", func() bool { return len(otps(c, name)) == 1 })
	oldStill(t, c, name)
	holdsNowhere(t, c, code)
	if e := c.Events("temporary.shown"); len(e) != 1 || e[0].Way != "desk" || e[0].Detail["request"] == "" || len(c.Events("recovery.answered")) != 1 {
		t.Errorf("on record %v, %+v", names(c), e)
	}
}

// holdsNowhere looks for a code where it must not stand.
func holdsNowhere(t *testing.T, c *campus.Campus, code string) {
	t.Helper()
	for what, text := range map[string][]byte{"store": c.StateBytes(t), "log": []byte(c.Log.String())} {
		if bytes.Contains(text, []byte(code)) {
			t.Errorf("the code stands in the %s", what)
		}
	}
	for _, a := range c.Answers() {
		if a.Path != "/temporary" && (strings.Contains(a.Body, code) || strings.Contains(a.Body, code[:4]+" "+code[4:])) {
			t.Errorf("the code stands on %s", a.Path)
		}
	}
}

// INV-1, HD-07: approved was a code and no enrolment: no press of the holder's makes a key of it, by whatever page.
func TestAnApprovedCodeIsNoEnrolment(t *testing.T) {
	t.Parallel()
	c, name := codesByDesk(t)
	p := approvedCode(t, c, name)
	token := p.token()
	for _, do := range []string{"new", "newkey", "extend", "confirm", "start"} {
		_ = p.Post(t.Context(), c.URL+"/enrol", url.Values{"csrf": {token}, "do": {do}, "code": {"123456"}})
		_ = p.Post(t.Context(), c.URL+"/recovery", url.Values{"csrf": {token}, "do": {do}, "reason": {"today"}, "way": {"mail"}})
	}
	r := recovery(t, c, name)
	now := c.Clock.Now()
	if r.State != bridge.Proven || r.Key != nil || !now.Before(r.Expires) || r.Expires.Sub(r.ProvenAt) > bridge.ProofLife {
		t.Fatalf("%s, key %v, until %s", r.State, r.Key != nil, r.Expires)
	}
	if _, err := r.NewKey(r.Holder, bridge.Key{Secret: "x"}, now); bridge.CodeOf(err) != bridge.CodeNotOpen {
		t.Errorf("a key: %v", err)
	}
	if _, err := r.Write(r.Holder, bridge.Swap{}, 1, now); bridge.CodeOf(err) != bridge.CodeNotOpen {
		t.Errorf("a swap: %v", err)
	}
	p.open("/enrol", http.StatusOK)
	p.at("/temporary")
}

// Only the browser that asked sees the code: not another one with the same password, not one with a link to the page, not an operator's, and not that
// browser itself after somebody else signed in there.
func TestOnlyTheCallerSeesTheApprovedCode(t *testing.T) {
	t.Parallel()
	c, name := codesByDesk(t)
	p := approvedCode(t, c, name)
	thief := at(t, c, "thief")
	thief.signIn(name)
	thief.open("/temporary", http.StatusOK)
	thief.at("/recovery")
	_ = thief.Post(t.Context(), c.URL+"/temporary", url.Values{"csrf": {thief.token()}, "do": {"show"}})
	if len(otps(c, name)) != 1 || len(c.Events("temporary.intended")) != 0 {
		t.Fatal("another browser makes the code")
	}
	p.send("/temporary", http.StatusOK, "do", "show")
	code := p.seesCode()
	thief.open("/temporary", http.StatusOK)
	thief.says("You have a temporary code")
	thief.send("/temporary", http.StatusOK, "do", "keep")
	p.open("/temporary", http.StatusOK)
	if code == "" || p.seesCode() != code {
		t.Error("another browser takes the code off the caller's page")
	}
	carol := operator(t, c, "carol")
	carol.open("/temporary", http.StatusOK)
	carol.at("/start")
	link := at(t, c, "somebody")
	link.open("/temporary", http.StatusOK)
	link.at("/start")
	for _, o := range []*person{thief, carol, link} {
		if o.seesCode() != "" {
			t.Error("the code shows elsewhere")
		}
	}
	p.signInFully("alice", "/settings") // on top of the caller's session
	p.open("/temporary", http.StatusOK)
	if p.seesCode() != "" {
		t.Error("the code shows after another sign-in")
	}
}

// TMP-01: a proof makes one code, however it is pressed for; what nobody says to have is taken back after ten minutes, and works no more.
func TestAnApprovedCodeThatNobodyKeepsIsTakenBack(t *testing.T) {
	t.Parallel()
	c, name := codesByDesk(t)
	p := approvedCode(t, c, name)
	var all sync.WaitGroup
	for range 4 {
		q := post("/temporary", p.session(), p.token(), "do", "show")
		all.Go(func() {
			if _, err := q.try(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(otps(c, name)) != 2 || len(c.Events("temporary.shown")) != 1 {
		t.Fatalf("%d OTPs, %d codes", len(otps(c, name)), len(c.Events("temporary.shown")))
	}
	p.open("/temporary", http.StatusOK)
	code := p.seesCode()
	c.Clock.Add(10*time.Minute + time.Second)
	if got := awaitsEnd(t, c, name); got.End != bridge.TemporaryUnshown || len(otps(c, name)) != 1 || got.Code != "" {
		t.Fatalf("%s, %d OTPs", got.End, len(otps(c, name)))
	}
	p.open("/temporary", http.StatusOK)
	p.says("The last temporary code was taken back")
	p.send("/temporary", http.StatusOK, "do", "show")
	if p.seesCode() != "" || len(otps(c, name)) != 1 {
		t.Error("one proof makes two codes")
	}
	if newPerson(t, c).portal(name, typed(code)) {
		t.Error("what was taken back opens the portal")
	}
}

// TMP-05: whatever dies between the approval and the page leaves nothing of the code a minute later; the proof then makes another one.
func TestAnApprovedCodeThatWasNeverShownIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"audit", "mail", "store"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			c, name := codesByDesk(t)
			p := approvedCode(t, c, name)
			v := bridge.Viewer{Person: c.KC.PersonID(name), Holder: recovery(t, c, name).Holder, SignedInAt: c.Clock.Now()}
			f := *c.Flow
			switch part {
			case "store":
				f.Target = &slowTarget{SwapTarget: f.Target, after: func() { c.BreakStore(0) }}
			default:
				c.Break(part, errors.New("away"))
			}
			if err := f.TakeTemporary(t.Context(), v, "x"); err == nil {
				t.Fatal("no error")
			}
			c.MendStore()
			c.Break(part, nil)
			for range 3 {
				c.Clock.Add(61 * time.Second)
				c.Wait(t, "the removal", func() bool { return len(otps(c, name)) == 1 })
			}
			awaitsEnd(t, c, name)
			p.open("/temporary", http.StatusOK)
			p.send("/temporary", http.StatusOK, "do", "show")
			if p.seesCode() == "" {
				t.Error("the proof is lost")
			}
		})
	}
}

// POL-01, TMP-01: whether the help desk may answer with a code is the policy's decision, and is asked again at every step; nobody who works at the
// desk gets one, nor anybody soon after a change of the password or the address, or while a theft is reported.
func TestWhoGetsNoTemporaryCodeByDesk(t *testing.T) {
	t.Parallel()
	open := bridge.Policy{Name: "open", Ways: []bridge.Way{bridge.WayDesk}, Temporary: true}
	silent, slow := open, open
	silent.Temporary, slow.Delay = false, time.Hour
	for name, change := range map[string]func(c *campus.Campus, id string){
		"policy": func(c *campus.Campus, _ string) { policies(c, silent) },
		"delay":  func(c *campus.Campus, _ string) { policies(c, slow) },
		"off":    func(c *campus.Campus, _ string) { c.Rules(func(r *bridge.Rules) { r.TemporaryCodes = false }) },
		"desk":   func(c *campus.Campus, _ string) { c.Rules(func(r *bridge.Rules) { r.Desk = false }) },
		"works":  func(c *campus.Campus, _ string) { roles(c, "owner", with("otp-helpdesk")) },
		"password": func(c *campus.Campus, id string) {
			c.KC.SetPassword(id, "owner-password", c.Clock.Now().Add(-71*time.Hour))
		},
		"address": func(c *campus.Campus, id string) {
			c.KC.Change(id, func(a *fakekc.Account) {
				a.Attributes[campus.MarksAttribute] = []string{c.Clock.Now().Add(-71 * time.Hour).UTC().Format(time.RFC3339)}
			})
		},
		"factor": func(c *campus.Campus, id string) {
			_ = c.Flow.Target.Do(context.Background(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: otps(c, "owner")[0]})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, owner := codesByDesk(t)
			p := callsForCode(t, c, owner)
			o := operator(t, c, "carol")
			o.looksUp(owner, p.reads())
			id := c.KC.PersonID(owner)
			change(c, id)
			_ = o.Post(t.Context(), c.URL+"/desk/case", url.Values{"csrf": {o.token()}, "case": {o.caseID()}, "do": {"approve"}, "ticket": {"T"}, "checks": {"video"}})
			if n := countEvents(c, "desk.approved"); n != 0 {
				t.Errorf("approved %d times", n)
			}
			v := bridge.Viewer{Person: id, Holder: "another", SignedInAt: c.Clock.Now()}
			if err := c.Flow.TemporaryByDesk(t.Context(), v, recovery(t, c, owner).Snapshot); err == nil {
				t.Error("it is offered")
			}
		})
	}
}

// MAIL-02: each mail about the request stops the code as well, before it is made and while it stands; a code that could not be made keeps nobody from
// stopping the request.
func TestAnApprovedCodeIsStoppedFromEveryMail(t *testing.T) {
	t.Parallel()
	for _, kind := range []bridge.NoticeKind{bridge.NoticeRequest, bridge.NoticeApproved, bridge.NoticeTemporaryAsked} {
		for _, when := range []string{"before", "failed", "after"} {
			if kind == bridge.NoticeTemporaryAsked && when != "after" {
				continue
			}
			t.Run(string(kind)+" "+when, func(t *testing.T) {
				t.Parallel()
				c := campus.OpenDesk(t)
				policies(c, bridge.Policy{Name: "everyone", Ways: []bridge.Way{bridge.WayDesk}, Temporary: true})
				name := member(c, "owner", second("owner"))
				p := callsForCode(t, c, name)
				o := operator(t, c, "carol")
				o.looksUp(name, p.reads())
				o.approves()
				p.open("/temporary", http.StatusOK)
				switch when {
				case "failed":
					c.Break("mail", errors.New("away"))
					_ = p.Post(t.Context(), c.URL+"/temporary", url.Values{"csrf": {p.token()}, "do": {"show"}})
					c.Break("mail", nil)
				case "after":
					p.send("/temporary", http.StatusOK, "do", "show")
				}
				n := c.Mails(kind)[0]
				if err := c.Flow.Veto(t.Context(), n.Veto.Hash(), n.Objection); err != nil {
					t.Fatal(err)
				}
				if r := recovery(t, c, name); r.Open() {
					t.Errorf("the request is %s", r.State)
				}
				c.Clock.Add(2 * time.Minute)
				awaitsEnd(t, c, name)
				_ = p.Post(t.Context(), c.URL+"/temporary", url.Values{"csrf": {p.token()}, "do": {"show"}})
				if p.seesCode() != "" || len(otps(c, name)) != 1 {
					t.Errorf("%d OTPs, the page shows %q", len(otps(c, name)), p.seesCode())
				}
			})
		}
	}
}

// HD-15, POL-03: whoever takes the code from an operator's address needs another operator, and so does whoever lost the address since.
func TestAnApprovedCodeTakenFromTheDeskNeedsAnother(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	policies(c, bridge.Policy{Name: "everyone", Ways: []bridge.Way{bridge.WayDesk}, Temporary: true})
	name := member(c, "owner")
	p := callsForCode(t, c, name)
	o := operator(t, c, "carol")
	o.looksUp(name, p.reads())
	o.approves()
	p.open("/temporary", http.StatusOK)
	p.From = homes["carol"]
	p.send("/temporary", http.StatusOK, "do", "show")
	p.at("/recovery")
	p.says("A second operator must also speak with you")
	if len(otps(c, name)) != 1 || recovery(t, c, name).State != bridge.Waiting {
		t.Fatal("one approval is enough at the operator's own address")
	}
	d := operator(t, c, "dave")
	d.looksUp(name, p.reads())
	d.approves()
	p.open("/temporary", http.StatusOK)
	p.send("/temporary", http.StatusOK, "do", "show")
	if p.seesCode() == "" {
		t.Error("two are not enough")
	}
}

// A request for a code talks no report of a theft down, and takes the place of no approval.
func TestAskingForACodeReplacesNoReportOfATheft(t *testing.T) {
	t.Parallel()
	c, name := codesByDesk(t)
	p := at(t, c, name)
	p.signIn(name)
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "stolen", "way", "desk")
	p.open("/temporary", http.StatusOK)
	_ = p.Post(t.Context(), c.URL+"/temporary", url.Values{"csrf": {p.token()}, "do": {"phone"}})
	if r := recovery(t, c, name); r.Reason != bridge.ReasonStolen || !r.Open() {
		t.Errorf("%s, %s", r.Reason, r.State)
	}
}
