package view

import (
	"time"

	"otpbridge/bridge"
)

// faultTexts has the words for everything that can be wrong in a form.
var faultTexts = map[bridge.Code]string{
	CodeMissingName:       "id.error.empty",
	CodeNameTooLong:       "id.error.long",
	CodeMissingReason:     "request.error.reason",
	CodeMissingWay:        "request.error.way",
	CodeLabelTooLong:      "enrol.error.label_long",
	bridge.CodeLabelTaken: "enrol.error.label_taken",
	CodeMissingChoice:     "veto.error.choice",
	CodeMissingNumber:     "veto.error.format",
	bridge.CodeObjection:  "veto.error.number",
	bridge.CodeEmpty:      "enrol.error.empty",
	bridge.CodeFormat:     "enrol.error.format",
	bridge.CodeWrongCode:  "enrol.error.wrong",
	bridge.CodeClock:      "enrol.error.clock",
	bridge.CodeUsed:       "enrol.error.used",
	bridge.CodeOldKey:     "enrol.error.old_key",
	bridge.CodeSlowDown:   "enrol.error.slow",
	bridge.CodeTooMany:    "error.many.text",
	bridge.CodeKeyStopped: "enrol.stopped.title",
	CodeMissingCaller:     "console.error.name",
	CodeMissingCall:       "console.error.code",
	CodeMissingWords:      "case.error.pick",
	CodeNotSaved:          "done.codes.error",
	bridge.CodeGone:       "permit.error.gone",
	bridge.CodeCallPair:   "desk.error.pair",
	bridge.CodeDeskLocked: "desk.locked.text",
	bridge.CodeChecks:     "case.error.check",
	bridge.CodeTicket:     "case.error.ticket",
	bridge.CodeCallBack:   "case.error.callback",
	bridge.CodeWrongWords: "case.error.words",

	bridge.CodeAddressFormat: "address.error.format",
	bridge.CodeAddressCampus: "address.error.campus",
	bridge.CodeAddressReset:  "address.error.reset",
	bridge.CodeAddressSame:   "address.error.same",
	bridge.CodeAddressMax:    "address.error.max",
	bridge.CodeAddressFixed:  "address.error.fixed",
	bridge.CodeAddressDots:   "address.error.dots",
	bridge.CodeLastOTP:       "settings.app.last",
	bridge.CodeOtherOTP:      "settings.app.other",
	CodeNoAddressTyped:       "address.error.empty",
	CodeNoLabel:              "settings.app.error_empty",
	CodeNumberEmpty:          "address.error.code_empty",
	CodeNumberWrong:          "address.error.code_wrong",
	bridge.CodeCallBackOver:  "case.callback.over",
	bridge.CodeNoNumber:      "case.phone_none",
}

// fault puts one fault into words. A code without words of its own gets those for a page that could not be shown.
func (l *locale) fault(f Fault, now time.Time) string {
	key, ok := faultTexts[f.Code]
	if !ok {
		return l.text("error.generic.title")
	}
	if f.N < 0 {
		f.N = -f.N
	}
	until := ""
	if !f.Until.IsZero() {
		until = l.clocktime(now, f.Until)
	}
	if later, ok := timed[key]; ok && until == "" {
		key = later
	}
	return l.text(key, "n", f.N, "time", until)
}
