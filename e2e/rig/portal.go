package rig

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Portal is the sample application: it sends everybody to Keycloak and shows "Signed in as NAME" to whoever comes back.
// /signout forgets the person here, not at Keycloak.
type Portal struct {
	URL string // base URL

	t        *testing.T
	listener net.Listener
	issuer   string

	mu       sync.Mutex
	pending  map[string]string // PKCE verifier by state
	sessions map[string]string // user name by cookie
}

const portalCookie = "portal"

// NewPortal takes a port; Serve starts the application when the realm that needs to know the port exists.
func NewPortal(t *testing.T) *Portal {
	t.Helper()
	p := &Portal{t: t, pending: map[string]string{}, sessions: map[string]string{}}
	p.listener, p.URL = listen(t)
	t.Cleanup(func() { closing(t, p.listener.Close) })
	return p
}

// Serve starts the application for a realm.
func (p *Portal) Serve(issuer string) {
	p.issuer = issuer
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET /cb", p.callback)
	mux.HandleFunc("GET /signout", p.signOut)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	p.t.Cleanup(func() { closing(p.t, server.Close) })
	go server.Serve(p.listener) //nolint:errcheck // ends with the test, by Close
}

// home is GET /.
func (p *Portal) home(w http.ResponseWriter, r *http.Request) {
	if name := p.name(r); name != "" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		//nolint:errcheck // escaped; a browser that went away needs no page
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Portal</title><h1>Signed in as %s</h1>`, html.EscapeString(name))
		return
	}
	state, verifier := rand.Text(), rand.Text()+rand.Text()
	p.mu.Lock()
	p.pending[state] = verifier
	p.mu.Unlock()
	challenge := sha256.Sum256([]byte(verifier))
	q := url.Values{"client_id": {"portal"}, "response_type": {"code"}, "redirect_uri": {p.URL + "/cb"}, "scope": {"openid"}, "state": {state},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}}
	http.Redirect(w, r, p.issuer+"/protocol/openid-connect/auth?"+q.Encode(), http.StatusSeeOther)
}

// callback is GET /cb.
func (p *Portal) callback(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	verifier, known := p.pending[r.FormValue("state")]
	delete(p.pending, r.FormValue("state"))
	p.mu.Unlock()
	if !known || r.FormValue("code") == "" {
		http.Error(w, "Sign-in failed: "+r.FormValue("error"), http.StatusBadRequest)
		return
	}
	name, err := p.redeem(r, verifier)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	id := rand.Text()
	p.mu.Lock()
	p.sessions[id] = name
	p.mu.Unlock()
	//nolint:gosec // plain HTTP on loopback
	http.SetCookie(w, &http.Cookie{Name: portalCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// redeem returns the user name that a code stands for. It trusts the server it asked: this is a test's application.
func (p *Portal) redeem(r *http.Request, verifier string) (string, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {r.FormValue("code")}, "redirect_uri": {p.URL + "/cb"},
		"client_id": {"portal"}, "code_verifier": {verifier}}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, p.issuer+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil {
		return "", err
	}
	if tokens.ID == "" {
		return "", fmt.Errorf("token endpoint: %d", resp.StatusCode)
	}
	claims, err := readClaims(tokens.ID)
	if err != nil {
		return "", err
	}
	name, _ := claims["preferred_username"].(string)
	return name, nil
}

// signOut is GET /signout.
func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(portalCookie); err == nil {
		p.mu.Lock()
		delete(p.sessions, c.Value)
		p.mu.Unlock()
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *Portal) name(r *http.Request) string {
	c, err := r.Cookie(portalCookie)
	if err != nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[c.Value]
}
