package e2e_test

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realkc"
	"otpbridge/e2e/rig"
)

// tour is the demo, running, and the two scripts that it printed: by mail and by phone.
type tour struct {
	t            *testing.T
	lines, calls []string
}

// address is the web address that a line of the script names, "" when it names none of that path.
func (d *tour) address(line int, path string) string {
	d.t.Helper()
	return d.addressIn(d.lines[line-1], path)
}

func (d *tour) addressIn(line, path string) string {
	d.t.Helper()
	found := regexp.MustCompile(`http://localhost:\d+` + path).FindString(line)
	if found == "" {
		d.t.Fatalf("no address in %q", line)
	}
	return found
}

// onKeycloak lets the demo start a real Keycloak, as `make demo KEYCLOAK=…` does.
func onKeycloak() []string {
	return []string{"-keycloak", cmp.Or(os.Getenv("KEYCLOAK"), realkc.DefaultVersion)}
}

// startDemo builds the demo, starts it as `make demo` does but on free ports, and waits for the scripts. It ends with the test, by Ctrl-C.
func startDemo(t *testing.T, args ...string) *tour {
	t.Helper()
	program := filepath.Join(t.TempDir(), "otpbridge-demo")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/otpbridge-demo")
	build.Dir = ".."
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	log := rig.OutFile(t, "demo.log")
	printed, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program,
		append(args, "-bridge-port", "0", "-portal-port", "0", "-idp-port", "0", "-pages-port", "0")...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = printed, printed, &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it may be gone: the wait says so
		if err := <-ended; err != nil {
			t.Errorf("the demo ended with %v, see %s", err, log)
		}
		_ = printed.Close()
	})
	d := &tour{t: t}
	script := regexp.MustCompile(`(?m)^  \d\. .*$`)
	rig.EventuallyWithin(t, 5*time.Minute, "the scripts, see "+log, func() bool {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		whole, calls, _ := strings.Cut(string(text), "\nBy phone")
		calls, _, done := strings.Cut(calls, "\nCtrl-C")
		d.lines, d.calls = script.FindAllString(whole, -1), script.FindAllString(calls, -1)
		if len(ended) > 0 {
			t.Fatalf("the demo ended by itself:\n%s", text)
		}
		return done
	})
	if len(d.lines) != 6 || len(d.calls) != 4 {
		t.Fatalf("the scripts have %d and %d lines: %q %q", len(d.lines), len(d.calls), d.lines, d.calls)
	}
	return d
}

// The demo on a real Keycloak: its printed script, followed by hands in Chromium, ends with the portal opened by the new code and closed to the old one.
func TestJourneyDemoScript(t *testing.T) {
	t.Parallel()
	page := rig.NewPage(t, rig.Look{}) // first: what starts a server of its own waits for its turn
	d := startDemo(t, onKeycloak()...)
	portal, mails, phones := d.address(1, "/"), d.address(3, "/mail"), d.address(4, "/phones")
	w := languages["en"]
	beside := page.Tab()
	shown := func(phone string) (code string) {
		beside.Go(phones).Eval(`document.getElementById("`+phone+`").textContent.trim()`, &code)
		return code
	}
	signIn := func(code string) {
		t.Helper()
		page.Go(portal).See("DEMO: NOTHING HERE IS REAL").Fill("username", "alice").Fill("password", "alice-password").Click(w.signIn)
		page.See("One-time code").Fill("otp", code).Click(w.signIn)
	}
	page.Go(portal).See("DEMO: NOTHING HERE IS REAL").Fill("username", "alice").Fill("password", "alice-password").Click(w.signIn) // line 1
	page.See("One-time code").Screenshot("1-portal")

	page.Click("Lost your authenticator?").See("Demo: nothing here is real").Click(w.lost) // line 2
	page.See("Enter your ID").Fill(w.id, "alice").Click(w.next)
	page.See(w.signIn).Fill(w.password, "alice-password").Click(w.signIn)

	page.Click("Lost").Click(w.start).See(w.sent) // line 3
	var subject string
	rig.Eventually(t, "the mail", func() bool {
		beside.Go(mails).Eval(`document.querySelector("ul.letters a")?.textContent ?? ""`, &subject)
		return subject != ""
	})
	beside.Click(subject).See("Arrived")
	var link string
	beside.Eval(`document.querySelector("pre a[href*='/link/']").href`, &link) // it opens a tab of its own
	page.Go(link).See(w.linkTitle).Click(w.linkGo)
	page.See("Enter your ID").Fill(w.id, "alice").Click(w.next)
	page.See(w.signIn).Fill(w.password, "alice-password").Click(w.signIn)
	page.See("This request was made with your account").Click(w.askedGo)

	page.See(w.enrol).Click("Cannot scan? Type the key").See("Copy the key") // line 4
	var key string
	page.Eval(`document.querySelector("p.key").innerText`, &key)
	beside.Go(phones).Fill("key-alice", key).Click("Take the key").See("Empty this phone").Screenshot("4-phones")

	used := shown("new-alice") // line 5
	page.Fill(w.code, used).Click(w.confirm).See(w.done).Screenshot("5-done")

	next := used // line 6
	rig.Rest(t, time.Now().Truncate(30*time.Second).Add(30*time.Second))
	rig.EventuallyWithin(t, time.Minute, "the next code", func() bool { next = shown("new-alice"); return next != used })
	signIn(next)
	page.See("You are in").Screenshot("6-in")
	page.Click("Sign out").See("You are signed out")
	signIn(shown("old-alice"))
	page.See("Invalid authenticator code.").Screenshot("6-refused")
}

