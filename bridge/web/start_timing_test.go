package web_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// presses types names in turns, one of somebody and one of nobody, each in a browser of its own, and returns the median time to the answer
// of both. What is done for a person takes a while longer than what is done for nobody.
func presses(t *testing.T, c *campus.Campus, each int) (somebody, nobody time.Duration) {
	t.Helper()
	took := map[string][]time.Duration{}
	for range each {
		for _, name := range []string{"alice", "nobody-of-that-name"} {
			p := newPerson(t, c)
			p.open("/start", http.StatusOK)
			q := post("/start", p.session(), p.token(), "name", name)
			began := time.Now()
			if a := q.to(t, c); a.status != http.StatusSeeOther {
				t.Fatalf("%s: %d", name, a.status)
			}
			took[name] = append(took[name], time.Since(began))
		}
	}
	return median(took["alice"]), median(took["nobody-of-that-name"])
}

// Security property: how long the answer to a typed name takes does not tell whether there is somebody of that name, not even when looking
// takes longer than the pause. Without the pause it does, which shows that the test can see it.
func TestTheAnswerToANameTakesAlikeLong(t *testing.T) {
	t.Parallel()
	const work, pause, each = 250 * time.Millisecond, 500 * time.Millisecond, 7
	for name, test := range map[string]struct {
		pause, work time.Duration
		tells       bool
	}{
		"without": {0, work, true}, "within the pause": {pause, work, false}, "longer than the pause": {pause, 3 * pause, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			c.Web.StartPause = test.pause
			c.KC.Inject(fakekc.Fault{Kind: fakekc.Delay, Method: http.MethodGet, Path: "/admin/realms/*/users/*/credentials", Delay: test.work})
			unlikeAtEveryTry(t, func() (string, bool) {
				somebody, nobody := presses(t, c, each)
				told := (somebody - nobody).Abs() > test.work/3
				return fmt.Sprintf("somebody %v, nobody %v", somebody, nobody), told != test.tells
			})
		})
	}
}

func held(t *testing.T, h *fakekc.Hold) {
	t.Helper()
	if _, err := h.Arrived(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A gate that is opened after the answer serves the browser that asked, even one that comes back at once.
func TestAGateThatOpensLateServesItsBrowser(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Web.StartPause = time.Millisecond
	hold := c.KC.Hold(http.MethodPut, "/admin/realms/*/users/*/groups/*", true) // the gate is open, and nobody knows yet
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", "alice")
	held(t, hold)
	back := make(chan error, 1)
	go func() { back <- p.Password(t.Context(), "alice", "alice-password") }()
	hold.Release()
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	p.at("/recovery")
	p.send("/signout", http.StatusOK)
	overtaken := newPerson(t, c)
	overtaken.open("/start", http.StatusOK)
	hold = c.KC.Hold(http.MethodPut, "/admin/realms/*/users/*/groups/*", true)
	overtaken.send("/start", http.StatusOK, "name", "alice")
	held(t, hold)
	overtaken.open("/start", http.StatusOK)
	overtaken.send("/start", http.StatusOK, "name", "nobody-of-that-name") // in place of the first press
	hold.Release()
	c.Wait(t, "the gate to be shut", func() bool { return len(gate(c)) == 0 })
}
