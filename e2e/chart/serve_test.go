package chart

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/mailsink"
	"otpbridge/e2e/rig"
)

// CFG-10: what the chart makes of each example is a configuration without a fault, read where it lies in the container.
func TestChartConfigurationIsValid(t *testing.T) {
	t.Parallel()
	for _, file := range valueFiles(t) {
		c := newContainer(t, render(t, "--values", file), "deployment")
		for purpose, name := range map[string]string{"sealing": "keys", "login": "login.jwk", "admin": "admin.jwk"} {
			made := filepath.Join(t.TempDir(), name)
			if out, err := exec.CommandContext(t.Context(), root+"/bin/otpbridge", "keys", "new", purpose, made).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			content, err := os.ReadFile(made)
			if err != nil {
				t.Fatal(err)
			}
			c.secret(name, content)
		}
		for _, name := range []string{"smtp", "redis", "sentinel"} {
			c.secret(name, []byte("a password of the test\n"))
		}
		check := append([]string{c.command[0], "check"}, c.command[2:]...)
		if out, err := c.start(t.Context(), check).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

// OPS-12 as far as that goes without Kubernetes: the container's command, in the image, as its user, with a root that belongs to somebody else, becomes ready
// and ends when told to; helm test beside it looks at everything and finds what is wrong there, the mail server when that is away. Probes, Services and the
// monitor lead to what is really served.
func TestChartStartsTheImage(t *testing.T) {
	t.Parallel()
	campus, kc := rig.NewFakeCampus(t)
	mails, err := mailsink.Start(mailsink.Options{Mode: mailsink.TLS})
	if err != nil {
		t.Fatal(err)
	}
	defer mails.Close()
	pages, admin := rig.FreePort(t), rig.FreePort(t)
	base := fmt.Sprintf("http://127.0.0.1:%d", pages)
	kc.ChangeClient(fakekc.ClientLogin, func(k *fakekc.Client) {
		k.JWKSURL, k.Redirects = base+"/.well-known/jwks.json", []string{base + "/oidc/callback"}
	})
	sets, err := json.Marshal(map[string]any{"doctor": map[string]any{"adminClient": fakekc.ClientBroad, "adminSecret": "doctor"}, "config": map[string]any{
		"base_url": base,
		"sign_in":  map[string]any{"issuer": campus.Issuer, "gate_group": campus.GateGroup},
		"keycloak": map[string]any{"url": campus.Keycloak, "realm": campus.Name, "client_id": campus.AdminClient},
		"mail":     map[string]any{"smtp": "smtps://localhost" + mails.Addr[strings.LastIndexByte(mails.Addr, ':'):]},
	}, "certificateAuthorities": map[string]any{"configMap": "campus-ca"}, "serviceMonitor": map[string]any{"enabled": true},
		"networkPolicy": map[string]any{"monitoringFrom": []any{map[string]any{"podSelector": map[string]any{}}}}})
	if err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(mine, sets, 0o600); err != nil {
		t.Fatal(err)
	}
	objects := render(t, "--values", values("embedded"), "--values", mine)
	c, doctor := newContainer(t, objects, "deployment"), newContainer(t, objects, "doctor")
	doctor.secretIn("doctor", "secret", []byte("broad-secret-for-tests\n"))
	for _, one := range []*container{c, doctor} {
		one.put(filepath.Join(one.mounts["authorities"], "campus.pem"), mails.CAPEM(), 0o644)
	}
	keys := filepath.Join(t.TempDir(), "keys")
	if out, err := exec.CommandContext(t.Context(), root+"/bin/otpbridge", "keys", "new", "sealing", keys).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, write := range map[string]func(string){"keys": nil, "login.jwk": campus.Login.Write, "admin.jwk": campus.Admin.Write} {
		file := keys
		if write != nil {
			file = filepath.Join(t.TempDir(), name)
			write(file)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c.secret(name, content)
		doctor.secret(name, content)
	}
	// In a cluster each pod has an address of its own; here ports are shared.
	cmd := c.start(t.Context(), c.command, fmt.Sprintf("OTPBRIDGE_LISTEN=127.0.0.1:%d", pages), fmt.Sprintf("OTPBRIDGE_ADMIN_LISTEN=127.0.0.1:%d", admin))
	health := fmt.Sprintf("http://127.0.0.1:%d", admin)
	end := begin(t, cmd, func() bool { return answer(t, health+"/readyz") == http.StatusOK })
	c.reach(objects, map[string]string{"listen": base, "admin_listen": health})
	for command, want := range map[string]string{"recoveries list": "none", "audit open": "none", "check": "no faults"} { // as docs/operations.md runs them
		if out, err := c.start(t.Context(), append([]string{c.command[0]}, strings.Fields(command)...)).CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	// This server does not search people by what they have yet to do. The certificate of the mail server is of an authority of the campus.
	// The embedded store is nobody else's: what an administrator's client saw reaches the service from inside its own pod only, as kubectl exec runs the doctor. From
	// its own helm test looks, and says so.
	if found := doctor.finds("", doctor.command...); !slices.Equal(found, []string{"pending-actions: answer"}) {
		t.Errorf("helm test finds %v", found)
	}
	inside := []string{c.command[0], "doctor", "--admin-client", fakekc.ClientBroad, "--admin-secret-file", "-"}
	if found := c.finds("broad-secret-for-tests\n", inside...); !slices.Equal(found, []string{"pending-actions: answer"}) {
		t.Errorf("the doctor in the pod finds %v", found)
	}
	mails.Close()
	if found := doctor.finds("", doctor.command...); !slices.Equal(found, []string{"mail.away", "pending-actions: answer"}) {
		t.Errorf("helm test without a mail server finds %v", found)
	}
	said := end()
	if _, err := os.Stat(filepath.Join(c.dir, "var", "lib", "otpbridge", "state.db")); err != nil {
		t.Error(err)
	}
	if strings.Contains(said, `"level":"ERROR"`) {
		t.Errorf("the log has faults:\n%s", said)
	}
}

// begin starts a program and waits until it is ready. end tells it to end, as a cluster and systemd do, wants that it does so without a fault, and returns
// what it printed.
func begin(t *testing.T, cmd *exec.Cmd, ready func() bool) (end func() string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	rig.Eventually(t, "the program is ready", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("ended: %v\n%s", err, said.String())
		default:
		}
		return ready()
	})
	return func() string {
		t.Helper()
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), <-ended); err != nil {
			t.Errorf("told to end: %v\n%s", err, said.String())
		}
		return said.String()
	}
}

// finds runs the doctor, and returns the names of what it found that is critical or keeps the service from what was seen, and of what got no answer.
func (c *container) finds(in string, command ...string) (ids []string) {
	c.t.Helper()
	cmd := c.start(c.t.Context(), append(command, "--json"))
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.Output()
	var report struct {
		Findings  []struct{ ID, Severity string }
		Unchecked []struct{ Check, Why string }
	}
	if jsonErr := json.Unmarshal(out, &report); jsonErr != nil || err == nil {
		c.t.Fatalf("%v: %v, %v\n%s", command, err, jsonErr, out)
	}
	for _, f := range report.Findings {
		if f.Severity == "critical" || f.Severity == "deadly" || f.ID == string(bridge.FindDoctorUnkept) {
			ids = append(ids, f.ID)
		}
	}
	for _, u := range report.Unchecked {
		if u.Why == bridge.UncheckedAnswer || u.Why == bridge.UncheckedTime {
			ids = append(ids, u.Check+": "+u.Why)
		}
	}
	return ids
}
