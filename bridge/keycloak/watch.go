package keycloak

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"otpbridge/bridge"
)

const (
	// WatchEvery is how often the sign-in events are read while a gate is open.
	WatchEvery = 2 * time.Second
	// watchAlways is how often they are read when none is: what is made behind a mailed link needs no gate.
	watchAlways = 10 * time.Second
	// watchTail is how long events are read at the quicker pace after the last gate was open: a page of Keycloak's sign-in may stay open that long. It is how
	// long an answer is tried, too.
	watchTail = 30 * time.Minute
	// watchBack is how far the first look goes back, over what happened while no process ran, and any look at most while all is answered.
	watchBack = time.Hour
	// watchOverlap is how far each reading goes back behind the last event seen: events appear when their transaction ends.
	watchOverlap = 15 * time.Second
	// madeWithin is how far before its event a credential was made that the event does not name.
	madeWithin = 2 * time.Second
)

// WatchConfig is what a Watch needs.
type WatchConfig struct {
	Gate *RealmGate
	// Alarm is told once of each event that never happens rightly, as it is answered; nil = nobody.
	Alarm func(ctx context.Context, e bridge.Event)
}

// Watch reads the events of the login client, quicker while a gate is open: the first LOGIN shuts a person's gate, and a change of an account in the
// midst of our sign-in, or behind a mailed link at our client, which never happens rightly but for a password that was forgotten, is undone as far as it can be.
// Each replica runs one; all they do may be done twice.
type Watch struct {
	gate   *RealmGate
	client *Client
	alarm  func(ctx context.Context, e bridge.Event)

	// Only Poll, one at a time, touches these.
	busyUntil time.Time
	looked    time.Time            // when events were read last, or could not be
	cursor    time.Time            // of the last event that was answered; zero before the first look
	seen      map[string]time.Time // ids answered already
	failing   map[string]time.Time // ids whose answer failed, and since when
}

// NewWatch makes a watch that looks at what happened from an hour ago on.
func NewWatch(cfg WatchConfig) *Watch {
	w := &Watch{gate: cfg.Gate, client: cfg.Gate.cfg.Client, alarm: cfg.Alarm, seen: map[string]time.Time{}, failing: map[string]time.Time{}}
	if w.alarm == nil {
		w.alarm = func(context.Context, bridge.Event) {}
	}
	return w
}

// Run polls at every tick until ctx ends. A poll that fails is logged; the next one makes up for it.
func (w *Watch) Run(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		if err := w.Poll(ctx); err != nil && ctx.Err() == nil {
			w.gate.log.ErrorContext(ctx, "gate: sign-in events", "err", err)
		}
	}
}

// Poll reads and answers the events since the last one that was answered, if a gate is or was lately open, or the last look is long enough ago. It is for one
// caller at a time.
func (w *Watch) Poll(ctx context.Context) error {
	open, err := w.gate.cfg.Open(ctx)
	if err != nil {
		return fmt.Errorf("watch gates: %w", err)
	}
	now := w.client.ServerNow()
	if len(open) > 0 {
		w.busyUntil = now.Add(watchTail)
	}
	if rested := now.Sub(w.looked); now.After(w.busyUntil) && rested >= 0 && rested < watchAlways {
		return nil
	}
	w.looked = now
	if w.cursor.IsZero() || w.cursor.After(now.Add(watchOverlap)) { // the first look, or one clock or the other was set back
		w.cursor = now.Add(-watchBack)
	}
	events, err := w.client.watched(ctx, w.cursor.Add(-watchOverlap))
	if err != nil {
		return away("watch gates", err)
	}
	return w.answerAll(ctx, events, now)
}

