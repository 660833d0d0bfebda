package rig

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"otpbridge/bridge/store"
)

// Setup says how the product is to run. Campus and Mailbox are required.
type Setup struct {
	Campus   *Campus
	Mailbox  *Mailbox
	Redis    *Redis                        // nil: the embedded store, for one replica
	Wire     *Wire                         // the replicas reach Redis over it; nil: they call it themselves
	Replicas int                           // 0 = 1
	Change   func(settings map[string]any) // changes the configuration before it is written; nil = as it is
	Env      []string                      // NAME=value, for every replica
	// KeepAlive: the front keeps its connections to the replicas, as a proxy on a campus does; a replica that dies may then cost somebody a request.
	KeepAlive bool
	Watched   bool // Replica.Calls says whom the replicas called
}

// What stands beside the configuration file.
const (
	keysFile  = "keys"
	storeFile = "state.db"
)

// Bridge is the product: replicas of the built binary behind one address, Campus.AppURL.
type Bridge struct {
	URL      string // what a browser calls
	Config   string // the configuration file
	Audit    string // the audit file of the first replica
	Replicas []*Replica
	Front    *Front
}

// Replica is one process.
type Replica struct {
	URL   string // its own address
	Admin string // base URL of /livez, /readyz, /metrics
	Log   string // file with what it printed

	t       *testing.T
	cmd     *exec.Cmd
	exited  chan struct{} // closed when the process is gone
	running atomic.Bool   // read by Front, too
	env     []string
	cfg     string
	watched bool
	dials   []*Dials // one for each start
}

// StartBridge builds the binary once per run, writes a configuration, starts the replicas and waits until all are ready.
func StartBridge(t *testing.T, s Setup) *Bridge {
	t.Helper()
	b := PrepareBridge(t, s)
	for _, r := range b.Replicas {
		r.Start()
	}
	for _, r := range b.Replicas {
		r.WaitReady()
	}
	return b
}

// PrepareBridge does all that StartBridge does but start the replicas, for tests of what happens while others are away.
func PrepareBridge(t *testing.T, s Setup) *Bridge {
	t.Helper()
	if s.Replicas == 0 {
		s.Replicas = 1
	}
	if s.Redis == nil && s.Replicas > 1 {
		t.Fatal("the embedded store belongs to one replica")
	}
	dir := t.TempDir()
	b := &Bridge{URL: s.Campus.AppURL, Config: filepath.Join(dir, "otpbridge.yaml"), Audit: filepath.Join(dir, "audit-1.jsonl")}
	settings := configuration(t, s, dir)
	if s.Change != nil {
		s.Change(settings)
	}
	writeJSON(t, b.Config, settings)
	for i := range s.Replicas {
		log := OutFile(t, fmt.Sprintf("replica-%d.log", i+1))
		if err := os.RemoveAll(log); err != nil { // of an earlier run
			t.Fatal(err)
		}
		port, admin := FreePort(t), FreePort(t)
		b.Replicas = append(b.Replicas, &Replica{
			t: t, cfg: b.Config, URL: fmt.Sprintf("http://127.0.0.1:%d", port), Admin: fmt.Sprintf("http://127.0.0.1:%d", admin),
			Log: log, watched: s.Watched,
			env: append([]string{
				fmt.Sprintf("OTPBRIDGE_LISTEN=127.0.0.1:%d", port), fmt.Sprintf("OTPBRIDGE_ADMIN_LISTEN=127.0.0.1:%d", admin),
				fmt.Sprintf("OTPBRIDGE_AUDIT_FILE=%s", filepath.Join(dir, fmt.Sprintf("audit-%d.jsonl", i+1))),
			}, s.Env...),
		})
	}
	b.Front = newFront(t, s.Campus.app, b.Replicas, s.KeepAlive)
	t.Cleanup(func() {
		for _, r := range b.Replicas {
			r.Stop()
		}
	})
	return b
}

// Store opens the embedded store while no replica runs, for a test that changes what stands there.
func (b *Bridge) Store(t *testing.T) *store.Store {
	t.Helper()
	dir := filepath.Dir(b.Config)
	text, err := os.ReadFile(filepath.Join(dir, keysFile))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := store.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, storeFile), Keys: ring, Now: time.Now, Look: true})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// HelpDesk changes a configuration so that the help desk works: carol and dave of the realm file are its operators.
