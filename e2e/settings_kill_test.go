package e2e_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// Issue 5, WB-05, MAIL-01: the process is killed while it writes an address or recovery codes in the settings, and its next one brings that to its end: the address
// stands, once, and the one before it hears of it; what was not compared is an alarm. Codes stand and are shown to the browser that asked, or, where the store
// was lost with the process, are taken back, since nobody has them (OPS-10). With FULL=1 it is killed before and after the effect, and codes are shown, too.
func TestJourneyKilledInTheSettings(t *testing.T) {
	t.Parallel()
	proxy := rig.NewProxy(t)
	s := newSettingsOn(t, rig.NewCampusAt(t, proxy.URL))
	before, after := moment{stepNamed("add"), false}, moment{stepNamed("add"), true}
	address := func(m moment) {
		t.Run("address-"+m.String(), func(t *testing.T) { s.in(t).killedInTheAddress(m, proxy) })
	}
	codes := func(m moment, lost bool) {
		t.Run("codes-"+m.String(), func(t *testing.T) { s.in(t).killedInTheCodes(m, proxy, lost) })
	}
	address(after)
	if full() {
		address(before)
		codes(before, false)
	}
	codes(after, true)
}

// killedInTheAddress kills the replica while an address is written.
func (s *site) killedInTheAddress(m moment, proxy *rig.Proxy) {
	s.t.Helper()
	name := "address-" + m.String()
	old, fresh := name+"@example.net", name+"@example.org"
	h, was := s.owns(name), s.attributes(name)
	h.sends("/settings/address", "do", "ask", "address", fresh).see("Type the confirmation number")
	code := s.confirmation(fresh, 1)
	s.kills(m.at(proxy), kill{
		begin: h.sendsAndLeaves("/settings/address", "do", "confirm", "code", code),
		look: func() {
			if slices.Contains(s.attributes(name)["notificationEmail"], fresh) != m.after {
				s.t.Errorf("at that moment the addresses are %q", s.attributes(name)["notificationEmail"])
			}
		},
		end: func(time.Time) { s.mustBeOnRecord("address.added", name) },
	})
	is := s.attributes(name)
	if got := is["notificationEmail"]; !slices.Equal(slices.Sorted(slices.Values(got)), []string{old, fresh}) {
		s.t.Errorf("addresses %q", got)
	}
	for _, all := range []map[string][]string{was, is} {
		delete(all, "notificationEmail")
		delete(all, "notificationEmailConfirmed")
	}
	if !maps.EqualFunc(was, is, slices.Equal) {
		s.t.Errorf("attributes were %v and are %v", was, is)
	}
	if moved := s.onRecord("alarm.account_moved", name); (moved == 1) != m.after || moved > 1 {
		s.t.Errorf("%d alarms about what was not compared", moved)
	}
	s.mailbox.Wait(old, 1)
	if n, begun, ended := len(s.mailbox.Messages(old)), s.onRecord("address.intended", name), s.onRecord("address.added", name); n != 1 || begun != 1 || ended != 1 {
		s.t.Errorf("%d notices, %d beginnings and %d ends on record", n, begun, ended)
	}
}

// killedInTheCodes kills the replica while recovery codes are written; lost: the store is gone with it.
func (s *site) killedInTheCodes(m moment, proxy *rig.Proxy, lost bool) {
	s.t.Helper()
	name := "codes-" + m.String()
	h, ends := s.owns(name), "recovery_codes.done"
	if lost {
		ends = "recovery_codes.refused"
	}
	s.kills(m.at(proxy), kill{
		begin: h.sendsAndLeaves("/settings/codes", "do", "codes"),
		look: func() {
			if slices.Contains(s.kinds(name), recoveryKind) != m.after {
				s.t.Errorf("at that moment beside the password stand %v", s.kinds(name))
			}
			if lost {
				s.losesItsFile()
			}
		},
		end: func(time.Time) { s.mustBeOnRecord(ends, name) },
	})
	if lost {
		if now := s.kinds(name); slices.Contains(now, recoveryKind) {
			s.t.Errorf("nobody has the codes that stand: %v", now)
		}
		told := s.mailbox.Wait(name+"@example.net", 1)
		if !strings.Contains(told.Subject, "Recovery codes could not be made for your account") { // beside Japanese: the language is lost, too
			s.t.Errorf("told of %q", told.Subject)
		}
		return
	}
	shown := h.inChromium("/settings/codes").See("Use them in order")
	if codes := recoveryCodes(shown); len(codes) != 12 || !s.opensPortalByCode(name, codes[0]) {
		s.t.Errorf("%d codes, or the first does not open the portal", len(codes))
	}
}

const recoveryKind = "recovery-authn-codes"

// owns is somebody in the settings.
func (s *site) owns(name string) *hand {
	s.t.Helper()
	s.add(realm.Person{Name: name})
	return s.inSettings(name, rig.NewPhone(s.t, realm.Secret(name)))
}

// sendsAndLeaves sends a form in the background. The channel is closed when the request is over.
func (h *hand) sendsAndLeaves(path string, namesAndValues ...string) func() <-chan struct{} {
	return func() <-chan struct{} {
		over := make(chan struct{})
		go func() {
			defer close(over)
			h.sends(path, namesAndValues...) // the front answers 502 when the process is gone
		}()
		return over
	}
}

// mustBeOnRecord waits for an event about a person: whoever carries a change out holds it for half a minute, also when the process is gone.
func (s *site) mustBeOnRecord(event, name string) {
	s.t.Helper()
	rig.Rest(s.t, time.Now().Add(25*time.Second))
	rig.Eventually(s.t, event+" of "+name, func() bool { return s.onRecord(event, name) > 0 })
}
