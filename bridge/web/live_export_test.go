package web

import (
	"testing"
	"time"

	"otpbridge/bridge"
)

// Pace makes the live pages of a server beat and keep their sessions alive more often.
func Pace(s *Server, beat, touch time.Duration) { s.streams.beat, s.streams.touch = beat, touch }

// Seen is when the session of a cookie was last kept alive.
func Seen(t *testing.T, s *Server, cookie string) time.Time {
	t.Helper()
	state, err := s.Sessions.records.Get(t.Context(), bridge.Secret(cookie).Hash())
	if err != nil {
		t.Fatal(err)
	}
	return state.Seen
}

// Opened reports whether the sign-in of a cookie's session knows its gate.
func Opened(t *testing.T, s *Server, cookie string) bool {
	t.Helper()
	state, err := s.Sessions.records.Get(t.Context(), bridge.Secret(cookie).Hash())
	if err != nil {
		t.Fatal(err)
	}
	return !state.Looking && state.Entry.Lease != ""
}
