package web

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// prepared is what came of looking at the account behind a name.
type prepared struct {
	entry bridge.Entry
	err   error
}

const prepareLimit = 20 * time.Second

// prepare looks at the account behind a name and opens its gate, after giving back the lease of an earlier try in this browser. How long that
// takes tells whether there is somebody of that name, and so it decides nothing about when the answer goes out: that is after StartPause, in
// which Keycloak does it several times over. late is set if it is not done even then, and gets the outcome; people take longer to type
// their password.
func (s *Server) prepare(ctx context.Context, earlier State, name string) (p prepared, late <-chan prepared) {
	done := make(chan prepared, 1)
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer func() {
			if p := recover(); p != nil { // ends this press and not the process
				s.Log.ErrorContext(ctx, "panic", "err", p, "stack", string(debug.Stack()))
				done <- prepared{err: bridge.Fault(bridge.CodeInternal, "prepare", nil)}
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, prepareLimit)
		defer cancel()
		s.Flow.Leave(ctx, earlier.Entry)
		entry, err := s.Flow.Prepare(ctx, name, earlier.part(s.Now()))
		done <- prepared{entry, err}
	}()
	if s.StartPause == 0 {
		return <-done, nil
	}
	pause := time.NewTimer(s.StartPause)
	defer pause.Stop()
	<-pause.C
	select {
	case p := <-done:
		return p, nil
	default:
		return prepared{}, done
	}
}

var errOvertaken = errors.New("another press came after this one")

// follow takes into the session what a press found out after its answer, also that it found out nothing: the gate stayed shut, the campus page says
// "Access denied", and whoever comes back reads why. What nobody waits for any more is given back.
func (s *Server) follow(ctx context.Context, session, attempt string, late <-chan prepared) {
	p := <-late
	if p.err != nil {
		s.Log.ErrorContext(ctx, "the gate was not opened", "err", p.err)
	}
	err := s.Sessions.changeByID(ctx, session, func(st *State) error {
		if st.Attempt != attempt {
			return errOvertaken
		}
		st.Looking, st.Entry, st.Unseen = false, p.entry, p.err != nil
		return nil
	})
	if err != nil {
		s.Log.InfoContext(ctx, "nobody waits for the gate any more", "err", err)
		s.Flow.Leave(ctx, p.entry)
	}
}

const settleEvery = 50 * time.Millisecond

// settled waits until the account behind a press of this browser was looked at: somebody may be faster than that. What another press found
// out meanwhile decides nothing about the sign-in of this one. A look whose time is over died with its process, and saw nothing.
func (s *Server) settled(ctx context.Context, v *visit, attempt string) error {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for v.state().Looking {
		select {
		case <-ctx.Done():
			return bridge.Fault(bridge.CodeKeycloakAway, "callback", ctx.Err())
		case <-tick.C:
		}
		now := s.Now()
		err := s.Sessions.Change(ctx, v.sess, func(st *State) error {
			if st.Attempt != attempt {
				return bridge.Fault(view.CodeSignIn, "callback", errOvertaken)
			}
			if st.Looking && now.Sub(st.Since) > prepareLimit {
				st.Looking, st.Unseen = false, true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
