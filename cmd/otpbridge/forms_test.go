package main

import (
	"net/http"
	"strings"
	"testing"
)

// WEB-01: forms lead to our pages, the campus sign-in and the identity providers that it sends people on to, and nowhere else.
func TestFormsLeadToTheCampusAndItsIdentityProviders(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "", func(e *explained) {
		(&served{explained: e}).configure("client_secret_file: login,", `client_secret_file: login, brokers: ["https://IdP.example.ac.jp/", "https://idp.example.org:8443"],`)
	})
	pages, _ := s.serving()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+pages+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "otp.example.ac.jp"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	_, targets, _ := strings.Cut(answer.Header.Get("Content-Security-Policy"), "form-action ")
	if want := "'self' " + s.kc.URL + " https://idp.example.ac.jp https://idp.example.org:8443"; targets != want {
		t.Errorf("form-action %s, want %s", targets, want)
	}
}
