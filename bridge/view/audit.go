package view

import (
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"otpbridge/bridge"
)

// second is a time of the audit trail, to the second.
func (l *locale) second(t time.Time) template.HTML {
	local, zone := l.zoned(t)
	return l.timeTag(t, local.Format("2006-01-02 15:04:05 ")+zone)
}

var auditOutcomes = map[string]badge{"ok": {"ok", "audit.outcome.ok"}, "refused": {"warn", "audit.outcome.refused"}, "failed": {"bad", "audit.outcome.failed"}}

// auditOutcome is an outcome in words; one that is not known is shown as it is.
func (l *locale) auditOutcome(outcome string) badge {
	if b, ok := auditOutcomes[outcome]; ok {
		return badge{b.Class, l.text(b.Text)}
	}
	return badge{"", clean(outcome)}
}

// auditDetails is what else a record says, by the names of the trail's fields, which its documentation explains.
func auditDetails(r bridge.AuditRecord) []string {
	var out []string
	add := func(name, value string) {
		if value != "" {
			out = append(out, clean(name+"="+value))
		}
	}
	add("target", r.Target)
	add("actor", r.Actor)
	add("code", string(r.Code))
	add("way", r.Way)
	for _, name := range slices.Sorted(maps.Keys(r.Detail)) {
		add(name, r.Detail[name])
	}
	add("recovery", r.Recovery)
	add("added", r.Added)
	add("removed", strings.Join(r.Removed, ", "))
	add("address", r.Address)
	return out
}
