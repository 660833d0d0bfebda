package web_test

import (
	"context"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// slowTarget stands still right before or right after its first write.
type slowTarget struct {
	bridge.SwapTarget
	before, after func()
}

func (s *slowTarget) Do(ctx context.Context, person string, a bridge.Action) error {
	before, after := s.before, s.after
	s.before, s.after = nil, nil
	if before != nil {
		before()
	}
	err := s.SwapTarget.Do(ctx, person, a)
	if after != nil {
		after()
	}
	return err
}

// slowAudit stands still right after the intent.
type slowAudit struct {
	bridge.Audit
	after func()
}

func (s slowAudit) Record(ctx context.Context, e bridge.AuditEvent) error {
	err := s.Audit.Record(ctx, e)
	if e.Event == "temporary.intended" {
		s.after()
	}
	return err
}

// TMP-05: a process that stands still for more than a minute, while another one gives its code up, neither writes nor mails it; what was
// under way to Keycloak by then is taken away a minute later.
func TestAProcessThatStoodStillMakesNoTemporaryCode(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"before the write", "in the write", "after the write"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "owner")
			id := c.KC.PersonID(name)
			ask := asksTemporary(t, c, name)
			c.StopWork()
			pause := func() {
				c.Clock.Add(time.Minute)
				if _, err := c.Flow.RunTemporary(t.Context(), id); err != nil {
					t.Error(err)
				}
				c.Clock.Add(time.Second)
			}
			f := *c.Flow
			switch where {
			case "before the write":
				f.Audit = slowAudit{f.Audit, pause}
			case "in the write":
				f.Target = &slowTarget{SwapTarget: f.Target, before: pause}
			default:
				f.Target = &slowTarget{SwapTarget: f.Target, after: pause}
			}
			if _, err := f.AskTemporary(t.Context(), ask); bridge.CodeOf(err) != bridge.CodeNotOpen && bridge.CodeOf(err) != bridge.CodeRefusedByAccount {
				t.Fatal(err)
			}
			if n := len(otps(c, name)); where == "before the write" && n != 1 || len(c.Mails("")) != 0 {
				t.Errorf("%d OTPs, %d mails", n, len(c.Mails("")))
			}
			c.Clock.Add(time.Minute)
			if next, err := c.Flow.RunTemporary(t.Context(), id); err != nil || !next.IsZero() || temporaryOf(t, c, name).Open() || len(otps(c, name)) != 1 {
				t.Errorf("%v, %v, %d OTPs", next, err, len(otps(c, name)))
			}
			oldStill(t, c, name)
		})
	}
}
