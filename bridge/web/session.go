package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"otpbridge/bridge"
	"otpbridge/oidc"
)

// State is everything that a browser session knows. It is stored on the server under the hash of the cookie's value; a guest's is in the cookie.
type State struct {
	CSRF    string
	Started time.Time // since the last sign-in, or since the first page
	Seen    time.Time

	// Before the campus sign-in.
	Typed    string       // the name, to type it once only
	Entry    bridge.Entry // for whom the gate was opened in this browser
	Flow     *oidc.Flow   // the sign-in under way, used once
	Attempt  string       `json:",omitempty"` // the press that Flow and Entry belong to
	Looking  bool         `json:",omitempty"` // its account is still being looked at; Entry follows
	Since    time.Time    `json:",omitzero"`  // of Looking
	Unseen   bool         `json:",omitempty"` // it could not be looked at
	Repeated bool         // the one repeat of a sign-in that was not fresh is used up

	// After it.
	Person     string
	Username   string
	Name       string
	Locale     string
	Full       bool
	SignedInAt time.Time
	AuthTime   time.Time `json:",omitzero"` // of the same sign-in, by the campus's own clock
	SID        string    // of the campus session
	Snapshot   bridge.Snapshot
	Holder     string // this browser's holder id, kept over repeated sign-ins of one person
	Recovery   string // the recovery that this browser took part in

	Link string // hash of a link opened here
	Veto string // hash of a veto link opened here

	Disowned string `json:",omitempty"` // hash of the link for which "This wasn't me" was pressed here

	Return string // where the sign-in under way leads, if not to a recovery

	// Of a full sign-in at the desk.
	Desk    bool
	Roles   []string
	IDToken bridge.Secret // to end the campus session at the sign-out
	Case    string        // the person whose case is open here
	CaseID  string        `json:",omitempty"` // of this look at the case: the page of an earlier one decides nothing
	Draft   *Draft        `json:",omitempty"` // of Case
	Decided *Decided      `json:",omitempty"` // the case that was decided here last, until another one is opened

	// Of a full sign-in for the settings.
	Settings bool    `json:",omitempty"`
	Chosen   Chosen  `json:",omitzero"`
	Adding   *Adding `json:",omitempty"`
	Late     string  `json:",omitempty"` // page of the settings that this sign-in was too old for: the next one leads back there
	Codes    string  `json:",omitempty"` // id of the recovery codes that this browser asked for

	Done *DoneFacts // all that is left after success

	Former *Former `json:",omitempty"` // nobody is signed in: the sign-in here ended by time

	Moved *Moved `json:",omitempty"` // and nothing else
}

// Former is what a person's session that ended by time leaves to that person's next sign-in in this browser: the part that the browser has in
// an open recovery (A11Y-04). It opens nothing, and stands in one record at any time.
type Former struct {
	Person   string
	SID      string
	AuthTime time.Time `json:",omitzero"`
	Holder   string
	Recovery string
	Until    time.Time
}

// DoneFacts is what the last page shows; the sign-in is forgotten by then.
type DoneFacts struct {
	Label   string
	First   bool
	Noticed bool
	Unset   bool           `json:",omitempty"` // no address that a link can go to
	Beside  bool           `json:",omitempty"` // an authenticator of a directory works on
	Ref     bridge.DoneRef // for recovery codes
}

// Life limits of a person's session, held by the server (SES-04).
const (
	idleLife     = 15 * time.Minute
	absoluteLife = 60 * time.Minute
	deskLife     = 8 * time.Hour    // an operator's
	seenStep     = 30 * time.Second // how exactly idle time is kept
	formerLife   = bridge.DeskLife  // after the absolute end: the longest that a recovery stays open without another press
)

// alive reports whether the session may still be used.
func (s State) alive(now time.Time) bool {
	return now.Sub(s.Seen) < idleLife && now.Before(s.ends())
}

// idles is when the session ends if it is not used until then; zero: not before its absolute end.
func (s State) idles() time.Time {
	at := s.Seen.Add(idleLife)
	if !at.Before(s.ends()) {
		return time.Time{}
	}
	return at
}

// ends is the absolute end of the session.
func (s State) ends() time.Time {
	if s.Desk {
		return s.Started.Add(deskLife)
	}
	return s.Started.Add(absoluteLife)
}

// leaves is what remains of the session after its end by time; nil: nothing.
func (s State) leaves(now time.Time) *Former {
	f := s.Former
	if s.Person != "" && !s.Desk && !s.Settings {
		f = &Former{s.Person, s.SID, s.AuthTime, s.Holder, s.Recovery, s.ends().Add(formerLife)}
	}
	if f == nil || !now.Before(f.Until) {
		return nil
	}
	return f
}