// The other printed script, on the demo's own server: bob phones, carol and dave approve one after the other in a private window, and bob's own page
// shows the key.
func TestJourneyDemoCallScript(t *testing.T) {
	t.Parallel()
	caller, private := rig.NewPage(t, rig.Look{}), rig.NewPage(t, rig.Look{})
	d := startDemo(t)
	w, say := languages["en"], texts(t, "en")
	desk, phones := d.addressIn(d.calls[1], "/desk"), d.addressIn(d.calls[1], "/phones")
	beside := private.Tab()

	caller.Go(d.address(1, "/")).See("Sign in").Fill("username", "bob").Fill("password", "bob-password").Click(w.signIn) // line 1: steps 1 and 2
	caller.Click("Lost your authenticator?").See(w.lost).Click(w.lost)
	caller.See("Enter your ID").Fill(w.id, "bob").Click(w.next)
	caller.See("Sign in").Fill(w.password, "bob-password").Click(w.signIn)
	caller.Click("Lost").Click(say["request.submit"]).See(say["call.title"]).Screenshot("1-call")

	for _, who := range []struct{ name, calls, done string }{
		{"carol", say["call.title"], say["case.second.title"]}, {"dave", say["call.second.title"], say["case.approved.title"]},
	} { // lines 2 to 4
		var code, otp, words, index string
		private.Go(desk).See("Sign in").Fill("username", who.name).Fill("password", who.name+"-password").Click(w.signIn)
		private.See("One-time code")
		beside.Go(phones).Eval(`document.getElementById("old-`+who.name+`").textContent.trim()`, &otp)
		private.Front().Fill("otp", otp).Click(w.signIn).See(say["console.title"])
		caller.See(who.calls).Eval(`document.querySelector("dd.big span").textContent`, &code)
		private.Fill("name", "bob").Fill("code", code).Click(say["console.open"]).See(say["case.check.legend"])
		private.Click(say["case.callback.start"]).See(say["case.callback.pick"])
		caller.See(say["call.match.label"]).Eval(`document.querySelector("p.big.word").textContent.replace(/\s+/g, "")`, &words)
		private.Eval(offers(words), &index)
		private.Click(index).Click(say["case.callback.confirm"]).See(say["case.callback.matched"])
		private.Fill("ticket", "DEMO-1").Click(say["case.approve"]).See(who.done).Screenshot("4-" + who.name)
		private.Click("Sign out").See(say["signedout.title"])
	}
	caller.See(w.enrol).Screenshot("4-key")
}
