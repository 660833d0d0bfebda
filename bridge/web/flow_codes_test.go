package web_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

var codeShape = regexp.MustCompile(`<b>([A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4})</b>`)

const codesFile = "/done/recovery-codes.txt"

// codesOn lists the recovery codes of a page.
func codesOn(body string) (out []string) {
	for _, m := range codeShape.FindAllStringSubmatch(body, -1) {
		out = append(out, m[1])
	}
	return out
}

// atTheEnd is somebody who has just finished.
func atTheEnd(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	p := proven(t, c, name)
	p.confirm(p.code(p.scan()), http.StatusOK)
	p.at("/done")
	return p
}

// asksForCodes presses for recovery codes on the last page, and waits for them.
func (p *person) asksForCodes() {
	p.t.Helper()
	p.send("/done", http.StatusOK, "do", "codes")
	p.awaitsChange()
}

// sets lists the ids of the person's recovery codes, with where they stand.
func sets(c *campus.Campus, name string) (ids []string, last bool) {
	all := c.KC.Credentials(c.KC.PersonID(name))
	for i, k := range all {
		if k.Type == bridge.TypeRecoveryCodes {
			ids, last = append(ids, k.ID), i == len(all)-1
		}
	}
	return ids, last
}

// The codes are made once however often they are asked for, shown again after a reload and in a second tab, can be downloaded without a
// script, and are forgotten when the person has them.
func TestRecoveryCodesAreShownUntilTheyAreSaved(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Second(t)
	p := atTheEnd(t, c, member(c, "owner"))
	if ids, _ := sets(c, "owner"); len(ids) != 0 {
		t.Fatal("codes that nobody asked for")
	}
	got := together(t, c, times(8, post("/done", p.session(), p.token(), "do", "codes"))...) // a double click, and more
	if got["303 /done"] != 8 {
		t.Errorf("answers %v", got)
	}
	p.open("/done", http.StatusOK)
	p.awaitsChange()
	codes := codesOn(p.Body)
	if len(codes) != bridge.CodeCount {
		t.Fatalf("%d codes: %s", len(codes), text(p.Body))
	}
	if ids, last := sets(c, "owner"); len(ids) != 1 || !last || len(c.Events("recovery_codes.done")) != 1 || len(c.Mails(bridge.NoticeCodes)) != 1 {
		t.Errorf("sets %v, last %v", ids, last)
	}
	before := facts(t, c, "owner")
	for range 3 {
		if a := get("/done", p.session()).to(t, c); strings.Join(codesOn(a.body), " ") != strings.Join(codes, " ") {
			t.Error("other codes after a reload")
		}
		a := get(codesFile, p.session()).to(t, c)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("Cache-Control") != "no-store" ||
			a.header.Get("Content-Disposition") != `attachment; filename="recovery-codes.txt"` || !strings.Contains(a.body, " 1  "+codes[0]+"\r\n") ||
			!strings.Contains(a.body, "12  "+codes[11]) {
			t.Fatalf("download %d %v\n%s", a.status, a.header, a.body)
		}
	}
	if after := facts(t, c, "owner"); after != before { // INV-4
		t.Errorf("looking changed\n%s\nto\n%s", before, after)
	}
	p.send("/done", http.StatusUnprocessableEntity, "do", "saved")
	p.says("Save your recovery codes, then tick the box.")
	if len(codesOn(p.Body)) != bridge.CodeCount {
		t.Error("the codes are gone without the tick")
	}
	for range 2 {
		p.send("/done", http.StatusOK, "do", "saved", "saved", "1")
		if len(codesOn(p.Body)) != 0 || get(codesFile, p.session()).to(t, c).status != http.StatusNotFound {
			t.Fatal("saved codes are shown")
		}
	}
	state := c.StateBytes(t)
	for _, code := range codes {
		for _, text := range []string{code, strings.ReplaceAll(code, "-", "")} {
			if bytes.Contains(state, []byte(text)) || strings.Contains(c.Log.String(), text) {
				t.Error("a code stands in the store or in the log")
			}
		}
	}
	p.asksForCodes() // once for each recovery
	if ids, _ := sets(c, "owner"); len(ids) != 1 || len(codesOn(p.Body)) != 0 {
		t.Error("another set")
	}
}

// Codes that stand are replaced only when the person asks, and told so before; the one-time password stays first. kc#44115
func TestOldRecoveryCodesStayUntilThePersonAsks(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner")
	c.KC.AddCredential(c.KC.PersonID(name), fakekc.Credential{ID: "old-set", Type: bridge.TypeRecoveryCodes, Data: "{}", SecretData: `{"codes":[]}`})
	p := atTheEnd(t, c, name)
	p.says("Your old recovery codes stop working at once.")
	if ids, _ := sets(c, name); strings.Join(ids, "") != "old-set" {
		t.Fatalf("sets %v", ids)
	}
	p.asksForCodes()
	if ids, last := sets(c, name); len(ids) != 1 || ids[0] == "old-set" || !last {
		t.Errorf("sets %v, last %v", ids, last)
	}
	if e := c.Events("recovery_codes.intended"); len(e) != 1 || strings.Join(e[0].Removed, "") != "old-set" {
		t.Errorf("on record %+v", e)
	}
}

