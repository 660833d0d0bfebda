package service

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/doctor"
	"otpbridge/cmd/internal/config"
)

// loosened is a Keycloak-shaped server behind something that answers requests at its authorization endpoint with a page, as a realm without a lock would.
type loosened struct {
	*fakekc.Server

	direct string                                // its address without that
	open   atomic.Pointer[func(url.Values) bool] // what is answered; nil: nothing
}

func openLoosened(t *testing.T) *loosened {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &loosened{direct: "http://" + l.Addr().String()}
	behind, err := url.Parse(k.direct)
	if err != nil {
		t.Fatal(err)
	}
	whole := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open := k.open.Load(); open != nil && strings.HasSuffix(r.URL.Path, "/auth") && (*open)(r.URL.Query()) {
			return // 200
		}
		whole.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	k.Server = fakekc.Start(fakekc.Options{Listener: l, URL: front.URL})
	t.Cleanup(k.Close)
	return k
}

// parts are what the doctor looks through, for this issuer.
func (k *loosened) parts(t *testing.T, issuer string) parts {
	t.Helper()
	p, err := Doctor{Log: slog.New(slog.DiscardHandler), Now: time.Now, Config: config.Config{
		BaseURL: &url.URL{Scheme: "http", Host: "localhost:8088"},
		SignIn: config.SignIn{
			Issuer: issuer, ClientID: fakekc.ClientLogin, Auth: config.ClientAuth{Secret: "login-secret-for-tests"}, RecoveryScope: "otp-recovery", FullACR: "mfa",
		},
		Keycloak: config.Keycloak{
			URL: k.URL, Realm: "campus", ClientID: fakekc.ClientAdmin, Auth: config.ClientAuth{Secret: "admin-secret-for-tests"}, AllowedGroup: "/otp-recoverable",
		},
	}}.open()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// OIDC-18, INV-6, WB-11: what Keycloak should refuse and takes is a deadly finding of that name, and stops new recoveries; a lock that holds is none, and what
// nobody can tell does not pass.
func TestWhatTheLockLetsThroughIsDeadly(t *testing.T) {
	t.Parallel()
	k := openLoosened(t)
	look := func() (doctor.Report, error) {
		checks := k.parts(t, k.Issuer).lockChecks()
		report := doctor.Run(t.Context(), checks, time.Minute, time.Now)
		g := &guard{now: time.Now, lasts: time.Hour}
		watched := slices.DeleteFunc(checks, func(c bridge.Check) bool { return !c.Deadly })
		if len(watched) != 3 { // without an answer to one of them nobody is let in
			t.Errorf("%d attempts are watched", len(watched))
		}
		g.take(report, doctor.Report{}, watched)
		return report, g.closed()
	}
	report, _ := look()
	for _, r := range report.Results {
		if unknown := r.Check == "par-scope"; unknown != (r.Unchecked != nil) || len(r.Findings) > 0 {
			t.Errorf("without an account console: %+v", r)
		}
	}
	k.SetClient(fakekc.Client{ID: accountConsole, Public: true, PKCE: true, Redirects: []string{k.Issuer + "/account/*"}})
	plain := func(q url.Values) bool { return q.Get("client_id") == fakekc.ClientLogin && !q.Has("request_uri") }
	extra := func(q url.Values) bool { return q.Has("request_uri") && q.Has("kc_action") }
	scope := func(q url.Values) bool {
		return q.Get("client_id") == accountConsole && strings.Contains(q.Get("scope"), "otp-recovery")
	}
	for name, tc := range map[string]struct {
		open func(url.Values) bool
		want []string
	}{
		"it holds":                    {func(url.Values) bool { return false }, nil},
		"requests that nobody pushed": {plain, []string{"par.plain"}},
		"something added":             {extra, []string{"par.extra"}},
		"the scope for others":        {scope, []string{"par.scope account-console"}},
		"everything":                  {func(url.Values) bool { return true }, []string{"par.extra", "par.plain", "par.scope account-console"}},
	} {
		k.open.Store(&tc.open)
		report, closed := look()
		var got []string
		for _, r := range report.Results {
			if r.Unchecked != nil {
				t.Errorf("%s: %s: %v", name, r.Check, r.Unchecked)
			}
			for _, f := range r.Findings {
				got = append(got, strings.TrimSpace(string(f.ID)+" "+f.Object))
				if f.Severity != bridge.Deadly {
					t.Errorf("%s: %s is %s", name, f.ID, f.Severity)
				}
			}
		}
		says := ""
		if closed != nil {
			says = closed.Error()
		}
		if !slices.Equal(got, tc.want) || says != strings.Join(tc.want, ", ") || bridge.CodeOf(closed) == bridge.CodeKeycloakAway {
			t.Errorf("%s: found %q, the guard says %q, want %q", name, got, says, tc.want)
		}
	}
}

// OPS-09, INV-6: a login client that Keycloak refuses has a finding of its own and stops new recoveries by that name: not as if Keycloak were away.
func TestARefusedLoginClientIsDeadly(t *testing.T) {
	t.Parallel()
	k := openLoosened(t)
	k.SetClient(fakekc.Client{ID: fakekc.ClientLogin, Secret: "another one", Redirects: []string{"http://localhost:8088/oidc/callback"}})
	checks := k.parts(t, k.Issuer).lockChecks()
	report := doctor.Run(t.Context(), checks, time.Minute, time.Now)
	want := []bridge.Finding{bridge.Found(bridge.FindLoginRefused, fakekc.ClientLogin, "code", "invalid_request", "realm", "campus")}
	if got := report.Findings(); !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v, want %+v", got, want)
	}
	for _, r := range report.Results {
		if strings.HasPrefix(r.Check, "par-p") && (r.Unchecked == nil || r.Unchecked.Why != bridge.UncheckedRefused) {
			t.Errorf("%s: %+v", r.Check, r)
		}
	}
	watched := slices.DeleteFunc(checks, func(c bridge.Check) bool { return !c.Deadly })
	sees := func(g *guard, after time.Duration, want string) {
		t.Helper()
		later := report
		later.At = report.At.Add(after)
		later.Results = slices.Clone(report.Results)
		for i := range later.Results {
			later.Results[i].Findings = slices.Clone(report.Results[i].Findings)
		}
		g.take(later, doctor.Report{}, watched)
		silent, _ := g.pending()
		if got := g.says(); got != want || silent == 0 {
			t.Errorf("after %s the guard says %q, want %q, and waits for %d checks", after, got, want, silent)
		}
		if away := bridge.CodeOf(g.closed()) == bridge.CodeKeycloakAway; want != "" && away == strings.HasPrefix(want, "login.refused") {
			t.Errorf("after %s people read of Keycloak: %v", after, away)
		}
	}
	now := func() time.Time { return report.At }
	fresh, seasoned := &guard{now: now, lasts: time.Hour}, &guard{now: now, lasts: time.Hour}
	const unknown = "not checked: par-extra, not checked: par-plain"
	sees(fresh, 0, unknown) // a new key, which Keycloak asks for within seconds
	sees(fresh, 24*time.Second, unknown)
	sees(fresh, 25*time.Second, "login.refused otpbridge-login, "+unknown)
	sees(fresh, 30*time.Second, "login.refused otpbridge-login, "+unknown)
	if !fresh.verdict() {
		t.Error("nobody is told")
	}
	was := doctor.Report{At: report.At}
	for _, c := range watched {
		was.Results = append(was.Results, doctor.Result{Check: c.Name})
	}
	seasoned.take(was, doctor.Report{}, watched)
	sees(seasoned, 0, "")
	sees(seasoned, 25*time.Second, "login.refused otpbridge-login")
	seasoned.take(was, doctor.Report{}, watched)
	sees(seasoned, 50*time.Second, "") // anything else in between begins it anew
	sees(seasoned, 75*time.Second, "login.refused otpbridge-login")
	away := doctor.Report{At: report.At.Add(80 * time.Second)}
	for _, c := range watched {
		away.Results = append(away.Results, doctor.Result{Check: c.Name, Unchecked: &bridge.Unchecked{Why: bridge.UncheckedAnswer}})
	}
	seasoned.take(away, doctor.Report{}, watched) // nobody answers, and then Keycloak takes the client
	if got := seasoned.says(); got != "login.refused otpbridge-login" {
		t.Errorf("without an answer the guard says %q", got)
	}
	seasoned.take(was, doctor.Report{}, watched)
	if err := seasoned.closed(); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// OIDC-08, WB-11: an issuer that calls itself otherwise, something else that answers there, and one that is not there are three findings.
func TestTheDoctorTellsADifferentIssuer(t *testing.T) {
	t.Parallel()
	k := openLoosened(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/busy/") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte("<p>welcome"))
	}))
	t.Cleanup(page.Close)
	for issuer, want := range map[string]bridge.FindingID{
		k.Issuer:                          "",
		k.direct + "/realms/campus":       bridge.FindIssuerDiffers, // the same realm by another name
		k.URL + "/realms/another":         bridge.FindIssuerForeign,
		page.URL + "/realms/campus":       bridge.FindIssuerForeign,
		page.URL + "/busy/realms/campus":  bridge.FindIssuerAway,
		"http://127.0.0.1:1/realms/local": bridge.FindIssuerAway,
	} {
		found, err := k.parts(t, issuer).checkDiscovery(t.Context())
		got := bridge.FindingID("")
		for _, f := range found {
			got = f.ID
			if f.ID == bridge.FindIssuerDiffers && f.Values["issuer"] != issuer {
				t.Errorf("%s: it names %v", issuer, f.Values)
			}
		}
		if err != nil || len(found) > 1 || got != want {
			t.Errorf("%s: %q, %v, want %q", issuer, got, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := k.parts(t, k.Issuer).checkDiscovery(ctx); err == nil || len(found) > 0 {
		t.Errorf("without time: %v, %v", found, err)
	}
}
