package web

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/oidc"
)

// identify serves GET /start: the person types their ID. Somebody who comes back while a sign-in is under way was probably told "Access
// denied" by the campus page.
func (s *Server) identify(w http.ResponseWriter, r *http.Request, v *visit) error {
	state := v.state()
	if err := s.enters(r.Context(), state); err != nil {
		return err
	}
	again, err := s.tooOld(r.Context(), state)
	if err != nil {
		return err
	}
	to := r.URL.Query().Get("to")
	if signInFor[to] == "" {
		to = ""
	}
	page := view.Identify{To: to, Name: state.Typed, Again: again, Unseen: state.Unseen}
	page.Denied = !state.Unseen && state.Flow != nil && v.now.Sub(state.Flow.PushedAt) > 2*time.Second
	if again && page.Name == "" {
		page.Name = state.Username
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		if page.Frame = f; to != "" {
			page.Path += "?to=" + to // for a change of language
		}
		return page
	})
}

// enters says why nobody may sign in for a recovery in this browser. Whether the realm could be looked at is for the press to say: it waits for that.
func (s *Server) enters(ctx context.Context, st State) error {
	v := bridge.Viewer{LinkHash: st.Link}
	if f := st.leaves(s.Now()); f != nil {
		v.Person, v.Holder, v.Recovery = f.Person, f.Holder, f.Recovery
	}
	if err := s.Flow.Enters(ctx, v); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
		return err
	}
	return nil
}

// tooOld reports whether this browser's recovery is proven and only its sign-in is too old to show a key to (OIDC-09).
func (s *Server) tooOld(ctx context.Context, state State) (bool, error) {
	if state.Holder == "" {
		return false, nil
	}
	step, rec, err := s.Flow.See(ctx, state.viewer())
	return step == bridge.StepSignIn && rec.State == bridge.Proven && bridge.Equal(rec.Holder, state.Holder), err
}

const maxName = 255 // characters of a user name in Keycloak

// parseName reads the typed name: NFKC, without blanks around it.
func parseName(r *http.Request) (name string, fault bridge.Code) {
	name = strings.TrimSpace(norm.NFKC.String(r.PostForm.Get("name")))
	switch {
	case name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }):
		return "", view.CodeMissingName
	case utf8.RuneCountInString(name) > maxName:
		return "", view.CodeNameTooLong
	}
	return name, ""
}

// beginSignIn serves POST /start: the gate is opened for the typed name, or stays shut; the browser goes to the campus sign-in either way.
func (s *Server) beginSignIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	name, fault := parseName(r)
	if fault != "" {
		return s.show(w, r, v, http.StatusUnprocessableEntity, func(f view.Frame) view.Page {
			f.Path = "/start"
			return view.Identify{Frame: f, To: r.PostForm.Get("to"), Faults: []view.Fault{{Field: view.FieldName, Code: fault}}}
		})
	}
	if err := s.Party.Ready(); err != nil {
		return bridge.Fault(view.CodeNotReady, "sign-in", err)
	}
	if err := s.Flow.Admit(r.Context(), s.address(r)); err != nil {
		return err
	}
	if err := s.countName(r.Context(), s.address(r), strings.ToLower(name)); err != nil {
		return err
	}
	if err := s.enters(r.Context(), v.state()); err != nil {
		return err
	}
	p, late := s.prepare(r.Context(), v.state(), name)
	if p.err != nil {
		return p.err
	}
	d := departure{attempt: bridge.NewUUID(), name: name, entry: p.entry, looking: late != nil, to: signInFor[r.PostForm.Get("to")]}
	err := s.toCampus(w, r, v, d)
	if late != nil {
		go s.follow(context.WithoutCancel(r.Context()), v.sess.ID, d.attempt, late)
	}
	return err
}

// departure is a sign-in about to begin: the typed name, the gate that was opened for it, and whether it is the one repeat.
type departure struct {
	attempt  string // its id
	name     string
	entry    bridge.Entry
	looking  bool // the account is still being looked at
	repeated bool
	to       string // where it leads, "" for a recovery
}

// toCampus pushes the request and sends the browser on. When that fails, the lease is given back.
func (s *Server) toCampus(w http.ResponseWriter, r *http.Request, v *visit, d departure) error {
	started, err := s.Party.Begin(r.Context(), oidc.Request{UILocales: v.lang, LoginHint: d.name})
	if err == nil {
		err = s.Sessions.Keep(r, w, v.sess, func(st *State) error {
			st.Attempt, st.Typed, st.Entry, st.Looking, st.Unseen = d.attempt, d.name, d.entry, d.looking, false
			st.Flow, st.Repeated, st.Return = &started.Flow, d.repeated, d.to
			if st.Since = (time.Time{}); d.looking {
				st.Since = s.Now()
			}
			return nil
		})
	}
	if err != nil {
		s.Flow.Leave(context.WithoutCancel(r.Context()), d.entry)
		return err
	}
	return see(w, r, started.URL)
}

