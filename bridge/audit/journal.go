package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"otpbridge/bridge"
)

// Journals is an audit trail that also keeps, for each person, what they may read of it in their settings. A journal that cannot be written stops nothing:
// its line waits in memory, is tried again by Flush, and is lost with the process alone.
type Journals struct {
	Next    bridge.Audit
	Records bridge.Records[bridge.Journal] // by person
	Now     func() time.Time
	Log     *slog.Logger

	mu      sync.Mutex
	waiting []journalLine
}

type journalLine struct {
	person string
	entry  bridge.JournalEntry
}

const (
	journalTime = time.Second // how long one write may take
	journalRoom = 1000        // lines that wait
)

// Record implements bridge.Audit.
func (j *Journals) Record(ctx context.Context, e bridge.AuditEvent) error {
	if err := j.Next.Record(ctx, e); err != nil {
		return err
	}
	entry, ok := bridge.JournalLine(e, bridge.RequestFrom(ctx).Reference, j.Now())
	if !ok {
		return nil
	}
	line := journalLine{e.Target, entry}
	if err := j.write(context.WithoutCancel(ctx), line); err != nil {
		j.Log.WarnContext(ctx, "a line of somebody's history is written later", "event", e.Event, "err", err)
		j.wait(ctx, line)
	}
	return nil
}

func (j *Journals) write(ctx context.Context, l journalLine) error {
	ctx, cancel := context.WithTimeout(ctx, journalTime)
	defer cancel()
	_, err := j.Records.Update(ctx, l.person, bridge.JournalLife, func(old bridge.Journal, _ bool) (bridge.Journal, error) {
		return old.With(l.entry), nil
	})
	return err
}

// wait keeps a line for Flush.
func (j *Journals) wait(ctx context.Context, l journalLine) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.waiting) >= journalRoom {
		j.Log.ErrorContext(ctx, "a line of somebody's history is lost; the audit trail has it", "what", l.entry.What, "result", l.entry.Result)
		return
	}
	j.waiting = append(j.waiting, l)
}

// Waiting is how many lines are not written yet.
func (j *Journals) Waiting() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.waiting)
}

// Flush writes the lines that wait. An error says that some still do.
func (j *Journals) Flush(ctx context.Context) error {
	j.mu.Lock()
	lines := j.waiting
	j.waiting = nil
	j.mu.Unlock()
	var fault error
	for _, l := range lines {
		if err := j.write(ctx, l); err != nil {
			fault = err
			j.wait(ctx, l)
		}
	}
	if fault != nil {
		return fmt.Errorf("%d lines of people's histories wait: %w", j.Waiting(), fault)
	}
	return nil
}
