package service

import (
	"context"
	"errors"
	"strings"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
)

// doctorSaw is what the doctor saw with an administrator's client: while the store cannot be read, what it said last. What the store has lost is put back, as
// this process knows it or as the trail does: a loss mends nothing in the realm.
func (s *service) doctorSaw(ctx context.Context) doctor.Report {
	s.guard.mu.Lock()
	saw, recalled := s.guard.saw, s.guard.recalled
	s.guard.mu.Unlock()
	last, err := seen(s.store).Get(ctx, seenIn(s.cfg))
	switch {
	case err == nil:
		saw = last
	case !errors.Is(err, bridge.ErrAbsent):
		s.log.WarnContext(ctx, "realm guard: what the doctor saw cannot be read", "err", err)
	case len(saw.Results) > 0:
		s.putBack(ctx, saw)
	case !recalled:
		if saw, err = s.onRecord(ctx); err != nil {
			s.log.WarnContext(ctx, "realm guard: the audit trail cannot be read", "err", err)
		}
		recalled = err == nil
	}
	s.guard.mu.Lock()
	defer s.guard.mu.Unlock()
	s.guard.saw, s.guard.recalled = saw, recalled
	return saw
}

// putBack stores what the doctor saw once more, unless it has been run meanwhile.
func (s *service) putBack(ctx context.Context, saw doctor.Report) {
	_, err := seen(s.store).Update(ctx, seenIn(s.cfg), seenLife, func(now doctor.Report, found bool) (doctor.Report, error) {
		if found {
			return now, nil
		}
		return saw, nil
	})
	if err != nil {
		s.log.WarnContext(ctx, "realm guard: what the doctor saw cannot be put back", "err", err)
	}
}

// hidden are the checks that the service account has no rights for, by the deadly things that they find.
func hidden() map[bridge.FindingID]string {
	return map[bridge.FindingID]string{
		bridge.FindFlowOverride: "flow-overrides", bridge.FindFlowLogin: "flow-overrides", bridge.FindFlowEnrol: "flow-overrides",
		bridge.FindScopeMissing: "recovery-scope", bridge.FindScopeDefault: "recovery-scope", bridge.FindScopeShared: "recovery-scope",
		bridge.FindLoginPAR: "login-client", bridge.FindLoginLevels: "login-client", bridge.FindParPolicy: "login-client", bridge.FindGateSpread: "gate-role",
	}
}

// onRecord is what recoveries were stopped for in this realm, as the trail has it, as far as the service account does not see it itself.
func (s *service) onRecord(ctx context.Context) (saw doctor.Report, err error) {
	last, err := s.audit.Guard(ctx, s.cfg.SignIn.Issuer)
	if err == nil && last.Event == "guard.stopped" {
		saw = stoppedFor(last.Detail["findings"], last.Time)
	}
	return saw, err
}

// stoppedFor reads the findings of an event.
func stoppedFor(words string, at time.Time) doctor.Report {
	saw := doctor.Report{At: at}
	for said := range strings.SplitSeq(words, ", ") {
		id, object, _ := strings.Cut(said, " ")
		check := hidden()[bridge.FindingID(id)]
		if check == "" {
			continue
		}
		saw.Results = append(saw.Results, doctor.Result{Check: check, Findings: []bridge.Finding{bridge.Found(bridge.FindingID(id), object)}})
	}
	return saw
}

// checkSeen warns when what only an administrator's client may see was not looked at for long, or ever.
func (s *service) checkSeen(ctx context.Context) ([]bridge.Finding, error) {
	last, err := seen(s.store).Get(ctx, seenIn(s.cfg))
	switch {
	case errors.Is(err, bridge.ErrAbsent):
		return []bridge.Finding{bridge.Found(bridge.FindDoctorOld, "", "when", "-")}, nil
	case err != nil:
		return nil, err
	case s.opts.Now().Sub(last.Oldest()) > seenTooLong:
		return []bridge.Finding{bridge.Found(bridge.FindDoctorOld, "", "when", last.Oldest().Format(time.RFC3339))}, nil
	}
	return nil, nil
}
