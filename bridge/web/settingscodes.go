package web

import (
	"net/http"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

const (
	ownCodesPath = "/settings/codes"
	codesFile    = "/recovery-codes.txt" // beneath the page that shows them
)

// ownCodes serves GET /settings/codes: the recovery codes that this browser asked for, or the button that makes new ones.
func (s *Server) ownCodes(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	return s.showOwnCodes(w, r, v, m, nil)
}

func (s *Server) showOwnCodes(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member, faults []view.Fault) error {
	o, err := s.Settings.Look(r.Context(), m)
	if err != nil {
		return err
	}
	part, err := s.ownCodesPart(r, v, m, o)
	if err != nil {
		return err
	}
	if part == nil {
		return see(w, r, "/settings")
	}
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = ownCodesPath
		return view.OwnCodes{Frame: f, Codes: part, Faults: faults}
	})
}

// ownCodesPart is what the page says, nil for nothing.
func (s *Server) ownCodesPart(r *http.Request, v *visit, m bridge.Member, o bridge.Overview) (*view.RecoveryCodes, error) {
	id := v.state().Codes
	set, err := s.Settings.OwnCodes(r.Context(), m, id)
	if err != nil {
		return nil, err
	}
	switch c := o.Change; {
	case set.State == bridge.CodesSaved || set.State == bridge.CodesRefused:
		set = bridge.CodeSet{}
	case set.State == "" && c != nil && c.State == bridge.ChangeAsked && c.Kind == bridge.ChangeCodes && c.Credential == id:
		set.State = bridge.CodesAsked
	}
	part := codesPart(bridge.CodesOffer{Open: o.TakesCodes, Replaces: o.Codes != nil, Set: set})
	if part != nil {
		part.After = id
	}
	return part, nil
}

// actOwnCodes serves POST /settings/codes: do=codes replaces the recovery codes, do=saved says that they are kept.
func (s *Server) actOwnCodes(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	switch r.PostForm.Get("do") {
	case "codes":
		return s.replaceCodes(w, r, v, m)
	case "saved":
		return s.keptCodes(w, r, v, m)
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}

// replaceCodes begins new recovery codes. A page knows which set came before it, so that all its presses are for one and the same.
func (s *Server) replaceCodes(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	err := s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		if st.Codes == r.PostForm.Get("after") {
			st.Codes = bridge.NewUUID()
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch err := s.Settings.ReplaceCodes(r.Context(), m, v.state().Codes); bridge.CodeOf(err) {
	case "":
	case bridge.CodeNotOpen:
		return see(w, r, "/settings")
	default:
		return err
	}
	c, err := s.awaitChange(r.Context(), m)
	if err != nil {
		return err
	}
	if c.State == bridge.ChangeRefused {
		return see(w, r, "/settings") // which says why
	}
	return see(w, r, ownCodesPath)
}

// keptCodes forgets recovery codes that the person has.
func (s *Server) keptCodes(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	if _, err := s.Settings.Enter(r.Context(), m); err != nil {
		return err
	}
	set, err := s.Settings.OwnCodes(r.Context(), m, v.state().Codes)
	switch {
	case err != nil:
		return err
	case set.State == bridge.CodesWritten && r.PostForm.Get("saved") != "1":
		return s.showOwnCodes(w, r, v, m, []view.Fault{{Field: view.FieldSaved, Code: view.CodeNotSaved}})
	case set.State == bridge.CodesWritten:
		err = s.Flow.SaveCodes(r.Context(), bridge.DoneRef{Recovery: set.Recovery})
	}
	if err != nil {
		return err
	}
	return see(w, r, "/settings")
}

// ownCodesFile serves GET /settings/codes/recovery-codes.txt: the codes as long as the page shows them.
func (s *Server) ownCodesFile(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	if _, err := s.Settings.Enter(r.Context(), m); err != nil {
		return err
	}
	set, err := s.Settings.OwnCodes(r.Context(), m, v.state().Codes)
	if err != nil {
		return err
	}
	return s.sendCodes(w, r, v, codesPart(bridge.CodesOffer{Set: set}))
}
