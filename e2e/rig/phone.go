package rig

import (
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Phone is an authenticator: it holds a Base32 secret and shows codes, computed by oathtool, which knows nothing of our code.
// A realm takes each code once, so a phone never shows one twice: with the neighbours that Keycloak's window admits there
// are three codes at any time, and a fourth waits for the next half minute.
type Phone struct {
	t      *testing.T
	secret string

	mu    sync.Mutex
	shown map[int64]bool // time steps
}

// period is that of the realm's policy.
const period = 30 * time.Second

// NewPhone returns a phone that holds the secret.
func NewPhone(t *testing.T, secret string) *Phone {
	t.Helper()
	return &Phone{t: t, secret: secret, shown: map[int64]bool{}}
}

// Code returns a code that is good now and was not shown before.
func (p *Phone) Code() string {
	p.t.Helper()
	for {
		if step, ok := p.unused(time.Now()); ok {
			return p.At(time.Unix(step*int64(period/time.Second), 0))
		}
		// All were shown: the next step begins within half a minute.
		<-time.After(time.Until(time.Now().Truncate(period).Add(period)))
	}
}

// slack is the time that somebody needs to type a code and send it.
const slack = 15 * time.Second

// unused takes a time step whose code was not shown and stays good for a while: the current one, the next one, and the one before unless
// it is about to leave the window.
func (p *Phone) unused(now time.Time) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	current := now.Unix() / int64(period/time.Second)
	steps := []int64{current, current + 1}
	if now.Truncate(period).Add(period).Sub(now) > slack {
		steps = append(steps, current-1)
	}
	for _, step := range steps {
		if !p.shown[step] {
			p.shown[step] = true
			return step, true
		}
	}
	return 0, false
}

// At returns the code of a moment, shown before or not.
func (p *Phone) At(moment time.Time) string {
	p.t.Helper()
	text, err := exec.CommandContext(p.t.Context(), "oathtool", "--totp", "--base32",
		"--now", moment.UTC().Format("2006-01-02 15:04:05 UTC"), p.secret).Output()
	if err != nil {
		p.t.Fatalf("oathtool: %v", err)
	}
	return strings.TrimSpace(string(text))
}

// Secret is what the phone holds, for those who look for it where it must not be.
func (p *Phone) Secret() string { return p.secret }
