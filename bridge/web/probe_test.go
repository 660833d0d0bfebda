package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/store"
	"otpbridge/bridge/web"
)

// WB-11: what a doctor put into the store is held here, for whoever names it; everybody else is told the same whatever they ask for, and never that there
// is nothing while the store is away.
func TestProbeIsHeldForWhoKnowsIt(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	known, other := strings.Repeat("a1", 16), strings.Repeat("b2", 16)
	_, err := store.NewTyped[time.Time](c.Store.KV, store.Kind{Name: "probe", Version: 1}).Update(t.Context(), known, time.Minute,
		func(time.Time, bool) (time.Time, error) { return c.Clock.Now(), nil })
	if err != nil {
		t.Fatal(err)
	}
	p := newPerson(t, c)
	for probe, want := range map[string]string{known: web.ProbeHeld, other: web.ProbeNot} {
		p.open(web.ProbePath+probe, http.StatusOK)
		if strings.TrimSpace(p.Body) != want {
			t.Errorf("%s: %q", probe, p.Body)
		}
	}
	for _, odd := range []string{"", "../recovery/" + known, known + "0", strings.ToUpper(known), "identity"} {
		p.open(web.ProbePath+odd, http.StatusNotFound)
	}
	c.BreakStore(0)
	p.open(web.ProbePath+known, http.StatusServiceUnavailable)
	c.MendStore()
}
