package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/e2e/rig"
)

const adminUser = "/admin/realms/*/users/*"

// onFake is the product before the Keycloak-shaped server, which can be made to fail.
func onFake(t *testing.T, change ...func(*rig.Setup)) (*site, *fakekc.Server) {
	t.Helper()
	campus, kc := rig.NewFakeCampus(t)
	return newSite(t, append([]func(*rig.Setup){func(s *rig.Setup) { s.Campus = campus }}, change...)...), kc
}

// bothStores runs a test on each store.
func bothStores(t *testing.T, run func(*testing.T, func(*rig.Setup))) {
	t.Run("bolt", func(t *testing.T) { run(t, func(*rig.Setup) {}) })
	t.Run("redis", func(t *testing.T) {
		redis := rig.NewRedis(t)
		run(t, func(s *rig.Setup) { s.Redis = redis })
	})
}

// said is what a command printed, and its exit code.
type said struct {
	out, err string
	code     int
}

// recoveries runs `otpbridge recoveries` as the administrator of the first replica's machine does.
func (s *site) recoveries(args ...string) said {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), rig.Binary(s.t), append([]string{"--lang=en", "recoveries"}, append(args, "-c", s.bridge.Config)...)...)
	cmd.Env = s.bridge.Replicas[0].Env()
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return said{out.String(), messages.String(), cmd.ProcessState.ExitCode()}
}

// admin wants a command to end with a code and to say some texts, wherever.
func (s *site) admin(code int, texts []string, args ...string) said {
	s.t.Helper()
	got := s.recoveries(args...)
	if got.code != code {
		s.t.Fatalf("%v: exit %d, want %d\n%s%s", args, got.code, code, got.out, got.err)
	}
	for _, text := range texts {
		if !strings.Contains(got.out+got.err, text) {
			s.t.Fatalf("%v: %q is missing in\n%s%s", args, text, got.out, got.err)
		}
	}
	return got
}

var referenceNumber = regexp.MustCompile(`Reference number: (?:<[^>]+>)*([0-9A-HJKMNP-TV-Z]{8})`)

// referenceOn is the number on the page at hand.
func referenceOn(h *hand) string {
	h.s.t.Helper()
	found := referenceNumber.FindStringSubmatch(h.Body)
	if found == nil {
		h.s.t.Fatalf("no reference number on %s", h.Describe())
	}
	return found[1]
}

// attends waits until the list shows a recovery that needs somebody for a reason.
func (s *site) attends(code string) {
	s.t.Helper()
	rig.Eventually(s.t, "the list shows "+code, func() bool {
		var all []struct{ Attention string }
		return json.Unmarshal([]byte(s.recoveries("list", "--json", "--stuck").out), &all) == nil && len(all) == 1 && all[0].Attention == code
	})
}

func (s *site) recorded(events ...string) {
	s.t.Helper()
	trail, err := os.ReadFile(s.bridge.Audit)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, event := range events {
		if !strings.Contains(string(trail), `"event":"`+event+`"`) {
			s.t.Errorf("%s is not on record", event)
		}
	}
}

// figures are those of a replica that runs.
func (s *site) figures() string {
	s.t.Helper()
	i := slices.IndexFunc(s.bridge.Replicas, (*rig.Replica).Running)
	return rig.NewBrowser(s.t).Get(s.bridge.Replicas[max(0, i)].Admin + "/metrics").Body
}

