package keycloak

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"otpbridge/bridge"
)

const (
	// maxGateLife is the longest that a lease may live.
	maxGateLife = 3 * time.Minute
	// recordLife is how long a person's record is kept after it was last written: as long as an alarm must not be raised again.
	recordLife = 24 * time.Hour
	// settleRounds bounds how often one caller repairs what others changed meanwhile.
	settleRounds = 8
	// cleanupLimit bounds what is done after the caller has given up.
	cleanupLimit = 10 * time.Second
)

// GateRecord is what is known of one person's gate, by user id. It is the truth; membership in the gate group follows it.
type GateRecord struct {
	V      int // version of this record
	Leases map[string]GateLease
	Alarms []string `json:",omitempty"` // ids of events that were answered
	Told   []string `json:",omitempty"` // and of those that are on record, answered or not; with what was done about them
	// Until is the end of the latest lease there was, returned or not.
	Until time.Time `json:",omitzero"`
}

// GateRecordVersion is the version of the stored record.
const GateRecordVersion = 1

// GateLease is one browser's claim on the open gate.
type GateLease struct {
	Opened  time.Time // on Keycloak's clock: events after this belong to it
	Expires time.Time
}

// live reports whether any lease lives at now.
func (r GateRecord) live(now time.Time) bool { return r.last().After(now) }

// last is when the last lease ends.
func (r GateRecord) last() time.Time {
	var last time.Time
	for _, l := range r.Leases {
		if l.Expires.After(last) {
			last = l.Expires
		}
	}
	return last
}

// keep returns a copy with those leases that keep says yes to. The record it is called on stays as it is: changes of records are pure.
func (r GateRecord) keep(keep func(id string, l GateLease) bool) GateRecord {
	out := GateRecord{V: GateRecordVersion, Leases: map[string]GateLease{}, Alarms: r.Alarms, Told: r.Told, Until: r.Until}
	for id, l := range r.Leases {
		if keep(id, l) {
			out.Leases[id] = l
		}
	}
	return out
}

// GateConfig is what a RealmGate needs.
type GateConfig struct {
	Client  *Client
	GroupID string // of the gate group
	Leases  bridge.Records[GateRecord]
	Jobs    bridge.Jobs
	// Open lists the persons who have a gate job: every live lease has one. It may list more.
	Open  func(ctx context.Context) ([]string, error)
	Audit bridge.Audit
	Now   func() time.Time
	Life  time.Duration // of a lease; 0, or more than three minutes = three minutes
	Log   *slog.Logger  // nil discards
}

// RealmGate is bridge.Gate on a Keycloak group. It is safe for concurrent use, by several processes on one store too: each of them
// changes the record first, makes membership follow, looks at the record again, and repairs until the two agree.
type RealmGate struct {
	cfg GateConfig
	log *slog.Logger
}

var _ bridge.Gate = (*RealmGate)(nil)

// NewGate checks the configuration; it makes no call.
func NewGate(cfg GateConfig) (*RealmGate, error) {
	if cfg.Client == nil || cfg.GroupID == "" || cfg.Leases == nil || cfg.Jobs == nil || cfg.Open == nil || cfg.Audit == nil || cfg.Now == nil {
		return nil, errors.New("keycloak: gate: a part of the configuration is missing")
	}
	if cfg.Life <= 0 || cfg.Life > maxGateLife {
		cfg.Life = maxGateLife
	}
	g := &RealmGate{cfg: cfg, log: cfg.Log}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	return g, nil
}

