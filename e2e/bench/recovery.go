package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

const (
	recoveries = 8
	warmups    = 4 // before them, for Keycloak's sake
)

// recoveryCPU lets people go the whole way by mail, two at once, with browsers that fetch pages and nothing else, and compares the processor time
// that the product and Keycloak with its database used for it.
func recoveryCPU(t *testing.T) []figure {
	t.Helper()
	s := site{campus: rig.NewCampus(t), mailbox: rig.NewMailbox(t)}
	s.bridge = rig.StartBridge(t, rig.Setup{Campus: s.campus, Mailbox: s.mailbox, Change: quiet, KeepAlive: true})
	var names []string
	for i := range warmups + recoveries {
		name := fmt.Sprintf("person%d", i)
		_, err := s.campus.Add(t.Context(), realm.Person{
			Name: name, Notification: []string{name + "@example.net"}, OTPs: []string{realm.Secret("alice")},
		})
		must(t, err)
		names = append(names, name)
	}
	s.recover(t, "warm-up", names[:warmups])
	product, keycloak := s.bridge.Replicas[0].PID(), rig.Keycloak(t).Group()
	ours, theirs := cpu(t, product), groupCPU(t, keycloak)
	s.recover(t, "recovery", names[warmups:])
	a, b := millis(cpu(t, product)-ours)/recoveries, millis(groupCPU(t, keycloak)-theirs)/recoveries
	return []figure{
		{name: "recovery-cpu", value: 100 * a / b, unit: "% of Keycloak's", goal: "5"},
		{name: "recovery-cpu-ms", value: a, unit: "ms", peer: "Keycloak", other: b},
	}
}

// site is the product on a campus with a mailbox.
type site struct {
	campus  *rig.Campus
	mailbox *rig.Mailbox
	bridge  *rig.Bridge
}

// recover lets people recover side by side and returns when all have a new authenticator.
func (s site) recover(t *testing.T, what string, names []string) {
	t.Helper()
	if !t.Run(what, func(t *testing.T) {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.recoverOne(t, name)
			})
		}
	}) {
		t.FailNow()
	}
}

// recoverOne goes the whole way: password, mail, link, password, key, code.
func (s site) recoverOne(t *testing.T, name string) {
	t.Helper()
	b := rig.NewBrowser(t)
	see := func(text string) {
		t.Helper()
		if !strings.Contains(b.Text(), text) {
			t.Fatalf("%s, want %q", b.Describe(), text)
		}
	}
	signIn := func() {
		t.Helper()
		for range 3 { // who types faster than the gate opens is refused and tries again
			b.Get(s.bridge.URL+"/start").SubmitTo("/start", "name", name).Follow("")
			b.Submit("username", name, "password", realm.Password(name)).Follow("")
			if b.Page() != "login-error" {
				return
			}
			t.Log("refused by Keycloak")
		}
	}
	signIn()
	see("What will happen")
	b.SubmitTo("/recovery", "do", "start", "reason", "changed", "way", "mail").Follow("")
	see("Sent to")
	b.Get(s.mailbox.Wait(name+"@example.net", 1).Link(t, s.bridge.URL+"/link/")).Follow("")
	b.SubmitTo("/link", "do", "continue").Follow("") // to the ID page
	signIn()
	b.SubmitTo("/link", "do", "redeem").Follow("")
	uri, err := url.Parse(b.Href("otpauth://"))
	must(t, err)
	phone := rig.NewPhone(t, uri.Query().Get("secret"))
	b.SubmitTo("/enrol", "code", phone.Code(), "label", "").Follow("")
	see("Your one-time password is set up.")
}