func HelpDesk(settings map[string]any) {
	type section = map[string]any
	both := func(ja, en string) section { return section{"ja": ja, "en": en} }
	settings["help_desk"] = section{
		"enabled": true, "risk_analysis": section{"document": "test", "version": "1", "approved": "2026-11-01"}, "role": "otp-helpdesk",
		"phone": "075-000-0000", "hours": []string{"Mon-Sun 00:00-24:00"}, "mailbox": "helpdesk@example.ac.jp", "announce_calls": true,
		"supervisor_mailbox": "supervisor@example.ac.jp", "number_on_record": section{"attribute": "phone"},
		"contacts":          []section{{"label": both("お問い合わせフォーム", "Contact form"), "url": "https://www.example.ac.jp/contact"}},
		"person_attributes": []section{{"attribute": "affiliation", "label": both("所属", "Affiliation")}},
		"checks": []section{
			{"id": "callback", "label": both("登録済みの番号へ折り返した", "Called back at the number on record")},
			{"id": "photo_id", "label": both("窓口で写真付き身分証を確認した", "Photo ID shown in person")},
			{"id": "video", "label": both("ビデオ通話で身分証を確認した", "Photo ID shown by video")},
		},
	}
}

// configuration is what an administrator would write, and the files that it names. JSON is YAML, so that a map will do.
func configuration(t *testing.T, s Setup, dir string) map[string]any {
	t.Helper()
	c := s.Campus
	keys, login, admin := filepath.Join(dir, keysFile), filepath.Join(dir, "login.jwk"), filepath.Join(dir, "admin.jwk")
	writeSealingKey(t, keys)
	c.Login.Write(login)
	c.Admin.Write(admin)
	state := map[string]any{"bolt": filepath.Join(dir, storeFile)}
	if s.Redis != nil {
		address := s.Redis.Addr
		if s.Wire != nil {
			address = s.Wire.Addr
		}
		state = map[string]any{"redis": map[string]any{"addresses": []string{address}, "prefix": "otpbridge:", "tls": false}}
	}
	type section = map[string]any
	return section{
		"base_url": c.AppURL, "listen": "127.0.0.1:8080", "admin_listen": "127.0.0.1:9090", "trusted_proxies": []string{"127.0.0.1/32", "::1/128"},
		"time_zone": "Asia/Tokyo", "languages": []string{"ja", "en"}, "keys_file": keys, "log": section{"level": "debug", "format": "json"},
		"organisation": section{"name": section{"ja": "例示大学", "en": "Example University"}, "short_issuer": "Example"},
		"sign_in": section{
			"issuer": c.Issuer, "client_id": "otpbridge-login", "client_key_file": login, "recovery_scope": "otp-recovery", "full_acr": "mfa",
			"gate_group": c.GateGroup, "account_name": section{"ja": "全学ID", "en": "Campus ID"},
		},
		"keycloak": section{
			"url": c.Keycloak, "realm": c.Name, "client_id": c.AdminClient, "client_key_file": admin,
			"addresses":       []section{{"attribute": "notificationEmail"}},
			"refused_domains": []string{"example.ac.jp"}, "password_reset": "none", "password_age": "72h", "allowed_group": "/otp-recoverable",
			"harmless_roles": []string{"default-roles-" + c.Name, "offline_access", "uma_authorization"},
		},
		"store": state,
		"mail":  section{"smtp": "smtp://" + s.Mailbox.Addr, "from": "Authentication settings <noreply@example.ac.jp>"},
		"help_desk": section{
			"contacts": []section{{"label": section{"ja": "お問い合わせフォーム", "en": "Contact form"}, "url": "https://www.example.ac.jp/contact"}},
		},
		"audit": section{"file": filepath.Join(dir, "audit.jsonl")},
	}
}

