package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/storetest"
)

// look asks for a page, and returns status and body.
func look(t *testing.T, url, host string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// readiness waits until /readyz answers like that; /livez says yes all the time.
func readiness(t *testing.T, admin string, want int, says string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		status, body := look(t, "http://"+admin+"/readyz", "")
		if live, _ := look(t, "http://"+admin+"/livez", ""); live != http.StatusOK {
			t.Fatalf("/livez says %d while /readyz says %d %s", live, status, body)
		}
		if status == want && strings.Contains(body, says) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("/readyz says %d %s", status, body)
		}
	}
}

// OPS-03: liveness looks at the process only, whatever is away; readiness needs the store and one good discovery. No mail server is there.
func TestLivenessLooksAtTheProcessOnly(t *testing.T) {
	t.Parallel()
	redis := storetest.StartRedis(t)
	s := serveProcess(t, `redis: {addresses: ["`+redis.Addr+`"], tls: false}`, func(e *explained) { e.kc.Down() })
	_, admin := s.serving()
	become := func(want int, wrong string) { t.Helper(); readiness(t, admin, want, wrong) }
	become(http.StatusServiceUnavailable, `"store":"ok"`)
	if err := s.kc.Up(); err != nil {
		t.Fatal(err)
	}
	become(http.StatusOK, "")
	s.kc.Down()
	become(http.StatusOK, "") // one discovery was good
	redis.Stop(t)
	become(http.StatusServiceUnavailable, `"store":"`)
	if status, body := look(t, "http://"+admin+"/readyz", ""); strings.Contains(body, `"store":"ok"`) {
		t.Errorf("without a store: %d %s", status, body)
	}
	redis.Start(t)
	become(http.StatusOK, "")
}

// AUD-08: docs/operations.md lists every figure of ours with its labels and no other, and no label can hold a word about people.
func TestDocumentationShowsTheFigures(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	label := regexp.MustCompile(`(\w+)="`)
	documented, exported := map[string]string{}, map[string]string{}
	for _, m := range regexp.MustCompile("`(otpbridge_\\w+)(?:\\{([a-z,]+)\\})?`").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = m[2]
	}
	s := serveProcess(t, "", nil)
	pages, admin := s.serving()
	readiness(t, admin, http.StatusOK, "")
	for _, path := range []string{"/start", "/somebody", "/link/somebody"} {
		look(t, "http://"+pages+path, "otp.example.ac.jp")
	}
	_, metrics := look(t, "http://"+admin+"/metrics", "")
	for _, m := range regexp.MustCompile(`(?m)^(otpbridge_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? `).FindAllStringSubmatch(metrics, -1) {
		var labels []string
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		exported[m[1]] = strings.Join(labels, ",")
	}
	for name, labels := range documented {
		sorted := strings.Split(labels, ",")
		slices.Sort(sorted)
		documented[name] = strings.Join(sorted, ",")
	}
	if diff := cmp.Diff(documented, exported); diff != "" {
		t.Errorf("documented (-), exported (+):\n%s", diff)
	}
	if strings.Contains(metrics, "somebody") || !strings.Contains(metrics, `route="/link/{token}"`) {
		t.Error("a figure names a path instead of a route")
	}
	for _, m := range regexp.MustCompile(`otpbridge_alarms_total\{event="([^"]+)"\}`).FindAllStringSubmatch(metrics, -1) {
		if !strings.Contains(string(text), "`"+m[1]+"`") {
			t.Errorf("docs/operations.md does not say what to do about %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`otpbridge_jobs\{kind="([^"]+)"`).FindAllStringSubmatch(metrics, -1) {
		if !strings.Contains(string(text), "`"+m[1]+"`") {
			t.Errorf("docs/operations.md does not name the kind of job %s", m[1])
		}
	}
}

// WB-07, issue 6: a service that cannot open the gate, or that stands beside a Keycloak that is too old, does not go on; the last words say what is
// wrong, the exit code is that of a failure.
func TestServeEndsWhereItCannotServe(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, after, says string }{
		"no gate":    {"gate_group: ", "gate_group: 0", "sign_in.gate_group is the id of no group"},
		"old server": {"password_reset: desk", "password_reset: desk\n  version: 26.3.5", "Keycloak 26.3.5 is too old"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveProcess(t, "", func(e *explained) { (&served{explained: e}).configure(tc.before, tc.after) })
			s.said("otpbridge: ", tc.says)
			if got := s.end().ExitStatus(); got != exitFailed {
				t.Errorf("exit %d, want %d", got, exitFailed)
			}
		})
	}
}

// The figure start: whoever waits for the process waits for the token, which tells its rights, and for the realm's settings. What else is asked at
// the start costs Keycloak far more and may take its time.
func TestReadinessWaitsForLittle(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "", func(e *explained) {
		for _, path := range []string{
			"/admin/serverinfo", "/admin/realms/*/users/profile", "/admin/realms/*/clients", "/admin/realms/*/groups/*", "/admin/realms/*/users",
		} {
			e.kc.Inject(fakekc.Fault{Path: path, Kind: fakekc.Hang})
		}
	})
	_, admin := s.serving()
	readiness(t, admin, http.StatusOK, `"service_account":"ok"`)
}

// A Keycloak that gives tokens and does not answer what they are for makes nobody ready.
func TestReadinessWaitsForTheSettings(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "", func(e *explained) {
		e.kc.Inject(fakekc.Fault{Method: http.MethodGet, Path: "/admin/realms/*", Kind: fakekc.Status, Status: http.StatusServiceUnavailable})
	})
	_, admin := s.serving()
	readiness(t, admin, http.StatusServiceUnavailable, `"service_account":"read realm: read realm: `)
}
