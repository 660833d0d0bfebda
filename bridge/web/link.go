package web

import (
	"net/http"

	"github.com/gorilla/mux"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// openLink serves GET /link/{token}: the token leaves the address bar at once. Nothing but this browser's own session changes, so a
// scanner that follows the link burns nothing.
func (s *Server) openLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.open(w, r, v, "/link", func(st *State) *string { return &st.Link })
}

// openVeto serves GET /veto/{token}.
func (s *Server) openVeto(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.open(w, r, v, "/veto", func(st *State) *string { return &st.Veto })
}

const maxToken = 128

// open keeps a link in the browser's session. One that others may know the id of learns nothing of it: it goes on under another one (SES-03).
func (s *Server) open(w http.ResponseWriter, r *http.Request, v *visit, to string, kept func(*State) *string) error {
	if r.Method == http.MethodHead {
		return see(w, r, to) // a look without a body needs no session
	}
	token := mux.Vars(r)["token"]
	if len(token) > maxToken {
		token = "" // no token of ours; shown like any unknown one
	}
	hash, state := bridge.Secret(token).Hash(), v.state()
	if moved, ok := v.sess.Values[movedKey].(Moved); ok && moved.By == hash || *kept(&state) == hash {
		return see(w, r, to) // pressed twice: the browser has the session that the first press began
	}
	keep := func(st *State) { *kept(st) = hash }
	if v.sess.ID != "" {
		if err := s.Sessions.Renew(r, w, v.sess, hash, keep); err != nil {
			return err
		}
		return see(w, r, to)
	}
	keep(stateOf(v.sess))
	if err := v.sess.Save(r, w); err != nil {
		return err
	}
	return see(w, r, to)
}

// link serves GET /link. Before a fresh sign-in the page is the same for every token (TOK-08); afterwards it says what was asked, or one
// and the same "not valid" for unknown, used, expired and foreign links (TOK-11).
func (s *Server) link(w http.ResponseWriter, r *http.Request, v *visit) error {
	state := v.state()
	if state.Done != nil && state.Link == "" {
		return see(w, r, "/done")
	}
	step, rec, err := s.Flow.See(r.Context(), state.viewer())
	if err != nil {
		return err
	}
	redeemed := rec.RedeemedBy(state.viewer())
	if state.Link == "" && !redeemed {
		return bridge.Fault(bridge.CodeLinkInvalid, "link", nil)
	}
	switch step {
	case bridge.StepLink:
		return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page { return view.Link{Frame: f} })
	case bridge.StepConfirm:
		return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page { return asked(f, rec, state.Holder) })
	case bridge.StepLinkInvalid:
		v.owner = rec.State == bridge.Waiting
		if err := s.forgetLink(r, v); err != nil {
			return err
		}
		return bridge.Fault(bridge.CodeLinkInvalid, "link", nil)
	}
	if redeemed && state.Link != "" {
		if err := s.forgetLink(r, v); err != nil {
			return err
		}
	}
	return see(w, r, "/recovery")
}

func asked(f view.Frame, rec bridge.Recovery, holder string) view.LinkAsked {
	return view.LinkAsked{Frame: f, Started: rec.StartedAt, From: rec.Origin, Expires: rec.Link.Expires, Reason: rec.Reason, Mine: rec.ReportedBy(holder)}
}

// forgetLink takes a link that is worth nothing here out of the session, so that the person's own recovery is reachable again.
func (s *Server) forgetLink(r *http.Request, v *visit) error {
	if r.Method == http.MethodHead {
		return nil
	}
	s.Flow.Foreign(r.Context(), v.state().viewer())
	return s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		st.Link = ""
		return nil
	})
}

// actLink serves POST /link.
func (s *Server) actLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	state, do := v.state(), r.PostForm.Get("do")
	if do != "continue" && state.Person == "" {
		return bridge.Fault(view.CodeSession, "link", nil) // nothing is done or noted for somebody who is not signed in
	}
	switch do {
	case "continue":
		return see(w, r, "/start")
	case "redeem":
		rec, err := s.Flow.Redeem(r.Context(), state.viewer())
		if err != nil {
			v.owner = rec.State == bridge.Waiting
			return err
		}
		return s.redeemed(w, r, v, rec.ID)
	case "notme":
		return s.disown(w, r, v)
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}

// disown answers "This wasn't me", and a second press of it, which comes without the link.
func (s *Server) disown(w http.ResponseWriter, r *http.Request, v *visit) error {
	viewer := v.state().viewer()
	if viewer.LinkHash == "" {
		viewer.LinkHash = v.state().Disowned
	}
	if err := s.Flow.Disown(r.Context(), viewer); err != nil {
		return err
	}
	err := s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		st.Link, st.Disowned = "", viewer.LinkHash
		return nil
	})
	if err != nil {
		return err
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		f.Path = "/recovery"
		return view.LinkStopped{Frame: f}
	})
}

func (s *Server) redeemed(w http.ResponseWriter, r *http.Request, v *visit, recovery string) error {
	err := s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		st.Link, st.Recovery = "", recovery
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.pass(r, v, bridge.StepLocking); err != nil {
		return err
	}
	return see(w, r, "/enrol")
}

// veto serves GET /veto: two choices, none preset, and the objection number, for which a robot has no use (MAIL-11).
func (s *Server) veto(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.state().Veto == "" {
		return s.vetoDone(w, r, v, view.VetoInvalid)
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page { return view.Veto{Frame: f} })
}

// actVeto serves POST /veto.
func (s *Server) actVeto(w http.ResponseWriter, r *http.Request, v *visit) error {
	choice, number := r.PostForm.Get("choice"), digits(r.PostForm.Get("number"))
	if choice == "keep" {
		return s.vetoDone(w, r, v, view.VetoKept)
	}
	var faults []view.Fault
	if choice != "stop" {
		faults = append(faults, view.Fault{Field: view.FieldChoice, Code: view.CodeMissingChoice})
	}
	if len(number) != 6 {
		faults = append(faults, view.Fault{Field: view.FieldNumber, Code: view.CodeMissingNumber})
	}
	if len(faults) == 0 {
		err := s.Flow.Veto(r.Context(), v.state().Veto, number)
		switch bridge.CodeOf(err) {
		case "":
			return s.vetoDone(w, r, v, view.VetoStopped)
		case bridge.CodeTooLate:
			return s.vetoDone(w, r, v, view.VetoLate)
		case bridge.CodeLinkInvalid:
			return s.vetoDone(w, r, v, view.VetoInvalid)
		case bridge.CodeObjection:
			faults = append(faults, view.Fault{Field: view.FieldNumber, Code: bridge.CodeObjection})
		default:
			return err
		}
	}
	return s.show(w, r, v, http.StatusUnprocessableEntity, func(f view.Frame) view.Page {
		return view.Veto{Frame: f, Choice: choice, Number: r.PostForm.Get("number"), Faults: faults}
	})
}

func (s *Server) vetoDone(w http.ResponseWriter, r *http.Request, v *visit, outcome view.VetoOutcome) error {
	status := http.StatusOK
	if outcome == view.VetoInvalid {
		status = http.StatusNotFound
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = "/veto"
		return view.VetoDone{Frame: f, Outcome: outcome}
	})
}
