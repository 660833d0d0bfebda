package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"otpbridge/bridge"
)

// Sweep compares the gate group with the records: a member without a live lease is taken out, somebody with a live lease who is no member
// is put in. It is run every minute. A member whose record cannot be read is left alone and reported; the others are swept all the same.
func (g *RealmGate) Sweep(ctx context.Context) error {
	expected, err := g.cfg.Open(ctx)
	if err != nil {
		return fmt.Errorf("sweep gate: %w", err)
	}
	members, err := g.members(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, person := range members {
		if err := g.sweepMember(ctx, person); err != nil {
			faults = append(faults, fmt.Errorf("sweep gate: member %s: %w", person, err))
		}
	}
	for _, person := range expected {
		if slices.Contains(members, person) {
			continue
		}
		if err := g.sweepAbsent(ctx, person); err != nil {
			faults = append(faults, fmt.Errorf("sweep gate: %s: %w", person, err))
		}
	}
	return errors.Join(faults...)
}

// Check counts the members without a live lease. Sweep takes them out; somebody who stays is put in again by somebody else.
func (g *RealmGate) Check() bridge.Check {
	return bridge.Check{Name: "gate-members", Run: func(ctx context.Context) ([]bridge.Finding, error) {
		members, err := g.members(ctx)
		if err != nil {
			return nil, err
		}
		without := 0
		for _, person := range members {
			record, err := g.read(ctx, person)
			if err != nil {
				return nil, err
			}
			if !record.live(g.cfg.Now()) {
				without++
			}
		}
		if without == 0 {
			return nil, nil
		}
		return []bridge.Finding{bridge.Found(bridge.FindGateMembers, "", "count", strconv.Itoa(without))}, nil
	}}
}

func (g *RealmGate) sweepMember(ctx context.Context, person string) error {
	record, err := g.read(ctx, person)
	if err != nil || record.live(g.cfg.Now()) {
		return err
	}
	if _, err := g.settle(ctx, person); err != nil {
		return err
	}
	g.log.WarnContext(ctx, "gate: a member without a lease was taken out", "person", person)
	g.record(ctx, bridge.AuditEvent{
		Event: "gate.shut", Outcome: "ok", Actor: "system", Target: person, Detail: map[string]string{"reason": "swept"},
	})
	return nil
}

// sweepAbsent puts somebody in whose lease lives.
func (g *RealmGate) sweepAbsent(ctx context.Context, person string) error {
	record, err := g.read(ctx, person)
	if err != nil || !record.live(g.cfg.Now()) {
		return err
	}
	g.log.WarnContext(ctx, "gate: a lease without membership was repaired", "person", person)
	_, err = g.settle(ctx, person)
	return err
}

func pageOf(first, size int) url.Values {
	return url.Values{"first": {strconv.Itoa(first)}, "max": {strconv.Itoa(size)}, "briefRepresentation": {"true"}}
}
