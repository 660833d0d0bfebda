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

// forgotten reports whether an event tells of a password that was set after Keycloak had mailed a link for that to this person, at our client.
func (w *Watch) forgotten(ctx context.Context, e savedEvent) (bool, error) {
	if !e.passwordWas() {
		return false, nil
	}
	filter := url.Values{"client": {w.client.cfg.LoginClient}, "user": {e.UserID}, "type": mailedTypes}
	mails, err := w.client.eventPage(ctx, "read mailed links", 0, sinceFilter(e.at().Add(-mailedFor), filter))
	if err != nil {
		return false, away("watch gates", err)
	}
	return slices.ContainsFunc(mails, func(m savedEvent) bool { return m.UserID == e.UserID && !m.at().After(e.at()) }), nil
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
