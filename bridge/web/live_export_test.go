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

// Forsake makes the look at an account that a cookie's session waits for one of a process that died.
func Forsake(t *testing.T, s *Server, cookie string) {
	t.Helper()
	err := s.Sessions.changeByID(t.Context(), cookie, func(st *State) error {
		st.Attempt = "of a process that died"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
