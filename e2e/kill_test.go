package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// step is a call of a swap: the n-th of its kind since the first try to write the new credential.
type step struct {
	name string
	is   func(*http.Request) bool
	nth  int
}

// swapSteps are the calls of a swap with two old authenticators, in their order.
var swapSteps = []step{
	{"token", isCall(http.MethodPost, "/openid-connect/token"), 1},
	{"add", isPut, 1},
	{"look", isCall(http.MethodGet, "/credentials"), 1},
	{"move", isCall(http.MethodPost, "/moveAfter/"), 1},
	{"remove-1", isCall(http.MethodDelete, "/credentials/"), 1},
	{"remove-2", isCall(http.MethodDelete, "/credentials/"), 2},
	{"sessions", isCall(http.MethodPost, "/logout"), 1},
	{"last-look", isCall(http.MethodGet, "/credentials"), 2},
}

// stepNamed is one of swapSteps.
func stepNamed(name string) step {
	for _, s := range swapSteps {
		if s.name == name {
			return s
		}
	}
	panic("no step " + name)
}

func isCall(method, part string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.Contains(r.URL.Path, part) }
}

// isPut is the call that writes the new credential.
func isPut(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/users/") && !strings.Contains(r.URL.Path, "/groups/")
}

// matcher finds the step in a swap that is about to begin. For the step "token" the first try to write loses its token on the way: Keycloak
// itself refuses it then, and the product fetches another.
func (s step) matcher() func(*http.Request) bool {
	var mu sync.Mutex
	var begun bool
	var seen int
	return func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if isPut(r) {
			if s.name == "token" && !begun {
				r.Header.Del("Authorization")
			}
			begun = true
		}
		if !begun || !s.is(r) {
			return false
		}
		seen++
		return seen == s.nth
	}
}

// moment is when a process is killed: while a call is on its way, or when it had its effect and its answer is on its way.
type moment struct {
	step
	after bool
}

func (m moment) String() string {
	if m.after {
		return m.name + "-after"
	}
	return m.name + "-before"
}

// leads reports whether Keycloak asks for the new authenticator at that moment: from the move on. Before, it asks for the old one.
func (m moment) leads() bool {
	switch m.name {
	case "token", "add", "look", "writing", "intent":
		return false
	case "move":
		return m.after
	}
	return true
}

// moments are all of these steps with FULL=1, or the sample.
func moments(steps []step, sample []moment) (all []moment) {
	if !full() {
		return sample
	}
	for _, s := range steps {
		all = append(all, moment{s, false}, moment{s, true})
	}
	return all
}

// sampled are the moments of an ordinary run, of a swap and of a lock: no two of a kind. Nothing is written yet, what was written was not answered, one of
// two is removed, or only the sessions are left.
func sampled(store string) (swap, lock []moment) {
	if store == "redis" {
		return []moment{{stepNamed("add"), false}, {stepNamed("remove-1"), true}}, []moment{{stepNamed("add"), true}}
	}
	return []moment{{stepNamed("add"), true}, {stepNamed("sessions"), false}}, []moment{{stepNamed("remove-1"), true}}
}

// slack is what a machine that runs Keycloak, Redis, browsers and several tests at once may add to a promised time.
const slack = 10 * time.Second

// resumed is how soon a swap or a lock has to be finished once the fault is gone: ten seconds are promised.
const resumed = 10*time.Second + slack

// Issue 5, WB-05, WB-13, SWAP-02, INV-2, INV-7: the process is killed at each step of the swap, and of the lock after a theft, and finishes it on the
// same file, once with a new sealing key before the old one, or, with Redis, another one does. In a swap the old authenticator or, from the move on, the new one signs in at that moment; in the end
// exactly the new one does. The person's browser does nothing.
func TestJourneyKilledInTheSwap(t *testing.T) {
	t.Parallel() // it waits for leases
	rig.Together(t, map[string]func(t *testing.T){
		"bbolt": func(t *testing.T) { killedInTheSwap(t, "bbolt") },
		"redis": func(t *testing.T) {
			redis := rig.NewRedis(t)
			wire := rig.NewWire(t, redis)
			killedInTheSwap(t, "redis", func(s *rig.Setup) { s.Redis, s.Wire, s.Replicas = redis, wire, 2 })
		},
	})
}