func writeJSON(t *testing.T, file string, v any) {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeSealingKey writes a keys file with one key.
func writeSealingKey(t *testing.T, file string) {
	t.Helper()
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("test "+base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Binary returns the product, built as it is shipped but for the version. $OTPBRIDGE_BIN names another one.
func Binary(t *testing.T) string {
	t.Helper()
	if name := os.Getenv("OTPBRIDGE_BIN"); name != "" {
		return name
	}
	run.build.Do(func() {
		dir, err := os.MkdirTemp("", "otpbridge-*")
		if err != nil {
			t.Fatal(err)
		}
		run.dir = dir
		name := filepath.Join(dir, "otpbridge")
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", name, "./cmd/otpbridge") //nolint:noctx // for the whole run
		build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, text)
		}
		run.binary = name
	})
	if run.binary == "" {
		t.Fatal("the binary was not built: see the first test that needed it")
	}
	return run.binary
}

// Start starts the process, again after Kill or Stop.
func (r *Replica) Start() {
	r.t.Helper()
	log, err := os.OpenFile(r.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the process has its own copy
	r.cmd = exec.CommandContext(context.WithoutCancel(r.t.Context()), Binary(r.t), "serve", "-c", r.cfg)
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.Env = log, log, r.Env()
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if r.watched {
		r.dials = append(r.dials, StartWatched(r.t, r.cmd))
	} else if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	cmd, exited := r.cmd, make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended stands in the log
		close(exited)
	}()
	r.exited = exited
	r.running.Store(true)
}

// WaitReady waits until the replica says that it is ready and its realm guard has looked, for which a press would wait a while only. That look
// asks Keycloak thirty things at once, which a busy machine takes minutes for.
func (r *Replica) WaitReady() {
	r.t.Helper()
	r.t.Logf("replica at %s, log in %s", r.URL, r.Log)
	EventuallyWithin(r.t, 3*Patience, "replica is ready, see "+r.Log, func() bool {
		select {
		case <-r.exited:
			r.t.Fatalf("the replica ended by itself: %s", r.LogText())
		default:
		}
		ready, guard := r.health()
		return ready && !strings.Contains(guard, "not checked: ") && !strings.Contains(guard, "not looked at yet")
	})
}

// Ready reports whether the replica says that it is ready.
func (r *Replica) Ready() bool {
	ready, _ := r.health()
	return ready
}

// health is what the replica says of itself, and of the realm.
func (r *Replica) health() (ready bool, guard string) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Admin+"/readyz", http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, ""
	}
	defer resp.Body.Close()
	var parts struct {
		Guard string `json:"realm_guard"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&parts) // a stand-in says nothing
	return resp.StatusCode == http.StatusOK, parts.Guard
}

// Env is the environment of the replica's process: ours, without what would be taken for its configuration ($OTPBRIDGE_CACHE and
// the like would be faults), and what the replica has of its own.
func (r *Replica) Env() []string {
	ours := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OTPBRIDGE_") })
	return append(ours, r.env...)
}

// Set adds NAME=value to what the replica has of its own, from its next start on.
func (r *Replica) Set(env ...string) { r.env = append(r.env, env...) }

// PID is the process's number while it runs.
func (r *Replica) PID() int { return r.cmd.Process.Pid }

// Running reports whether the process was started and not ended by the test.
func (r *Replica) Running() bool { return r.running.Load() }

// Kill ends the process as a power failure would.
func (r *Replica) Kill() { r.end(syscall.SIGKILL) }

// Stop asks the process to end and waits for it.
func (r *Replica) Stop() { r.end(syscall.SIGTERM) }

// Calls ends a watched process and returns how often it called each address, since its first start: see Dials.
func (r *Replica) Calls() map[string]int {
	r.t.Helper()
	r.Stop()
	all := map[string]int{}
	for _, d := range r.dials {
		for address, n := range d.Calls() {
			all[address] += n
		}
	}
	return all
}

// Pause stops the process where it is, as a machine that is out of breath does; Resume lets it go on.
func (r *Replica) Pause() { _ = r.cmd.Process.Signal(syscall.SIGSTOP) } // it runs: the test has started it

// Resume ends what Pause did.
func (r *Replica) Resume() { _ = r.cmd.Process.Signal(syscall.SIGCONT) } // as above

func (r *Replica) end(signal syscall.Signal) {
	if r.cmd == nil {
		return
	}
	r.running.Store(false)
	_ = r.cmd.Process.Signal(signal) // it may be gone already
	select {
	case <-r.exited:
	case <-time.After(Patience):
		r.t.Errorf("replica %s did not end in %s", r.URL, Patience)
		_ = r.cmd.Process.Kill() // said above
		<-r.exited
	}
	r.cmd = nil
}

// LogText is what the replica printed so far.
func (r *Replica) LogText() string {
	r.t.Helper()
	text, err := os.ReadFile(r.Log)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// MustHaveLogged fails the test unless a replica prints a text: what is looked at behind a start is said when Keycloak has answered.
func (b *Bridge) MustHaveLogged(t *testing.T, text string) {
	t.Helper()
	Eventually(t, fmt.Sprintf("a replica printed %q", text), func() bool {
		return slices.ContainsFunc(b.Replicas, func(r *Replica) bool { return strings.Contains(r.LogText(), text) })
	})
}
