package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gorilla/mux"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/oidc"
)

// codeFault puts an error of a typed code onto its field.
func codeFault(err error) view.Fault {
	f := view.Fault{Field: view.FieldCode, Code: bridge.CodeOf(err)}
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok {
		return f
	}
	f.Until = e.Until
	switch f.Code {
	case bridge.CodeWrongCode:
		f.N = e.Left
	case bridge.CodeClock:
		f.N = e.Minutes
	}
	return f
}

// pages are where a change of language may lead back to. Nothing else is ever taken as a target (OIDC-15).
var pages = map[string]bool{
	"/": true, "/start": true, "/recovery": true, "/link": true, "/veto": true, "/enrol": true, "/done": true, "/desk": true, "/desk/case": true,
	"/desk/permit": true, "/desk/audit": true, "/admin": true, "/settings": true, "/settings/address": true, "/settings/remove": true, "/settings/add": true,
	"/settings/authenticator": true, "/settings/history": true, ownCodesPath: true, temporaryPath: true, "/start?to=temporary": true,
}

// language serves POST /language.
func (s *Server) language(w http.ResponseWriter, r *http.Request, _ *visit) error {
	lang, back := r.PostForm.Get("lang"), r.PostForm.Get("return")
	if s.View.Match(lang, "", "") == lang {
		http.SetCookie(w, &http.Cookie{
			Name: languageCookie, Value: lang, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 365 * 24 * 3600,
		})
	}
	if !pages[back] {
		back = "/"
	}
	return see(w, r, back)
}

// signOut serves POST /signout. Without a sign-in of ours it leads to the campus logout, which asks before it acts: that is for somebody
// else's session on a shared computer.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, v *visit) error {
	state := v.state()
	s.Flow.Leave(r.Context(), state.Entry)
	s.leaveCase(r.Context(), state)
	if err := s.endSession(w, r, v); err != nil {
		return err
	}
	if state.Person == "" {
		to, err := s.Party.LogoutURL(oidc.NewSecret(""), s.BaseURL.String()+"/", "") // nothing depends on how the browser comes back
		if err != nil {
			return err
		}
		return see(w, r, to)
	}
	if state.IDToken != "" {
		if err := s.Party.EndSession(r.Context(), oidc.NewSecret(state.IDToken.Reveal())); err != nil {
			s.Log.WarnContext(r.Context(), "the campus session was not ended", "err", err)
		}
	}
	return s.showSignedOut(w, r, v)
}

// endSession ends the browser's session: its cookie opens nothing any more.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request, v *visit) error {
	s.streams.over(v.sess.ID)
	v.sess.Options.MaxAge = -1
	return v.sess.Save(r, w)
}

func (s *Server) showSignedOut(w http.ResponseWriter, r *http.Request, v *visit) error {
	body, err := s.View.Render(v.lang, view.SignedOut{Frame: view.Frame{Path: "/", Now: v.now, Desk: s.Desk(v.now)}})
	if err != nil {
		return err
	}
	write(w, r, http.StatusOK, body)
	return nil
}

// static serves GET /static/{name}: the name holds the content's hash, so a browser may keep it for ever.
func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	noteRoute(r)
	asset, ok := s.View.Asset(mux.Vars(r)["name"])
	if !ok {
		s.refuse(w, r, bridge.Fault(view.CodeNotFound, "static", nil))
		return
	}
	h := w.Header()
	h.Set("Content-Type", asset.Type)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Length", strconv.Itoa(len(asset.Body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(asset.Body); err != nil {
		s.Log.DebugContext(r.Context(), "answer not delivered", "err", err)
	}
}
