package e2e_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// party is somebody whom the product may call, under all addresses that the name has.
type party struct {
	name string
	at   []string
	must bool
	// asked: where a name has several addresses Go connects a datagram socket to the port of DNS at each, to learn from where it would call, and sends nothing.
	asked []string
}

// calls is a party that has to be called: base is its URL or HOST:PORT.
func calls(t *testing.T, name, base string) party {
	t.Helper()
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		base = u.Host
	}
	host, port, err := net.SplitHostPort(base)
	if err != nil {
		t.Fatal(err)
	}
	all, err := net.DefaultResolver.LookupHost(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	p := party{name: name, must: true}
	for _, ip := range all {
		p.at, p.asked = append(p.at, "tcp "+net.JoinHostPort(ip, port)), append(p.asked, "udp "+net.JoinHostPort(ip, "53"))
	}
	return p
}

// names are the servers that look names up, as the system has them.
func names(t *testing.T, must bool) party {
	t.Helper()
	text, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	p, servers := party{name: "names", must: must}, []string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			servers = append(servers, f[1])
		}
	}
	if len(servers) == 0 {
		servers = []string{"127.0.0.1", "::1"}
	}
	for _, ip := range servers {
		p.at = append(p.at, "udp "+net.JoinHostPort(ip, "53"), "tcp "+net.JoinHostPort(ip, "53"))
	}
	return p
}

// mustBeAll fails the test unless each of the parties was called that had to be, and nobody else.
func mustBeAll(t *testing.T, who string, called map[string]int, parties ...party) {
	t.Helper()
	t.Logf("%s called %v", who, called)
	for _, p := range parties {
		found := false
		for _, at := range p.at {
			found = found || called[at] > 0
			delete(called, at)
		}
		if p.must && !found {
			t.Errorf("%s: no call to %s at %s", who, p.name, p.at)
		}
	}
	for _, p := range parties {
		for _, at := range p.asked {
			delete(called, at)
		}
	}
	if len(called) > 0 {
		t.Errorf("%s called somebody else: %v", who, called)
	}
}

// watched runs a command of the product to its end.
func (s *site) watched(args ...string) map[string]int {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), rig.Binary(s.t), append(args, "-c", s.bridge.Config)...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = s.bridge.Replicas[0].Env(), &out, &out
	dials := rig.StartWatched(s.t, cmd)
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 1 { // 1: the doctor found something
		s.t.Fatalf("%v: %v\n%s", args, err, &out)
	}
	return dials.Calls()
}

// OPS-06, CFG-01: with everything in use that can call somebody, a process of the product calls Keycloak, the mail server, the store and whoever looks names up,
// and nobody else, from its start over recoveries, a code for today and the help desk to its end; on the embedded store no Redis. The doctor calls those and the
// base URL; beside a running process it has that look at the store, and ask at the base URL for what it left there. `recoveries` calls the socket, `check` nobody.
func TestJourneyCallsNobodyElse(t *testing.T) {
	t.Parallel()
	rig.Together(t, map[string]func(t *testing.T){
		"bbolt": func(t *testing.T) {
			s := everything(t)
			s.hand("alice").recovers()
			keycloak, mail, base, socket := calls(t, "Keycloak", s.campus.Keycloak), calls(t, "mail", s.mailbox.Addr), calls(t, "the base URL", s.bridge.URL), s.socket()
			mustBeAll(t, "check", s.watched("check"))
			mustBeAll(t, "recoveries", s.watched("recoveries", "list"), socket)
			mustBeAll(t, "doctor", s.watched("doctor"), keycloak, mail, base, socket, names(t, true))
			mustBeAll(t, "serve", s.bridge.Replicas[0].Calls(), keycloak, mail, base, names(t, false))
		},
		"redis": func(t *testing.T) {
			redis := rig.NewRedis(t)
			s := everything(t, func(s *rig.Setup) { s.Redis = redis })
			s.add(realm.Person{Name: "frank"})
			s.hand("alice").recovers()
			s.hand("frank").forToday()
			s.calls("erin")
			s.console("carol")
			keycloak, mail, kept := calls(t, "Keycloak", s.campus.Keycloak), calls(t, "mail", s.mailbox.Addr), calls(t, "Redis", redis.Addr)
			mustBeAll(t, "serve", s.bridge.Replicas[0].Calls(), keycloak, mail, kept, names(t, false))
			gone := s.socket()
			gone.must = false // nobody is there
			mustBeAll(t, "doctor", s.watched("doctor"), keycloak, mail, kept, calls(t, "the base URL", s.bridge.URL), gone, names(t, true))
		},
	})
}

// everything is a site with all that can call somebody, whose realm guard looks as often as it may.
func everything(t *testing.T, change ...func(*rig.Setup)) *site {
	t.Helper()
	dir := t.TempDir()
	return newSettings(t, append(change, withConsole(t), temporaryCodes, func(s *rig.Setup) {
		s.Watched = true
		before := s.Change
		s.Change = func(all map[string]any) {
			before(all)
			all["guard_every"], all["control_socket"] = "5s", filepath.Join(dir, "s.sock")
		}
	})...)
}

// socket is where the process listens for `otpbridge recoveries` and the doctor.
func (s *site) socket() party {
	s.t.Helper()
	text, err := os.ReadFile(s.bridge.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	var c struct {
		Path string `json:"control_socket"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		s.t.Fatal(err)
	}
	return party{name: "the socket", at: []string{"unix " + c.Path}, must: true}
}
