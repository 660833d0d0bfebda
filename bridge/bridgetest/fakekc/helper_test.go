package fakekc_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/phone"
)

const (
	callback = "http://localhost:8088/oidc/callback"
	portalAt = "http://localhost:8089/cb"
)

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// rig is a fresh server with its clients, and time to move.
type rig struct {
	t      *testing.T
	s      *fakekc.Server
	clock  *clock
	login  *loginform.App
	portal *loginform.App
}

func newRig(t *testing.T) *rig {
	t.Helper()
	c := &clock{now: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)}
	s := fakekc.Start(fakekc.Options{Now: c.Now, Recovery: "http://localhost:8088/start"})
	t.Cleanup(s.Close)
	return &rig{
		t: t, s: s, clock: c,
		login:  &loginform.App{Issuer: s.Issuer, ID: fakekc.ClientLogin, Secret: "login-secret-for-tests", Redirect: callback, Push: true},
		portal: &loginform.App{Issuer: s.Issuer, ID: fakekc.ClientPortal, Redirect: portalAt},
	}
}

func (r *rig) openGate(name string) {
	r.s.Change(r.s.PersonID(name), func(a *fakekc.Account) { a.Groups = append(a.Groups, "otp-recovery-open") })
}

func (r *rig) shutGate(name string) {
	r.s.Change(r.s.PersonID(name), func(a *fakekc.Account) { a.Groups = []string{"otp-recoverable"} })
}

// code makes the code of a person's old authenticator.
func (r *rig) code(letter string) func() string {
	return func() string {
		k, err := phone.FromBase32("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX" + letter)
		if err != nil {
			r.t.Fatal(err)
		}
		return k.Code(r.clock.Now())
	}
}

func browser() *loginform.Browser { return loginform.New(callback, portalAt) }

// signIn starts a sign-in at an application and gives name, password and code as they are asked for.
func (r *rig) signIn(b *loginform.Browser, app *loginform.App, extra map[string]string, name string, code func() string) {
	r.t.Helper()
	address, err := app.Start(r.t.Context(), extra)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := b.SignIn(r.t.Context(), address, name, name+"-password", code); err != nil {
		r.t.Fatal(err)
	}
}

// visit starts a sign-in and leaves the first page alone.
func (r *rig) visit(b *loginform.Browser, app *loginform.App, extra map[string]string) {
	r.t.Helper()
	address, err := app.Start(r.t.Context(), extra)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := b.Get(r.t.Context(), address); err != nil {
		r.t.Fatal(err)
	}
}

// claims redeems the code that the browser brought and returns the claims of the ID token.
func (r *rig) claims(b *loginform.Browser, app *loginform.App) map[string]any {
	r.t.Helper()
	if b.Left == "" {
		r.t.Fatalf("no way back to %s: page %q, %d %q", app.ID, b.Page(), b.Status, b.Message())
	}
	tokens, err := app.Redeem(r.t.Context(), b.Answer().Get("code"))
	if err != nil {
		r.t.Fatal(err)
	}
	return tokens.ID
}

func (r *rig) wantPage(b *loginform.Browser, status int, page, message string) {
	r.t.Helper()
	if b.Status != status || b.Page() != page || (message != "" && b.Message() != message) {
		r.t.Errorf("got page %q (%d, %q, left %q), want %q (%d, %q)", b.Page(), b.Status, b.Message(), b.Left, page, status, message)
	}
}

var recovery = map[string]string{"scope": "openid otp-recovery"}

func (r *rig) context() context.Context { return r.t.Context() }
