package web_test

import (
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
					if ok, _, err := c.Flow.Limits.AllowAtMost(t.Context(), bridge.LimitTemporary, id); err != nil || !ok {
						t.Fatal(err)
					}
				}
			}
			p, code := hasCode(t, c, name)
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
			mail := c.Mails(bridge.NoticeTemporary)[0]
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
