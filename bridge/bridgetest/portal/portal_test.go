package portal_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/phone"
	"otpbridge/bridge/bridgetest/portal"
)

// world is a realm and the application in it.
func world(t *testing.T, banner string) (issuer, base string) {
	t.Helper()
	site := httptest.NewUnstartedServer(nil)
	base = "http://localhost:" + port(t, site.Listener.Addr())
	realm := fakekc.Start(fakekc.Options{Calm: true})
	t.Cleanup(realm.Close)
	realm.ChangeClient(fakekc.ClientPortal, func(c *fakekc.Client) { c.Redirects, c.AfterLogout = []string{base + "/*"}, []string{base + "/*"} })
	site.Config.Handler = portal.New(portal.Options{Issuer: realm.Issuer, URL: base, Banner: banner})
	site.Start()
	t.Cleanup(site.Close)
	return realm.Issuer, base
}

func port(t *testing.T, a net.Addr) string {
	t.Helper()
	_, p, err := net.SplitHostPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func code(t *testing.T) func() string {
	t.Helper()
	key, err := phone.FromBase32("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXA")
	if err != nil {
		t.Fatal(err)
	}
	return func() string { return key.Code(time.Now()) }
}

func want(t *testing.T, b *loginform.Browser, status int, texts ...string) {
	t.Helper()
	if b.Status != status {
		t.Errorf("%s: status %d, want %d", b.URL, b.Status, status)
	}
	for _, text := range texts {
		if !strings.Contains(b.Body, text) {
			t.Errorf("%s: no %q in\n%s", b.URL, text, b.Body)
		}
	}
}

func TestPersonSignsInAndOut(t *testing.T) {
	t.Parallel()
	_, base := world(t, "Demo <here>")
	b := loginform.New()
	if err := b.SignIn(t.Context(), base, "alice", "alice-password", code(t)); err != nil {
		t.Fatal(err)
	}
	want(t, b, http.StatusOK, "You are in", `Signed in as <b id="username">alice</b> (Alice Example)`, `<code id="level">mfa</code>`, "Demo &lt;here&gt;")
	if err := b.Submit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want(t, b, http.StatusOK, "You are signed out")
	if b.URL != base+"/bye" {
		t.Errorf("after the sign-out at %s", b.URL)
	}
	// Signed out at the realm too: the password is asked again.
	if err := b.Get(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	if b.Page() != loginform.PagePassword {
		t.Errorf("after the sign-out the portal shows %s", b.URL)
	}
}

func TestPasswordAloneDoesNotOpenThePortal(t *testing.T) {
	t.Parallel()
	_, base := world(t, "")
	b := loginform.New()
	if err := b.SignIn(t.Context(), base, "alice", "alice-password", nil); err != nil {
		t.Fatal(err)
	}
	if b.Page() != loginform.PageCode {
		t.Errorf("after the password: %s", b.URL)
	}
	if err := b.SignIn(t.Context(), base, "alice", "alice-password", func() string { return "000000" }); err != nil {
		t.Fatal(err)
	}
	if b.Page() != loginform.PageCode {
		t.Errorf("after a wrong code: %s", b.URL)
	}
}

// An answer is taken once, and only in the browser that asked.
func TestAnswersOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	issuer, base := world(t, "")
	b := loginform.New(base + "/cb")
	if err := b.SignIn(t.Context(), base, "alice", "alice-password", code(t)); err != nil {
		t.Fatal(err)
	}
	answer := b.Left
	if answer == "" {
		t.Fatalf("no answer, but %s", b.Body)
	}
	other := loginform.New(issuer)
	if err := other.Get(t.Context(), base); err != nil { // a sign-in of its own is under way
		t.Fatal(err)
	}
	for name, address := range map[string]string{
		"another browser's": answer,
		"forged":            base + "/cb?state=x&code=y",
		"an error":          base + "/cb?state=x&error=access_denied",
	} {
		if err := other.Get(t.Context(), address); err != nil {
			t.Fatal(err)
		}
		if other.Status != http.StatusBadRequest || strings.Contains(other.Body, "You are in") {
			t.Errorf("%s answer: %d %s", name, other.Status, other.Body)
		}
	}
	b.Stop = []string{issuer}
	if err := b.Get(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	want(t, b, http.StatusOK, "You are in")
	if err := b.Get(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	want(t, b, http.StatusBadRequest, "not begun here")
}

func TestErrorOfTheRealmIsShown(t *testing.T) {
	t.Parallel()
	issuer, base := world(t, "")
	b := loginform.New(issuer)
	if err := b.Get(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	b.Stop = nil
	if err := b.Get(t.Context(), base+"/cb?error=%3Cb%3Edenied&state="+url.QueryEscape(b.Answer().Get("state"))); err != nil {
		t.Fatal(err)
	}
	want(t, b, http.StatusForbidden, "The sign-in did not work", "&lt;b&gt;denied")
}

// The sign-out is a form of our own page: another site cannot send it, and an address alone does nothing.
func TestSignOutNeedsOurForm(t *testing.T) {
	t.Parallel()
	_, base := world(t, "")
	for _, try := range []struct {
		method, site string
		status       int
	}{
		{http.MethodPost, "cross-site", http.StatusForbidden},
		{http.MethodGet, "same-origin", http.StatusMethodNotAllowed},
	} {
		req, err := http.NewRequestWithContext(t.Context(), try.method, base+"/signout", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", try.site)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Body.Close() != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != try.status {
			t.Errorf("%s from %s: %d, want %d", try.method, try.site, resp.StatusCode, try.status)
		}
	}
}