// part is this browser's holder id, also when its sign-in has ended by time.
func (s State) part(now time.Time) string {
	if f := s.leaves(now); f != nil {
		return f.Holder
	}
	return ""
}

// viewer is the session as bridge.Next sees it.
func (s State) viewer() bridge.Viewer {
	if s.Desk || s.Settings { // a full sign-in is not one for a recovery
		return bridge.Viewer{LinkHash: s.Link}
	}
	return bridge.Viewer{
		Person: s.Person, Full: s.Full, SignedInAt: s.SignedInAt, AuthTime: s.AuthTime, Holder: s.Holder, Recovery: s.Recovery, LinkHash: s.Link,
	}
}

// Sessions is a gorilla Store that keeps one typed value per session on the server. Unknown ids are never adopted, ids are stored
// hashed, and a late save does not revive a session that was ended.
type Sessions struct {
	records SessionRecords
	seal    Sealer
	now     func() time.Time
}

const (
	cookieName = "__Host-otpbridge"
	stateKey   = "state"
	expiredKey = "expired" // the browser sent a cookie whose session is over
)

var errEnded = errors.New("the session was ended meanwhile")

// SessionRecords keeps sessions by the hash of their id.
type SessionRecords interface {
	bridge.Records[State]
	// Take removes a record that may be taken and returns it, to one caller only; ErrAbsent for everybody else. An error of may leaves the record.
	Take(ctx context.Context, key string, may func(State) error) (State, error)
}

// NewSessions returns a store of browser sessions. Every replica must have the same seal.
func NewSessions(records SessionRecords, seal Sealer, now func() time.Time) *Sessions {
	return &Sessions{records, seal, now}
}

// Get returns the request's session, the same one for every call in a request.
func (s *Sessions) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New returns the session of the cookie, or a new one when there is none that is known and alive. An error means that the store cannot
// tell: the session must not be used.
func (s *Sessions) New(r *http.Request, name string) (*sessions.Session, error) {
	sess := s.fresh(name)
	c, err := r.Cookie(name)
	if err != nil || c.Value == "" || len(c.Value) > maxCookie {
		return sess, nil
	}
	if strings.HasPrefix(c.Value, guestMark) {
		s.readGuest(sess, c.Value)
		return sess, nil
	}
	state, err := s.records.Get(r.Context(), bridge.Secret(c.Value).Hash())
	switch {
	case errors.Is(err, bridge.ErrAbsent):
		sess.Values[expiredKey] = true
		return sess, nil
	case err != nil:
		return sess, err
	case state.Moved != nil:
		sess.Values[expiredKey], sess.Values[movedKey] = true, *state.Moved
		return sess, nil
	case !state.alive(s.now()):
		sess.Values[expiredKey] = true
		if state, err = s.lapse(r.Context(), c.Value, state); err != nil || state.Former == nil {
			return sess, err
		}
	}
	sess.ID, sess.IsNew = c.Value, false
	sess.Values[stateKey] = &state
	return sess, nil
}

// lapse ends a session by time. With something left for its person's next sign-in, it goes on under its id as one in which nobody is signed in;
// many requests of one browser may find that out at once.
func (s *Sessions) lapse(ctx context.Context, id string, state State) (State, error) {
	now := s.now()
	if state.leaves(now) == nil {
		return State{}, s.records.Delete(ctx, bridge.Secret(id).Hash())
	}
	next := State{CSRF: bridge.NewToken().Reveal(), Started: now, Seen: now}
	state, err := s.records.Update(ctx, bridge.Secret(id).Hash(), s.ttl(state), func(old State, found bool) (State, error) {
		if !found {
			return old, errEnded
		}
		if old.alive(now) {
			return old, nil
		}
		next.Former = old.leaves(now)
		return next, nil
	})
	if errors.Is(err, errEnded) {
		return State{}, nil
	}
	return state, err
}

