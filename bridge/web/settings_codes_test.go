package web_test

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

const (
	ownCodes     = "/settings/codes"
	ownCodesFile = "/settings/codes/recovery-codes.txt"
)

var afterField = regexp.MustCompile(`name="after" value="([^"]+)"`)

// oldSet gives somebody recovery codes of before.
func oldSet(c *campus.Campus, name string) {
	c.KC.AddCredential(c.KC.PersonID(name), fakekc.Credential{ID: "old-set", Type: bridge.TypeRecoveryCodes, Data: "{}", SecretData: `{"codes":[]}`})
}

// renews makes new recovery codes at the page of the settings.
func (p *person) renews(want int) {
	p.t.Helper()
	p.open(ownCodes, http.StatusOK)
	fields := []string{"do", "codes"}
	if m := afterField.FindStringSubmatch(p.Body); m != nil {
		fields = append(fields, "after", m[1])
	}
	p.send(ownCodes, want, fields...)
	p.awaitsChange()
}

// changeOf is the latest change of somebody.
func changeOf(t *testing.T, c *campus.Campus, name string) bridge.Change {
	t.Helper()
	change, err := c.Web.Settings.Changes.Get(t.Context(), c.KC.PersonID(name))
	must2(t, err)
	return change
}

// New codes are made by a press only, once for all presses of one page; what stood before stops then; they are shown, saved and forgotten, and another
// press makes others. Every address hears of each.
func TestRecoveryCodesAreReplacedInTheSettings(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Second(t)
	name := member(c, "rena")
	oldSet(c, name)
	p := owner(t, c, name)
	p.says("Make new recovery codes")
	p.open(ownCodes, http.StatusOK)
	p.says("Your old recovery codes stop working at once.")
	if ids, _ := sets(c, name); !slices.Equal(ids, []string{"old-set"}) {
		t.Fatalf("looking made %v", ids)
	}
	press := post(ownCodes, p.session(), p.token(), "do", "codes")
	if got := together(t, c, times(rounds(10), press)...); len(got) != 1 || got["303 "+ownCodes] == 0 {
		t.Errorf("answers %v", got)
	}
	p.open(ownCodes, http.StatusOK)
	p.awaitsChange()
	codes := codesOn(p.Body)
	ids, last := sets(c, name)
	if len(codes) != bridge.CodeCount || len(ids) != 1 || ids[0] == "old-set" || !last {
		t.Fatalf("%d codes, sets %v, last %v", len(codes), ids, last)
	}
	if a := press.to(t, c); a.status != http.StatusSeeOther { // much later than the others
		t.Errorf("%d", a.status)
	}
	intended, done := c.Events("recovery_codes.intended"), c.Events("recovery_codes.done")
	if len(intended) != 1 || len(done) != 1 || !slices.Equal(intended[0].Removed, []string{"old-set"}) || done[0].Added != ids[0] || done[0].Actor != c.KC.PersonID(name) {
		t.Errorf("intended %+v, done %+v", intended, done)
	}
	tells(t, c, bridge.NoticeCodes, name+"@mail.example.org")
	if a := get(ownCodesFile, p.session()).to(t, c); a.status != http.StatusOK || !strings.Contains(a.body, codes[11]) {
		t.Errorf("download %d", a.status)
	}
	p.send(ownCodes, http.StatusUnprocessableEntity, "do", "saved")
	p.says("Save your recovery codes, then tick the box.")
	p.send(ownCodes, http.StatusOK, "do", "saved", "saved", "1")
	p.at("/settings")
	p.says("New recovery codes were made.")
	if a := get(ownCodesFile, p.session()).to(t, c); a.status != http.StatusNotFound {
		t.Errorf("saved codes are to be had: %d", a.status)
	}
	p.renews(http.StatusOK)
	if again := codesOn(p.Body); len(again) != bridge.CodeCount || slices.Equal(again, codes) {
		t.Errorf("%d codes, or the same", len(again))
	}
	if now, _ := sets(c, name); len(now) != 1 || slices.Equal(now, ids) || len(c.Mails(bridge.NoticeCodes)) != 2 {
		t.Errorf("sets %v, %d notices", now, len(c.Mails(bridge.NoticeCodes)))
	}
	state := string(c.StateBytes(t))
	for _, code := range codes {
		if strings.Contains(state, strings.ReplaceAll(code, "-", "")) || strings.Contains(c.Log.String(), strings.ReplaceAll(code, "-", "")) {
			t.Fatal("a code stands in the store or in the log")
		}
	}
}

