package service

import (
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
	"otpbridge/cmd/internal/config"
)

// INV-6: before the guard has looked nobody is let in. A press in the first seconds waits for that look, and not for ever.
func TestPressWaitsForTheFirstLook(t *testing.T) {
	t.Parallel()
	watched := []bridge.Check{{Name: "flow"}}
	answer := func(unchecked *bridge.Unchecked) doctor.Report {
		return doctor.Report{At: time.Now(), Results: []doctor.Result{{Check: "flow", Unchecked: unchecked}}}
	}
	for name, x := range map[string]struct {
		look func(*guard)
		open bool
		took time.Duration
	}{
		"answered": {func(g *guard) { g.take(answer(nil), doctor.Report{}, watched) }, true, time.Second},
		"no answer": {func(g *guard) {
			g.take(answer(&bridge.Unchecked{Why: bridge.UncheckedAnswer}), doctor.Report{}, watched)
		}, false, firstLook},
		"never looked": {func(*guard) {}, false, firstLook},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := &guard{first: make(chan struct{}), now: time.Now, lasts: verdictLasts(time.Minute)}
			time.AfterFunc(time.Second, func() { x.look(g) })
			begun := time.Now()
			g.await(t.Context())
			err := g.closed()
			if (err == nil) != x.open || !x.open && bridge.CodeOf(err) != bridge.CodeKeycloakAway || time.Since(begun) != x.took {
				t.Errorf("%s: %v after %s", name, err, time.Since(begun))
			}
		})
	}
}

// INV-6, OIDC-18: what nobody could see again for three looks, and a minute at least, is no longer believed: a check that falls silent stops new
// recoveries with the true word, goes on counting while others answer, and one answer lets them go on.
func TestVerdictRunsOut(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct{ every, lasts time.Duration }{
		"every five minutes": {5 * time.Minute, 15 * time.Minute}, "every five seconds": {5 * time.Second, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := &guard{now: time.Now, lasts: verdictLasts(x.every)}
			watched := []bridge.Check{{Name: "flow"}, {Name: "profile"}}
			look := func(silent string) {
				report := doctor.Report{At: time.Now()}
				for _, c := range append(watched, bridge.Check{Name: "mail"}) {
					r := doctor.Result{Check: c.Name}
					if c.Name == silent {
						r.Unchecked = &bridge.Unchecked{Why: bridge.UncheckedAnswer}
					}
					report.Results = append(report.Results, r)
				}
				g.take(report, doctor.Report{}, watched)
			}
			look("")
			since := time.Now()
			time.Sleep(x.lasts - time.Second)
			look("flow")
			if err := g.closed(); err != nil || g.left() != time.Second {
				t.Errorf("%s: %v, %s left", name, err, g.left())
			}
			time.Sleep(time.Second)
			err := g.closed()
			if bridge.CodeOf(err) != bridge.CodeKeycloakAway || !g.known() || g.says() != "no answer since "+since.UTC().Format(time.RFC3339)+": flow" {
				t.Errorf("%s: %v, says %q", name, err, g.says())
			}
			if g.age() != x.lasts {
				t.Errorf("%s: age %s", name, g.age())
			}
			look("mail") // which the realm's safety does not rest on
			if err := g.closed(); err != nil || g.says() != "" || g.age() != 0 {
				t.Errorf("%s: answered again: %v, %q, %s", name, err, g.says(), g.age())
			}
		})
	}
}

// The service after a changed configuration believes no longer what the one before saw.
func TestVerdictKeepsItsAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before, after := &guard{now: time.Now, lasts: time.Hour}, &guard{now: time.Now, lasts: time.Hour}
		before.take(doctor.Report{At: time.Now(), Results: []doctor.Result{{Check: "flow"}}}, doctor.Report{}, []bridge.Check{{Name: "flow"}})
		time.Sleep(time.Hour)
		after.adopt(before)
		if bridge.CodeOf(after.closed()) != bridge.CodeKeycloakAway {
			t.Error(after.closed())
		}
	})
}

// OIDC-18, INV-6: the verdict about one realm counts for no other, nor for another client that people sign in with: after such a change nobody is let in before
// the first look. Any other change keeps it.
func TestVerdictIsOfOneRealm(t *testing.T) {
	t.Parallel()
	before := service{cfg: config.Config{
		Keycloak: config.Keycloak{URL: "https://sso.example.ac.jp", Realm: "campus"},
		SignIn:   config.SignIn{Issuer: "https://sso.example.ac.jp/realms/campus", ClientID: "otpbridge"},
	}}
	before.guard.now, before.guard.lasts = time.Now, time.Hour
	before.guard.take(doctor.Report{At: time.Now(), Results: []doctor.Result{{Check: "flow"}}}, doctor.Report{}, []bridge.Check{{Name: "flow", Deadly: true}})
	for what, x := range map[string]struct {
		change func(*config.Config)
		keeps  bool
	}{
		"nothing":      {func(*config.Config) {}, true},
		"guard_every":  {func(c *config.Config) { c.GuardEvery = time.Minute }, true},
		"server":       {func(c *config.Config) { c.Keycloak.URL = "https://sso.example.net" }, false},
		"realm":        {func(c *config.Config) { c.Keycloak.Realm = "test" }, false},
		"issuer":       {func(c *config.Config) { c.SignIn.Issuer = "https://sso.example.net/realms/campus" }, false},
		"login client": {func(c *config.Config) { c.SignIn.ClientID = "another" }, false},
	} {
		cfg := before.cfg
		x.change(&cfg)
		after, _ := before.successor(t.Context(), cfg)
		after.end()
		after.guard.now, after.guard.lasts = time.Now, time.Hour
		if err := after.guard.closed(); (err == nil) != x.keeps || after.guard.known() != x.keeps {
			t.Errorf("%s: %v, known: %t", what, err, after.guard.known())
		}
	}
}

// A check that gets no answer is asked for, with all the others, less and less often: soon while nothing is known or what is known ran out, and
// before that for as long as it counts.
func TestGuardLosesHurry(t *testing.T) {
	t.Parallel()
	p := pauses{every: 5 * time.Minute}
	for i, x := range []struct {
		silent     int
		left, want time.Duration
	}{
		{2, 0, 2 * time.Second}, {2, 0, 4 * time.Second}, {1, 0, 2 * time.Second}, {1, 0, 4 * time.Second}, {1, 0, 8 * time.Second},
		{1, 0, 16 * time.Second}, {1, 0, 32 * time.Second}, {1, 0, 32 * time.Second}, {0, time.Hour, 5 * time.Minute}, {0, time.Hour, 5 * time.Minute},
		{1, time.Hour, 2 * time.Second}, {2, time.Hour, 4 * time.Second}, {1, time.Hour, 8 * time.Second}, {2, time.Hour, 16 * time.Second},
		{1, time.Hour, 32 * time.Second}, {1, time.Hour, 64 * time.Second}, {1, time.Minute, time.Minute}, {1, 0, 32 * time.Second},
	} {
		if got := p.next(x.silent, x.left); got != x.want {
			t.Errorf("look %d: %s, want %s", i, got, x.want)
		}
	}
	if often := (&pauses{every: time.Second}); often.next(1, 0) != time.Second {
		t.Error("slower than configured")
	}
}
