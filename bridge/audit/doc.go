// Package audit writes the audit trail: one JSON line per event, on disk before Record returns, and a copy on standard output. It knows
// every event by name (Catalogue) and reads its own trail back for what was begun and not finished (Intents).
package audit