// Only the browser that finished gets to the codes, ten minutes long; a realm without them, or one that switched them off, offers none.
func TestNobodyElseGetsRecoveryCodes(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := atTheEnd(t, c, member(c, "owner"))
	p.asksForCodes()
	if len(codesOn(p.Body)) == 0 {
		t.Fatal("no codes")
	}
	thief := newPerson(t, c)
	thief.signIn("owner") // the password alone
	other := atTheEnd(t, c, member(c, "other"))
	for who, session := range map[string]string{"nobody": "", "a thief": thief.session(), "another person": other.session(), "a planted cookie": strings.Repeat("x", 43)} {
		for _, path := range []string{"/done", codesFile} {
			if a := get(path, session).to(t, c); len(codesOn(a.body)) != 0 || path == codesFile && a.status == http.StatusOK {
				t.Errorf("%s sees codes at %s: %d", who, path, a.status)
			}
		}
	}
	if a := post("/done", thief.session(), formToken(t, c, thief.session()), "do", "codes").to(t, c); a.status < 400 {
		t.Errorf("a thief asks: %d", a.status)
	}
	if a := post("/done", p.session(), "wrong", "do", "saved", "saved", "1").to(t, c); a.status != http.StatusForbidden && a.status != http.StatusBadRequest {
		t.Errorf("a forged form: %d", a.status)
	}
	c.Clock.Add(bridge.CodesLife + time.Second)
	p.open("/done", http.StatusOK)
	if len(codesOn(p.Body)) != 0 || get(codesFile, p.session()).to(t, c).status == http.StatusOK {
		t.Error("shown after ten minutes")
	}
	p.open("/done", http.StatusOK)
	if strings.Contains(p.Body, `value="codes"`) {
		t.Error("offered after ten minutes")
	}
	quiet := campus.Open(t)
	quiet.KC.SetRealm(map[string]any{"recoveryCodes": false})
	if p := atTheEnd(t, quiet, member(quiet, "owner")); strings.Contains(p.Body, "ecovery code") {
		t.Error("offered by a realm that does not ask for them")
	}
}

// Whoever sits at a shared computer next finds nothing after the button of the last page, by no way back and with no cookie kept: no codes to
// ask for, and none that were made.
func TestLeavingTheLastPageEndsItsSession(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Second(t)
	for name, asks := range map[string]bool{"early": false, "late": true} {
		p := atTheEnd(t, c, member(c, name))
		p.says("On a shared computer, press this before you go.")
		if asks {
			p.asksForCodes()
		}
		session, token := p.session(), p.token()
		p.send("/done", http.StatusOK, "do", "leave")
		p.says("You have signed out")
		if a := post("/done", session, token, "do", "codes").to(t, c); a.status < 400 || len(codesOn(a.body)) != 0 {
			t.Errorf("%s: asked with the old cookie: %d", name, a.status)
		}
		for _, path := range []string{"/done", codesFile, "/recovery"} {
			if a := get(path, session).to(t, c); len(codesOn(a.body)) != 0 || strings.Contains(a.body, `value="codes"`) || a.status == http.StatusOK {
				t.Errorf("%s: %s answers %d", name, path, a.status)
			}
		}
		p.open("/done", http.StatusOK)
		if ids, _ := sets(c, name); len(ids) != 0 != asks || strings.Contains(p.Body, `value="codes"`) || len(codesOn(p.Body)) != 0 {
			t.Errorf("%s: sets %v", name, ids)
		}
	}
}

