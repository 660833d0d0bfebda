package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/e2e/rig"
)

// later moves the page's clock on, as after a sleep.
func later(page *rig.Page, d time.Duration) {
	page.Eval(fmt.Sprintf(`(() => { const now = Date.now.bind(Date); Date.now = () => now() + %d; })()`, d.Milliseconds()), nil)
}

// isHeard waits until the page has heard something through its stream: a stream that was taken is not yet one through which anything came.
func (s *stage) isHeard(page *rig.Page) {
	s.t.Helper()
	s.follows()
	page.Eval(`window.heard = false; document.addEventListener("alive", () => { window.heard = true; })`, nil)
	s.set(func() {}) // says the step again
	rig.Eventually(s.t, "the page hears", func() bool {
		var heard bool
		page.Eval(`window.heard`, &heard)
		return heard
	})
}

// HD-10: a line that died without a word is noticed, since the server says every 25 seconds that it is alive; so is a machine that slept.
func TestJourneyScriptNoticesADeadLine(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("Waiting for your call.")
	s.isHeard(page)
	s.mu.Lock()
	s.step = bridge.StepElsewhere // nobody is told
	s.mu.Unlock()
	later(page, 61*time.Second)
	page.See("You can close this page.")
	if n := s.taken(); n != 2 {
		t.Errorf("%d streams", n)
	}
}

// A11Y-04: before the session ends because nothing is done, the page says so and one press keeps it, again and again; before it ends for good
// the page says that too. The focus is not lost with the button.
func TestJourneyScriptWarnsOfTheSessionsEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("Stop moving on by itself")
	s.follows()
	page.Click("Stop moving on by itself") // a page that follows is not idle
	rounds := 3
	if full() {
		rounds = 10
	}
	for range rounds {
		later(page, 9*time.Minute+time.Second)
		page.See("Are you still there?").Click("Keep it open").See("This page stays open.")
		var focused string
		page.Eval(`document.activeElement.id`, &focused)
		if focused != "session" {
			t.Errorf("the focus is on %q", focused)
		}
	}
	later(page, 8*time.Hour)
	page.See("You will be signed out soon").See("you come back to the same request")
}

// A page that hears from the server is not idle: the question goes away by itself.
func TestJourneyScriptAsksNobodyWhoIsThere(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("Stop moving on by itself")
	s.follows()
	page.Click("Stop moving on by itself")
	later(page, 9*time.Minute+time.Second)
	page.See("Are you still there?").Click("Move on by itself again").See("This page moves on by itself again.")
	rig.Eventually(t, "the question to go", func() bool {
		var left int
		page.Eval(`document.getElementById("session").childElementCount`, &left)
		return left == 0
	})
}