// answerAll answers new events in their order. The cursor stops before the first one that could not be answered, and is to be tried again.
func (w *Watch) answerAll(ctx context.Context, events []savedEvent, now time.Time) error {
	var faults []error
	stays := false
	for _, e := range events {
		if _, done := w.seen[e.ID]; !done {
			if err := w.answer(ctx, e); err != nil {
				faults = append(faults, err)
				if w.goesOn(e, now) {
					stays = true
					continue
				}
			}
			w.seen[e.ID] = e.at()
			delete(w.failing, e.ID)
		}
		if !stays && e.at().After(w.cursor) {
			w.cursor = e.at()
		}
	}
	if back := now.Add(-watchBack); !stays && w.cursor.Before(back) { // however long nothing happens
		w.cursor = back
	}
	for id, at := range w.seen {
		if at.Before(w.cursor.Add(-2 * watchOverlap)) {
			delete(w.seen, id)
		}
	}
	return errors.Join(faults...)
}

// goesOn reports whether an event whose answer failed is answered again: for half an hour from the first time on.
func (w *Watch) goesOn(e savedEvent, now time.Time) bool {
	since, before := w.failing[e.ID]
	if !before {
		w.failing[e.ID] = now
		return true
	}
	if now.Sub(since) < watchTail {
		return true
	}
	w.gate.log.Error("gate: an event could not be answered for half an hour, and is left", "event", e.Type, "person", e.UserID)
	return false
}

func (w *Watch) answer(ctx context.Context, e savedEvent) error {
	if e.UserID == "" {
		return nil
	}
	record, err := w.gate.read(ctx, e.UserID)
	if err != nil {
		return err
	}
	if e.Type != "LOGIN" || e.setOnTheWay() {
		return w.changed(ctx, e, record)
	}
	for _, l := range record.Leases {
		if !l.Opened.After(e.at()) {
			return w.gate.shutAt(ctx, e.UserID, e.at())
		}
	}
	return nil
}

// changed answers an event of an account that was changed.
func (w *Watch) changed(ctx context.Context, e savedEvent, record GateRecord) error {
	if slices.Contains(record.Alarms, e.ID) {
		return nil
	}
	open := !e.at().After(record.Until.Add(watchTail)) // a gate of this person was, so that the password alone may have sufficed
	mails, err := w.mails(ctx, e)
	link := e.behindLink(mails)
	switch {
	case err != nil && open: // it is asked again; what holds in both cases is done meanwhile
		return errors.Join(err, w.gate.Shut(ctx, e.UserID))
	case err != nil:
		return err
	case !open && (link == noLink || e.Type == "LOGIN" || e.passwordWas()): // a full sign-in, in which people may change their account, or a password that was forgotten
		w.gate.log.InfoContext(ctx, "gate: an account was changed within a full sign-in, or a password by a mailed link", "event", e.Type, "person", e.UserID)
		return nil
	case e.passwordWas() && len(mails) > 0:
		return w.letGo(ctx, e)
	default:
		return w.raise(ctx, alarm{savedEvent: e, link: link, own: e.mayHaveWaited(link, open)}, record.Told)
	}
}

// What is done once about an event that never happens rightly: GateRecord.Told holds the event's id, when it is on record, and with these behind it.
const (
	gatesShut     = "/gates"
	sessionsEnded = "/sessions"
)

// alarm is an event that never happens rightly.
type alarm struct {
	savedEvent
	link link
	own  bool // it may have waited for the person: nobody else's gate is shut for it
}