func (s *Server) address(r *http.Request) string {
	return bucket(clientAddress(r, s.TrustedProxies))
}

// callback serves GET /oidc/callback. It is guarded by state and changes this browser's session only.
func (s *Server) callback(w http.ResponseWriter, r *http.Request, v *visit) error {
	if r.Method == http.MethodHead {
		return see(w, r, "/recovery") // the code is for the browser that shows the page
	}
	if v.sess.IsNew {
		if _, err := r.Cookie(cookieName); err != nil {
			return bridge.Fault(view.CodeCookies, "callback", nil)
		}
		return bridge.Fault(view.CodeSession, "callback", nil)
	}
	flow, err := s.takeFlow(r, v)
	if err != nil {
		return err
	}
	if err := s.settled(r.Context(), v, v.state().Attempt); err != nil {
		return err
	}
	before := v.state()
	id, err := s.Party.Finish(r.Context(), flow, r.URL.Query())
	if flow.Full {
		return s.fullBack(w, r, v, id, err)
	}
	done := context.WithoutCancel(r.Context()) // what was begun at the campus is ended even if the browser goes away
	if oidc.CodeOf(err) == oidc.CodeStale || err == nil && hasty(before.Entry, id) {
		return s.again(w, r.WithContext(done), v, before, id)
	}
	if err != nil {
		s.Flow.Leave(done, before.Entry)
		s.Flow.Refused(done, before.Entry, string(oidc.CodeOf(err)))
		return err
	}
	mismatch := errNotArrived
	var arrived sync.WaitGroup
	s.beside(done, &arrived, func() {
		s.Flow.Leave(done, before.Entry)
		mismatch = s.Flow.Arrived(done, before.Entry, id.Subject)
	})
	err = s.endCampusSession(done, id)
	arrived.Wait()
	if err != nil {
		return err
	}
	switch {
	case errors.Is(mismatch, errNotArrived):
		return mismatch
	case mismatch != nil && before.Unseen: // nothing is known of whom the gate was to be opened for
		return bridge.Fault(bridge.CodeKeycloakAway, "callback", mismatch)
	case mismatch != nil:
		return bridge.Fault(view.CodeOtherPerson, "callback", mismatch)
	}
	var both sync.WaitGroup // side by side they are one write of the embedded store
	s.beside(done, &both, func() { s.forgetName(done, s.address(r), strings.ToLower(before.Typed)) })
	defer both.Wait()
	return s.arrive(w, r, v, flow, id)
}

// errNotArrived stands until it is known who came back.
var errNotArrived error = bridge.Fault(bridge.CodeInternal, "callback", nil)

// beside does what a request needs while it goes on. What is thrown ends that and not the process.
func (s *Server) beside(ctx context.Context, all *sync.WaitGroup, work func()) {
	all.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				s.Log.ErrorContext(ctx, "panic", "err", p, "stack", string(debug.Stack()))
			}
		}()
		work()
	})
}

// hasty reports whether the person signed in before the account was looked at: the gate was open for another browser. Such a sign-in is not taken: what
// it changed would show nowhere in its snapshot. The one that repeats it keeps that snapshot, which is older than any other there could be; what
// somebody changed at an earlier sign-in the events tell, and the marks at the addresses (OIDC-20, TOK-12).
func hasty(e bridge.Entry, id oidc.Identity) bool {
	return bridge.Equal(e.Person, id.Subject) && e.Snapshot.Taken.After(id.NoLater)
}

// takeFlow takes the sign-in under way out of the session, once, and only for the state that belongs to it: a forged callback costs
// nothing.
func (s *Server) takeFlow(r *http.Request, v *visit) (flow oidc.Flow, err error) {
	sent := r.URL.Query().Get("state")
	err = s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		if st.Flow == nil && st.Former != nil {
			return bridge.Fault(view.CodeSession, "callback", nil)
		}
		if st.Flow == nil || !bridge.Equal(st.Flow.State, sent) {
			return bridge.Fault(view.CodeSignIn, "callback", errors.New("no sign-in of this browser has this state"))
		}
		flow = *st.Flow
		st.Flow = nil
		return nil
	})
	return flow, err
}