// Open implements bridge.Gate. The job and the lease are stored before the membership; when it cannot be had, the lease is taken back.
// CodeGone: no such person, or one whom we may not put into the group. CodeNotAllowed: one whom Keycloak puts into none.
func (g *RealmGate) Open(ctx context.Context, person string) (lease string, err error) {
	const op = "open gate"
	if person == "" {
		return "", bridge.Fault(bridge.CodeGone, op, errPath)
	}
	lease = bridge.NewUUID()
	expires := g.cfg.Now().Add(g.cfg.Life)
	if err := g.cfg.Audit.Record(ctx, bridge.AuditEvent{Event: "gate.opened", Outcome: "ok", Target: person}); err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	if err := g.cfg.Jobs.Add(ctx, bridge.Job{Kind: bridge.JobGate, ID: person, At: expires}); err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	opened := GateLease{Opened: g.cfg.Client.ServerNow(), Expires: expires}
	_, err = g.change(ctx, person, func(r GateRecord) GateRecord {
		r.Leases[lease] = opened
		if expires.After(r.Until) {
			r.Until = expires
		}
		return r
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	record, err := g.settle(ctx, person)
	if err == nil {
		if _, ok := record.Leases[lease]; ok {
			return lease, nil
		}
		err = bridge.Fault(bridge.CodeKeycloakAway, op, errors.New("the gate was shut again meanwhile"))
	}
	g.takeBack(ctx, person, lease)
	return "", err
}

// takeBack undoes a lease whose gate could not be opened. What fails here is done by the job and by Sweep.
func (g *RealmGate) takeBack(ctx context.Context, person, lease string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupLimit)
	defer cancel()
	if err := g.End(ctx, person, lease); err != nil {
		g.log.WarnContext(ctx, "gate: a lease is left to its job", "person", person, "err", err)
	}
}

// End implements bridge.Gate.
func (g *RealmGate) End(ctx context.Context, person, lease string) error {
	return g.drop(ctx, person, "returned", func(id string, _ GateLease) bool { return id == lease })
}

// Shut implements bridge.Gate.
func (g *RealmGate) Shut(ctx context.Context, person string) error {
	return g.drop(ctx, person, "shut", func(string, GateLease) bool { return true })
}

// shutAt shuts the gate because of something that happened at a time; leases opened later live on.
func (g *RealmGate) shutAt(ctx context.Context, person string, at time.Time) error {
	return g.drop(ctx, person, "sign_in", func(_ string, l GateLease) bool { return !l.Opened.After(at) })
}

// Expire is the work of a JobGate: it takes away the leases whose time is up and shuts the gate after the last one. While others live, the
// job is added again for them.
func (g *RealmGate) Expire(ctx context.Context, person string) error {
	now := g.cfg.Now()
	err := g.drop(ctx, person, "expired", func(_ string, l GateLease) bool { return !l.Expires.After(now) })
	if err != nil {
		return err
	}
	record, err := g.read(ctx, person)
	if err != nil {
		return err
	}
	if !record.live(now) {
		return nil
	}
	job := bridge.Job{Kind: bridge.JobGate, ID: person, At: record.last()}
	if err := g.cfg.Jobs.Add(ctx, job); err != nil {
		return fmt.Errorf("gate: next expiry: %w", err)
	}
	return nil
}

// drop takes leases out of the record and makes membership follow. It does so too when the record has none: whoever asks for a shut gate
// gets one.
func (g *RealmGate) drop(ctx context.Context, person, why string, out func(id string, l GateLease) bool) error {
	if person == "" {
		return nil
	}
	dropped := false
	_, err := g.change(ctx, person, func(r GateRecord) GateRecord {
		left := r.keep(func(id string, l GateLease) bool { return !out(id, l) })
		dropped = len(left.Leases) < len(r.Leases)
		return left
	})
	if err != nil {
		return fmt.Errorf("shut gate: %w", err)
	}
	record, err := g.settle(ctx, person)
	if err != nil {
		return err
	}
	if dropped && !record.live(g.cfg.Now()) {
		g.record(ctx, bridge.AuditEvent{Event: "gate.shut", Outcome: "ok", Target: person, Detail: map[string]string{"reason": why}})
	}
	return nil
}

// change changes the record atomically. change gets a record of its own and must be pure.
func (g *RealmGate) change(ctx context.Context, person string, change func(GateRecord) GateRecord) (GateRecord, error) {
	return g.cfg.Leases.Update(ctx, person, recordLife, func(old GateRecord, _ bool) (GateRecord, error) {
		return change(old.keep(func(string, GateLease) bool { return true })), nil
	})
}

// read returns the record, an empty one when there is none.
func (g *RealmGate) read(ctx context.Context, person string) (GateRecord, error) {
	r, err := g.cfg.Leases.Get(ctx, person)
	if err != nil && !errors.Is(err, bridge.ErrAbsent) {
		return GateRecord{}, fmt.Errorf("gate: read leases: %w", err)
	}
	return r, nil
}

// settle makes membership follow the record and returns the record that it agreed with. Nothing is locked: whoever changes the record
// comes here afterwards, and whoever changed membership by an older record sees the newer one here and repairs. So the last one to change
// membership always agrees with the record.
func (g *RealmGate) settle(ctx context.Context, person string) (GateRecord, error) {
	record, err := g.read(ctx, person)
	for range settleRounds {
		if err != nil {
			return GateRecord{}, err
		}
		open := record.live(g.cfg.Now())
		if err := g.member(ctx, person, open); err != nil {
			return GateRecord{}, err
		}
		record, err = g.read(ctx, person)
		if err == nil && record.live(g.cfg.Now()) == open {
			return record, nil
		}
	}
	if err != nil {
		return GateRecord{}, err
	}
	return GateRecord{}, bridge.Fault(bridge.CodeKeycloakAway, "gate", errors.New("record and membership did not come to agree"))
}

// member puts the person into the gate group or takes the person out. Both may be repeated. A person who is gone is no member.
func (g *RealmGate) member(ctx context.Context, person string, in bool) error {
	k := call{op: "leave gate group", method: http.MethodDelete, path: []string{"users", person, "groups", g.cfg.GroupID}, repeat: true}
	if in {
		k.op, k.method = "join gate group", http.MethodPut
		return joinFault(k.op, person, g.cfg.Client.do(ctx, k))
	}
	err := g.cfg.Client.do(ctx, k)
	if status(err) == http.StatusNotFound {
		return nil
	}
	return away(k.op, err)
}

// joinFault is readFault for somebody who was to be put into the gate group. People of a directory that Keycloak does not import have ids that begin with
// "f:", and it answers 500 (measured; custom storages may take groups).
func joinFault(op, person string, err error) error {
	if strings.HasPrefix(person, "f:") && status(err) == http.StatusInternalServerError {
		return bridge.Fault(bridge.CodeNotAllowed, op, fmt.Errorf("people of a directory that is not imported are put into no group: %w", err))
	}
	return readFault(op, err)
}

// record writes an audit record of something that happened already; a failure cannot stop it any more.
func (g *RealmGate) record(ctx context.Context, e bridge.AuditEvent) {
	if err := g.cfg.Audit.Record(ctx, e); err != nil {
		g.log.ErrorContext(ctx, "gate: no audit record", "event", e.Event, "err", err)
	}
}

// members lists the ids of those in the gate group.
func (g *RealmGate) members(ctx context.Context) ([]string, error) {
	const op, page = "list gate group", 500
	var ids []string
	for first := 0; ; first += page {
		var got []user
		k := get(op, &got, "groups", g.cfg.GroupID, "members")
		k.query, k.slow = pageOf(first, page), true
		if err := g.cfg.Client.do(ctx, k); err != nil {
			return nil, away(op, err)
		}
		for _, u := range got {
			if !slices.Contains(ids, u.ID) {
				ids = append(ids, u.ID)
			}
		}
		if len(got) < page {
			return ids, nil
		}
	}
}
