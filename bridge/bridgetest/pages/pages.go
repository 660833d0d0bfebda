// Package pages has a sample of every page of the product in every state that it can have, for tests that look at pages without the flow
// behind them.
package pages

import (
	"html/template"
	"slices"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// Zone is a fixed one, so that nobody needs zone files.
func Zone() *time.Location { return time.FixedZone("JST", int((9 * time.Hour).Seconds())) }

// At is a moment of the mock-ups' day.
func At(hour, minute int) time.Time {
	return time.Date(2026, time.December, 3, hour, minute, 0, 0, Zone())
}

// Site is the site of the mock-ups.
func Site() view.Site {
	return view.Site{
		BaseURL: "https://otp.example.ac.jp", Languages: []string{"ja", "en"}, Zone: Zone(),
		Org:         view.Words{"ja": "例示大学", "en": "Example University"},
		AccountName: view.Words{"ja": "全学ID", "en": "Campus ID"},
		Links: view.Links{Privacy: "https://www.example.ac.jp/privacy", Accessibility: "https://www.example.ac.jp/a11y",
			Status: "https://status.example.ac.jp/", ForgottenPassword: "https://id.example.ac.jp/forgotten",
			Transfer: "https://www.example.ac.jp/transfer"},
		Checks: []view.Check{{ID: "callback", Label: view.Words{"ja": "登録済みの番号へ折り返した", "en": "Called back at the number on record"}},
			{ID: "photo_id", Label: view.Words{"ja": "対面で写真付き身分証を確認した", "en": "Photo ID shown in person"}},
			{ID: "video", Label: view.Words{"ja": "ビデオ通話で写真付き身分証を確認した", "en": "Photo ID shown by video"}}},
		Contact: view.Contact{Phone: "075-000-0000", Extension: "7840", Hours: []string{"Mon-Fri 09:00-17:00"}, Holidays: true,
			Contacts: []view.ContactLine{{Label: view.Words{"ja": "お問い合わせフォーム", "en": "Contact form"}, URL: "https://www.example.ac.jp/contact"}},
			Counter:  view.Words{"ja": "情報基盤センター 1階", "en": "Information Technology Centre, 1st floor"}},
	}
}

// Frame is the frame of a signed-in person; word is what every foreign string of the page holds.
func Frame(word string) view.Frame {
	return view.Frame{Path: "/recovery", CSRF: "token-" + word, Person: &view.Person{Name: word, ID: "a0123456"}, Now: At(14, 5),
		Reference: "7Q4M01JD", Desk: view.Desk{Known: true, Open: true}}
}

// Origin is the browser that asked, as far as it said.
func Origin(word string) bridge.Origin {
	return bridge.Origin{Browser: "Firefox" + word, System: "Windows"}
}

// Sample is one page in one state.
type Sample struct {
	Name string
	Page view.Page
}

// All are all pages in all their states; word stands in every string that comes from outside.
func All(word string) []Sample {
	f := Frame(word)
	all := append(startSamples(f, word), waitSamples(f, word)...)
	all = append(all, enrolSamples(f, word)...)
	all = append(all, vetoSamples(f, word)...)
	all = append(all, callSamples(f, word)...)
	all = append(all, phoneSamples(f)...)
	all = append(all, deskSamples(f, word)...)
	all = append(all, caseSamples(f, word)...)
	all = append(all, permitSamples(f, word)...)
	all = append(all, auditSamples(f, word)...)
	all = append(all, healthSamples(f, word)...)
	all = append(all, settingsSamples(f, word)...)
	all = append(all, temporarySamples(f, word)...)
	for _, how := range []bridge.End{bridge.EndCancelled, bridge.EndVetoed, bridge.EndDenied, bridge.EndExpired, bridge.EndSuperseded,
		bridge.EndTooMany, bridge.EndRefused, bridge.EndStopped} {
		all = append(all, Sample{"ended-" + string(how), view.Ended{Frame: f, How: how}})
	}
	all = append(all, Sample{"ended-refused-why", view.Ended{Frame: f, How: bridge.EndRefused, Code: bridge.CodeDisabled}})
	for _, code := range append(bridge.Codes(), view.Codes()...) {
		all = append(all, Sample{"failure-" + string(code), view.Failure{Frame: f, Code: code, Until: At(15, 5), KeptUntil: At(14, 35)}})
	}
	return append(all, Sample{"failure-link_invalid-owner", view.Failure{Frame: f, Code: bridge.CodeLinkInvalid, Owner: true}},
		Sample{"failure-paused-own", view.Failure{Frame: f, Code: bridge.CodePaused, Paused: word}})
}

func startSamples(f view.Frame, word string) []Sample {
	nobody := f
	nobody.Person = nil
	nobody.Reference = ""
	soon := f
	soon.Session = view.SessionEnd{Ends: At(15, 5), Idle: At(14, 20)}
	final := f
	final.Session = view.SessionEnd{Ends: At(14, 7)}
	first := view.Request{Frame: f, Address: word + "@example.com", First: true}
	several := view.Request{Frame: f, Address: word + "@example.com", Several: true}
	locked := view.Request{Frame: f, Address: word + "@example.com", Locked: true}
	return []Sample{
		{"request-several", several}, {"request-locked", locked},
		{"start", view.Start{Frame: nobody}},
		{"start-all", view.Start{Frame: nobody, Temporary: true, Settings: true}},
		{"start-paused", view.Start{Frame: nobody, Settings: true, Paused: true}},
		{"start-paused-own", view.Start{Frame: nobody, Paused: true, PauseText: word}},
		{"start-session", view.Start{Frame: soon}},
		{"identify", view.Identify{Frame: nobody}},
		{"identify-temporary", view.Identify{Frame: nobody, To: word}},
		{"identify-denied", view.Identify{Frame: nobody, Name: word, Denied: true}},
		{"identify-unseen", view.Identify{Frame: nobody, Name: word, Unseen: true}},
		{"identify-again", view.Identify{Frame: nobody, Name: word, Again: true}},
		{"identify-error", view.Identify{Frame: nobody, Name: word, Faults: []view.Fault{{Field: view.FieldName, Code: view.CodeMissingName}}}},
		{"request", view.Request{Frame: f, Address: word + "@example.com"}},
		{"request-session", view.Request{Frame: final, Address: word + "@example.com"}},
		{"request-first", first},
		{"request-desk", view.Request{Frame: f, Address: word + "@example.com", Desk: true}},
		{"request-nomail", view.Request{Frame: f, Desk: true, NoMail: bridge.CodeNoAddress}},
		{"request-policy", view.Request{Frame: f, Desk: true, NoMail: bridge.CodeDeskOnly}},
		{"request-error", view.Request{Frame: f, Address: word + "@example.com", Reason: bridge.Reason(word), Way: bridge.Way(word), Faults: []view.Fault{
			{Field: view.FieldReason, Code: view.CodeMissingReason}, {Field: view.FieldWay, Code: view.CodeMissingWay}}}},
		{"request-error-desk", view.Request{Frame: f, Desk: true, Faults: []view.Fault{{Field: view.FieldWay, Code: view.CodeMissingWay}}}},
		{"active", view.RequestActive{Frame: f, Started: At(14, 5), Way: bridge.WayMail}},
		{"active-proven", view.RequestActive{Frame: f, Started: At(14, 5), Way: bridge.WayMail, Proven: true, Expires: At(14, 15)}},
		{"signedout", view.SignedOut{Frame: nobody}},
	}
}

func waitSamples(f view.Frame, word string) []Sample {
	sent := view.MailSent{Frame: f, Address: word + "@example.com", Sender: word, Sent: At(14, 5), Expires: At(14, 35),
		ResendFrom: At(14, 6), Left: -1}
	resent, early, delayed, opened, last, unsent := sent, sent, sent, sent, sent, sent
	unsent.Unsent, unsent.Sent = true, time.Time{}
	resent.Resent, resent.Left = true, 2
	early.TooEarly = true
	delayed.Delayed, delayed.Sent = true, time.Time{}
	opened.Opened = true
	last.Left = 0
	return []Sample{
		{"sent", sent}, {"sent-resent", resent}, {"sent-early", early}, {"sent-delayed", delayed}, {"sent-opened", opened}, {"sent-last", last},
		{"sent-unsent", unsent},
		{"elsewhere", view.Elsewhere{Frame: f}},
		{"link", view.Link{Frame: view.Frame{CSRF: "x", Path: "/link", Now: f.Now}}},
		{"asked", view.LinkAsked{Frame: f, Started: At(14, 5), From: Origin(word), Expires: At(14, 35), Reason: bridge.ReasonLost}},
		{"asked-unknown", view.LinkAsked{Frame: f, Started: At(14, 5), Expires: At(14, 35), Reason: bridge.Reason(word)}},
		{"asked-stolen", view.LinkAsked{Frame: f, Started: At(14, 5), Expires: At(14, 35), Reason: bridge.ReasonStolen, Mine: true}},
		{"asked-stolen-elsewhere", view.LinkAsked{Frame: f, Started: At(14, 5), Expires: At(14, 35), Reason: bridge.ReasonStolen}},
		{"stopped", view.LinkStopped{Frame: f}},
	}
}

// recoveryCodes are as many as a person gets.
func recoveryCodes() []string {
	return slices.Repeat([]string{"7K4M-9QXD-3HTR", "W6PA-XN58-CJ2V", "QD7P-4MRE-9WKA"}, bridge.CodeCount/3)
}

func enrolSamples(f view.Frame, word string) []Sample {
	f.Path = "/enrol"
	enrol := view.Enrol{Frame: f, QR: qr, URI: "otpauth://totp/Example:a0123456?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example",
		Key: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Account: word, Digits: 6, Period: 30, Algorithm: "SHA1", Until: At(14, 15), Verified: true}
	soon, extended, other := enrol, enrol, enrol
	soon.Soon, extended.Extended = true, true
	other.Digits, other.Period, other.Algorithm = 8, 60, word
	stolen, failed := enrol, enrol
	stolen.LockedAt, failed.Unlocked = At(14, 5), true
	stolen.Kept = []bridge.Credential{{Type: bridge.TypeOTP, Label: word}, {Type: word}}
	added := enrol
	added.Add, added.Verified, added.Frame = true, false, ofSettings(f, "/settings/add")
	all := []Sample{
		{"enrol", enrol}, {"enrol-soon", soon}, {"enrol-extended", extended}, {"enrol-sha256", other},
		{"enrolstopped", view.EnrolStopped{Frame: f}}, {"enrolstopped-time", view.EnrolStopped{Frame: f, TimeUp: true}},
		{"enrol-add", added}, {"enrolstopped-add", view.EnrolStopped{Frame: added.Frame, Add: true}},
		{"enrol-locked", stolen}, {"enrol-unlocked", failed}, {"locking", view.Locking{Frame: f}}, {"locking-slow", view.Locking{Frame: f, Slow: true}},
		{"locking-stuck", view.Locking{Frame: f, Stuck: true}},
		{"locked", view.Locked{Frame: f, At: At(14, 5)}}, {"locked-kept", view.Locked{Frame: f, At: At(14, 5), Kept: stolen.Kept}},
		{"locked-denied", view.Locked{Frame: f, At: At(14, 5), How: bridge.EndDenied}}, {"locked-unknown", view.Locked{Frame: f}},
		{"locked-lifted", view.Locked{Frame: f, At: At(14, 5), Lifted: true}},
		{"locked-refused", view.Locked{Frame: f, At: At(14, 5), How: bridge.EndRefused, Code: bridge.CodeRefusedByAccount}},
		{"writing-slow-locked", view.Writing{Frame: f, Slow: true, Locked: true}}, {"writing-stuck-locked", view.Writing{Frame: f, Stuck: true, Locked: true}},
		{"writing", view.Writing{Frame: f}}, {"writing-slow", view.Writing{Frame: f, Slow: true}}, {"writing-stuck", view.Writing{Frame: f, Stuck: true}},
		{"done", view.Done{Frame: f, Label: word, Noticed: true, SignedOut: true}},
		{"done-partial", view.Done{Frame: f, Label: word, Partial: true}},
		{"done-beside", view.Done{Frame: f, Label: word, Beside: true}},
		{"done-first", view.Done{Frame: f, First: true}}, {"done-unset", view.Done{Frame: f, Label: word, SignedOut: true, Unset: true}},
		{"done-codes-offer", view.Done{Frame: f, Codes: &view.RecoveryCodes{Offer: true, Replaces: true}}},
		{"done-codes-writing", view.Done{Frame: f, Codes: &view.RecoveryCodes{Writing: true}}},
		{"done-codes-refused", view.Done{Frame: f, Codes: &view.RecoveryCodes{Refused: true}}},
		{"done-codes", view.Done{Frame: f, Codes: &view.RecoveryCodes{Made: f.Now, Until: f.Now.Add(10 * time.Minute), List: recoveryCodes()},
			Faults: []view.Fault{{Field: view.FieldSaved, Code: view.CodeNotSaved}}}},
	}
	for _, code := range []bridge.Code{bridge.CodeEmpty, bridge.CodeFormat, bridge.CodeWrongCode, bridge.CodeClock, bridge.CodeUsed,
		bridge.CodeOldKey, bridge.CodeSlowDown, bridge.CodeTooMany} {
		bad := enrol
		bad.Code, bad.Label = word, word
		bad.Faults = []view.Fault{{Field: view.FieldCode, Code: code, N: 4, Until: At(14, 6)}}
		all = append(all, Sample{"enrol-" + string(code), bad})
	}
	bad := enrol
	bad.Faults = []view.Fault{{Field: view.FieldLabel, Code: view.CodeLabelTooLong}, {Field: "unknown", Code: "unknown"}}
	return append(all, Sample{"enrol-label", bad})
}

func vetoSamples(f view.Frame, word string) []Sample {
	f.Person = nil
	asked := &view.Asked{When: At(14, 5), From: Origin(word), Way: "mail"}
	return []Sample{
		{"veto", view.Veto{Frame: f, Asked: asked}},
		{"veto-plain", view.Veto{Frame: f}},
		{"veto-error", view.Veto{Frame: f, Asked: asked, Number: word, Faults: []view.Fault{
			{Field: view.FieldChoice, Code: view.CodeMissingChoice}, {Field: view.FieldNumber, Code: bridge.CodeObjection, N: 3}}}},
		{"vetodone-stopped", view.VetoDone{Frame: f, Outcome: view.VetoStopped}},
		{"vetodone-kept", view.VetoDone{Frame: f, Outcome: view.VetoKept}},
		{"vetodone-late", view.VetoDone{Frame: f, Outcome: view.VetoLate}},
		{"vetodone-invalid", view.VetoDone{Frame: f, Outcome: view.VetoInvalid}},
	}
}

// qr stands in for the drawing that the caller makes.
const qr = template.HTML(`<svg width="276" height="276" viewBox="0 0 69 69"><path fill="#fff" d="M0 0h69v69H0z"/><path fill="#000" d="M4 4h7v7H4zM30 30h9v9h-9zM58 4h7v7h-7zM4 58h7v7H4z"/></svg>`)