// INV-1: whoever has the password takes part in the open recovery of its owner, at any of its stages, and so does the owner's own phone that
// asked. They read that it is done, and get no recovery codes: neither new ones nor those that the owner sees.
func TestWhoTakesPartInARecoveryGetsNoRecoveryCodes(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner")
	asker, p := newPerson(t, c), newPerson(t, c)
	asker.ask(name)
	others := map[string]*person{"asked": asker, "waiting": joined(t, c, name)}
	p.redeem(name)
	others["proven"] = joined(t, c, name)
	p.confirm(p.code(p.scan()), http.StatusOK)
	p.at("/done")
	for stage, o := range others {
		o.open("/recovery", http.StatusOK)
		o.at("/done")
		if strings.Contains(o.Body, `value="codes"`) {
			t.Errorf("%s: offered", stage)
		}
		if a := post("/done", o.session(), o.token(), "do", "codes").to(t, c); len(codesOn(a.body)) != 0 {
			t.Errorf("%s: codes for the asking", stage)
		}
	}
	if ids, _ := sets(c, name); len(ids) != 0 {
		t.Fatal("codes were written")
	}
	p.asksForCodes()
	if len(codesOn(p.Body)) == 0 {
		t.Fatal("the owner gets none")
	}
	for stage, o := range others {
		post("/done", o.session(), o.token(), "do", "saved", "saved", "1").to(t, c)
		if a := get(codesFile, o.session()).to(t, c); a.status == http.StatusOK || len(codesOn(get("/done", o.session()).to(t, c).body)) != 0 {
			t.Errorf("%s: sees the owner's codes", stage)
		}
	}
	p.open("/done", http.StatusOK)
	if len(codesOn(p.Body)) == 0 {
		t.Error("somebody else put the owner's codes away")
	}
}

// joined is a browser of somebody who has the password alone and takes part in the person's open recovery.
func joined(t *testing.T, c *campus.Campus, name string) *person {
	t.Helper()
	o := newPerson(t, c)
	o.signIn(name)
	o.send("/recovery", http.StatusOK, "do", "check")
	return o
}

// Whatever call is lost or repeated, the codes that are shown are the ones that stand; what changed meanwhile refuses them.
func TestRecoveryCodesSurviveAKill(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := atTheEnd(t, c, member(c, "owner"))
	rec := recovery(t, c, "owner")
	ref := bridge.DoneRef{Recovery: rec.ID, Person: rec.Person, Way: rec.Way, At: rec.DoneAt}
	c.StopWork()
	c.KC.AddCredential(rec.Person, fakekc.Credential{ID: "old-set", Type: bridge.TypeRecoveryCodes, Data: "{}", SecretData: `{"codes":[]}`})
	if err := c.Flow.AskCodes(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	run := func(f *bridge.Flow) error { _, err := f.RunCodes(context.Background(), rec.ID); return err }
	c.Break("audit", errors.New("full"))
	if run(c.Flow) == nil || len(c.KC.Credentials(rec.Person)) != 3 {
		t.Fatal("written without a record")
	}
	c.Break("audit", nil)
	for _, after := range []bool{false, true} {
		if err := run(flowOn(c, &cutTarget{left: 1, after: after})); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		p.open("/done", http.StatusOK)
		p.says("Your recovery codes are being made.")
	}
	if err := run(flowOn(c, &cutTarget{twice: true})); err != nil {
		t.Fatal(err)
	}
	p.open("/done", http.StatusOK)
	if ids, last := sets(c, "owner"); len(ids) != 1 || !last || len(codesOn(p.Body)) != bridge.CodeCount {
		t.Errorf("sets %v, last %v, %d shown", ids, last, len(codesOn(p.Body)))
	}
}

// Whatever happened to the account since the end of the recovery, codes are refused: disabled, another password, signed out by an administrator.
func TestAChangedAccountGetsNoRecoveryCodes(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	for name, change := range map[string]func(id string) error{
		"untouched": func(string) error { return nil },
		"disabled":  func(id string) error { c.KC.Change(id, func(a *fakekc.Account) { a.Enabled = false }); return nil },
		"reset":     func(id string) error { c.KC.SetPassword(id, "another one", c.Clock.Now()); return nil },
		"signedout": func(id string) error {
			return c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionEndSessions})
		},
	} {
		ref := atTheEndBy(t, c, name)
		c.Clock.Add(2 * time.Minute)
		if err := change(ref.Person); err != nil {
			t.Fatal(err)
		}
		if err := c.Flow.AskCodes(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Flow.RunCodes(t.Context(), ref.Recovery); err != nil {
			t.Fatal(err)
		}
		if ids, _ := sets(c, name); len(ids) != 0 != (name == "untouched") {
			t.Errorf("%s: %v", name, ids)
		}
	}
	if n := len(c.Events("recovery_codes.refused")); n != 3 {
		t.Errorf("%d refusals on record", n)
	}
}

// atTheEndBy finishes a recovery by hand, while no worker is there.
func atTheEndBy(t *testing.T, c *campus.Campus, name string) bridge.DoneRef {
	t.Helper()
	p := proven(t, c, member(c, name))
	p.confirm(p.code(p.scan()), http.StatusOK)
	if _, err := c.Flow.RunSwap(t.Context(), c.KC.PersonID(name)); err != nil {
		t.Fatal(err)
	}
	rec := recovery(t, c, name)
	return bridge.DoneRef{Recovery: rec.ID, Person: rec.Person, Way: rec.Way, At: rec.DoneAt}
}
