package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// OIDC-21: anybody can type wrong passwords for somebody else. However many they are, the gate opens for the person.
func TestManyWrongPasswordsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia")
	id := c.KC.PersonID("mia")
	manyWrongPasswords(c, id)
	c.Wait(t, "the gate to open", func() bool { // a slow machine needs more than one look for so many
		e, err := c.Flow.Prepare(t.Context(), "mia", "")
		return err == nil && e.Lease != ""
	})
	wrongCodes(c, id, 0)
	staysShut(t, c, "mia")
}

// OIDC-21: who knows the password types wrong codes, and then buries them beneath thousands of wrong passwords. They count all the same.
func TestWrongPasswordsBuryNoWrongCodes(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia")
	id := c.KC.PersonID("mia")
	wrongCodes(c, id, 20*time.Hour)
	manyWrongPasswords(c, id)
	staysShut(t, c, "mia")
	if len(c.Mails(bridge.NoticeGateShut)) == 0 {
		t.Error("nobody was told")
	}
}

// staysShut wants the gate shut once all events were read: for so many a slow machine needs more than one look.
func staysShut(t *testing.T, c *campus.Campus, name string) {
	t.Helper()
	c.Wait(t, "a look at the events", func() bool {
		e, err := c.Flow.Prepare(t.Context(), name, "")
		if e.Lease != "" {
			t.Error("ten wrong codes opened the gate")
		}
		return err == nil
	})
}

// manyWrongPasswords are the last 17 hours of somebody else's patience.
func manyWrongPasswords(c *campus.Campus, person string) {
	now := c.Clock.Now()
	for n := range 12_000 {
		c.KC.AddEvent(fakekc.Event{
			ID: fmt.Sprintf("e%d", n), Time: now.Add(-time.Duration(n) * 5 * time.Second).UnixMilli(), Type: "LOGIN_ERROR", ClientID: "portal", UserID: person,
			Error: "invalid_user_credentials", Details: map[string]string{"username": "mia"},
		})
	}
}

func wrongCodes(c *campus.Campus, person string, ago time.Duration) {
	for range bridge.MaxWrongCodes {
		c.KC.AddEvent(fakekc.Event{
			Time: c.Clock.Now().Add(-ago).UnixMilli(), Type: "LOGIN_ERROR", ClientID: "portal", UserID: person,
			Details: map[string]string{"selected_credential_id": "x"},
		})
	}
}

// OIDC-21: events that cannot be read keep the gate shut, all addresses are told, and a permit of two operators opens it; then no link goes
// anywhere, since nobody knows what changed.
func TestAPermitHelpsWhereEventsCannotBeRead(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "mia")
	flow := *c.Flow
	flow.Accounts = blindAccounts{flow.Accounts}
	if e, err := flow.Prepare(t.Context(), "mia", ""); err != nil || e.Lease != "" {
		t.Errorf("opened unseen: %v", err)
	}
	if len(c.Mails(bridge.NoticeGateShut)) == 0 {
		t.Error("nobody was told")
	}
	carol, dave := operator(t, c, "carol"), operator(t, c, "dave")
	for _, p := range []*person{carol, dave} {
		p.open("/desk/permit", http.StatusOK)
		p.send("/desk/permit", http.StatusOK, "do", "give", "name", "mia", "check", "photo_id", "ticket", "T-2")
	}
	e, err := flow.Prepare(t.Context(), "mia", "")
	if err != nil || e.Lease == "" {
		t.Fatalf("the permit does not help: %v", err)
	}
	if to, ok := e.Snapshot.LinkAddress(); ok {
		t.Errorf("a link would go to %s", to)
	}
}

// blindAccounts cannot read events.
type blindAccounts struct{ bridge.Accounts }

func (blindAccounts) History(context.Context, string, time.Time) (bridge.History, error) {
	return bridge.History{}, bridge.Fault(bridge.CodeWrongCodes, "read history", errors.New("too many events to be read"))
}

// OIDC-21: the one repeat of a sign-in that was not fresh opens the gate under the rules of the first opening, on the first snapshot.
func TestTheGateIsJudgedAgainBeforeARepeat(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	member(c, "mia")
	id := c.KC.PersonID("mia")
	e, err := c.Flow.Prepare(t.Context(), "mia", "")
	if err != nil || e.Lease == "" {
		t.Fatal(err)
	}
	c.Flow.Leave(t.Context(), e)
	c.KC.Change(id, func(a *fakekc.Account) { a.Attributes["notificationEmail"] = []string{"thief@mail.example.org"} })
	again, err := c.Flow.Reopen(t.Context(), e, "")
	if err != nil || again.Lease == "" || !slices.Equal(again.Snapshot.Addresses, e.Snapshot.Addresses) {
		t.Fatalf("%v %v", again, err)
	}
	c.Flow.Leave(t.Context(), again)
	wrongCodes(c, id, 0)
	if again, err = c.Flow.Reopen(t.Context(), e, ""); err != nil || again.Lease != "" || again.Person != "" {
		t.Errorf("opened after ten wrong codes: %v", err)
	}
	if in := c.KC.Members(bridge.GateRole); len(in) > 0 {
		t.Errorf("gate open for %v", in)
	}
}

// TOK-14: a password that was set within the configured age counts, also when the age is longer than three days and Keycloak does not hold the
// password.
func TestAPasswordOfLongAgoIsStillRemembered(t *testing.T) {
	t.Parallel()
	if got := (bridge.Rules{PasswordAge: 720 * time.Hour}).LookBack(); got != 720*time.Hour {
		t.Errorf("looks back %v", got)
	}
	if got := (bridge.Rules{PasswordAge: time.Hour}).LookBack(); got != bridge.HistorySpan {
		t.Errorf("looks back %v", got)
	}
}
