package web_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// MAIL-11, TMP-01: a new code, for which the password is enough, silences no objection to one that was used; nor does one that the limit refuses.
func TestANewTemporaryCodeSilencesNoObjection(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"new", "new and over", "refused by the limit"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "owner")
			id := c.KC.PersonID(name)
			viewer := bridge.Viewer{Person: id}
			if how == "refused by the limit" {
				for range bridge.LimitTemporary.Count - 1 {
					hasCode(t, c, name)
					must2(t, c.Flow.EndTemporary(t.Context(), viewer))
					awaitsEnd(t, c, name)
				}
			}
			p, code := hasCode(t, c, name)
			mails := c.Mails(bridge.NoticeTemporary)
			mail := mails[len(mails)-1]
			if !newPerson(t, c).portal(name, typed(code)) {
				t.Fatal("the code does not work")
			}
			p.send("/temporary", http.StatusOK, "do", "end")
			used := awaitsEnd(t, c, name)
			c.Clock.Add(time.Minute)
			_, err := c.Flow.AskTemporary(t.Context(), asksTemporary(t, c, name))
			if (err == nil) != (how != "refused by the limit") {
				t.Fatal(err)
			}
			if how == "new and over" {
				p.must(c.Flow.EndTemporary(t.Context(), viewer))
				awaitsEnd(t, c, name)
			}
			if err := c.Flow.NoTemporary(t.Context(), id, used.EndedAt); bridge.CodeOf(err) != bridge.CodeTemporary {
				t.Errorf("a sign-in that may stem from the first: %v", err)
			}
			if err := c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection); bridge.CodeOf(err) != bridge.CodeTooLate || len(c.Events("alarm.objected")) != 1 {
				t.Errorf("%v, events %v", err, names(c))
			}
			if got := awaitsEnd(t, c, name); !got.Disputed(c.Clock.Now()) || len(otps(c, name)) != 1 {
				t.Errorf("disputed %v, %d OTPs", got.Disputed(c.Clock.Now()), len(otps(c, name)))
			}
			c.Clock.Add(bridge.KeepEnded)
			if err := c.Flow.Veto(t.Context(), mail.Veto.Hash(), mail.Objection); bridge.CodeOf(err) != bridge.CodeLinkInvalid {
				t.Errorf("after three days: %v", err)
			}
		})
	}
}

// TMP-01: what never reached anybody is none of the three codes of a week, whatever failed; what was used is one. The week is a whole one, and presses at the
// same moment have no more of it.
func TestWhatNeverCameIsNoTemporaryCodeOfTheWeek(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "owner")
	id := c.KC.PersonID(name)
	ask := func() (bridge.TemporaryCode, error) {
		return c.Flow.AskTemporary(t.Context(), asksTemporary(t, c, name))
	}
	for n := range 2 * (bridge.LimitTemporary.Count + 1) {
		part := []string{"mail", "audit"}[n%2]
		c.Break(part, bridge.Fault(bridge.CodeStoreAway, "test", nil))
		_, err := ask()
		c.Break(part, nil)
		if code := bridge.CodeOf(err); code != bridge.CodeStoreAway && code != bridge.CodeAuditFull {
			t.Fatalf("no %s: %v", part, err)
		}
		awaitsEnd(t, c, name)
	}
	var first bridge.TemporaryCode
	for n := range bridge.LimitTemporary.Count + 1 {
		code, err := ask()
		must2(t, err)
		mails := c.Mails(bridge.NoticeTemporary)
		used := n == bridge.LimitTemporary.Count
		if used && !newPerson(t, c).portal(name, typed(mails[len(mails)-1].Code.Reveal())) {
			t.Fatal("the code does not work")
		}
		must2(t, c.Flow.TemporaryMailed(t.Context(), id, code.ID, bridge.MailDropped))
		if first = awaitsEnd(t, c, name); first.UsedAt.IsZero() == used {
			t.Fatalf("used %v: %+v", used, first)
		}
	}
	for range bridge.LimitTemporary.Count - 1 {
		answers := make(chan error)
		for range 4 {
			go func() { _, err := ask(); answers <- err }()
		}
		made := 0
		for range 4 {
			if err := <-answers; err == nil {
				made++
			}
		}
		if made != 1 {
			t.Fatalf("%d codes", made)
		}
		must2(t, c.Flow.EndTemporary(t.Context(), bridge.Viewer{Person: id}))
		awaitsEnd(t, c, name)
	}
	for _, days := range []time.Duration{0, 4, 2} {
		c.Clock.Add(days * 24 * time.Hour)
		_, err := ask()
		var refused *bridge.Error
		if !errors.As(err, &refused) || refused.Code != bridge.CodeTooMany || !refused.Until.Equal(first.StartedAt.Add(7*24*time.Hour)) {
			t.Errorf("%d days later: %v", days, err)
		}
	}
	c.Clock.Add(24 * time.Hour)
	_, err := ask()
	must2(t, err)
}
