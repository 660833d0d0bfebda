package web_test

import (
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// C6, MAIL-01: where only the mailbox of the code could hear of it, the help desk hears of it too, without a name, and the events say so; where
// another address heard of it neither does.
func TestACodeThatOnlyItsMailboxHeardOfIsTold(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fakekc.Person){"one": func(*fakekc.Person) {}, "two": second("two")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			c.Rules(func(r *bridge.Rules) { r.DeskMailbox = "desk@example.ac.jp" })
			_, code := hasCode(t, c, member(c, name, change))
			if !newPerson(t, c).portal(name, typed(code)) {
				t.Fatal("the code does not open the portal")
			}
			c.Clock.Add(31 * time.Second)
			c.Wait(t, "the use", func() bool { return len(c.Events("temporary.used")) == 1 })
			want := 0
			if name == "one" {
				want = 1
			}
			got := c.Mails(bridge.NoticeDeskToday)
			if len(got) != want || want == 1 && (got[0].To != "desk@example.ac.jp" || got[0].Name != "" || got[0].Code != "" || got[0].Veto != "") {
				t.Errorf("the help desk's mails: %+v", got)
			}
			for _, e := range append(c.Events("temporary.sent"), c.Events("temporary.used")...) {
				if (e.Detail["told"] != "") != (want == 1) {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

// saysBack says that the last mails about a code that was taken back say what became of the account, to the help desk, too, and that none of them is
// dropped by a mailbox as one that it has already.
func saysBack(t *testing.T, c *campus.Campus, want bridge.TemporaryOutcome, desk bridge.NoticeKind) {
	t.Helper()
	told := c.Mails(bridge.NoticeTemporaryBack)
	if len(told) == 0 || told[len(told)-1].Outcome != want {
		t.Errorf("the notices are %+v, want the last to say %+v", told, want)
	}
	if got := c.Mails(desk); len(got) != 1 {
		t.Errorf("%d mails %s to the help desk", len(got), desk)
	}
	sent := map[string]bool{}
	for _, n := range told {
		if sent[n.ID+n.To] {
			t.Errorf("two mails to %s under one id", n.To)
		}
		sent[n.ID+n.To] = true
	}
}
