package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/e2e/rig"
	"otpbridge/templates"
)

// stage serves the waiting pages with a step that the test sets: the script of a page is tried without the flow behind it.
type stage struct {
	*httptest.Server
	t    *testing.T
	view *view.View

	mu      sync.Mutex
	step    bridge.Step
	code    int           // how many call codes were shown
	words   int           // of a call-back
	life    time.Duration // of a call code
	down    bool          // nobody is there behind the proxy
	refuse  bool          // streams are refused, pages are not
	silent  bool          // streams are taken, and nothing comes through
	streams int           // that were taken
	last    time.Time     // when the last one was
	missed  int           // pages that were asked for while nobody was there
	changed chan struct{} // closed at every change
}

func newStage(t *testing.T, step bridge.Step) *stage {
	t.Helper()
	v, err := view.New(templates.FS, view.Site{BaseURL: "http://localhost", Languages: []string{"en"}, Zone: time.UTC,
		Org: view.Words{"en": "Example"}, Contact: view.Contact{Phone: "1234"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, view: v, step: step, code: 1, life: time.Hour, changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.recovery)
	mux.HandleFunc("GET /recovery", s.recovery)
	mux.HandleFunc("POST /recovery", s.renew)
	mux.HandleFunc("GET /recovery/events", s.events)
	mux.HandleFunc("GET /static/{name}", func(w http.ResponseWriter, r *http.Request) {
		a, ok := v.Asset(path.Base(r.URL.Path))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", a.Type)
		_, _ = w.Write(a.Body)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return s
}

// set changes the stage and tells every stream.
func (s *stage) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stage) page() view.Page {
	f := view.Frame{Path: "/recovery", CSRF: "x", Now: time.Now(), Live: s.step, Revision: s.revision(), Person: &view.Person{ID: "a1"},
		Session: view.SessionEnd{Ends: time.Now().Add(8 * time.Hour), Idle: time.Now().Add(15 * time.Minute)}}
	switch s.step {
	case bridge.StepCall:
		return view.Call{Frame: f, ID: "a1", Code: fmt.Sprintf("%08d", s.code), CodeUntil: f.Now.Add(s.life), Until: f.Now.Add(time.Hour), Extend: true}
	case bridge.StepChecking:
		return view.Checking{Frame: f, Until: f.Now.Add(time.Hour)}
	case bridge.StepCallBack:
		return view.CallBack{Frame: f, Until: f.Now.Add(time.Hour), Words: s.words}
	}
	f.Live = ""
	return view.Elsewhere{Frame: f}
}

// revision is that of the step.
func (s *stage) revision() string { return fmt.Sprint(s.code, ".", s.words) }

func (s *stage) recovery(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		s.missed++
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	body, err := s.view.Render("en", s.page())
	if err != nil {
		s.t.Error(err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'")
	_, _ = w.Write(body)
}

func (s *stage) renew(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("do") != "renew" || r.PostFormValue("csrf") != "x" {
		s.t.Errorf("posted: %v", r.PostForm)
	}
	s.set(func() { s.code, s.life = s.code+1, time.Hour })
	http.Redirect(w, r, "/recovery", http.StatusSeeOther)
}

func (s *stage) events(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	down := s.down || s.refuse
	s.streams, s.last = s.streams+1, time.Now()
	s.mu.Unlock()
	if down {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	_, _ = fmt.Fprint(w, "retry: 500\n\n")
	for {
		s.mu.Lock()
		step, silent, revision := s.step, s.silent, s.revision()
		gone, changed := s.down, s.changed
		s.mu.Unlock()
		if gone {
			return
		}
		if !silent {
			_, _ = fmt.Fprintf(w, "event: step\nid: %s\ndata: %s\n\n", revision, step)
		}
		_ = rc.Flush()
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}

func (s *stage) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams
}

func (s *stage) lastTaken() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// follows waits until the page has opened its stream.
func (s *stage) follows() {
	s.t.Helper()
	rig.Eventually(s.t, "the stream", func() bool { return s.taken() > 0 })
}

// recorder keeps what the status line said and where the focus went, over the change of pages.
const recorder = `(() => {
  const keep = (what) => sessionStorage.setItem("heard", (sessionStorage.getItem("heard") ?? "") + what + "\n");
  new MutationObserver(() => keep(document.getElementById("status").textContent)).observe(document.getElementById("status"),
    {childList: true, characterData: true, subtree: true});
  addEventListener("focusin", () => keep("FOCUS"));
})()`

func heard(page *rig.Page) string {
	var text string
	page.Eval(`sessionStorage.getItem("heard") ?? ""`, &text)
	return text
}

// A11Y-03, HD-10: the page says what happened in its status line, moves no focus, and shows the page that is due soon (within two seconds on
// a quiet machine).
func TestJourneyScriptMovesOn(t *testing.T) {
	s := newStage(t, bridge.StepCall)
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("Waiting for your call.")
	page.Eval(recorder, nil)
	s.follows()
	start := time.Now()
	s.set(func() { s.step = bridge.StepChecking })
	page.See("Stay on the line and do not close this page.")
	if d := time.Since(start); d > prompt {
		t.Errorf("the page came after %s", d)
	}
	if got := heard(page); got != "The operator is checking. Please stay on the line.\n" {
		t.Errorf("the status line said %q", got)
	}
	s.set(func() { s.step = bridge.StepElsewhere })
	page.See("You can close this page.")
}

// HD-10: when the server goes away the page finds it again within five seconds, nothing is typed, and the interruption is said once.
func TestJourneyScriptReconnects(t *testing.T) {
	s := newStage(t, bridge.StepCall)
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("Waiting for your call.")
	page.Eval(recorder, nil)
	s.follows()
	s.set(func() { s.down = true })
	page.See("The connection was interrupted. Trying again.")
	rig.Eventually(t, "pauses as long as they get", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.missed >= 4
	})
	before, back := s.taken(), time.Now()
	s.set(func() { s.down = false })
	rig.Eventually(t, "the stream again", func() bool { return s.taken() > before })
	if took := s.lastTaken().Sub(back); took > reconnect {
		t.Errorf("the page came back after %s", took)
	}
	page.See("Waiting for your call.")
	if got := heard(page); strings.Count(got, "interrupted") != 1 || strings.Contains(got, "FOCUS") {
		t.Errorf("the status line said %q", got)
	}
	s.set(func() { s.step = bridge.StepElsewhere })
	page.See("You can close this page.")
}

// HD-10: a proxy that holds the stream back does not hold the person back.
func TestJourneyScriptWorksWithoutAStream(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	s.silent = true
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("Waiting for your call.")
	s.set(func() { s.step = bridge.StepElsewhere })
	page.See("You can close this page.") // after 10 s
}

// HD-10: where streams are refused the page asks for itself, and not too often.
func TestJourneyScriptAsksWhereStreamsAreRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	s.refuse = true
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("Waiting for your call.")
	rig.Eventually(t, "a second try", func() bool { return s.taken() >= 2 })
	s.set(func() { s.step = bridge.StepElsewhere })
	page.See("You can close this page.")
	if n := s.taken(); n > 5 {
		t.Errorf("%d streams were asked for", n)
	}
}

// A11Y-04: the call code renews itself in its place; what has the focus keeps it.
func TestJourneyScriptRenewsTheCallCode(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	s.life = 40 * time.Second // the page asks 20 s before the end
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("0000 0001")
	page.Eval(`window.here = true; document.querySelector("#callcode button").focus()`, nil)
	page.See("0000 0002").See("You have a new call code. Please read out the new one.")
	var same bool
	page.Eval(`window.here === true && document.activeElement === document.querySelector("#callcode button")`, &same)
	if !same {
		t.Error("the page was loaded anew, or the focus is gone")
	}
	if strings.Contains(page.Text(), "0000 0001") {
		t.Error("the old code is still shown")
	}
	page.Click("New call code").See("0000 0003")
}

// HD-02: two pages of one session show the same call code, whichever of them asked for it, and neither is loaded anew; HD-14: other match words
// appear by themselves.
func TestJourneyScriptShowsWhatCountsNow(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	one, two := rig.NewPage(t, rig.Look{}).Go(s.URL+"/recovery"), rig.NewPage(t, rig.Look{}).Go(s.URL+"/recovery")
	for _, page := range []*rig.Page{one, two} {
		page.See("0000 0001").Eval(`window.here = true`, nil)
	}
	rig.Eventually(t, "both streams", func() bool { return s.taken() >= 2 })
	s.set(func() { s.code++ })
	for _, page := range []*rig.Page{one, two} {
		var same bool
		page.See("0000 0002").Eval(`window.here === true`, &same)
		if !same || strings.Contains(page.Text(), "0000 0001") {
			t.Errorf("loaded anew: %v\n%s", !same, page.Text())
		}
	}
	s.set(func() { s.step = bridge.StepCallBack })
	words := func(i int) string { return view.MatchWords("en", i) }
	one.See(words(0))
	two.See(words(0))
	s.set(func() { s.words = 5 })
	one.See(words(5))
	two.See(words(5))
}

// HD-02: a call code that no longer works is not shown, though the page was stopped, or nobody is there to ask for another.
func TestJourneyScriptTakesAnExpiredCodeAway(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("0000 0001").Click("Stop moving on by itself").See("no longer moves on")
	s.set(func() { s.life = 3 * time.Second })
	page.Reload().See("The call code is no longer valid.")
	if strings.Contains(page.Text(), "0000 0001") || strings.Contains(page.Text(), "Valid until") {
		t.Errorf("an expired code is shown\n%s", page.Text())
	}
	page.Click("Move on by itself again").See("0000 0002")
	if strings.Contains(page.Text(), "no longer valid") {
		t.Error("the new code is said to be over")
	}
}

// A11Y-05: the person can stop the page from moving on, and let it go on again.
func TestJourneyScriptCanBePaused(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	page := rig.NewPage(t, rig.Look{}).Go(s.URL + "/recovery").See("Stop moving on by itself")
	s.follows()
	page.Click("Stop moving on by itself").See("This page no longer moves on by itself.")
	page.Reload().See("Move on by itself again") // it is remembered
	before := s.taken()
	s.set(func() { s.step = bridge.StepElsewhere })
	page.Eval(`dispatchEvent(new Event("online"))`, nil)
	page.See("Move on by itself again")
	if s.taken() != before {
		t.Error("a paused page opened a stream")
	}
	page.Click("Move on by itself again").See("You can close this page.")
}

// HD-10: without a script the same page works by "check now".
func TestJourneyWaitingPageWithoutScript(t *testing.T) {
	t.Parallel()
	s := newStage(t, bridge.StepCall)
	page := rig.NewPage(t, rig.Look{NoScript: true}).Go(s.URL + "/recovery").See("0000 0001")
	if strings.Contains(page.Text(), "Stop moving on") {
		t.Error("a button that needs a script is shown")
	}
	page.Click("New call code").See("0000 0002")
	s.set(func() { s.step = bridge.StepElsewhere })
	page.Click("Check now").See("You can close this page.")
	if s.taken() != 0 {
		t.Error("a stream without a script")
	}
}
