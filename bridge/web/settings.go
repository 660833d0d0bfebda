package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/oidc"
)

// member is who is signed in for the settings; the zero Member for any other session.
func (s State) member(lang string) bridge.Member {
	if !s.Settings {
		return bridge.Member{}
	}
	return bridge.Member{Person: s.Person, Full: s.Full, SignedInAt: s.SignedInAt, Session: s.SID, Language: lang}
}

const toSettings = "/signin?to=settings"

// What a page of the settings is asked with after a sign-in that it had wanted.
const (
	pressAgain = "?late=1" // for a press, which did nothing
	lookAgain  = "?old=1"  // for a look
)

// settingsHandler serves a route of the settings for somebody who signed in fully for them.
type settingsHandler func(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error

// settings adapts a route of the settings. Any other session, an operator's among them, is led to the sign-in; so is one whose sign-in is too old, which comes
// back to its page. A sign-in that counts no more ends the session here, too.
func (s *Server) settings(h settingsHandler) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		m := v.state().member(v.lang)
		if m.Person == "" && r.Method == http.MethodPost {
			return bridge.Fault(view.CodeSession, "settings", nil)
		}
		if m.Person == "" {
			return see(w, r, toSettings)
		}
		if !m.Young(v.now) {
			return s.signInAgain(w, r, v)
		}
		err := s.Flow.NoTemporary(r.Context(), m.Person, m.SignedInAt)
		if err == nil {
			err = h(w, r, v, m)
		}
		switch code := bridge.CodeOf(err); {
		case code == bridge.CodeStaleSignIn: // meanwhile
			return s.signInAgain(w, r, v)
		case r.Method == http.MethodPost && (code == bridge.CodeTemporary || code == bridge.CodeLoggedOut || code == bridge.CodePasswordChanged):
			if ended := s.endSession(w, r, v); ended != nil {
				return ended
			}
		}
		return err
	}
}

// signInAgain leads whoever signed in too long ago to a sign-in, which comes back to this page and says why. A look in another tab takes no press's place, which has
// still to be told that nothing was done.
func (s *Server) signInAgain(w http.ResponseWriter, r *http.Request, v *visit) error {
	if strings.HasSuffix(r.URL.Path, codesFile) { // a browser may keep whatever page this leads to as the file
		return bridge.Fault(bridge.CodeStaleSignIn, "recovery codes", nil)
	}
	if r.Method == http.MethodHead {
		return see(w, r, toSettings)
	}
	err := s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		if r.Method == http.MethodPost {
			st.Late = r.URL.Path + pressAgain
		} else if !strings.HasSuffix(st.Late, pressAgain) {
			st.Late = r.URL.Path + lookAgain
		}
		return nil
	})
	if err != nil {
		return err
	}
	return see(w, r, toSettings)
}

// settingsBack begins the settings after a full sign-in, under a new id. Of the session before it keeps what the same person had begun there.
func (s *Server) settingsBack(w http.ResponseWriter, r *http.Request, v *visit, id oidc.Identity) error {
	m := bridge.Member{Person: id.Subject, Full: id.Full, SignedInAt: id.AuthTime, Session: id.SID, Language: v.lang}
	if err := s.Flow.NoTemporary(r.Context(), m.Person, m.SignedInAt); err != nil {
		return err
	}
	if _, err := s.Settings.Enter(r.Context(), m); err != nil {
		return err
	}
	late := ""
	err := s.Sessions.Rotate(r, w, v.sess, func(old State) State {
		st := State{
			Settings: true, Person: id.Subject, Username: id.Username, Name: id.Name, Locale: id.Locale, Full: id.Full, SignedInAt: id.AuthTime, AuthTime: id.AuthTime,
			SID: id.SID, IDToken: bridge.Secret(id.IDToken.Reveal()), Holder: bridge.NewUUID(),
		}
		if old.Settings && old.Person == id.Subject {
			st.Adding, st.Chosen, st.Codes, late = old.Adding, old.Chosen, old.Codes, old.Late
		}
		return st
	})
	if err != nil {
		return err
	}
	switch st := v.state(); {
	case late != "":
		return see(w, r, late)
	case st.adding(v.now):
		return see(w, r, addPath)
	case st.Chosen.Authenticator != "":
		return see(w, r, "/settings/authenticator")
	}
	return see(w, r, "/settings")
}

// Chosen is what somebody chose on the page of the settings to do something with.
type Chosen struct {
	Address       string `json:",omitempty"`
	Authenticator string `json:",omitempty"` // id
}

