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

// tour is the demo, running, and the six lines that it printed.
type tour struct {
	t     *testing.T
	lines []string
}

// address is the web address that a line of the script names, "" when it names none of that path.
func (d *tour) address(line int, path string) string {
	d.t.Helper()
	found := regexp.MustCompile(`http://localhost:\d+` + path).FindString(d.lines[line-1])
	if found == "" {
		d.t.Fatalf("no address in %q", d.lines[line-1])
	}
	return found
}

// startDemo builds the demo, starts it as `make demo KEYCLOAK=…` does but on free ports, and waits for the script. It ends with the test, by Ctrl-C.
func startDemo(t *testing.T) *tour {
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
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-keycloak", cmp.Or(os.Getenv("KEYCLOAK"), realkc.DefaultVersion),
		"-bridge-port", "0", "-portal-port", "0", "-idp-port", "0", "-pages-port", "0")
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
	rig.EventuallyWithin(t, 5*time.Minute, "the script of six lines, see "+log, func() bool {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		whole, _, done := strings.Cut(string(text), "\nBy phone")
		d.lines = regexp.MustCompile(`(?m)^  \d\. .*$`).FindAllString(whole, -1)
		if len(ended) > 0 {
			t.Fatalf("the demo ended by itself:\n%s", text)
		}
		return done
	})
	if len(d.lines) != 6 {
		t.Fatalf("the script has %d lines: %q", len(d.lines), d.lines)
	}
	return d
}

// The demo on a real Keycloak: its printed script, followed by hands in Chromium, ends with the portal opened by the new code and closed to the old one.
func TestJourneyDemoScript(t *testing.T) { // not beside others: it starts a server of its own
	d := startDemo(t)
	portal, mails, phones := d.address(1, "/"), d.address(3, "/mail"), d.address(4, "/phones")
	w := languages["en"]
	page := rig.NewPage(t, rig.Look{})
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
	rig.EventuallyWithin(t, time.Minute, "the next code", func() bool { next = shown("new-alice"); return next != used })
	signIn(next)
	page.See("You are in").Screenshot("6-in")
	page.Click("Sign out").See("You are signed out")
	signIn(shown("old-alice"))
	page.See("Invalid authenticator code.").Screenshot("6-refused")
}
