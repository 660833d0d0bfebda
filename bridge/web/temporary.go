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
		return view.Start{
			Frame: f, Temporary: s.Flow.Rules.TemporaryCodes, Settings: s.Settings != nil,
			Paused: s.Flow.Rules.Paused, PauseText: s.PauseText[v.lang],
		}
	})
}

// temporary serves GET /temporary: what a temporary code is and how it would come, or where the person's own stands.
func (s *Server) temporary(w http.ResponseWriter, r *http.Request, v *visit) error {
	state := v.state()
	if state.viewer().Person == "" {
		return s.toTemporarySignIn(w, r, v)
	}
	t, found, err := s.Flow.Temporary(r.Context(), state.Person)
	if err != nil {
		return err
	}
	fresh := v.now.Sub(state.SignedInAt) <= bridge.SignInLife
	if t.Shows(state.Holder, v.now) && !fresh {
		return s.toTemporarySignIn(w, r, v) // as with a key
	}
	if page := temporaryPage(t, state, v.now); page != nil {
		return s.show(w, r, v, http.StatusOK, page)
	}
	if asked, err := s.askedDesk(w, r, v, t); asked || err != nil {
		return err
	}
	if r.URL.Query().Get("done") == "ended" && found && !t.Failed() {
		return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page { return view.TemporaryEnded{Frame: f} })
	}
	if !fresh {
		return s.toTemporarySignIn(w, r, v)
	}
	return s.offerTemporary(w, r, v, t)
}

// offerTemporary shows the ways to a temporary code that are open, or why none is.
func (s *Server) offerTemporary(w http.ResponseWriter, r *http.Request, v *visit, last bridge.TemporaryCode) error {
	state := v.state()
	phone := s.Flow.TemporaryByDesk(r.Context(), state.viewer(), state.Snapshot) == nil
	lately := v.now.Sub(last.EndedAt) < time.Hour
	unshown := lately && last.End == bridge.TemporaryUnshown
	to, err := s.Flow.TemporaryTo(r.Context(), state.viewer(), state.Snapshot)
	if err != nil {
		return s.noTemporary(w, r, v, view.TemporaryNone{Code: bridge.CodeOf(err), Phone: phone, Unshown: unshown}, err)
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		return view.Temporary{Frame: f, Address: to, Unsent: lately && last.Failed() && !unshown, Unshown: unshown, Phone: phone}
	})
}

// askedDesk leads somebody who asked the help desk for a temporary code to where that stands: the call, or the code that was approved.
func (s *Server) askedDesk(w http.ResponseWriter, r *http.Request, v *visit, last bridge.TemporaryCode) (asked bool, err error) {
	step, rec, err := s.Flow.See(r.Context(), v.state().viewer())
	switch {
	case err != nil || !rec.Open() || !rec.Today():
		return false, err
	case step == bridge.StepSignIn:
		return true, s.toTemporarySignIn(w, r, v)
	case step != bridge.StepTemporary:
		return true, see(w, r, "/recovery")
	}
	return true, s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		return view.TemporaryReady{Frame: f, Until: rec.Expires, Failed: last.Request == rec.ID && last.Failed()}
	})
}

// temporaryPage is the page of a code that is not over; nil when another one may be asked for.
func temporaryPage(t bridge.TemporaryCode, state State, now time.Time) func(view.Frame) view.Page {
	switch {
	case t.State == bridge.TemporaryUsed:
		return func(f view.Frame) view.Page { return view.TemporaryUsed{Frame: f, Used: t.UsedAt, Until: t.Expires} }
	case t.Failed():
	case t.State == bridge.TemporaryEnding:
		return func(f view.Frame) view.Page { return view.TemporaryEnded{Frame: f} }
	case t.Shows(state.Holder, now):
		return func(f view.Frame) view.Page {
			return view.TemporaryShown{Frame: f, Code: t.Code.Reveal(), ShownTo: t.ShownTo, Until: t.Expires}
		}
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

// noTemporary says why no temporary code can be sent, and what else helps.
func (s *Server) noTemporary(w http.ResponseWriter, r *http.Request, v *visit, p view.TemporaryNone, cause error) error {
	if !view.SaysTemporary(p.Code) {
		return cause
	}
	if e, ok := errors.AsType[*bridge.Error](cause); ok {
		p.Until = e.Until
	}
	status := http.StatusForbidden
	switch {
	case p.Code == bridge.CodeTooMany:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", retryAfter(p.Until.Sub(v.now)))
	case p.Phone:
		status = http.StatusOK
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = temporaryPath
		p.Frame = f
		return p
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
			return s.noTemporary(w, r, v, view.TemporaryNone{Code: bridge.CodeOf(err)}, err)
		}
	case "phone":
		return s.callTemporary(w, r, v)
	case "show":
		if err := s.Flow.TakeTemporary(r.Context(), s.caller(r, state), s.View.TemporaryLabel(v.lang)); err != nil {
			return s.notTaken(w, r, v, err)
		}
	case "keep":
		if err := s.Flow.KeepTemporary(r.Context(), state.viewer()); err != nil && bridge.CodeOf(err) != bridge.CodeNotOpen {
			return err
		}
	case "end":
		if err := s.Flow.EndTemporary(r.Context(), state.viewer()); err != nil && bridge.CodeOf(err) != bridge.CodeNotOpen {
			return err
		}
		return see(w, r, temporaryPath+"?done=ended")
	default:
		return bridge.Fault(view.CodeNotFound, "do", nil)
	}
	return see(w, r, temporaryPath)
}

// callTemporary begins a call to the help desk that asks for a temporary code.
func (s *Server) callTemporary(w http.ResponseWriter, r *http.Request, v *visit) error {
	rec, err := s.Flow.CallTemporary(r.Context(), s.asked(r, v))
	if rec.ID != "" {
		if err := s.takesPart(r, v, rec.ID); err != nil {
			return err
		}
	}
	switch bridge.CodeOf(err) {
	case "":
		return see(w, r, "/recovery")
	case bridge.CodeTemporary:
		return see(w, r, temporaryPath)
	}
	return s.noTemporary(w, r, v, view.TemporaryNone{Code: bridge.CodeOf(err)}, err)
}

// notTaken answers a press for the approved code that made none.
func (s *Server) notTaken(w http.ResponseWriter, r *http.Request, v *visit, err error) error {
	switch bridge.CodeOf(err) {
	case bridge.CodeTemporary, bridge.CodeNotOpen, bridge.CodeNotHolder, bridge.CodeStaleSignIn: // which the page says, or leads to
		return see(w, r, temporaryPath)
	}
	return s.noTemporary(w, r, v, view.TemporaryNone{Code: bridge.CodeOf(err)}, err)
}