// overview serves GET /settings.
func (s *Server) overview(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	o, err := s.Settings.Look(r.Context(), m)
	if err != nil {
		return err
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		f.Path = "/settings"
		p := s.overviewPage(f, o, m)
		p.Adding = v.state().adding(v.now)
		return p
	})
}

// journal serves GET /settings/history.
func (s *Server) journal(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	lines, err := s.Settings.Journal(r.Context(), m)
	if err != nil {
		return err
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		f.Path = "/settings/history"
		return view.Journal{Frame: f, Lines: lines}
	})
}

const lastChangeShown = 10 * time.Minute

func (s *Server) overviewPage(f view.Frame, o bridge.Overview, m bridge.Member) view.Settings {
	p := view.Settings{Frame: f, Unset: o.Unset, Fixed: o.Fixed, DeskUntil: o.DeskUntil}
	for _, c := range o.Authenticators {
		p.Apps = append(p.Apps, ownApp(c))
	}
	own := 0
	for _, a := range o.Addresses {
		if a.Own {
			own++
		}
		p.Addresses = append(p.Addresses, view.OwnAddress{ID: addressID(a.Value), Address: a.Value, Confirmed: a.Confirmed, Code: a.Code, Own: a.Own})
	}
	p.Most = own >= bridge.MaxAddresses
	if o.Ask != nil {
		p.Waiting = o.Ask.Address
	}
	if o.Codes != nil || o.TakesCodes {
		p.Codes = &view.CodesLeft{None: o.Codes == nil, Make: o.TakesCodes}
	}
	if o.Codes != nil {
		p.Codes.Left = o.Codes.Left
	}
	if c := o.Change; c != nil && c.Session == m.Session && f.Now.Sub(c.At) < lastChangeShown {
		p.Last = &view.LastChange{Kind: c.Kind, State: c.State, Code: c.Code, Address: c.Address, Label: c.Label}
	}
	return p
}

func ownApp(c bridge.Credential) view.OwnApp {
	label := c.Label
	if label == "" {
		label = c.ID
	}
	return view.OwnApp{ID: c.ID, Label: label, Added: c.Created}
}

// addressID names an address in a form without showing it.
func addressID(address string) string { return bridge.Secret(strings.ToLower(address)).Hash()[:16] }

// actOverview serves POST /settings: what somebody chose, or do=add for another authenticator.
func (s *Server) actOverview(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	switch r.PostForm.Get("do") {
	case "add":
		return s.beginAdding(w, r, v, m)
	case "authenticator":
		return s.choose(w, r, v, Chosen{Authenticator: r.PostForm.Get("id")}, "/settings/authenticator")
	case "address":
		o, err := s.Settings.Look(r.Context(), m)
		if err != nil {
			return err
		}
		for _, a := range o.Addresses {
			if a.Own && addressID(a.Value) == r.PostForm.Get("id") {
				return s.choose(w, r, v, Chosen{Address: a.Value}, "/settings/remove")
			}
		}
		return see(w, r, "/settings")
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}

func (s *Server) choose(w http.ResponseWriter, r *http.Request, v *visit, c Chosen, to string) error {
	err := s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		st.Chosen = c
		return nil
	})
	if err != nil {
		return err
	}
	return see(w, r, to)
}

// changed forgets what the change was about, waits a moment for the change, which another worker may carry out, and leads back to the page that says what
// came of it.
func (s *Server) changed(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	err := s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		if r.URL.Path == addPath {
			st.Adding = nil
		} else {
			st.Chosen = Chosen{}
		}
		return nil
	})
	if err == nil {
		_, err = s.awaitChange(r.Context(), m)
	}
	if err != nil {
		return err
	}
	return see(w, r, "/settings")
}

// awaitChange waits a moment for the end of the change under way, and returns it as it is then.
func (s *Server) awaitChange(ctx context.Context, m bridge.Member) (bridge.Change, error) {
	wait, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := s.Settings.Changes.Get(ctx, m.Person)
		if err != nil && bridge.CodeOf(err) != bridge.CodeAbsent {
			return c, err
		}
		if c.State != bridge.ChangeAsked {
			return c, nil
		}
		select {
		case <-wait.Done():
			return c, nil
		case <-tick.C:
		}
	}
}

// typedAddress reads an address as people type it: full-width signs and blanks around it are no fault.
func typedAddress(r *http.Request) string {
	const longest = 320
	typed := strings.TrimSpace(norm.NFKC.String(r.PostForm.Get("address")))
	return typed[:min(len(typed), longest)]
}
