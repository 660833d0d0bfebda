package web_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// OIDC-18, INV-6: while the realm is unsafe nothing begins, no approval counts and operators read why; when it is mended all goes on by itself.
func TestAnUnsafeRealmStopsStartsAndApprovals(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	var unsafe atomic.Bool
	c.Flow.Unsafe = func() error {
		if unsafe.Load() {
			return errors.New("flow.open")
		}
		return nil
	}
	member(c, "somebody")
	p, carol := caller(t, c, "somebody"), operator(t, c, "carol")
	carol.looksUp("somebody", p.reads())
	unsafe.Store(true)
	carol.decides(http.StatusServiceUnavailable, "approve", "T-1", "video")
	if r := recovery(t, c, "somebody"); r.State != bridge.Waiting {
		t.Fatalf("an approval counted: %s", r.State)
	}
	carol.open("/desk", http.StatusOK)
	if !strings.Contains(carol.Body, "no approval counts") {
		t.Errorf("operators do not read why: %s", text(carol.Body))
	}
	at(t, c, "somebody").open("/start", http.StatusServiceUnavailable)
	unsafe.Store(false)
	carol.open("/desk/case", http.StatusOK)
	carol.approves()
	if r := recovery(t, c, "somebody"); r.State != bridge.Proven {
		t.Errorf("after mending: %s", r.State)
	}
}

// OIDC-18: in a pause, too, operators read that no approval counts, in either language: a pause keeps out who is new, an unsafe realm stops whatever is under way.
func TestAPauseHidesNoUnsafeRealm(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	other, pause := switches(t, c)
	other.Flow.Unsafe = func() error { return errors.New("flow.open") }
	carol := operator(t, c, "carol")
	for _, lang := range []string{"en", "ja"} {
		carol.send("/language", http.StatusOK, "lang", lang, "return", "/desk")
		for _, on := range []bool{false, true} {
			pause(on)
			carol.open("/desk", http.StatusOK)
			words := map[string]string{"en": "no approval counts", "ja": "承認することもできません"}[lang]
			if strings.Contains(carol.Body, words) != on {
				t.Errorf("%s, paused and unsafe %v: operators read %s", lang, on, text(carol.Body))
			}
		}
		pause(false)
	}
}
