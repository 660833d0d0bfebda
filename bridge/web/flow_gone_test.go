package web_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// SWAP-07: an account counts as deleted when it was out of sight for an hour, from the first 404 on, not from the right code on: one 404 after an outage says
// nothing, nor do two of which something else came in between.
func TestAnAccountIsGoneWhenThatHasLasted(t *testing.T) {
	t.Parallel()
	credentials := fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusNotFound}
	away := fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusServiceUnavailable}
	stays := fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/*", Status: http.StatusForbidden}
	refused := fakekc.Fault{Method: http.MethodGet, Path: adminUser + "/credentials", Status: http.StatusForbidden}
	type look struct {
		fault fakekc.Fault
		after time.Duration
	}
	for name, test := range map[string]struct {
		looks []look
		ends  bool
	}{
		"after an outage":    {[]look{{credentials, 2 * time.Hour}, {credentials, 59 * time.Minute}}, false},
		"away in between":    {[]look{{credentials, 0}, {away, 50 * time.Minute}, {credentials, 50 * time.Minute}}, false},
		"refused between":    {[]look{{credentials, 0}, {refused, 50 * time.Minute}, {credentials, 50 * time.Minute}}, false},
		"seen in between":    {[]look{{credentials, 0}, {stays, 50 * time.Minute}, {credentials, 50 * time.Minute}}, false},
		"lasting":            {[]look{{credentials, 0}, {credentials, 50 * time.Minute}, {credentials, 50 * time.Minute}}, true},
		"lasting afterwards": {[]look{{credentials, 0}, {stays, time.Minute}, {credentials, time.Minute}, {credentials, time.Hour}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			_, key := writing(t, c, member(c, "somebody"))
			id := c.KC.PersonID("somebody")
			if _, err := flowOn(c, &cutTarget{left: 1, after: true}).RunSwap(t.Context(), id); !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			for n, l := range test.looks {
				c.Clock.Add(l.after)
				mend := c.KC.Inject(l.fault)
				_, _ = c.Flow.RunSwap(t.Context(), id) // comes again
				mend()
				if ended := recovery(t, c, "somebody").State == bridge.Ended; ended != (test.ends && n == len(test.looks)-1) {
					t.Fatalf("look %d: ended %t", n, ended)
				}
			}
			if test.ends {
				return
			}
			if next, err := c.Flow.RunSwap(t.Context(), id); err != nil || !next.IsZero() {
				t.Fatal(next, err)
			}
			newOnly(t, c, "somebody", key)
		})
	}
}
