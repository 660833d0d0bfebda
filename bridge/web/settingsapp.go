package web

import (
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

const addPath = "/settings/add"

// Adding is an authenticator that is about to be added in this browser.
type Adding struct {
	bridge.NewOTP
	Tries    int // wrong codes for this key
	Extended int
}

// adding reports whether an authenticator is being added here, and its time is not up.
func (s State) adding(now time.Time) bool {
	return s.Settings && s.Adding != nil && now.Before(s.Adding.Until)
}

// beginAdding draws a key for another authenticator, and takes the place of one that was begun.
func (s *Server) beginAdding(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	var old *bridge.NewOTP
	if a := v.state().Adding; a != nil {
		old = &a.NewOTP
	}
	n, err := s.Settings.BeginOTP(r.Context(), m, old)
	if err != nil {
		return err
	}
	err = s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		st.Adding, st.Chosen = &Adding{NewOTP: n}, Chosen{}
		return nil
	})
	if err != nil {
		return err
	}
	return see(w, r, addPath)
}

// addApp serves GET /settings/add: the key of another authenticator.
func (s *Server) addApp(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	return s.showAdding(w, r, v, m, view.Enrol{Extended: r.URL.Query().Get("extended") == "1"})
}

func (s *Server) showAdding(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member, p view.Enrol) error {
	state := v.state()
	if state.Adding == nil {
		return see(w, r, "/settings")
	}
	if _, err := s.Settings.Enter(r.Context(), m); err != nil {
		return err
	}
	if !state.adding(v.now) || state.Adding.Key.Stopped {
		return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
			f.Path = addPath
			return view.EnrolStopped{Frame: f, Add: true, TimeUp: !state.Adding.Key.Stopped}
		})
	}
	status := http.StatusOK
	if len(p.Faults) > 0 {
		status = http.StatusUnprocessableEntity
	}
	shown := bridge.Recovery{Username: state.Username, Key: &state.Adding.Key, Expires: state.Adding.Until}
	if err := s.fillEnrol(&p, shown, v); err != nil {
		return err
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = addPath
		p.Frame, p.Add = f, true
		return p
	})
}

// actAddApp serves POST /settings/add, whose forms are those of the enrolment.
func (s *Server) actAddApp(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	switch r.PostForm.Get("do") {
	case "confirm":
		return s.confirmApp(w, r, v, m)
	case "new":
		return s.beginAdding(w, r, v, m)
	case "extend":
		err := s.changeAdding(r, v, func(a *Adding) error {
			if !v.now.Before(a.Until) || a.Extended >= bridge.MaxExtensions {
				return bridge.Fault(bridge.CodeExpired, "extend", nil)
			}
			a.Until, a.Extended = v.now.Add(bridge.ProofLife), a.Extended+1
			return nil
		})
		if err != nil {
			return err
		}
		return see(w, r, addPath+"?extended=1")
	case "cancel":
		err := s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
			st.Adding = nil
			return nil
		})
		if err != nil {
			return err
		}
		return see(w, r, "/settings")
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}

// changeAdding changes what is being added here.
func (s *Server) changeAdding(r *http.Request, v *visit, f func(*Adding) error) error {
	return s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		if st.Adding == nil {
			return bridge.Fault(bridge.CodeNotOpen, "add authenticator", nil)
		}
		a := *st.Adding
		st.Adding = &a
		return f(&a)
	})
}

// confirmApp takes the first code. A wrong one is counted against the key, and the fifth discards it.
func (s *Server) confirmApp(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	state := v.state()
	if state.Adding == nil {
		return see(w, r, "/settings") // a second press
	}
	typed, label := r.PostForm.Get("code"), strings.TrimSpace(norm.NFC.String(r.PostForm.Get("label")))
	page := view.Enrol{Code: typed, Label: label}
	if len([]rune(label)) > maxLabel {
		page.Faults = []view.Fault{{Field: view.FieldLabel, Code: view.CodeLabelTooLong}}
		return s.showAdding(w, r, v, m, page)
	}
	err := s.Settings.AddOTP(r.Context(), m, state.Adding.NewOTP, typed, label)
	fault := codeFault(err)
	switch bridge.CodeOf(err) {
	case "":
		return s.changed(w, r, v, m)
	case bridge.CodeEmpty, bridge.CodeFormat:
	case bridge.CodeWrongCode, bridge.CodeClock, bridge.CodeOldKey:
		if err := s.wrongApp(r, v); err != nil {
			return err
		}
		if fault.Code == bridge.CodeWrongCode {
			fault.N = bridge.KeyTries - v.state().Adding.Tries
		}
	case bridge.CodeExpired:
		return see(w, r, addPath) // which says so
	default:
		return err
	}
	page.Faults = []view.Fault{fault}
	return s.showAdding(w, r, v, m, page)
}

func (s *Server) wrongApp(r *http.Request, v *visit) error {
	return s.changeAdding(r, v, func(a *Adding) error {
		a.Tries++
		if a.Tries >= bridge.KeyTries {
			a.OldKeys = append([]bridge.Secret{a.Key.Secret}, a.OldKeys...)
			a.Key.Secret, a.Key.Stopped = "", true
		}
		return nil
	})
}

// app serves GET /settings/authenticator: the one that was chosen.
func (s *Server) app(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	return s.showApp(w, r, v, m, view.ManageApp{})
}

func (s *Server) showApp(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member, p view.ManageApp) error {
	o, err := s.Settings.Look(r.Context(), m)
	if err != nil {
		return err
	}
	for _, c := range o.Authenticators {
		if c.ID == v.state().Chosen.Authenticator {
			p.App = ownApp(c)
		}
	}
	if p.App.ID == "" {
		return see(w, r, "/settings")
	}
	p.Last = len(o.Authenticators) < 2
	status := http.StatusOK
	if len(p.Faults) > 0 {
		status = http.StatusUnprocessableEntity
	} else if p.Label == "" {
		p.Label = p.App.Label
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = "/settings/authenticator"
		p.Frame = f
		return p
	})
}

// actApp serves POST /settings/authenticator. The page of an earlier choice, left open, does nothing.
func (s *Server) actApp(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	id := v.state().Chosen.Authenticator
	if id == "" || r.PostForm.Get("id") != id {
		return see(w, r, "/settings")
	}
	var err error
	var page view.ManageApp
	switch r.PostForm.Get("do") {
	case "rename":
		page.Label = strings.TrimSpace(norm.NFC.String(r.PostForm.Get("label")))
		if len([]rune(page.Label)) > maxLabel {
			page.Faults = []view.Fault{{Field: view.FieldLabel, Code: view.CodeLabelTooLong}}
			return s.showApp(w, r, v, m, page)
		}
		err = s.Settings.RenameOTP(r.Context(), m, id, page.Label)
	case "remove":
		err = s.Settings.RemoveOTP(r.Context(), m, id)
	default:
		return bridge.Fault(view.CodeNotFound, "do", nil)
	}
	switch code := bridge.CodeOf(err); code {
	case "":
		return s.changed(w, r, v, m)
	case bridge.CodeEmpty:
		page.Faults = []view.Fault{{Field: view.FieldLabel, Code: view.CodeNoLabel}}
	case bridge.CodeLabelTaken:
		page.Faults = []view.Fault{{Field: view.FieldLabel, Code: code}}
	case bridge.CodeOtherOTP:
		page.Other = true
	case bridge.CodeLastOTP: // which the page says
	case bridge.CodeAbsent:
		return see(w, r, "/settings")
	default:
		return err
	}
	return s.showApp(w, r, v, m, page)
}
