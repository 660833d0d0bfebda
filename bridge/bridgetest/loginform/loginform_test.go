package loginform_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge/bridgetest/loginform"
)

// site is a small site with the peculiarities of Keycloak's pages.
func site(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /realms/r/auth", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "S", Value: "1", Path: "/realms/r/", Secure: true, SameSite: http.SameSiteNoneMode})
		http.Redirect(w, r, "/realms/r/page", http.StatusFound)
	})
	mux.HandleFunc("GET /realms/r/page", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("S"); err != nil {
			http.Error(w, "no cookie", http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte(`<html lang="ja"><body data-page-id="login-login-otp"><form></form>
			<span class="x kc-feedback-text"> wrong
			code </span><form method="POST" action="/realms/r/send?a=1&amp;b=2"><input type="hidden" name="selectedCredentialId" value="one">
			<div id="kc-otp-credential-0" onclick="toggleOTP(0, 'one')"><span>old phone</span></div>
			<div id="kc-otp-credential-1" onclick="toggleOTP(1, 'two')"><span>新しい</span></div>
			<input name="otp"></form><form method="post" action="/other"><input type="hidden" name="tryAnotherWay" value="on"></form></body></html>`))
	})
	mux.HandleFunc("POST /realms/r/send", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "S", Path: "/realms/r/", MaxAge: -1})
		q := r.URL.Query()
		to := "http://app.example/cb?" + url.Values{"sent": {r.PostFormValue("selectedCredentialId") + r.PostFormValue("otp") + r.PostFormValue("tryAnotherWay") + q.Get("b")}}.Encode()
		http.Redirect(w, r, to, http.StatusFound)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestFillsFormsAsABrowserDoes(t *testing.T) {
	t.Parallel()
	b := loginform.New("http://app.example/cb")
	if err := b.Get(t.Context(), site(t)+"/realms/r/auth"); err != nil {
		t.Fatal(err)
	}
	if b.Page() != loginform.PageCode || b.Lang() != "ja" || b.Message() != "wrong code" {
		t.Errorf("page %q in %q says %q", b.Page(), b.Lang(), b.Message())
	}
	if diff := cmp.Diff([]loginform.Choice{{ID: "one", Label: "old phone"}, {ID: "two", Label: "新しい"}}, b.Choices()); diff != "" {
		t.Error(diff)
	}
	if err := b.Password(t.Context(), "a", "b"); !errors.Is(err, loginform.ErrPage) {
		t.Errorf("a password on the wrong page: %v", err)
	}
	if err := b.CodeFor(t.Context(), "two", "123456"); err != nil {
		t.Fatal(err)
	}
	if got := b.Answer().Get("sent"); got != "two1234562" {
		t.Errorf("sent %q", got)
	}
	if b.Cookie("S") != "" || b.Page() != "" {
		t.Error("cookie or page outlived the form")
	}
	if err := b.Submit(t.Context(), nil); !errors.Is(err, loginform.ErrPage) {
		t.Errorf("a form where there is none: %v", err)
	}
}

func TestLoopsAndSilenceAreErrors(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }))
	b := loginform.New()
	if err := b.Get(t.Context(), server.URL); err == nil {
		t.Error("it followed a circle to its end")
	}
	server.Close()
	if err := b.Get(t.Context(), server.URL); err == nil {
		t.Error("nobody is there, and all is well")
	}
}
