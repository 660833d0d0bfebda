package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"otpbridge/bridge"
)

// Moved is left under the earlier id of a session that goes on under another one. It opens nothing: the other id is not in it.
type Moved struct {
	To string // key of the record that goes on
	By string // hash of the link that was opened
}

const (
	movedKey  = "moved"                       // what the cookie's session left
	movedLife = prepareLimit + 10*time.Second // what a press found out comes by then
)

var errMoved = errors.New("the session goes on under another id")

// Renew changes a stored session and goes on with it under another id, because a link was opened: whoever knows the id of before, because they planted or
// copied it, is left behind. Form token and life stay, for the browser's other pages.
func (s *Sessions) Renew(r *http.Request, w http.ResponseWriter, sess *sessions.Session, link string, f func(*State)) error {
	id := bridge.NewToken()
	state, err := s.take(r.Context(), sess.ID, State{Moved: &Moved{To: id.Hash(), By: link}}, movedLife)
	if err != nil {
		return err
	}
	f(&state)
	state.Seen = s.now()
	sess.Values[stateKey] = &state
	return s.store(r, w, sess, id)
}

// changeByID applies f to the stored session with this id, whatever its id is by now, without a request of its own: it does not count as a visit.
func (s *Sessions) changeByID(ctx context.Context, id string, f func(*State) error) error {
	key := bridge.Secret(id).Hash()
	for {
		state, err := s.records.Get(ctx, key)
		if err != nil {
			return err
		}
		if state.Moved != nil {
			key = state.Moved.To
			continue
		}
		_, err = s.records.Update(ctx, key, s.ttl(state), func(old State, found bool) (State, error) {
			switch {
			case found && old.Moved != nil:
				return old, errMoved
			case !found || !old.alive(s.now()):
				return old, bridge.Fault(bridge.CodeAbsent, "session", errEnded)
			}
			return old, f(&old)
		})
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}