// again answers a sign-in that is older than the request or than the look at the account: that campus session is ended, and the request repeated once. Somebody else's is left
// alone: it was there before this press, and anybody may have opened that person's gate (OIDC-23).
func (s *Server) again(w http.ResponseWriter, r *http.Request, v *visit, before State, old oidc.Identity) error {
	if before.Entry.Person == "" || !bridge.Equal(before.Entry.Person, old.Subject) {
		s.Flow.Leave(r.Context(), before.Entry)
		return bridge.Fault(view.CodeOtherPerson, "callback", s.Flow.Arrived(r.Context(), before.Entry, old.Subject))
	}
	if err := s.endCampusSession(r.Context(), old); err != nil {
		s.Flow.Leave(r.Context(), before.Entry)
		return err
	}
	if before.Repeated {
		s.Flow.Leave(r.Context(), before.Entry)
		return bridge.Fault(bridge.CodeStaleSignIn, "callback", nil)
	}
	var entry bridge.Entry
	err := s.enters(r.Context(), before)
	if err == nil {
		entry, err = s.Flow.Reopen(r.Context(), before.Entry, before.part(s.Now()))
	}
	s.Flow.Leave(r.Context(), before.Entry)
	if err != nil {
		return err
	}
	return s.toCampus(w, r, v, departure{attempt: bridge.NewUUID(), name: before.Typed, entry: entry, repeated: true, to: before.Return})
}

// endCampusSession ends the Keycloak session of a sign-in. Its id is remembered first, because Keycloak tells us of the logout before
// it answers.
func (s *Server) endCampusSession(ctx context.Context, id oidc.Identity) error {
	if id.IDToken.Empty() {
		return nil
	}
	var noted error // without it our own logout counts as somebody else's; a session that stays would be worse
	if id.SID != "" {
		noted = put(ctx, s.OwnSIDs, sidKey(id.SID), 10*time.Minute, s.Now())
	}
	return errors.Join(noted, s.Party.EndSession(ctx, id.IDToken))
}

// sidKey and subKey are where a campus session, and all of a person's, are looked up. Whoever reads the store's keys learns neither.
func sidKey(sid string) string { return bridge.Secret("sid:" + sid).Hash() }

func subKey(person string) string { return bridge.Secret("sub:" + person).Hash() }

func put(ctx context.Context, records bridge.Records[time.Time], key string, ttl time.Duration, value time.Time) error {
	_, err := records.Update(ctx, key, ttl, func(time.Time, bool) (time.Time, error) { return value, nil })
	return err
}

// arrive begins the signed-in session under a new id.
func (s *Server) arrive(w http.ResponseWriter, r *http.Request, v *visit, flow oidc.Flow, id oidc.Identity) error {
	signedIn := id.AuthTime
	if flow.PushedAt.After(signedIn) {
		signedIn = flow.PushedAt // auth_time has whole seconds; it was judged fresh already
	}
	part, err := s.goesOn(r.Context(), v.state(), id.Subject)
	if err != nil {
		return err
	}
	before, other := v.state(), bridge.Entry{}
	err = s.Sessions.Rotate(r, w, v.sess, func(old State) State {
		if old.Attempt != before.Attempt {
			other = old.Entry
		}
		st := State{
			Typed: before.Typed, Person: id.Subject, Username: id.Username, Name: id.Name, Locale: id.Locale, Full: id.Full,
			SignedInAt: signedIn, AuthTime: id.AuthTime, SID: id.SID, Snapshot: before.Entry.Snapshot, Link: old.Link, Veto: old.Veto,
			Holder: part.Holder, Recovery: part.Recovery,
		}
		if st.Holder == "" {
			st.Holder = bridge.NewUUID()
		}
		return st
	})
	if err != nil {
		return err
	}
	s.Flow.Leave(context.WithoutCancel(r.Context()), other) // of a press in another tab, which nothing leads on from
	to := before.Return
	switch {
	case v.state().Link != "":
		to = "/link"
	case to != temporaryPath: // what an earlier press at the desk left
		to = "/recovery"
	}
	return see(w, r, to)
}

// goesOn is the part that this browser has in a recovery, if the person who signs in is the one who was signed in here before. When that sign-in
// ended by time, only a logout at the campus since then takes the part away.
func (s *Server) goesOn(ctx context.Context, st State, person string) (Former, error) {
	if st.Person == person {
		return Former{Holder: st.Holder, Recovery: st.Recovery}, nil
	}
	f := st.leaves(s.Now())
	if f == nil || f.Person != person {
		return Former{}, nil
	}
	over, err := s.loggedOut(ctx, State{Person: f.Person, SID: f.SID, AuthTime: f.AuthTime})
	if err != nil || over {
		return Former{}, err
	}
	return *f, nil
}

// jwks serves GET /.well-known/jwks.json: the public keys of the login client.
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	noteRoute(r)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=60")
	if _, err := w.Write(s.Party.JWKS()); err != nil {
		s.Log.DebugContext(r.Context(), "answer not delivered", "err", err)
	}
}