// SES-04, INV-1: nobody sees or replaces codes with the password alone, a planted session, an old sign-in, another full sign-in of the same person or of
// another one; and ten minutes later nobody at all.
func TestNobodyElseReplacesRecoveryCodes(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	name := member(c, "sina")
	p := owner(t, c, name)
	p.renews(http.StatusOK)
	stands, _ := sets(c, name)
	alone := newPerson(t, c)
	alone.signIn(name)
	alone.open("/recovery", http.StatusOK)
	for who, q := range map[string]*person{
		"the password alone": alone, "an operator": operator(t, c, "carol"), "another person": owner(t, c, member(c, "tina")), "another browser": owner(t, c, name),
	} {
		for _, path := range []string{ownCodes, ownCodesFile} {
			if a := get(path, q.session()).to(t, c); len(codesOn(a.body)) > 0 || path == ownCodesFile && a.status == http.StatusOK {
				t.Errorf("%s sees codes at %s: %d", who, path, a.status)
			}
		}
		post(ownCodes, q.session(), q.token(), "do", "saved", "saved", "1").to(t, c)
	}
	for _, session := range []string{alone.session(), strings.Repeat("x", 43)} {
		if a := post(ownCodes, session, alone.token(), "do", "codes").to(t, c); a.status != http.StatusForbidden {
			t.Errorf("asked without a full sign-in: %d", a.status)
		}
	}
	p.open(ownCodes, http.StatusOK)
	if len(codesOn(p.Body)) != bridge.CodeCount {
		t.Error("somebody else put the codes away")
	}
	token := p.token()
	c.Clock.Add(bridge.SettingsLife + time.Second)
	if a := post(ownCodes, p.session(), token, "do", "codes", "after", stands[0]).to(t, c); a.header.Get("Location") != "/signin?to=settings" {
		t.Errorf("an old sign-in: %d %s", a.status, a.header.Get("Location"))
	}
	p.enters(name, oldKey(t))
	if len(codesOn(p.Body)) > 0 || get(ownCodesFile, p.session()).to(t, c).status == http.StatusOK {
		t.Error("shown after their time")
	}
	if afterField.FindStringSubmatch(p.Body) == nil {
		t.Fatal("not offered again")
	}
	if now, _ := sets(c, name); !slices.Equal(now, stands) || countEvents(c, "recovery_codes.intended") != 1 {
		t.Errorf("sets %v, before %v", now, stands)
	}
}

// Two browsers of one person that press at once make one set, seen in one of them; the other one reads that a change is under way, or makes the next.
func TestTwoBrowsersMakeOneSetAtATime(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "ulli")
	p, q := owner(t, c, name), owner(t, c, name)
	c.StopWork()
	together(t, c, post(ownCodes, p.session(), p.token(), "do", "codes"), post(ownCodes, q.session(), q.token(), "do", "codes"))
	c.Second(t)
	c.Wait(t, "the end of the change", func() bool { return changeOf(t, c, name).State != bridge.ChangeAsked })
	shown := 0
	for _, one := range []*person{p, q} {
		one.open(ownCodes, http.StatusOK)
		if len(codesOn(one.Body)) > 0 {
			shown++
		}
	}
	if ids, _ := sets(c, name); len(ids) != 1 || shown != 1 || countEvents(c, "recovery_codes.intended") != 1 {
		t.Errorf("sets %v, shown %d times", ids, shown)
	}
}

