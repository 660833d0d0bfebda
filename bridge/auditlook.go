package bridge

import (
	"context"
	"slices"
	"time"
)

// AuditRecord is an event as it stands in the trail.
type AuditRecord struct {
	AuditEvent
	Request
	Sequence int64
	Time     time.Time
}

// AuditLook says which records are wanted.
type AuditLook struct {
	Before int64  // only those with a smaller number; 0: from the newest on
	Find   string // id of a person, operator or recovery, or a reference number; empty: all
	Most   int
}

// AuditReader reads the trail of this process back.
type AuditReader interface {
	// Look returns records, the newest first. older is the number before which to go on, 0: nothing is left. What one look reads is bounded, so
	// with Find there may be fewer than Most, or none, and more to come.
	Look(ctx context.Context, l AuditLook) (found []AuditRecord, older int64, err error)
}

// Wants reports whether a record is one of those that are looked for.
func (l AuditLook) Wants(r AuditRecord) bool {
	return l.Find == "" || slices.Contains([]string{r.Target, r.Actor, r.Recovery, r.Reference}, l.Find)
}
