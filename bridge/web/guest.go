package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"otpbridge/bridge"
)

// guest is the session of a browser that has begun nothing here: it stands sealed in the cookie, so that a page which anybody may open
// stores nothing. It is no key to anything. What is worth storing gets an id of its own (Keep).
type guest struct {
	CSRF    string
	Started time.Time
	Seen    time.Time
	Link    string `json:",omitempty"`
	Veto    string `json:",omitempty"`
}

// Sealer closes what a browser keeps for the server; it opens under the same name only.
type Sealer interface {
	Seal(name string, plain []byte) []byte
	Open(name string, sealed []byte) ([]byte, error)
}

const (
	guestMark = "." // begins a guest's cookie, and no id
	guestSeal = "guest"
	maxCookie = 1024
)

// readGuest takes a guest's session out of the cookie. One that is over, or not of our making, counts as none.
func (s *Sessions) readGuest(sess *sessions.Session, cookie string) {
	var g guest
	sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(cookie, guestMark))
	if err == nil {
		sealed, err = s.seal.Open(guestSeal, sealed)
	}
	if err == nil {
		err = json.Unmarshal(sealed, &g)
	}
	state := State{CSRF: g.CSRF, Started: g.Started, Seen: g.Seen, Link: g.Link, Veto: g.Veto}
	if err != nil || !state.alive(s.now()) {
		sess.Values[expiredKey] = true
		return
	}
	sess.IsNew = false
	sess.Values[stateKey] = &state
}

// writeGuest gives the browser its guest's session, seen now.
func (s *Sessions) writeGuest(w http.ResponseWriter, sess *sessions.Session) error {
	state := stateOf(sess)
	state.Seen = s.now()
	plain, err := json.Marshal(guest{state.CSRF, state.Started, state.Seen, state.Link, state.Veto})
	if err != nil {
		return bridge.Fault(bridge.CodeInternal, "guest", err)
	}
	sess.IsNew = false
	http.SetCookie(w, sessions.NewCookie(sess.Name(), guestMark+base64.RawURLEncoding.EncodeToString(s.seal.Seal(guestSeal, plain)), sess.Options))
	return nil
}