// raise answers an event that never happens rightly: every gate is shut, or the person's own; the person's sessions end, the credential that was made goes.
// Steps that fail hold up neither the others nor the alarm, and are repeated at the next poll until they are done. told is what was done before.
func (w *Watch) raise(ctx context.Context, e alarm, told []string) error {
	first := !slices.Contains(told, e.ID)
	if first {
		w.gate.log.ErrorContext(ctx, "ALARM: an account was changed in the midst of a sign-in that needs no second factor", "event", e.Type, "person", e.UserID, "link", string(e.link))
	}
	removed, err := w.removeMade(ctx, e.savedEvent)
	faults, done, left := []error{err}, []string{e.ID}, []string{}
	once := func(step string, again bool, do func() error) {
		if slices.Contains(told, e.ID+step) && !again {
			return
		}
		if err := do(); err != nil {
			faults, left = append(faults, err), append(left, e.ID+step)
			return
		}
		done = append(done, e.ID+step)
	}
	once(sessionsEnded, len(removed) > 0, func() error {
		return unlessGone(w.client.Do(ctx, e.UserID, bridge.Action{Kind: bridge.ActionEndSessions}))
	})
	once(gatesShut, false, func() error {
		if e.own {
			return w.gate.Shut(ctx, e.UserID)
		}
		return w.shutAll(ctx, e.UserID)
	})
	fault := errors.Join(faults...)
	_, err = w.gate.change(ctx, e.UserID, func(r GateRecord) GateRecord {
		first = !slices.Contains(r.Told, e.ID)
		r.Told = append(slices.DeleteFunc(slices.Clone(r.Told), func(step string) bool { return slices.Contains(done, step) || slices.Contains(left, step) }), done...)
		if fault == nil && !slices.Contains(r.Alarms, e.ID) {
			r.Alarms = append(slices.Clone(r.Alarms), e.ID)
		}
		return r
	})
	if err != nil {
		return errors.Join(fault, err)
	}
	w.tell(ctx, e, first, removed)
	if fault != nil {
		return fmt.Errorf("watch gates: answer %s: %w", e.Type, fault)
	}
	return nil
}

// tell puts an alarm on record, the first of all replicas, and what was removed about it later.
func (w *Watch) tell(ctx context.Context, e alarm, first bool, removed []string) {
	name, detail := "gate.alarm", map[string]string{"event": e.Type, "event_id": e.ID}
	if e.own {
		name = "gate.undone"
	}
	if e.link != noLink {
		detail["link"] = string(e.link)
	}
	if first || len(removed) > 0 {
		w.gate.record(ctx, bridge.AuditEvent{
			Event: name, Outcome: "failed", Actor: "system", Target: e.UserID, Code: bridge.CodeRealmUnsafe, Removed: removed, Detail: detail,
		})
	}
	if first {
		w.alarm(ctx, e.event())
	}
}

// removeMade removes the credential that the event names. An event about a new authenticator does not name it (26.7): it is the one of that
// type made at that moment. A password that was set is left: without it the person could not even sign in to be helped.
func (w *Watch) removeMade(ctx context.Context, e savedEvent) (removed []string, err error) {
	kind, named := e.Details["credential_type"], e.Details["credential_id"]
	if kind == bridge.TypePassword || e.passwordWas() || kind == "" && named == "" {
		return nil, nil
	}
	seen, err := w.client.Credentials(ctx, e.UserID)
	if err != nil {
		return nil, unlessGone(err)
	}
	var ids []string
	for _, c := range seen {
		made := e.at().Sub(c.Created)
		if c.ID == named || named == "" && c.Type == kind && made >= 0 && made <= madeWithin {
			ids = append(ids, c.ID)
		}
	}
	for _, id := range ids {
		if err := w.client.Do(ctx, e.UserID, bridge.Action{Kind: bridge.ActionRemove, Credential: id}); err != nil {
			return removed, unlessGone(err)
		}
		removed = append(removed, id)
	}
	return removed, nil
}

// shutAll shuts the gate of everybody who may have one open.
func (w *Watch) shutAll(ctx context.Context, person string) error {
	open, err := w.gate.cfg.Open(ctx)
	faults := []error{err}
	if !slices.Contains(open, person) {
		open = append(open, person)
	}
	for _, p := range open {
		faults = append(faults, w.gate.Shut(ctx, p))
	}
	return errors.Join(faults...)
}

// unlessGone drops the error that will not go away: Keycloak has no such person any more.
func unlessGone(err error) error {
	if bridge.CodeOf(err) == bridge.CodeGone {
		return nil
	}
	return err
}
