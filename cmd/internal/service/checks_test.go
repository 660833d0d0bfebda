package service

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/cmd/internal/config"
	"otpbridge/oidc"
)

// WB-11: a key that has lain on this machine for long is named; where Kubernetes puts it anew with each start, its age is not believed.
func TestAgeOfKeysIsSeenOrNotChecked(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "login.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := parts{now: func() time.Time { return time.Now().Add(oldKey + time.Hour) }}
	p.cfg.Keys = storetest.NewRing(t, "one")
	p.cfg.SignIn.Auth.KeyFile = file
	if found, err := p.checkFiles(); err != nil || len(found) != 1 || found[0].ID != bridge.FindFilesOld {
		t.Errorf("on a disk: %+v, %v", found, err)
	}
	if err := os.Symlink("..2026_11_29", filepath.Join(filepath.Dir(file), "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(file), "..2026_11_29"), 0o700); err != nil {
		t.Fatal(err)
	}
	found, err := p.checkFiles()
	if u := bridge.UncheckedFrom(err); len(found) > 0 || u == nil || u.Why != bridge.UncheckedUnknown {
		t.Errorf("in a mounted secret: %+v, %v", found, err)
	}
}

// WB-11: old sealing keys that still stand in the file a week after the newest came are counted; one key alone, or new ones, are not.
func TestOldSealingKeysAreNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		keys  []string
		after time.Duration
		count string // "": nothing is found
	}{
		"one":             {[]string{"one"}, leftOver + time.Hour, ""},
		"two, new":        {[]string{"two", "one"}, leftOver - time.Hour, ""},
		"two, for long":   {[]string{"two", "one"}, leftOver + time.Hour, "2"},
		"three, for long": {[]string{"three", "two", "one"}, leftOver + time.Hour, "3"},
	} {
		p := parts{now: func() time.Time { return time.Now().Add(tc.after) }}
		p.cfg.Keys, p.cfg.KeysFile = storetest.NewRing(t, tc.keys...), file
		found, err := p.checkFiles()
		if err != nil || len(found) > 0 != (tc.count != "") {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		if len(found) > 0 && (len(found) > 1 || found[0].ID != bridge.FindFilesLeftOver || found[0].Object != file || found[0].Values["count"] != tc.count) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// Issue 6: a pause is named, which is no fault; without one nothing is.
func TestAPauseIsNamed(t *testing.T) {
	t.Parallel()
	for _, paused := range []bool{true, false} {
		p := parts{cfg: config.Config{Paused: paused}}
		checks := p.fileChecks()
		i := slices.IndexFunc(checks, func(c bridge.Check) bool { return c.Name == "pause" })
		found, err := checks[i].Run(t.Context())
		if err != nil || len(found) > 0 != paused || paused && found[0].ID != bridge.FindRecoveriesPaused {
			t.Errorf("paused %v: found %v, %v", paused, found, err)
		}
	}
}

// WB-11: a network of a whole campus is nobody's own proxies.
func TestWideProxiesAreNamed(t *testing.T) {
	t.Parallel()
	p := parts{cfg: config.Config{BaseURL: &url.URL{Scheme: "https", Host: "otp.example.ac.jp"}}}
	for _, n := range []string{"10.0.0.0/8", "172.16.0.0/12", "2001:db8::/32", "10.1.0.0/16", "10.1.2.3/32", "2001:db8:1::/48", "127.0.0.0/8"} {
		p.cfg.TrustedProxies = append(p.cfg.TrustedProxies, netip.MustParsePrefix(n))
	}
	var wide []string
	for _, f := range p.checkProxies() {
		wide = append(wide, f.Object)
	}
	if !slices.Equal(wide, []string{"10.0.0.0/8", "172.16.0.0/12", "2001:db8::/32"}) {
		t.Errorf("wide: %v", wide)
	}
}

// CFG-07, WB-11: a file with a secret that others may read, or its group may write, is named; one that its owner, and the owner's group, may read is not.
func TestOpenFilesAreNamed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	p := parts{now: time.Now}
	p.cfg.Keys = storetest.NewRing(t, "one")
	p.cfg.KeysFile, p.cfg.SignIn.Auth.KeyFile, p.cfg.SignIn.Auth.SecretFile = file("keys"), file("login.jwk"), file("login")
	p.cfg.Keycloak.Auth.KeyFile, p.cfg.Keycloak.Auth.SecretFile = file("admin.jwk"), file("admin")
	p.cfg.Mail.PasswordFile, p.cfg.TLS.KeyFile, p.cfg.Store.Bolt = file("mail"), file("tls.key"), file("state.db")
	names := []string{"admin", "admin.jwk", "keys", "login", "login.jwk", "mail", "state.db", "tls.key"}
	for mode, open := range map[os.FileMode]bool{
		0o400: false, 0o600: false, 0o640: false, 0o660: true, 0o644: true, 0o604: true, 0o602: true, 0o601: true, 0o777: true,
	} {
		for _, one := range names { // each of them alone
			for _, name := range names {
				if err := os.WriteFile(file(name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(file(one), mode); err != nil {
				t.Fatal(err)
			}
			found, err := p.checkFiles()
			named := len(found) == 1 && found[0].ID == bridge.FindFilesOpen && found[0].Object == file(one)
			if err != nil || named != open || len(found) > 0 != open {
				t.Errorf("%s with %o: %+v, %v", one, mode, found, err)
			}
			if err := os.Chmod(file(one), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := &config.RedisServer{PasswordFile: file("mail"), SentinelFile: file("tls.key")}
	p.cfg.Store.Redis, p.cfg.Mail.PasswordFile, p.cfg.TLS.KeyFile = r, "", ""
	for _, name := range []string{r.PasswordFile, r.SentinelFile, p.cfg.Store.Bolt} { // which is not in use
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := p.checkFiles(); err != nil || len(found) != 2 || found[0].Object != r.PasswordFile || found[1].Object != r.SentinelFile {
		t.Errorf("of Redis: %+v, %v", found, err)
	}
}

// RL-02, WB-11: pages over TLS that somebody else ends, without a word about who: every address is the proxy's.
func TestMissingProxiesAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		scheme, certificate string
		proxies             []netip.Prefix
		missing             bool
	}{
		"somebody else ends TLS":  {"https", "", nil, true},
		"a proxy that is known":   {"https", "", []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32")}, false},
		"its own certificate":     {"https", "tls.pem", nil, false},
		"plain on this machine":   {"http", "", nil, false},
		"its own, behind a proxy": {"https", "tls.pem", []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32")}, false},
	} {
		p := parts{cfg: config.Config{BaseURL: &url.URL{Scheme: tc.scheme, Host: "otp.example.ac.jp"}, TrustedProxies: tc.proxies}}
		p.cfg.TLS.CertFile = tc.certificate
		found := p.checkProxies()
		if got := len(found) == 1 && found[0].ID == bridge.FindProxiesMissing; got != tc.missing || len(found) > 0 != tc.missing {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// WB-11: behind the address that people see stands this service and no other; whatever answers otherwise is foreign, what does not answer is away.
func TestTheAddressOfThePagesIsAsked(t *testing.T) {
	t.Parallel()
	own, err := oidc.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	other, err := oidc.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body) // it went away
		}
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc // nil: nobody is there
		want   bridge.FindingID
	}{
		"this service":           {says(http.StatusOK, string(own.PublicJWKS())), ""},
		"spelled otherwise":      {says(http.StatusOK, " \n"+string(own.PublicJWKS())+"\n"), ""},
		"another replica's keys": {says(http.StatusOK, string(other.PublicJWKS())), bridge.FindBaseForeign},
		"a page":                 {says(http.StatusOK, "<!doctype html>"), bridge.FindBaseForeign},
		"no such thing":          {says(http.StatusNotFound, string(own.PublicJWKS())), bridge.FindBaseForeign},
		"somewhere else":         {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) }, bridge.FindBaseForeign},
		"a proxy with nobody":    {says(http.StatusBadGateway, string(own.PublicJWKS())), bridge.FindBaseAway},
		"half an answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			_, _ = w.Write(own.PublicJWKS()) // it is cut
		}, bridge.FindBaseAway},
		"nobody": {nil, bridge.FindBaseAway},
	} {
		var asked string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.Path
			tc.answer(w, r)
		}))
		base, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if tc.answer == nil {
			server.Close()
		}
		p := parts{cfg: config.Config{BaseURL: base, SignIn: config.SignIn{Auth: config.ClientAuth{Keys: own}}}}
		found, err := p.checkBase(t.Context())
		server.Close()
		got := bridge.FindingID("")
		if len(found) > 0 {
			got = found[0].ID
		}
		if err != nil || len(found) > 1 || got != tc.want || got != "" && found[0].Object != server.URL {
			t.Errorf("%s: %+v, %v, want %q", name, found, err, tc.want)
		}
		if tc.answer != nil && asked != "/.well-known/jwks.json" {
			t.Errorf("%s: asked for %q", name, asked)
		}
	}
}
