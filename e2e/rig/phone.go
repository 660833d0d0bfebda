package rig

import (
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Phone is an authenticator: it holds a Base32 secret and shows codes, computed by oathtool, which knows nothing of our code.
// A realm takes each code once, so a phone never shows one twice: with the neighbours that Keycloak's window admits there
// are three codes at any time, and a fourth waits for the next half minute.
type Phone struct {
	t         *testing.T
	secret    string
	algorithm string
	digits    string
	period    time.Duration // 0: a token that counts its uses

	mu    sync.Mutex
	shown map[int64]bool // time steps, or uses
}

// NewPhone returns a phone that holds the secret, for the realm file's policy.
func NewPhone(t *testing.T, secret string) *Phone {
	t.Helper()
	return &Phone{t: t, secret: secret, algorithm: "SHA1", digits: "6", period: 30 * time.Second, shown: map[int64]bool{}}
}

// NewToken returns a device that counts its uses (HOTP).
func NewToken(t *testing.T, secret string) *Phone {
	t.Helper()
	p := NewPhone(t, secret)
	p.period = 0
	return p
}

// ScanPhone returns a phone that took an otpauth URI, with all that it says.
func ScanPhone(t *testing.T, uri string) *Phone {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Query().Get("secret") == "" {
		t.Fatalf("no key: %v", err)
	}
	q := u.Query()
	p := NewPhone(t, q.Get("secret"))
	if a := q.Get("algorithm"); a != "" {
		p.algorithm = a
	}
	if d := q.Get("digits"); d != "" {
		p.digits = d
	}
	if text := q.Get("period"); text != "" {
		if p.period, err = time.ParseDuration(text + "s"); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// Code returns a code that is good now and was not shown before.
func (p *Phone) Code() string {
	p.t.Helper()
	for {
		if step, ok := p.unused(time.Now()); ok {
			return p.at(step)
		}
		// All were shown: the next step begins within half a minute.
		Rest(p.t, time.Now().Truncate(p.period).Add(p.period))
	}
}

// slack is the time that somebody needs to type a code and send it.
const slack = 15 * time.Second

// unused takes a time step whose code was not shown and stays good for a while: the current one, the next one, and the one before unless
// it is about to leave the window.
func (p *Phone) unused(now time.Time) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.period == 0 {
		use := int64(len(p.shown))
		p.shown[use] = true
		return use, true
	}
	current := now.Unix() / int64(p.period/time.Second)
	steps := []int64{current, current + 1}
	if now.Truncate(p.period).Add(p.period).Sub(now) > slack {
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
	return p.at(moment.Unix() / int64(p.period/time.Second))
}

// at returns the code of a step, or of a use.
func (p *Phone) at(step int64) string {
	p.t.Helper()
	args := []string{"--hotp", "--counter=" + strconv.FormatInt(step, 10)}
	if p.period > 0 {
		moment := time.Unix(step*int64(p.period/time.Second), 0).UTC().Format("2006-01-02 15:04:05 UTC")
		args = []string{"--totp=" + p.algorithm, "--time-step-size=" + p.period.String(), "--now=" + moment}
	}
	args = append(args, "--base32", "--digits="+p.digits, p.secret)
	text, err := exec.CommandContext(p.t.Context(), "oathtool", args...).Output()
	if err != nil {
		p.t.Fatalf("oathtool: %v", err)
	}
	return strings.TrimSpace(string(text))
}

// Secret is what the phone holds, for those who look for it where it must not be.
func (p *Phone) Secret() string { return p.secret }
