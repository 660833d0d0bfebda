package keycloak

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"otpbridge/bridge"
)

const (
	// failedPatience is how long one look reads failed sign-ins; the next one goes on from there.
	failedPatience = 4 * time.Second
	// failedSettle is how late an event may still be saved: what is younger is read again by the next look.
	failedSettle = 30 * time.Second
	// twinApart is the most that lies between the two events that Keycloak saves of one wrong code behind an identity provider (measured: milliseconds).
	twinApart = time.Second
	// directGrant is what an event of a direct grant calls it (RFC 6749, 4.3); nothing here ever asks for one.
	directGrant = "password"
)

// failures remembers how far the failed sign-ins of people were read who have more of them than one page holds, so that each is read once.
// It saves work only: what is forgotten is read again.
type failures struct {
	mu sync.Mutex
	of map[string]failed
}

// failed is what was read of one person's failed sign-ins: all of them from one time up to another, and the wrong codes among them. Of a direct grant
// Keycloak does not say whether the password or the code was wrong.
type failed struct {
	from, upTo    time.Time
	codes, grants []wrong
}

// wrong is an event, or the two that Keycloak saves of one wrong code behind an identity provider.
type wrong struct {
	savedEvent

	twin string // id of the second one
}

// twins reports whether an event is the second one of this wrong code. Each wrong code has one at most, so that two at once are not taken for one.
func (w wrong) twins(e savedEvent) bool {
	same := func(detail string) bool { return w.Details[detail] == e.Details[detail] }
	return w.twin == "" && slices.Contains(brokeredTypes, e.Type) && w.Type == e.Type && same("code_id") && same("selected_credential_id") &&
		e.at().Sub(w.at()).Abs() <= twinApart
}

// resume returns what is known since a time.
func (f *failures) resume(person string, since time.Time) failed {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.of[person]
	if !ok || since.Before(known.from) || since.After(known.upTo) {
		return failed{from: since, upTo: since}
	}
	old := func(w wrong) bool { return !w.at().After(since) }
	return failed{
		from: since, upTo: known.upTo, codes: slices.DeleteFunc(slices.Clone(known.codes), old), grants: slices.DeleteFunc(slices.Clone(known.grants), old),
	}
}

// keep remembers what was read, no further than to where nothing can be saved any more, and forgets what has become too old to matter.
func (f *failures) keep(person string, r failed, settled time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, old := range f.of {
		if old.upTo.Before(r.from) {
			delete(f.of, id)
		}
	}
	if f.of == nil {
		f.of = map[string]failed{}
	}
	if r.upTo.After(settled) {
		r.upTo = settled
	}
	r.codes, r.grants = slices.Clone(r.codes), slices.Clone(r.grants)
	f.of[person] = r
}

// take adds the wrong codes of a page, each once. Pages begin with the last millisecond of the page before.
func (r *failed) take(page []savedEvent, person string) {
	for _, e := range page {
		if e.UserID != person || !e.at().After(r.from) {
			continue
		}
		switch {
		case e.Details["selected_credential_id"] != "":
			r.codes = withEvent(r.codes, e)
		case e.Details["grant_type"] == directGrant:
			r.grants = withEvent(r.grants, e)
		}
	}
}

// withEvent adds an event, if it is another one and there are not enough yet to decide; the newest are kept.
func withEvent(list []wrong, e savedEvent) []wrong {
	if slices.ContainsFunc(list, func(w wrong) bool { return w.ID == e.ID || w.twin == e.ID }) {
		return list
	}
	if i := slices.IndexFunc(list, func(w wrong) bool { return w.twins(e) }); i >= 0 {
		list[i].twin = e.ID
		return list
	}
	list = append(list, wrong{savedEvent: e})
	return list[max(0, len(list)-bridge.MaxWrongCodes):]
}

// wrongCodes counts the wrong second factors since a time, up to as many as matter. Fewer than those are never said before every failed
// sign-in since then was read, oldest first: Keycloak does not tell wrong codes from wrong passwords, which anybody can type by the
// thousands to bury them. CodeWrongCodes: there is more to read than one look has time for, and the next look goes on with it.
func (c *Client) wrongCodes(ctx context.Context, person string, since time.Time) (int, error) {
	const op = "count wrong codes"
	r, end := c.failures.resume(person, since), c.cfg.Now().Add(failedPatience)
	for {
		settled := c.ServerNow().Add(-failedSettle)
		got, err := c.eventPage(ctx, op, 0, sinceFilter(r.upTo, url.Values{"user": {person}, "type": slices.Concat(failedTypes, brokeredTypes), "direction": {"asc"}}))
		if err != nil {
			return 0, err
		}
		r.take(got, person)
		if len(r.codes) >= bridge.MaxWrongCodes {
			return len(r.codes), nil
		}
		if len(got) < eventPage {
			return c.withGrants(ctx, person, since, r)
		}
		last := got[len(got)-1].at()
		if !last.After(r.upTo) || !slices.IsSortedFunc(got, func(a, b savedEvent) int { return int(a.Time - b.Time) }) {
			return 0, bridge.Fault(bridge.CodeWrongCodes, op, errors.New("failed sign-ins do not come oldest first"))
		}
		r.upTo = last
		c.failures.keep(person, r, settled)
		if !c.cfg.Now().Before(end) {
			return 0, bridge.Fault(bridge.CodeWrongCodes, op, errors.New("too many failed sign-ins to be read at once"))
		}
	}
}

// withGrants counts the wrong codes of whose failed sign-ins all were read. Failed direct grants may be guesses at the code of somebody who has the password,
// or wrong passwords, which anybody can type. They count as wrong codes once the person has signed in with the password only as often as a recovery
// with a second try needs: each such sign-in sets Keycloak's own counter back, and without them that counter is enough.
func (c *Client) withGrants(ctx context.Context, person string, since time.Time, r failed) (int, error) {
	const op = "count sign-ins"
	if len(r.grants) < bridge.MaxWrongCodes {
		return len(r.codes), nil
	}
	signIns, err := c.events(ctx, op, since, url.Values{"user": {person}, "type": {"LOGIN"}, "client": {c.cfg.LoginClient}})
	if err != nil {
		return 0, err
	}
	if len(signIns) < bridge.MaxResets {
		return len(r.codes), nil
	}
	return bridge.MaxWrongCodes, nil
}