// killedInTheSwap goes through the moments one after the other, each with somebody of its own: one that fails leaves the others their turn.
func killedInTheSwap(t *testing.T, store string, change ...func(*rig.Setup)) {
	t.Helper()
	proxy := rig.NewProxy(t)
	var setup rig.Setup
	s := newSite(t, append(change, behindProxy(t, proxy), func(s *rig.Setup) { setup = *s })...)
	swap, lock := sampled(store)
	for _, m := range moments(swapSteps, swap) {
		t.Run("swap-"+m.String(), func(t *testing.T) { s.in(t).killedAt(m, proxy) })
	}
	for _, m := range moments(lockSteps, lock) {
		t.Run("lock-"+m.String(), func(t *testing.T) { s.in(t).killedInTheLock(m, "lock-"+m.String(), m.at(proxy)) })
	}
	swap, lock = recordMoments(setup.Wire)
	for _, m := range swap {
		t.Run("record-"+m.String(), func(t *testing.T) { s.in(t).killedAtTheRecord(m, setup.Wire) })
	}
	for _, m := range lock {
		t.Run("lock-record-"+m.String(), func(t *testing.T) { s.in(t).killedAtTheLocksRecord(m, setup.Wire) })
	}
}

// killedAt kills the first replica in a swap.
func (s *site) killedAt(m moment, proxy *rig.Proxy) {
	s.t.Helper()
	h, phone := s.ready(m.String())
	s.kills(m.at(proxy), kill{
		begin: func() <-chan struct{} { return h.typeAndLeave(phone) },
		look: func() {
			s.mustOpen(m, h.name, phone)
			if len(s.bridge.Replicas) == 1 && m.String() == "add-after" {
				s.newSealingKey() // what is under way was sealed with the old one (STO-10)
			}
		},
		end: func(since time.Time) { s.mustFinish(h, phone, since) },
	})
}

// newSealingKey puts a new sealing key before those that there are.
func (s *site) newSealingKey() {
	s.t.Helper()
	add := exec.CommandContext(s.t.Context(), rig.Binary(s.t), "keys", "new", "sealing", filepath.Join(filepath.Dir(s.bridge.Config), "keys"), "--add")
	if text, err := add.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, text)
	}
}

// kill is what a process is killed in.
type kill struct {
	begin func() <-chan struct{}
	look  func()          // nobody works at it
	end   func(time.Time) // somebody does, since then
}

// held is what keeps a process at a moment of its work.
type held struct {
	hold func() *rig.Hold
	drop func()
}

// at holds the moment's call of Keycloak.
func (m moment) at(proxy *rig.Proxy) held {
	return held{func() *rig.Hold { return proxy.Hold(m.after, m.matcher()) }, proxy.Drop}
}

// kills kills the first replica at a moment of its work. Another one takes over, or, on a file, its next process.
func (s *site) kills(at held, k kill) {
	s.t.Helper()
	first, others := s.bridge.Replicas[0], s.bridge.Replicas[1:]
	s.bridge.Front.Only(first)
	for _, other := range others {
		other.Pause() // so that the first one works
	}
	defer s.allServe(at) // also when this moment fails
	hold := at.hold()
	over := k.begin()
	hold.Wait(s.t)
	first.Kill()
	k.look()
	for _, other := range others {
		other.Resume()
	}
	since := time.Now()
	at.drop()
	<-over
	s.bridge.Front.Only(nil)
	if len(others) == 0 {
		since = time.Now()
		first.Start()
		first.WaitReady()
	}
	k.end(since)
}

// allServe ends what was done to the replicas.
func (s *site) allServe(at held) {
	s.t.Helper()
	at.drop()
	s.bridge.Front.Only(nil)
	first, others := s.bridge.Replicas[0], s.bridge.Replicas[1:]
	for _, other := range others {
		other.Resume()
	}
	if !first.Running() {
		first.Start()
		first.WaitReady()
	}
}

// ready brings somebody with two authenticators, whose notification addresses may be others than usual, to the page with the key.
func (s *site) ready(name string, addresses ...string) (h *hand, phone *rig.Phone) {
	s.t.Helper()
	s.add(realm.Person{Name: name, OTPs: []string{realm.Secret(name), realm.Secret(name + "-2")}, Notification: addresses})
	h = s.hand(name).ask()
	h.prove(h.link(1))
	return h, rig.NewPhone(s.t, h.key())
}

// mustOpen fails the test unless somebody can sign in at a moment of the swap.
func (s *site) mustOpen(m moment, name string, phone *rig.Phone) {
	s.t.Helper()
	asked := phone
	if !m.leads() {
		asked = rig.NewPhone(s.t, realm.Secret(name))
	}
	if !s.opensPortal(name, asked) {
		s.t.Errorf("%s: nothing signs in (with the new one: %t)", name, m.leads())
	}
}

