package keycloak

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"otpbridge/bridge"
)

// Types of events. An unknown type in a query is answered with an error, so only those stand here that every supported version knows.
var (
	historyTypes = []string{"UPDATE_EMAIL", "UPDATE_PROFILE", "UPDATE_PASSWORD", "RESET_PASSWORD", "UPDATE_CREDENTIAL"}
	watchedTypes = []string{
		"LOGIN", "UPDATE_CREDENTIAL", "UPDATE_PASSWORD", "UPDATE_PROFILE", "UPDATE_EMAIL", "UPDATE_TOTP", "REMOVE_CREDENTIAL", "REMOVE_TOTP",
	}
	mailedTypes = []string{"SEND_RESET_PASSWORD"}
	// failedTypes is what wrong codes are saved as, brokeredTypes is that of who came by an identity provider: at the sign-in, and at the first one.
	failedTypes   = []string{"LOGIN_ERROR"}
	brokeredTypes = []string{"IDENTITY_PROVIDER_POST_LOGIN_ERROR", "IDENTITY_PROVIDER_FIRST_LOGIN_ERROR"}
)

const (
	eventPage  = 1000
	eventPages = 50
)

// savedEvent is Keycloak's EventRepresentation.
type savedEvent struct {
	ID        string            `json:"id"`
	Time      int64             `json:"time"` // milliseconds
	Type      string            `json:"type"`
	UserID    string            `json:"userId"`
	SessionID string            `json:"sessionId"`
	Details   map[string]string `json:"details"`
}

func (e savedEvent) at() time.Time { return time.UnixMilli(e.Time).UTC() }

// passwordWas reports whether the event is about a password that changed.
func (e savedEvent) passwordWas() bool {
	return e.Type == "UPDATE_PASSWORD" || e.Type == "RESET_PASSWORD" ||
		(e.Type == "UPDATE_CREDENTIAL" && e.Details["credential_type"] == bridge.TypePassword)
}

// addressWas reports whether the event is about an e-mail address that changed.
func (e savedEvent) addressWas() bool {
	_, from := e.Details["previous_email"]
	_, to := e.Details["updated_email"]
	return e.Type == "UPDATE_EMAIL" || (e.Type == "UPDATE_PROFILE" && (from || to))
}

// History implements bridge.Accounts. Of the wrong codes those of the last bridge.WrongCodeSpan count, however long ago since is, and no
// more than bridge.MaxWrongCodes are looked for.
func (c *Client) History(ctx context.Context, person string, since time.Time) (bridge.History, error) {
	const op = "read history"
	if person == "" { // would be everybody's
		return bridge.History{}, bridge.Fault(bridge.CodeGone, op, errPath)
	}
	events, err := c.events(ctx, op, since, url.Values{"user": {person}, "type": historyTypes})
	if err != nil {
		return bridge.History{}, unreadable(op, err)
	}
	var h bridge.History
	for _, e := range events {
		switch {
		case e.UserID != person:
		case e.passwordWas() && e.at().After(h.PasswordReset):
			h.PasswordReset = e.at()
		case e.addressWas() && e.at().After(h.AddressChanged):
			h.AddressChanged = e.at()
		}
	}
	if counted := c.ServerNow().Add(-bridge.WrongCodeSpan); since.Before(counted) {
		since = counted
	}
	h.WrongCodes, err = c.wrongCodes(ctx, person, since)
	return h, unreadable(op, err)
}

// unreadable is the fault of events that were not read: CodeRealmUnsafe when Keycloak will not show them, CodeWrongCodes when there are too
// many of one person.
func unreadable(op string, err error) error {
	if bridge.CodeOf(err) == bridge.CodeWrongCodes {
		return err
	}
	if status(err) == http.StatusForbidden {
		return bridge.Fault(bridge.CodeRealmUnsafe, op, err)
	}
	return away(op, err)
}

func sinceFilter(since time.Time, filter url.Values) url.Values {
	filter.Set("dateFrom", strconv.FormatInt(since.UnixMilli(), 10))
	filter.Set("max", strconv.Itoa(eventPage))
	return filter
}

// eventPage reads one page of saved events; the newest page is the first, unless the filter says another direction.
func (c *Client) eventPage(ctx context.Context, op string, page int, filter url.Values) (got []savedEvent, err error) {
	k := get(op, &got, "events")
	filter.Set("first", strconv.Itoa(page*eventPage))
	k.query = filter
	err = c.do(ctx, k)
	return got, err
}

// Events returns the sign-ins at the login client since a time, and the changes that people made to their accounts there, oldest first.
func (c *Client) Events(ctx context.Context, since time.Time) ([]bridge.Event, error) {
	const op = "read sign-ins"
	saved, err := c.watched(ctx, since)
	if err != nil {
		return nil, away(op, err)
	}
	out := make([]bridge.Event, 0, len(saved))
	for _, e := range saved {
		out = append(out, e.event())
	}
	return out, nil
}

func (e savedEvent) event() bridge.Event {
	credential := e.Details["credential_id"]
	if credential == "" {
		credential = e.Details["selected_credential_id"]
	}
	return bridge.Event{ID: e.ID, Type: e.Type, Person: e.UserID, SessionID: e.SessionID, Credential: credential, Time: e.at()}
}

func (c *Client) watched(ctx context.Context, since time.Time) ([]savedEvent, error) {
	return c.events(ctx, "read sign-ins", since, url.Values{"client": {c.cfg.LoginClient}, "type": watchedTypes})
}

// events reads all saved events since a time, oldest first, each once. The newest page comes first: what is saved meanwhile moves the
// others back, so an event may be seen twice and none is missed.
func (c *Client) events(ctx context.Context, op string, since time.Time, filter url.Values) ([]savedEvent, error) {
	sinceFilter(since, filter)
	seen := map[string]bool{}
	var all []savedEvent
	for page := range eventPages {
		got, err := c.eventPage(ctx, op, page, filter)
		if err != nil {
			return nil, err
		}
		for _, e := range got {
			if !seen[e.ID] && !e.at().Before(since.Truncate(time.Millisecond)) {
				seen[e.ID] = true
				all = append(all, e)
			}
		}
		if len(got) < eventPage {
			slices.SortStableFunc(all, func(a, b savedEvent) int { return int(a.Time - b.Time) })
			return all, nil
		}
	}
	return nil, bridge.Fault(bridge.CodeWrongCodes, op, errors.New("too many events to be read"))
}