// TMP-02, TOK-07, MAIL-11: what happened to the account between the press and the write refuses the codes, and the old ones stay.
func TestAChangedAccountKeepsItsRecoveryCodes(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*testing.T, *campus.Campus, string){
		"a temporary code": func(t *testing.T, c *campus.Campus, id string) {
			must2(t, c.Flow.Target.Do(t.Context(), id, temporary(c)))
		},
		"logged out": func(t *testing.T, c *campus.Campus, id string) {
			must2(t, c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionEndSessions}))
		},
		"disabled": func(_ *testing.T, c *campus.Campus, id string) {
			c.KC.Change(id, func(a *fakekc.Account) { a.Enabled = false })
		},
		"another password": func(_ *testing.T, c *campus.Campus, id string) {
			c.KC.SetPassword(id, "another-password", c.Clock.Now())
		},
		"an objection": func(t *testing.T, c *campus.Campus, id string) {
			_, err := c.Flow.Recoveries.Update(t.Context(), id, time.Hour, func(r bridge.Recovery, _ bool) (bridge.Recovery, error) {
				r.Person, r.Objected = id, c.Clock.Now()
				return r, nil
			})
			must2(t, err)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "vroni")
			oldSet(c, name)
			p := owner(t, c, name)
			c.StopWork()
			p.renews(http.StatusOK)
			p.says("Your recovery codes are being made.")
			c.Clock.Add(2 * time.Second)
			change(t, c, c.KC.PersonID(name))
			c.Second(t)
			c.Wait(t, "the refusal", func() bool { return changeOf(t, c, name).State == bridge.ChangeRefused })
			if ids, _ := sets(c, name); !slices.Equal(ids, []string{"old-set"}) || countEvents(c, "recovery_codes.refused") != 1 || countEvents(c, "recovery_codes.intended") != 0 {
				t.Errorf("sets %v", ids)
			}
			if n := len(c.Mails(bridge.NoticeCodes)); n > 0 {
				t.Errorf("%d notices", n)
			}
		})
	}
}

// A replica that dies before or after its call to Keycloak leaves the rest to another one. What nobody ends in time is taken back, and every address hears of it.
func TestOwnRecoveryCodesSurviveAKill(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		c := campus.Open(t)
		name := member(c, "wanda")
		oldSet(c, name)
		p := owner(t, c, name)
		c.StopWork()
		p.renews(http.StatusOK)
		id := c.KC.PersonID(name)
		for _, after := range []bool{false, true} {
			dying := *c.Web.Settings
			dying.Flow = flowOn(c, &cutTarget{left: 1, after: after})
			if _, err := dying.RunChange(t.Context(), id); !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			c.Clock.Add(time.Minute)
		}
		if late {
			c.Clock.Add(bridge.CodesLife + time.Minute)
		}
		c.Second(t)
		c.Wait(t, "the end of the change", func() bool { return changeOf(t, c, name).State != bridge.ChangeAsked })
		ids, _ := sets(c, name)
		if late && (len(ids) > 0 || len(c.Mails(bridge.NoticeCodesBack)) == 0) || !late && (len(ids) != 1 || ids[0] == "old-set" || len(c.Mails(bridge.NoticeCodes)) == 0) {
			t.Errorf("late %v: sets %v, %s", late, ids, changeOf(t, c, name).State)
		}
	}
}

// WB-13: codes that are on record when a lock begins, and not sent yet, are not written behind the tombstone.
func TestOwnRecoveryCodesAreNotWrittenAfterALock(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "locked")
	p := owner(t, c, name)
	c.StopWork()
	p.renews(http.StatusOK)
	dying, id := *c.Web.Settings, c.KC.PersonID(name)
	dying.Flow = flowOn(c, &cutTarget{left: 1})
	if _, err := dying.RunChange(t.Context(), id); !errors.Is(err, errKilled) || countEvents(c, "recovery_codes.intended") != 1 {
		t.Fatal(err)
	}
	c.KC.AddCredential(id, fakekc.Credential{ID: "6f747062-7473-8000-8000-000000000001", Type: bridge.TypeOTP, Label: "Locked", Data: "{}", SecretData: "{}"})
	c.KC.ForgetCalls()
	c.Clock.Add(time.Minute)
	c.Second(t)
	c.Wait(t, "the refusal", func() bool { return changeOf(t, c, name).State == bridge.ChangeRefused })
	if ids, _ := sets(c, name); len(ids) > 0 || slices.ContainsFunc(c.KC.Calls(), func(k fakekc.Call) bool { return k.Method == http.MethodPut }) {
		t.Errorf("sets %v", ids)
	}
}

// A realm whose sign-in does not ask for recovery codes makes none, whoever presses.
func TestARealmWithoutRecoveryCodesMakesNone(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.KC.SetRealm(map[string]any{"recoveryCodes": false})
	name := member(c, "xenia")
	oldSet(c, name)
	p := owner(t, c, name)
	if strings.Contains(p.Body, ownCodes) {
		t.Error("offered")
	}
	if a := post(ownCodes, p.session(), p.token(), "do", "codes").to(t, c); a.header.Get("Location") != "/settings" {
		t.Errorf("%d %s", a.status, a.header.Get("Location"))
	}
	if ids, _ := sets(c, name); !slices.Equal(ids, []string{"old-set"}) {
		t.Errorf("sets %v", ids)
	}
}