// typeAndLeave types a code in the background, from another copy of the phone, so that Keycloak has yet to see the phone's own: the answer is lost
// with the process. The channel is closed when the request is over.
func (h *hand) typeAndLeave(phone *rig.Phone) <-chan struct{} {
	h.s.t.Helper()
	code, over := rig.NewPhone(h.s.t, phone.Secret()).Code(), make(chan struct{})
	go func() {
		defer close(over)
		h.SubmitTo("/enrol", "code", code, "label", "") // the front answers 502 when the process is gone
	}()
	return over
}

// mustFinish waits for the end of a swap, and looks at Keycloak, the trails, the mailbox and, at last, the page.
func (s *site) mustFinish(h *hand, phone *rig.Phone, since time.Time) {
	s.t.Helper()
	s.mustEndSoon("swap.done", h.name, since)
	s.mustBeOver(h, phone)
}

// mustEndSoon waits for the end of a swap or a lock whose fault is gone since then.
func (s *site) mustEndSoon(event, name string, since time.Time) {
	s.t.Helper()
	rig.Eventually(s.t, event+" of "+name, func() bool { return s.onRecord(event, name) > 0 })
	s.mustHaveEndedWithin(resumed, event, name, since)
}

// mustHaveEndedWithin bounds the time from since to the end of a swap or a lock: when that was put on record, not when it is seen.
func (s *site) mustHaveEndedWithin(most time.Duration, event, name string, since time.Time) {
	s.t.Helper()
	took := slices.MinFunc(slices.Concat(s.timesOf(event, name)...), time.Time.Compare).Sub(since)
	s.t.Logf("%s: finished after %s", name, took.Round(100*time.Millisecond))
	if took > most {
		s.t.Errorf("%s: it took %s", name, took)
	}
}

// mustBeOver wants all of a swap done; the page says so.
func (s *site) mustBeOver(h *hand, phone *rig.Phone) {
	s.t.Helper()
	s.mustBeDone(h.name, phone)
	h.Get(s.bridge.URL + "/recovery").Follow("")
	h.see("Your one-time password is set up.")
}

// mustBeDone wants one authenticator, one notice and one pair of audit records.
func (s *site) mustBeDone(name string, phone *rig.Phone) {
	s.t.Helper()
	// The trail that holds the beginning is given an end of its own when another replica wrote that.
	if begun, done := s.onRecord("swap.intended", name), s.trails("swap.done", name); begun != 1 || slices.Max(done) != 1 {
		s.t.Errorf("%s: %d beginnings and %v ends on record", name, begun, done)
	}
	s.mustBeSwapped(name, phone)
	if n := len(s.notices(name + "@example.net")); n != 1 {
		s.t.Errorf("%s: %d notices", name, n)
	}
}

// mustBeSwapped wants one authenticator, a notice at least and no mail that waits.
func (s *site) mustBeSwapped(name string, phone *rig.Phone) {
	s.t.Helper()
	s.mustHaveOnly(name, phone)
	rig.Eventually(s.t, "a notice", func() bool { return len(s.notices(name+"@example.net")) > 0 })
	rig.Eventually(s.t, "no mail waits", func() bool { return s.figure(`otpbridge_jobs{kind="mail",state="waiting"}`) == 0 })
}

// notices are the mails to an address that say that a new authenticator was registered.
func (s *site) notices(to string) (all []rig.Message) {
	for _, m := range s.mailbox.Messages(to) {
		if strings.Contains(m.Subject, "Your one-time password was re-registered") {
			all = append(all, m)
		}
	}
	return all
}

// onRecord counts the records of an event about a person, in the trails of all replicas.
func (s *site) onRecord(event, name string) (n int) {
	s.t.Helper()
	for _, count := range s.trails(event, name) {
		n += count
	}
	return n
}

// trails counts the records of an event about a person, for the trail of each replica.
func (s *site) trails(event, name string) (counts []int) {
	s.t.Helper()
	for _, times := range s.timesOf(event, name) {
		counts = append(counts, len(times))
	}
	return counts
}

// timesOf are the times of the records of an event about a person, for the trail of each replica.
func (s *site) timesOf(event, name string) (all [][]time.Time) {
	s.t.Helper()
	for i := range s.bridge.Replicas {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(s.bridge.Audit), fmt.Sprintf("audit-%d.jsonl", i+1)))
		if err != nil {
			s.t.Fatal(err)
		}
		var times []time.Time
		for line := range bytes.Lines(text) {
			var record struct {
				Time          time.Time
				Event, Target string
			}
			if json.Unmarshal(line, &record) == nil && record.Event == event && record.Target == s.campus.Users[name] {
				times = append(times, record.Time)
			}
		}
		all = append(all, times)
	}
	return all
}
