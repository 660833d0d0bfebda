package web

import (
	"context"
	"net/http"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// Decided is what came of a case. Nothing in it is about a person.
type Decided struct {
	Case      string // State.CaseID
	Result    view.CaseResult
	NotBefore time.Time // CaseDelay: end of the waiting period
}

// decision is what an operator decided, and the end of the waiting period if one began.
type decision struct {
	id        string // State.CaseID at the press
	by        bridge.Operator
	recent    view.RecentCase
	notBefore time.Time
}

// caseDone remembers the operator's decision and closes the case in this session. One that another tab opened meanwhile stays open.
func (s *Server) caseDone(w http.ResponseWriter, r *http.Request, v *visit, d decision) error {
	_, err := s.DeskLogs.Update(r.Context(), d.by.Person, deskLogLife, func(old DeskLog, _ bool) (DeskLog, error) {
		return DeskLog{append([]view.RecentCase{d.recent}, old.Recent[:min(len(old.Recent), 199)]...)}, nil
	})
	if err != nil {
		s.Log.WarnContext(r.Context(), "a decision is missing among the operator's own cases", "err", err)
	}
	err = s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		if st.CaseID != d.id {
			return nil
		}
		st.Decided = &Decided{d.id, d.recent.Result, d.notBefore}
		st.Case, st.CaseID, st.Draft = "", "", nil
		return nil
	})
	if err != nil {
		return err
	}
	s.forgetLook(r.Context(), d.by.Person, d.id)
	return see(w, r, "/desk/case")
}

// leaveCase gives back the case that is open in a session, if there is one, so that the caller's page waits for an operator again.
// A look that the operator opened since in another browser stays.
func (s *Server) leaveCase(ctx context.Context, state State) {
	if state.Case == "" {
		return
	}
	err := s.Flow.Release(context.WithoutCancel(ctx), bridge.Operator{Person: state.Person, Look: state.CaseID}, state.Case)
	if err != nil && bridge.CodeOf(err) != bridge.CodeCaseClosed {
		s.Log.WarnContext(ctx, "a case that nobody works on stays open until it is idle", "err", err)
	}
	s.forgetLook(ctx, state.Person, state.CaseID)
}
