package kcsuite

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/phone"
)

func (g gate) open(context.Context) ([]string, error) { return g.jobs.IDs("gate"), nil }

func (w *world) endpoint(path string) string {
	return w.facts.Config.URL + "/realms/" + w.facts.Config.Realm + "/protocol/openid-connect/" + path
}

// request is an authorization request with PKCE.
func request(client, redirect, scope string) url.Values {
	sum := sha256.Sum256([]byte(rand.Text() + rand.Text()))
	return url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {scope}, "state": {rand.Text()},
		"nonce": {rand.Text()}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
}

// portal opens the application and gives what is asked for; true when it lets the person in.
func (w *world) portal(t *testing.T, name, password string, code func() string) (in bool, at *loginform.Browser) {
	t.Helper()
	b := loginform.New(w.facts.PortalRedirect)
	address := w.endpoint("auth") + "?" + request(w.facts.Portal, w.facts.PortalRedirect, "openid").Encode()
	must(t, b.SignIn(t.Context(), address, name, password, code))
	return b.Answer().Get("code") != "", b
}

// login begins a sign-in at our client as the product does, by a pushed request; more is pushed along.
func (w *world) login(t *testing.T, name, scope string, more url.Values, code func() string) *loginform.Browser {
	t.Helper()
	form := request(w.facts.Config.LoginClient, w.facts.LoginRedirect, scope)
	for key, values := range more {
		form[key] = values
	}
	form.Set("client_secret", w.facts.LoginSecret)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.endpoint("ext/par/request"), strings.NewReader(form.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	var pushed struct {
		URI string `json:"request_uri"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&pushed); err != nil || pushed.URI == "" {
		t.Fatalf("push: status %d, %v", resp.StatusCode, err)
	}
	b := loginform.New(w.facts.LoginRedirect)
	address := w.endpoint("auth") + "?" + url.Values{"client_id": {w.facts.Config.LoginClient}, "request_uri": {pushed.URI}}.Encode()
	must(t, b.SignIn(t.Context(), address, name, Password(name), code))
	return b
}

// codes returns the codes of a phone: each one once, from the three that are good now.
func (w *world) codes(t *testing.T, k phone.Key) func() string {
	t.Helper()
	var used int
	return func() string {
		offset := []int{0, 1, -1}[used%3]
		used++
		period := k.Period
		if period == 0 {
			period = 30
		}
		return k.Code(w.facts.Now().Add(time.Duration(offset*period) * time.Second))
	}
}

func key(t *testing.T, secret string) phone.Key {
	t.Helper()
	k, err := phone.FromBase32(secret)
	must(t, err)
	return k
}

// hiddenField returns the value of an input of the page, "" when there is none.
func hiddenField(b *loginform.Browser, name string) string {
	for _, tag := range regexp.MustCompile(`<input[^>]*>`).FindAllString(b.Body, -1) {
		if strings.Contains(tag, `name="`+name+`"`) {
			if value := regexp.MustCompile(`value="([^"]*)"`).FindStringSubmatch(tag); value != nil {
				return html.UnescapeString(value[1])
			}
		}
	}
	return ""
}
