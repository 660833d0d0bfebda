package web

import (
	"errors"
	"net/http"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

const temporaryPath = "/temporary"

// signInFor are the pages that a password-only sign-in may be for, beside a recovery, by the name in the ID page's form.
var signInFor = map[string]string{"temporary": temporaryPath}

// start serves GET /.
func (s *Server) start(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		return view.Start{Frame: f, Temporary: s.Flow.Rules.TemporaryCodes, Settings: s.Settings != nil}
	})
}

// temporary serves GET /temporary: what a temporary code is and where it would go, or where the person's own stands.
func (s *Server) temporary(w http.ResponseWriter, r *http.Request, v *visit) error {
	state := v.state()
	if state.viewer().Person == "" {
		return s.toTemporarySignIn(w, r, v)
	}
	t, found, err := s.Flow.Temporary(r.Context(), state.Person)
	if err != nil {
		return err
	}
	if page := temporaryPage(t, found && r.URL.Query().Get("done") == "ended"); page != nil {
		return s.show(w, r, v, http.StatusOK, page)
	}
	if v.now.Sub(state.SignedInAt) > bridge.SignInLife {
		return s.toTemporarySignIn(w, r, v)
	}
	to, err := s.Flow.TemporaryTo(r.Context(), state.viewer(), state.Snapshot)
	if err != nil {
		return s.noTemporary(w, r, v, err)
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		return view.Temporary{Frame: f, Address: to, Unsent: found && t.Failed()}
	})
}

// temporaryPage is the page of a code that is not over; nil when another one may be asked for.
func temporaryPage(t bridge.TemporaryCode, told bool) func(view.Frame) view.Page {
	switch {
	case t.State == bridge.TemporaryUsed:
		return func(f view.Frame) view.Page { return view.TemporaryUsed{Frame: f, Used: t.UsedAt, Until: t.Expires} }
	case t.Failed():
	case t.State == bridge.TemporaryEnding, told:
		return func(f view.Frame) view.Page { return view.TemporaryEnded{Frame: f} }
	case t.Open():
		return func(f view.Frame) view.Page {
			return view.TemporarySent{
				Frame: f, Address: t.To, Until: t.Expires, Making: t.State == bridge.TemporaryWriting, Delayed: t.Mail == bridge.MailDelayed,
			}
		}
	}
	return nil
}

func (s *Server) toTemporarySignIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, expired := v.sess.Values[expiredKey]; expired {
		return bridge.Fault(view.CodeSession, "session", nil)
	}
	return see(w, r, "/start?to=temporary")
}

// noTemporary says why no temporary code can be sent.
func (s *Server) noTemporary(w http.ResponseWriter, r *http.Request, v *visit, cause error) error {
	code := bridge.CodeOf(cause)
	if !view.SaysTemporary(code) {
		return cause
	}
	var until time.Time
	if e, ok := errors.AsType[*bridge.Error](cause); ok {
		until = e.Until
	}
	return s.show(w, r, v, http.StatusForbidden, func(f view.Frame) view.Page {
		f.Path = temporaryPath
		return view.TemporaryNone{Frame: f, Code: code, Until: until}
	})
}

// actTemporary serves POST /temporary.
func (s *Server) actTemporary(w http.ResponseWriter, r *http.Request, v *visit) error {
	state := v.state()
	if state.viewer().Person == "" {
		return s.toTemporarySignIn(w, r, v)
	}
	switch r.PostForm.Get("do") {
	case "send":
		_, err := s.Flow.AskTemporary(r.Context(), bridge.TemporaryAsked{
			Viewer: state.viewer(), Username: state.Username, Name: state.Name, Language: v.lang, Label: s.View.TemporaryLabel(v.lang),
			Origin: origin(r, clientAddress(r, s.TrustedProxies), s.Campus), Snapshot: state.Snapshot,
		})
		if err != nil && bridge.CodeOf(err) != bridge.CodeTemporary { // the page shows the one that there is
			return s.noTemporary(w, r, v, err)
		}
		return see(w, r, temporaryPath)
	case "end":
		if err := s.Flow.EndTemporary(r.Context(), state.viewer()); err != nil && bridge.CodeOf(err) != bridge.CodeNotOpen {
			return err
		}
		return see(w, r, temporaryPath+"?done=ended")
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}
