package web

import (
	"context"
	"net/http"
	"slices"

	"otpbridge/bridge"
	"otpbridge/oidc"
)

// Look is the case that an operator opened last, for a logout at the campus that no request of theirs comes with.
type Look struct {
	Person string // whose case
	ID     string // State.CaseID
	SID    string // of the operator's campus session
}

// Draft is what was ticked and typed on the page of a case before the decision.
type Draft struct {
	Checks []string
	Ticket string
}

// keepDraft takes what stands in the form of the case at hand: the page that comes after this press shows it again.
func (s *Server) keepDraft(r *http.Request, v *visit) error {
	this := r.PostForm.Get("case")
	if this == "" || this != v.state().CaseID {
		return nil
	}
	d := &Draft{Ticket: ticketOf(r)}
	for _, id := range s.Flow.Rules.DeskChecks {
		if slices.Contains(r.PostForm["checks"], id) {
			d.Checks = append(d.Checks, id)
		}
	}
	return s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		if st.CaseID == this {
			st.Draft = d
		}
		return nil
	})
}

// noteLook remembers the case that was opened in an operator's session.
func (s *Server) noteLook(ctx context.Context, sid string, opened State) error {
	_, err := s.Looks.Update(ctx, opened.Person, deskLife, func(Look, bool) (Look, error) { return Look{opened.Case, opened.CaseID, sid}, nil })
	return err
}

// forgetLook drops what noteLook noted, unless another case was opened since.
func (s *Server) forgetLook(ctx context.Context, operator, id string) {
	ctx = context.WithoutCancel(ctx)
	l, err := s.Looks.Get(ctx, operator)
	if err == nil && l.ID == id {
		err = s.Looks.Delete(ctx, operator)
	}
	if err != nil && bridge.CodeOf(err) != bridge.CodeAbsent {
		s.Log.WarnContext(ctx, "the last look at a case is kept for some hours", "err", err)
	}
}

// leaveLook gives back the case that an operator had open whom the campus signed out.
func (s *Server) leaveLook(ctx context.Context, out oidc.Logout) {
	if s.DeskRole == "" || out.Subject == "" {
		return
	}
	l, err := s.Looks.Get(ctx, out.Subject)
	switch {
	case bridge.CodeOf(err) == bridge.CodeAbsent, err == nil && out.SID != "" && l.SID != out.SID:
	case err != nil:
		s.Log.WarnContext(ctx, "a case that nobody works on may stay open until it is idle", "err", err)
	default:
		s.leaveCase(ctx, State{Person: out.Subject, Case: l.Person, CaseID: l.ID})
	}
}