// figure is the value of one of them; what is not there is -1.
func (s *site) figure(name string) int {
	s.t.Helper()
	found := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(name) + ` (\d+)$`).FindStringSubmatch(s.figures())
	if found == nil {
		return -1
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// figuresCall waits until the figures call an administrator for a person, by id: one waits for them, and as many alarms were given as stand on record,
// one about this person among them. There is one replica.
func (s *site) figuresCall(event, id string) {
	s.t.Helper()
	rig.Eventually(s.t, "figures that call an administrator", func() bool {
		trail, err := os.ReadFile(s.bridge.Audit)
		all, theirs := 0, 0
		for line := range bytes.Lines(trail) {
			if bytes.Contains(line, []byte(`"event":"`+event+`"`)) {
				all++
				theirs += bytes.Count(line, []byte(`"target":"`+id+`"`))
			}
		}
		return err == nil && theirs > 0 && s.figure(`otpbridge_alarms_total{event="`+event+`"}`) == all && s.figure(`otpbridge_jobs{kind="attention",state="waiting"}`) == 1
	})
}

func otpsOf(kc *fakekc.Server, name string) (n int) {
	for _, c := range kc.Credentials(kc.PersonID(name)) {
		if c.Type == "otp" {
			n++
		}
	}
	return n
}

// Issue 5, CLI-06: a swap that Keycloak refuses in its midst is seen by page, list and figures; it cannot be cancelled, since the new authenticator
// stands; when the rights are back `retry` ends it. Nothing secret is printed.
func TestJourneyAStuckSwapIsSeenAndEnded(t *testing.T) {
	t.Parallel()
	bothStores(t, func(t *testing.T, change func(*rig.Setup)) {
		s, kc := onFake(t, change)
		s.admin(0, []string{"none"}, "list")
		mend := kc.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/*", Status: http.StatusForbidden})
		h := s.hand("alice").ask()
		link := h.link(1)
		h.prove(link)
		key := h.key()
		h.enrol()
		s.attends("refused_by_account")
		h.Get(s.bridge.URL + "/recovery").Follow("")
		h.see("The registration could not be finished yet")
		list := s.admin(0, []string{"RECOVERY", "alice", "writing", "Keycloak refuses a step"}, "list")
		number := referenceOn(h)
		s.admin(0, []string{number}, "list")
		shown := s.admin(0, []string{number, "changed", "new credential", "to be removed", "remove credential"}, "show", "alice")
		for _, secret := range []string{key, link[strings.LastIndex(link, "/")+1:], "alice@example.net"} {
			if strings.Contains(list.out+shown.out, secret) {
				t.Errorf("%q is printed", secret)
			}
		}
		s.figuresCall("swap.stuck", kc.PersonID("alice"))
		s.admin(0, []string{"nothing was changed; --yes does it"}, "cancel", "alice")
		s.admin(1, []string{"not cancelled: the new authenticator stands"}, "cancel", "alice", "--yes")
		if n := otpsOf(kc, "alice"); n != 2 {
			t.Errorf("%d authenticators", n)
		}
		mend()
		s.admin(0, []string{"is tried again now"}, "retry", "alice", "--yes")
		rig.Eventually(t, "the swap is done", func() bool { return otpsOf(kc, "alice") == 1 })
		rig.Eventually(t, "the list is empty", func() bool { return s.recoveries("list").out == "none\n" })
		s.admin(1, []string{"nobody of the name or id alice has a recovery"}, "show", "alice")
		s.recorded("swap.stuck", "admin.cancel", "admin.retry", "swap.done")
	})
}

// Issue 5: a swap of which nothing stands yet, or whose person was deleted, can be ended; the old authenticator works on.
func TestJourneyASwapIsCancelledWhileNothingStands(t *testing.T) {
	t.Parallel()
	bothStores(t, func(t *testing.T, change func(*rig.Setup)) {
		s, kc := onFake(t, change)
		defer kc.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusServiceUnavailable})()
		h := s.hand("alice").ask()
		h.prove(h.link(1)).enrol()
		s.admin(0, []string{"ended, stopped by an administrator"}, "cancel", "alice", "--yes")
		h.Get(s.bridge.URL + "/recovery").Follow("")
		h.see("An administrator of the university stopped it.")
		if n := otpsOf(kc, "alice"); n != 1 {
			t.Errorf("%d authenticators", n)
		}
		e := s.hand("erin").ask()
		e.prove(e.link(1)).enrol()
		kc.RemovePerson(kc.PersonID("erin"))
		s.attends("gone")
		s.admin(0, []string{"ended, stopped by an administrator"}, "cancel", "erin", "--yes")
		s.admin(0, []string{"none"}, "list")
		s.recorded("recovery.cancelled", "swap.refused")
	})
}

// Issue 5: what Keycloak refused before anything was written has ended, is listed for a day and can be taken off the list; a recovery that waits can
// be cancelled.
func TestJourneyARefusalIsListed(t *testing.T) {
	t.Parallel()
	bothStores(t, func(t *testing.T, change func(*rig.Setup)) {
		s, kc := onFake(t, change)
		w := s.hand("erin").ask()
		s.admin(0, []string{"ended, stopped by an administrator"}, "cancel", "ERIN", "--yes")
		w.Get(s.bridge.URL + "/recovery").Follow("")
		w.see("An administrator of the university stopped it.")
		defer kc.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusBadRequest, Body: `{"field":"staffNumber","errorMessage":"error-user-attribute-required"}`})()
		h := s.hand("alice").ask()
		h.prove(h.link(1)).enrol()
		s.attends("refused_by_account")
		h.Get(s.bridge.URL + "/recovery").Follow("")
		s.admin(0, []string{referenceOn(h), "ended, refused", "add credential", "profile field", "staffNumber"}, "show", "alice")
		s.admin(1, []string{"there is no swap to go on with"}, "retry", "alice", "--yes")
		s.admin(0, []string{"leaves this list"}, "cancel", "alice", "--yes")
		s.admin(0, []string{"none"}, "list")
		if n := otpsOf(kc, "alice"); n != 1 {
			t.Errorf("%d authenticators", n)
		}
		s.recorded("swap.refused", "admin.cancel")
	})
}

// Issue 5: the socket is its owner's alone, one that was left behind is replaced, and a process that is away is named.
func TestJourneyControlSocket(t *testing.T) {
	t.Parallel()
	s, _ := onFake(t)
	path := strings.Replace(s.bridge.Config, "otpbridge.yaml", "state.db.sock", 1)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Fatalf("%v %v", info, err)
	}
	one := s.bridge.Replicas[0]
	one.Kill()
	s.admin(1, []string{"no otpbridge serves on " + path}, "list")
	one.Start()
	one.WaitReady()
	if got := s.admin(0, nil, "list", "--json"); got.out != "[]\n" {
		t.Errorf("nothing is open: %q", got.out)
	}
	s.admin(0, []string{"none"}, "list")
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	second := exec.CommandContext(ctx, rig.Binary(t), "serve", "-c", s.bridge.Config)
	second.Env = one.Env()
	if text, err := second.CombinedOutput(); err == nil || !strings.Contains(string(text), "in use") {
		t.Errorf("a second process: %v %s", err, text)
	}
	s.admin(0, []string{"none"}, "list")
	one.Stop()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end: %v", err)
	}
}
