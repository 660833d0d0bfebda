package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// TMP-03, TMP-04: a second factor that is added or removed while a code lives is treated as somebody else's doing: what was added goes,
// sessions end, everybody on record and the help desk's mailbox hear of it; without an authenticator the account is shut, never open.
func TestAChangeUnderATemporaryCodeIsUndone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		used        bool
		add, remove bool
		locked      bool
	}{
		{name: "added", add: true}, {name: "added after use", used: true, add: true},
		{name: "removed", remove: true, locked: true}, {name: "swapped after use", used: true, add: true, remove: true, locked: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			c.Flow.Rules.DeskMailbox = "desk@example.ac.jp"
			name := member(c, "owner", second("owner"))
			id := c.KC.PersonID(name)
			old := otps(c, name)[0]
			_, code := hasCode(t, c, name)
			if tc.used && !newPerson(t, c).portal(name, typed(code)) {
				t.Fatal("the code does not work")
			}
			if tc.add {
				c.KC.AddCredential(id, fakekc.Credential{ID: "thief", Type: bridge.TypeOTP, Label: "thief", Data: `{"subType":"totp","digits":6,"period":30,"algorithm":"HmacSHA1"}`, SecretData: `{"value":"x"}`})
			}
			if tc.remove {
				if err := c.Flow.Target.Do(t.Context(), id, bridge.Action{Kind: bridge.ActionRemove, Credential: old}); err != nil {
					t.Fatal(err)
				}
			}
			c.Clock.Add(31 * time.Second)
			got := awaitsEnd(t, c, name)
			left := otps(c, name)
			if got.End != bridge.TemporaryChanged || len(left) != 1 || (left[0] == old) == tc.locked || left[0] == "thief" {
				t.Fatalf("%s, OTPs %v", got.End, left)
			}
			if c.KC.Sessions(id) != 0 || len(c.Events("alarm.temporary_changed")) != 1 || (len(c.Events("alarm.temporary_last")) == 1) != tc.locked {
				t.Errorf("%d sessions, events %v", c.KC.Sessions(id), names(c))
			}
			tells(t, c, bridge.NoticeTemporaryBack, "owner@mail.example.org", "owner@other.example.net")
			if newPerson(t, c).portal(name, typed(code)) {
				t.Error("the code works")
			}
			p := newPerson(t, c)
			p.signIn(name)
			p.says("Re-registration is done by the help desk") // whoever reads the mail gets no link either
			saysBack(t, c, bridge.TemporaryOutcome{Undone: tc.add, Gone: tc.remove, Locked: tc.locked}, bridge.NoticeDeskTemporary)
		})
	}
}

func names(c *campus.Campus) (out []string) {
	for _, e := range c.Events("") {
		out = append(out, e.Event)
	}
	return out
}

// MAIL-02, TMP-04: each of the two mails can stop a code, without a sign-in, with its own number, before and after its use.
func TestATemporaryCodeCanBeStoppedFromItsMails(t *testing.T) {
	t.Parallel()
	for _, kind := range []bridge.NoticeKind{bridge.NoticeTemporary, bridge.NoticeTemporaryAsked} {
		for _, used := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, used), func(t *testing.T) {
				t.Parallel()
				c := campus.Open(t)
				c.Flow.Rules.DeskMailbox = "desk@example.ac.jp"
				name := member(c, "owner", second("owner"))
				_, code := hasCode(t, c, name)
				if used && !newPerson(t, c).portal(name, typed(code)) {
					t.Fatal("the code does not work")
				}
				mail := c.Mails(kind)[0]
				p := newPerson(t, c)
				p.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
				wrong := "000000"
				if mail.Objection == wrong {
					wrong = "000001"
				}
				p.send("/veto", http.StatusUnprocessableEntity, "choice", "stop", "number", wrong)
				if temporaryOf(t, c, name).End != "" || len(c.Events("veto.wrong_number")) != 1 {
					t.Fatal("a wrong number stops it, or is not on record")
				}
				p.send("/veto", http.StatusOK, "choice", "stop", "number", mail.Objection)
				p.says("The request was stopped")
				if got := awaitsEnd(t, c, name); got.End != bridge.TemporaryVetoed || len(otps(c, name)) != 1 || used && c.KC.Sessions(c.KC.PersonID(name)) != 0 {
					t.Errorf("%s, %d OTPs, %d sessions", got.End, len(otps(c, name)), c.KC.Sessions(c.KC.PersonID(name)))
				}
				if newPerson(t, c).portal(name, typed(code)) {
					t.Error("the code works after the veto")
				}
				tells(t, c, bridge.NoticeTemporaryBack, "owner@mail.example.org", "owner@other.example.net")
				saysBack(t, c, bridge.TemporaryOutcome{Vetoed: true}, bridge.NoticeDeskCode)
			})
		}
	}
}

// SWAP-05, TMP-03: a recovery takes the code away with the lost authenticator, and the code's own end then undoes nothing of it.
func TestARecoveryTakesTheTemporaryCodeAway(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner")
	_, code := hasCode(t, c, name)
	p := newPerson(t, c)
	p.signIn(name)
	if strings.Contains(text(p.Body), "You have several") {
		t.Error("the temporary code counts as an authenticator")
	}
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	p.redeem(name)
	key := p.scan()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/done")
	c.Clock.Add(31 * time.Second)
	if got := awaitsEnd(t, c, name); got.End != bridge.TemporaryRecovered || slices.Contains(names(c), "alarm.temporary_changed") {
		t.Errorf("%s, events %v", got.End, names(c))
	}
	newOnly(t, c, name, key)
	if newPerson(t, c).portal(name, typed(code)) {
		t.Error("the temporary code works after the recovery")
	}
}