func (s *Sessions) fresh(name string) *sessions.Session {
	sess := sessions.NewSession(s, name)
	sess.Options = &sessions.Options{Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	sess.IsNew = true
	now := s.now()
	sess.Values[stateKey] = &State{CSRF: bridge.NewToken().Reveal(), Started: now, Seen: now}
	return sess
}

// Save marks the session as seen, or ends it. What is stored is changed by Change and Keep only.
func (s *Sessions) Save(r *http.Request, w http.ResponseWriter, sess *sessions.Session) error {
	switch {
	case sess.Options.MaxAge < 0:
		return s.end(r.Context(), w, sess)
	case sess.ID != "":
		return s.Change(r.Context(), sess, func(*State) error { return nil })
	}
	return s.writeGuest(w, sess)
}

// Keep is Change for what a guest may do: the session is stored from then on.
func (s *Sessions) Keep(r *http.Request, w http.ResponseWriter, sess *sessions.Session, f func(*State) error) error {
	err := s.Change(r.Context(), sess, f)
	if err != nil || sess.ID != "" {
		return err
	}
	return s.store(r, w, sess, bridge.NewToken())
}

// store stores the session in hand under a new id and sets the cookie.
func (s *Sessions) store(r *http.Request, w http.ResponseWriter, sess *sessions.Session, id bridge.Secret) error {
	state := stateOf(sess)
	_, err := s.records.Update(r.Context(), id.Hash(), s.ttl(*state), func(old State, found bool) (State, error) {
		if found {
			return old, errors.New("a new session id is taken")
		}
		return *state, nil
	})
	if err != nil {
		return err
	}
	sess.ID, sess.IsNew = id.Reveal(), false
	http.SetCookie(w, sessions.NewCookie(sess.Name(), sess.ID, sess.Options))
	return nil
}

// ttl is how long the store keeps the record without another visit.
func (s *Sessions) ttl(state State) time.Duration {
	now := s.now()
	keep := min(idleLife, state.ends().Sub(now))
	if f := state.leaves(now); f != nil {
		keep = f.Until.Sub(now)
	}
	return max(time.Second, keep)
}

// end deletes the session and expires the cookie: that first, so that a browser is left signed out though the store is away.
func (s *Sessions) end(ctx context.Context, w http.ResponseWriter, sess *sessions.Session) error {
	http.SetCookie(w, sessions.NewCookie(sess.Name(), "", sess.Options))
	if sess.ID == "" {
		return nil
	}
	return s.records.Delete(ctx, bridge.Secret(sess.ID).Hash())
}

// Change applies f to the stored session atomically and to the one in hand. f must be pure. A session that was ended meanwhile stays
// ended: the error is CodeAbsent. A guest's is changed in hand.
func (s *Sessions) Change(ctx context.Context, sess *sessions.Session, f func(*State) error) error {
	if sess.ID == "" {
		return f(stateOf(sess))
	}
	now := s.now()
	state, err := s.records.Update(ctx, bridge.Secret(sess.ID).Hash(), s.ttl(*stateOf(sess)), func(old State, found bool) (State, error) {
		if !found || !old.alive(now) {
			return old, bridge.Fault(bridge.CodeAbsent, "session", errEnded)
		}
		old.Seen = now
		return old, f(&old)
	})
	if err != nil {
		return err
	}
	sess.Values[stateKey] = &state
	return nil
}

// Rotate ends the session and begins another one with a new id, whose state f makes from the old one as it is stored now. The old id is dead
// before the new one lives, and one that was ended meanwhile, by a sign-out in another tab, leads to none: the error is CodeAbsent.
func (s *Sessions) Rotate(r *http.Request, w http.ResponseWriter, sess *sessions.Session, f func(old State) State) error {
	old := *stateOf(sess)
	if sess.ID != "" {
		var err error
		if old, err = s.remove(r.Context(), sess.ID); err != nil {
			return err
		}
	}
	state := f(old)
	state.CSRF = bridge.NewToken().Reveal()
	state.Started, state.Seen = s.now(), s.now()
	sess.ID = ""
	sess.Values[stateKey] = &state
	return s.store(r, w, sess, bridge.NewToken())
}

// remove is take for a session that leaves nothing.
func (s *Sessions) remove(ctx context.Context, id string) (State, error) {
	old, err := s.records.Take(ctx, bridge.Secret(id).Hash(), func(stored State) error {
		if !stored.alive(s.now()) {
			return bridge.ErrAbsent
		}
		return nil
	})
	if errors.Is(err, bridge.ErrAbsent) {
		err = bridge.Fault(bridge.CodeAbsent, "session", errEnded)
	}
	return old, err
}

// take ends a session that is alive and returns what it was: of two who take or end it, one does. What it leaves under its id is of no time, so that
// nobody goes on with it.
func (s *Sessions) take(ctx context.Context, id string, leaves State, ttl time.Duration) (old State, err error) {
	_, err = s.records.Update(ctx, bridge.Secret(id).Hash(), ttl, func(stored State, found bool) (State, error) {
		if !found || !stored.alive(s.now()) {
			return stored, bridge.Fault(bridge.CodeAbsent, "session", errEnded)
		}
		old = stored
		return leaves, nil
	})
	return old, err
}

// stateOf returns the typed value of a session of this store.
func stateOf(sess *sessions.Session) *State {
	state, ok := sess.Values[stateKey].(*State)
	if !ok {
		panic("web: a session of another store")
	}
	return state
}
