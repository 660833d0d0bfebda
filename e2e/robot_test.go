package e2e_test

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"otpbridge/e2e/rig"
)

// choices are what there is to press on a page of ours, but for what stays on it.
const choices = `[...document.querySelectorAll("button, a[href]")].filter(e => !e.hidden && (!e.href || e.origin === location.origin && !e.hash))`

// TOK-05, MAIL-11, emdash#3298, nextauth#1840: a mail scanner that has a whole browser with scripts, and no password, presses everything on the page of
// each link, one after the other, with the first radio button chosen: nothing comes of it, and the person goes on.
// STO-05, STO-14, TOK-03: afterwards every key in Redis but those of jobs ends by itself, and whoever copies its file reads none of the secrets.
func TestJourneyAfterARobotClickedEverything(t *testing.T) {
	t.Parallel()
	redis := rig.NewRedis(t, "--rdbcompression", "no")
	s, kc := onFake(t, func(setup *rig.Setup) { setup.Redis, setup.Replicas = redis, 2 })
	h := s.hand("alice").ask()
	mail := s.mailbox.Wait("alice@example.net", 1)
	link, veto := mail.Link(t, s.bridge.URL+"/link/"), mail.Link(t, s.bridge.URL+"/veto/")
	robot := rig.NewPage(t, rig.Look{})
	for _, address := range []string{link, veto} {
		var all int
		robot.Go(address).Eval(choices+".length", &all)
		if all < 3 {
			t.Fatalf("%d things to press: %s", all, robot.Text())
		}
		for n := range all {
			press(robot.Go(address), n)
		}
	}
	phone := h.prove(link).enrol()
	h.seeDone()
	if n := otpsOf(kc, "alice"); n != 1 {
		t.Errorf("%d authenticators", n)
	}
	for _, r := range s.bridge.Replicas {
		if strings.Contains(r.LogText(), `"recovery.vetoed"`) {
			t.Error("the robot stopped the recovery")
		}
	}
	mustStoreNothingReadable(t, redis, path.Base(link), path.Base(veto), phone.Secret(), "alice@example.net")
}

// press presses one of the choices and waits until the page is left; some leave nothing.
func press(p *rig.Page, n int) {
	pressed := false
	p.Eval(fmt.Sprintf(`(() => {
		[...document.querySelectorAll("input[type=radio]")].reverse().forEach(r => r.click());
		const chosen = %s[%d];
		window.stays = true;
		chosen?.click();
		return !!chosen;
	})()`, choices, n), &pressed)
	for stays, end := true, time.Now().Add(5*time.Second); pressed && stays && time.Now().Before(end); <-time.After(50 * time.Millisecond) {
		p.Eval(`!!window.stays`, &stays)
	}
}

func mustStoreNothingReadable(t *testing.T, redis *rig.Redis, secrets ...string) {
	t.Helper()
	for _, key := range redis.Forever() {
		if !strings.Contains(key, "{jobs-") {
			t.Errorf("the key %s has no end", key)
		}
	}
	file := bytes.ToLower(redis.File())
	if !bytes.Contains(file, []byte("recovery/")) {
		t.Error("the file holds no recovery: nothing to look at")
	}
	for _, secret := range secrets {
		spelled := []string{secret}
		if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret); err == nil { // a key
			spelled = append(spelled, string(raw))
		}
		for _, s := range spelled {
			if bytes.Contains(file, bytes.ToLower([]byte(s))) {
				t.Errorf("%q is in the file of Redis", s)
			}
		}
	}
}
