package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// handler serves one route. What it returns is logged once and becomes a page in the adapter.
type handler func(w http.ResponseWriter, r *http.Request, v *visit) error

// visit is what the adapter found out about a request before its handler runs.
type visit struct {
	sess *sessions.Session
	lang string
	now  time.Time
	// owner: the signed-in person has a waiting request, for which a new link can be sent in place of one that is not valid.
	owner bool
}

// state is the session's typed value; the zero State outside a session.
func (v *visit) state() State {
	if v.sess == nil {
		return State{}
	}
	return *stateOf(v.sess)
}

const languageCookie = "__Host-otpbridge-language"

// languageOf chooses the language: the person's choice, the person's locale, the browser's wish, the default.
func (s *Server) languageOf(r *http.Request, person string) string {
	choice := ""
	if c, err := r.Cookie(languageCookie); err == nil {
		choice = c.Value
	}
	return s.View.Match(choice, person, r.Header.Get("Accept-Language"))
}

// page adapts a handler of GET and HEAD: it only reads.
func (s *Server) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noteRoute(r)
		r, cancel := withinTime(r)
		defer cancel()
		v, err := s.visit(r)
		if err == nil {
			err = h(w, r, v)
		}
		if err != nil {
			s.fail(w, r, v, err)
		}
	})
}

// form adapts a handler of POST: both protections against forged requests come first (SES-06).
func (s *Server) form(h handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noteRoute(r)
		r, cancel := withinTime(r)
		defer cancel()
		v, err := s.visit(r)
		if err == nil {
			err = s.checkForm(r, v, origins)
		}
		if err == nil {
			err = h(w, r, v)
		}
		if err != nil {
			s.fail(w, r, v, err)
		}
	})
}

func (s *Server) checkForm(r *http.Request, v *visit, origins *http.CrossOriginProtection) error {
	if err := origins.Check(r); err != nil {
		return bridge.Fault(view.CodeFormExpired, "origin", err)
	}
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return bridge.Fault(view.CodeTooLarge, "body", nil)
		}
		return bridge.Fault(view.CodeFormExpired, "body", err)
	}
	if v.sess.IsNew {
		if _, err := r.Cookie(cookieName); err != nil {
			return bridge.Fault(view.CodeCookies, "session", nil)
		}
		return bridge.Fault(view.CodeSession, "session", nil)
	}
	if !bridge.Equal(v.state().CSRF, r.PostForm.Get("csrf")) {
		if v.state().Former != nil {
			return bridge.Fault(view.CodeSession, "session", nil)
		}
		return bridge.Fault(view.CodeFormExpired, "form token", nil)
	}
	return nil
}

// visit reads the session and the language. A session whose person was logged out at the campus is over.
func (s *Server) visit(r *http.Request) (*visit, error) {
	v := &visit{now: s.Now(), lang: s.languageOf(r, "")}
	sess, err := s.Sessions.Get(r, cookieName)
	if err != nil {
		return v, err
	}
	v.sess = sess
	state := v.state()
	v.lang = s.languageOf(r, state.Locale)
	if sess.ID == "" {
		return v, nil
	}
	over, err := s.loggedOut(r.Context(), state)
	if err != nil {
		return v, err
	}
	if over {
		if r.Method == http.MethodPost {
			s.leaveCase(r.Context(), state)
		}
		v.sess = s.Sessions.fresh(cookieName)
		v.sess.Values[expiredKey] = true
		return v, s.Sessions.records.Delete(r.Context(), bridge.Secret(sess.ID).Hash())
	}
	if v.now.Sub(state.Seen) >= seenStep {
		err = s.Sessions.Change(r.Context(), sess, func(*State) error { return nil })
	}
	return v, err
}

// frame is what every page carries.
func (s *Server) frame(r *http.Request, v *visit) view.Frame {
	state := v.state()
	f := view.Frame{Path: r.URL.Path, Now: v.now, Desk: s.Desk(v.now)}
	if v.sess != nil && !v.sess.IsNew {
		f.CSRF = state.CSRF
	}
	if state.Person != "" {
		f.Person = &view.Person{Name: state.Name, ID: state.Username}
		f.Session = view.SessionEnd{Ends: state.ends(), Idle: state.idles()}
		s.ownFrame(r, v, &f)
		may := func(role string) bool { return state.Desk && role != "" && contains(state.Roles, role) }
		f.Operator, f.Auditor, f.Admin = may(s.DeskRole), may(s.AuditorRole), may(s.AdminRole)
	}
	return f
}

// ownFrame is what pages carry besides in front of one's own settings.
func (s *Server) ownFrame(r *http.Request, v *visit, f *view.Frame) {
	m := v.state().member(v.lang)
	if f.Own = m.Person != ""; !f.Own || !m.Young(v.now) || !strings.HasPrefix(r.URL.Path, settingsPath) {
		return
	}
	f.Until = m.SignedInAt.Add(bridge.SettingsLife)
	f.Session = view.SessionEnd{Ends: f.Until}
	if query := "?" + r.URL.RawQuery; r.Method == http.MethodGet {
		f.Late, f.Old = query == pressAgain, query == lookAgain
	}
}

// show renders a page into a buffer and writes it. A guest gets the session that the page's forms need.
func (s *Server) show(w http.ResponseWriter, r *http.Request, v *visit, status int, page func(view.Frame) view.Page) error {
	if v.sess.ID == "" && r.Method != http.MethodHead && (v.sess.IsNew || v.now.Sub(v.state().Seen) >= seenStep) {
		if err := v.sess.Save(r, w); err != nil {
			return err
		}
	}
	body, err := s.View.Render(v.lang, page(s.frame(r, v)))
	if err != nil {
		return fmt.Errorf("render: %w", err)
	}
	write(w, r, status, body)
	return nil
}

func write(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the browser has gone if this fails
	}
}

// see is the answer to every POST that worked.
func see(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}
