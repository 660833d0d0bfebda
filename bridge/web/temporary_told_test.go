package web_test

import (
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

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
