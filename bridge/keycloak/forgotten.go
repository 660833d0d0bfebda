package keycloak

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"otpbridge/bridge"
)

// Where the realm resets passwords by mail, Keycloak's page that our client leads to offers that to everybody. The new password is then set at our client, too,
// without a sign-in, in whatever browser the mailed link was opened (there with another code_id; 26.7.4): only that a mail went to this person before tells it.

// mailedFor is how far before a new password its mail may have been sent: a link lives for five minutes, unless the realm says longer.
const mailedFor = 24 * time.Hour

// setOnTheWay reports whether a sign-in came straight from the page for a new password: behind a mailed link none does.
func (e savedEvent) setOnTheWay() bool {
	return e.Type == "LOGIN" && e.Details["custom_required_action"] == "UPDATE_PASSWORD"
}

// link is what the browser says in which something was changed, after a link for a new password had been mailed to its person at our client.
type link string

const (
	noLink      link = ""        // it was changed behind no mailed link, as far as can be told
	sameBrowser link = "same"    // in the browser that asked for the mail: what our client's key pushed there may follow the new password
	elsewhere   link = "another" // in another one: what was pushed does not follow there
)

// behindLink reports whether an event is about something done behind one of these mailed links. In the browser that asked for the mail the sign-in of before goes
// on. In any other Keycloak begins one of its own, which comes back to no address of ours (26.7.4).
func (e savedEvent) behindLink(mails []savedEvent) link {
	here := func(m savedEvent) bool {
		return m.Details["code_id"] != "" && m.Details["code_id"] == e.Details["code_id"]
	}
	ours := func(m savedEvent) bool { return m.Details["redirect_uri"] == e.Details["redirect_uri"] }
	switch {
	case slices.ContainsFunc(mails, here):
		return sameBrowser
	case len(mails) == 0 || slices.ContainsFunc(mails, ours):
		return noLink
	}
	return elsewhere
}

// mayHaveWaited reports whether an event may be about something that Keycloak demanded of its person, for which nobody needs our client's key, and which cannot be
// told from what was pushed (26.7.4): anything behind a mailed link, unless a gate of the person was open, since none opens while Keycloak demands something; and
// recovery codes, which it demands of whoever spends the last one, at any moment. To remove something Keycloak demands of nobody.
func (e savedEvent) mayHaveWaited(l link, open bool) bool {
	if e.Details["custom_required_action"] == "delete_credential" {
		return false
	}
	return l != noLink && !open || e.Details["credential_type"] == bridge.TypeRecoveryCodes
}

// mails are the links for a new password that Keycloak mailed to the person of an event, at our client, within the day before it.
func (w *Watch) mails(ctx context.Context, e savedEvent) ([]savedEvent, error) {
	filter := url.Values{"client": {w.client.cfg.LoginClient}, "user": {e.UserID}, "type": mailedTypes}
	mails, err := w.client.eventPage(ctx, "read mailed links", 0, sinceFilter(e.at().Add(-mailedFor), filter))
	if err != nil {
		return nil, away("watch gates", err)
	}
	return slices.DeleteFunc(mails, func(m savedEvent) bool { return m.UserID != e.UserID || m.at().After(e.at()) }), nil
}

// letGo answers a password that was forgotten: what was open of the person's own gate is shut, and their sessions end; nobody else is concerned.
func (w *Watch) letGo(ctx context.Context, e savedEvent) error {
	w.gate.log.InfoContext(ctx, "gate: a password was set by a mailed link", "event", e.Type, "person", e.UserID)
	err := errors.Join(
		w.gate.drop(ctx, e.UserID, "password", func(_ string, l GateLease) bool { return !l.Opened.After(e.at()) }),
		unlessGone(w.client.Do(ctx, e.UserID, bridge.Action{Kind: bridge.ActionEndSessions})),
	)
	if err != nil {
		return err
	}
	_, err = w.gate.change(ctx, e.UserID, func(r GateRecord) GateRecord {
		if !slices.Contains(r.Alarms, e.ID) {
			r.Alarms = append(slices.Clone(r.Alarms), e.ID)
		}
		return r
	})
	return err
}
