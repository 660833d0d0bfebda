package e2e_test

import (
	"bytes"
	"slices"
	"time"

	"otpbridge/e2e/rig"
)

// recordMoments are those at which a swap or a lock keeps something, or tells it, and calls Keycloak for nothing: what stands in the store and in the trail then
// decides what the next process does. In Redis: the recovery is being written; its intent is on record and nothing was sent; the sessions were ended; the end is on
// record and nobody was told; and that it is over. On either store: a mail server has the notice before it, or took it, and the process does not know. With FULL=1
// each is before and after its effect.
func recordMoments(wire *rig.Wire) (swap, lock []moment) {
	at := func(name string, after bool) moment { return moment{step{name: name}, after} }
	switch {
	case !full() && wire == nil:
		return []moment{at("mail", true)}, nil
	case !full():
		return []moment{at("intent", false), at("done", false)}, nil
	}
	swap = []moment{at("mail", false), at("mail", true)}
	if wire == nil {
		return swap, nil
	}
	swap = append(swap, at("writing", true)) // before, nothing has begun, and the person types another code
	for _, after := range []bool{false, true} {
		lock = append(lock, at("intent", after), at("done", after))
		swap = append(swap, at("intent", after), at("noted", after), at("notice", after), at("done", after))
	}
	return swap, lock
}

// killedAtTheRecord kills the first replica at such a moment, in the swap of somebody with two addresses. The swap ends as after any other kill, with a beginning and an
// end in the trail, and each address hears of it.
func (s *site) killedAtTheRecord(m moment, wire *rig.Wire) {
	s.t.Helper()
	name := "record-" + m.String()
	addresses := []string{name + "@example.net", name + "@example.com"}
	h, phone := s.ready(name, addresses...)
	s.kills(s.atTheRecord(m, "swap", name, wire), kill{
		begin: func() <-chan struct{} { return h.typeAndLeave(phone) },
		look:  func() { s.mustOpen(m, name, phone) },
		end: func(since time.Time) {
			asked := time.Now() // whoever was started is ready
			s.mustEndSoon("swap.done", name, since)
			h.seeDone()
			if took := time.Since(asked); took > resumed {
				s.t.Errorf("%s: the page says so after %s", name, took)
			}
			s.mustBeSwapped(name, phone)
			for i, to := range addresses {
				s.mustHear(to, m.name == "mail" && m.after && i == 0)
			}
			if begun, done := s.trails("swap.intended", name), s.trails("swap.done", name); slices.Max(begun) != 1 || slices.Max(done) > 2 { // what is not known to be there is written again
				s.t.Errorf("%v beginnings and %v ends on record", begun, done)
			}
		},
	})
}

// mustHear wants a notice at an address: once, or, where processes died over its job or over what comes after it, by the same mail again, as lost says that it has to be.
func (s *site) mustHear(to string, lost bool) {
	s.t.Helper()
	rig.Eventually(s.t, "a notice to "+to, func() bool { return len(s.notices(to)) > 0 })
	told := s.notices(to)
	var ids []string
	for _, m := range told {
		ids = append(ids, m.Header.Get("Message-Id"))
	}
	s.t.Logf("%s: %d notices", to, len(told))
	if most := 3; len(told) > most || len(slices.Compact(ids)) != 1 || lost && len(told) < 2 {
		s.t.Errorf("%s: %d notices, %v", to, len(told), ids)
	}
}

// killedAtTheLocksRecord kills the first replica at such a moment in a lock.
func (s *site) killedAtTheLocksRecord(m moment, wire *rig.Wire) {
	s.t.Helper()
	name := "lock-record-" + m.String()
	at := held{func() *rig.Hold { return s.atTheRecord(m, "lock", name, wire).hold() }, wire.Drop} // the person is added later
	s.killedInTheLock(m, name, at)
}

// atTheRecord holds a command for the store, or the notice to the person's first address; what is "swap" or "lock".
func (s *site) atTheRecord(m moment, what, name string, wire *rig.Wire) held {
	s.t.Helper()
	if m.name == "mail" {
		return held{func() *rig.Hold { return s.mailbox.Hold(m.after, name+"@example.net") }, s.mailbox.Drop}
	}
	// Of a record the key is to be seen, of a job what its kind is; the rest is sealed. What is on record says how far the swap is.
	recovery := []byte("recovery/" + s.campus.Users[name])
	begun := func(event string) bool { return s.onRecord(event, name) > 0 }
	is := map[string]func(command []byte) bool{
		"writing": func(c []byte) bool { return bytes.Contains(c, recovery) },
		"intent":  func(c []byte) bool { return bytes.Contains(c, recovery) && begun(what+".intended") },
		"noted":   func(c []byte) bool { return bytes.Contains(c, recovery) && len(s.otps(name)) == 1 },
		"notice":  func(c []byte) bool { return bytes.Contains(c, []byte("jobs/mail")) && begun(what+".done") },
		"done":    func(c []byte) bool { return bytes.Contains(c, recovery) && begun(what+".done") },
	}[m.name]
	return held{func() *rig.Hold {
		return wire.Hold(m.after, func(c []byte) bool { return bytes.Contains(c, []byte("evalsha")) && is(c) })
	}, wire.Drop}
}
