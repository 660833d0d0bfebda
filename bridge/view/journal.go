package view

import "otpbridge/bridge"

// Journal is GET /settings/history: what happened at the person's own account, the newest first.
type Journal struct {
	Frame
	Lines []bridge.JournalEntry
}

func (Journal) template() string         { return "journal" }
func (Journal) heading(l *locale) string { return l.text("history.title") }

var happenings = map[bridge.JournalWhat]string{
	bridge.JournalRecovery: "history.recovery", bridge.JournalLock: "history.lock", bridge.JournalTemporary: "history.temporary", bridge.JournalCodes: "history.codes",
	bridge.JournalAddressAdded: "history.address_added", bridge.JournalAddressRemoved: "history.address_removed", bridge.JournalAddress: "history.address",
	bridge.JournalOTPAdded: "history.app_added", bridge.JournalOTPRemoved: "history.app_removed", bridge.JournalOTPRenamed: "history.app_renamed",
	bridge.JournalOTP: "history.app", bridge.JournalPermit: "history.permit", bridge.JournalObjected: "history.objected", bridge.JournalChanged: "history.changed",
}

var journalEndings = map[bridge.JournalResult]badge{
	bridge.JournalDone: {"ok", "history.done"}, bridge.JournalNotDone: {"warn", "history.not_done"}, bridge.JournalCancelled: {"", "history.cancelled"},
	bridge.JournalByAdmin: {"warn", "history.by_administrator"}, bridge.JournalNotMe: {"warn", "history.notme"}, bridge.JournalExpired: {"", "history.expired"},
	bridge.JournalReplaced: {"", "history.superseded"}, bridge.JournalDenied: {"warn", "history.denied"}, bridge.JournalIssued: {"ok", "history.issued"},
	bridge.JournalUsed: {"", "history.used"}, bridge.JournalEnded: {"", "history.ended"}, bridge.JournalStopped: {"bad", "history.stopped"},
	bridge.JournalSignedOut: {"bad", "history.signed_out"},
}

// happened says what a line is about. A later release may have written it.
func (l *locale) happened(e bridge.JournalEntry) string {
	return l.text(first(happenings[e.What], "history.other"))
}

// ending says how it ended.
func (l *locale) ending(e bridge.JournalEntry) badge {
	b, ok := journalEndings[e.Result]
	if !ok {
		b = journalEndings[bridge.JournalEnded]
	}
	return badge{b.Class, l.text(b.Text)}
}