// TMP-05: a mail that is given up takes its code with it, and the person reads that.
func TestACodeWhoseMailIsGivenUpIsTakenBack(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner")
	p, _ := hasCode(t, c, name)
	mail := c.Mails(bridge.NoticeTemporary)[0]
	p.must(c.Flow.TemporaryMailed(t.Context(), mail.Person, mail.ID, bridge.MailDelayed))
	p.open("/temporary", http.StatusOK)
	p.says("is delayed")
	p.must(c.Flow.TemporaryMailed(t.Context(), mail.Person, mail.ID, bridge.MailDropped))
	if got := awaitsEnd(t, c, name); got.End != bridge.TemporaryUnsent || len(otps(c, name)) != 1 {
		t.Errorf("%s, %d OTPs", got.End, len(otps(c, name)))
	}
	p.open("/temporary", http.StatusOK)
	p.says("could not be sent")
}

// TMP-05: the store loses a code that stands: the trail takes it away, and what it may have opened.
func TestATemporaryCodeThatTheStoreLostIsTakenAwayFromTheTrail(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner")
	id := c.KC.PersonID(name)
	_, code := hasCode(t, c, name)
	c.StopWork() // its job would end what was used
	if !newPerson(t, c).portal(name, typed(code)) {
		t.Fatal("the code does not work")
	}
	intent := bridge.Intent{What: bridge.UndertakingTemporary, Person: id, Recovery: c.Events("temporary.intended")[0].Recovery, Added: c.Events("temporary.intended")[0].Added, Begun: c.Clock.Now()}
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil || len(otps(c, name)) != 2 || len(c.Events("temporary.done")) != 0 {
		t.Fatalf("a code that the store knows is not left alone: %v", err)
	}
	if err := c.Flow.Temporaries.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := c.Flow.FinishIntent(t.Context(), intent); err != nil {
		t.Fatal(err)
	}
	if e := c.Events("temporary.done"); len(e) != 1 || e[0].Detail["why"] != "lost" || len(otps(c, name)) != 1 || c.KC.Sessions(id) != 0 {
		t.Errorf("%+v, %d OTPs, %d sessions", e, len(otps(c, name)), c.KC.Sessions(id))
	}
	oldStill(t, c, name)
}

// TMP-02, OIDC-12: Keycloak takes a sign-in with a temporary code for a full one; our console does not, whether we know of the code or only
// Keycloak does, nor later a sign-in that may stem from it.
func TestNoOperatorWithATemporaryCode(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint("known ", known), func(t *testing.T) {
			t.Parallel()
			c := campus.OpenDesk(t)
			name := member(c, "owner")
			id := c.KC.PersonID(name)
			_, code := hasCode(t, c, name)
			c.KC.Change(id, func(a *fakekc.Account) { a.Roles = append(a.Roles, "otp-helpdesk") }) // became one meanwhile
			if !known {
				if err := c.Flow.Temporaries.Delete(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			p := newPerson(t, c)
			p.must(p.SignIn(t.Context(), c.URL+"/desk", name, name+"-password", typed(code)))
			p.says("Not possible with a temporary code")
			if p.Status == http.StatusOK {
				t.Errorf("%s is open", p.URL)
			}
			if !known {
				return
			}
			if err := c.Flow.EndTemporary(t.Context(), bridge.Viewer{Person: id}); err != nil {
				t.Fatal(err)
			}
			if got := awaitsEnd(t, c, name); got.UsedAt.IsZero() {
				t.Fatal("the use is not noted")
			}
			if err := c.Flow.NoTemporary(t.Context(), id, c.Clock.Now().Add(-time.Minute)); bridge.CodeOf(err) != bridge.CodeTemporary {
				t.Errorf("a sign-in of before its end: %v", err)
			}
			c.Clock.Add(time.Minute)
			p = newPerson(t, c)
			p.must(p.SignIn(t.Context(), c.URL+"/desk", name, name+"-password", typed(oldKey(t).Code(c.Clock.Now()))))
			p.want(http.StatusOK)
		})
	}
}

// An objection after the end of a code that was used is the same alarm as one to a recovery that is done; one to a code that nobody used is
// an old link like any other.
func TestAnObjectionAfterTheEndOfATemporaryCode(t *testing.T) {
	t.Parallel()
	for _, used := range []bool{true, false} {
		t.Run(fmt.Sprint("used ", used), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "owner")
			p, code := hasCode(t, c, name)
			if used && !newPerson(t, c).portal(name, typed(code)) {
				t.Fatal("the code does not work")
			}
			p.send("/temporary", http.StatusOK, "do", "end")
			awaitsEnd(t, c, name)
			mail := c.Mails(bridge.NoticeTemporary)[0]
			err := c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection)
			_, refused := c.Flow.TemporaryTo(t.Context(), bridge.Viewer{Person: c.KC.PersonID(name), SignedInAt: c.Clock.Now()}, asksTemporary(t, c, name).Snapshot)
			if used && (bridge.CodeOf(err) != bridge.CodeTooLate || len(c.Events("alarm.objected")) != 1 || bridge.CodeOf(refused) != bridge.CodeDeskOnly) {
				t.Errorf("%v, %d alarms, another code: %v", err, len(c.Events("alarm.objected")), refused)
			}
			if !used && (bridge.CodeOf(err) != bridge.CodeLinkInvalid || len(c.Events("alarm.objected")) != 0 || refused != nil) {
				t.Errorf("%v, %d alarms, another code: %v", err, len(c.Events("alarm.objected")), refused)
			}
		})
	}
}
