package pages

import (
	"slices"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// ofSettings is the frame of one of their pages.
func ofSettings(f view.Frame, path string) view.Frame {
	f.Path, f.Reference, f.Own, f.Until = path, "", true, At(14, 15)
	f.Session = view.SessionEnd{Ends: f.Until}
	return f
}

// settingsSamples are the pages of the settings.
func settingsSamples(f view.Frame, word string) []Sample {
	f = ofSettings(f, "/settings")
	app := view.OwnApp{ID: "7c0e6a2e-3f0b-4a55-9d43-52c1a6a3d0b1", Label: word, Added: At(10, 12)}
	addresses := []view.OwnAddress{
		{ID: "a1", Address: word + "@example.com", Confirmed: At(10, 12), Own: true}, {ID: "a2", Address: "y@example.net", Code: bridge.CodeRealmUnsafe},
		{ID: "a3", Address: "z@example.ac.jp", Code: bridge.CodeAddressCampus, Own: true},
	}
	full := view.Settings{
		Frame: f, Apps: []view.OwnApp{app, {ID: "b", Label: "Laptop", Added: At(10, 31)}}, Addresses: addresses, DeskUntil: At(84, 0),
		Codes: &view.CodesLeft{Left: 11, Make: true}, Most: true,
	}
	one := view.Settings{Frame: f, Apps: full.Apps[:1], Addresses: addresses[:1], Codes: &view.CodesLeft{Left: 2}}
	waiting, none, old, late, ends := one, one, one, one, one
	waiting.Waiting, waiting.Addresses = word+"@example.org", nil
	campus := one
	campus.Addresses, campus.Unset = addresses[2:], true
	fixed := one
	fixed.Fixed, fixed.Unset, fixed.Addresses = true, true, []view.OwnAddress{{ID: "a1", Address: word + "@example.com"}}
	none.Unset, none.Addresses, none.Apps, none.Codes = true, nil, nil, &view.CodesLeft{None: true, Make: true}
	old.Old, old.Codes, late.Late, late.Adding = true, nil, true, true
	ends.Until, ends.Session.Ends = f.Now.Add(time.Minute), f.Now.Add(time.Minute)
	all := []Sample{
		{"settings", full}, {"settings-one", one}, {"settings-waiting", waiting}, {"settings-none", none}, {"settings-campus", campus}, {"settings-fixed", fixed}, {"settings-old", old},
		{"settings-late", late}, {"settings-ends", ends},
	}
	for _, last := range []struct {
		name string
		view.LastChange
	}{
		{"asked", view.LastChange{Kind: bridge.ChangeAddOTP, State: bridge.ChangeAsked}},
		{"address-added", view.LastChange{Kind: bridge.ChangeAddAddress, State: bridge.ChangeDone, Address: word + "@example.com"}},
		{"address-removed", view.LastChange{Kind: bridge.ChangeDropAddress, State: bridge.ChangeDone, Address: word + "@example.com"}},
		{"app-added", view.LastChange{Kind: bridge.ChangeAddOTP, State: bridge.ChangeDone, Label: word}},
		{"app-removed", view.LastChange{Kind: bridge.ChangeDropOTP, State: bridge.ChangeDone, Label: word}},
		{"app-renamed", view.LastChange{Kind: bridge.ChangeLabel, State: bridge.ChangeDone, Label: word}},
		{"codes", view.LastChange{Kind: bridge.ChangeCodes, State: bridge.ChangeDone}},
		{"refused-codes", view.LastChange{Kind: bridge.ChangeCodes, State: bridge.ChangeRefused, Code: bridge.CodeExpired}},
		{"refused", view.LastChange{Kind: bridge.ChangeAddAddress, State: bridge.ChangeRefused, Code: bridge.CodeAddressMax}},
		{"refused-account", view.LastChange{Kind: bridge.ChangeDropOTP, State: bridge.ChangeRefused, Code: bridge.CodeLoggedOut}},
		{"refused-other", view.LastChange{Kind: bridge.ChangeDropOTP, State: bridge.ChangeRefused, Code: "other"}},
	} {
		p := one
		p.Last = &last.LastChange
		all = append(all, Sample{"settings-" + last.name, p})
	}
	failed := f
	failed.Until, failed.Session = time.Time{}, view.SessionEnd{}
	for _, code := range []bridge.Code{bridge.CodeDeskOnly, bridge.CodeRealmUnsafe, bridge.CodeDisabled} {
		all = append(all, Sample{"settings-failure-" + string(code), view.Failure{Frame: failed, Code: code}})
	}
	return slices.Concat(all, journalSamples(f, word), ownCodesSamples(f), addressSamples(f, word))
}

func journalSamples(f view.Frame, word string) []Sample {
	f.Path = "/settings/history"
	usual := view.Journal{Frame: f, Lines: []bridge.JournalEntry{
		{At: At(14, 2), What: bridge.JournalOTPAdded, Result: bridge.JournalDone, About: word, Reference: "7Q4F21MK"},
		{At: At(13, 58), What: bridge.JournalAddressAdded, Result: bridge.JournalDone, About: bridge.MaskAddress(word + "@example.com"), Reference: "0C9XH4TS"},
		{At: At(10, 12), What: bridge.JournalRecovery, Result: bridge.JournalDone, Way: bridge.WayMail, About: word, Reference: "K2M80WZA"},
		{At: At(-20, 40), What: bridge.JournalTemporary, Result: bridge.JournalIssued, Way: bridge.WayDesk},
	}}
	whole := view.Journal{Frame: f, Lines: []bridge.JournalEntry{{At: At(0, 0), What: "of a later release", Result: "later"}}}
	for i, what := range []bridge.JournalWhat{
		bridge.JournalRecovery, bridge.JournalLock, bridge.JournalTemporary, bridge.JournalCodes, bridge.JournalAddressRemoved, bridge.JournalAddress,
		bridge.JournalOTPRemoved, bridge.JournalOTPRenamed, bridge.JournalOTP, bridge.JournalPermit, bridge.JournalObjected, bridge.JournalChanged,
	} {
		whole.Lines = append(whole.Lines, bridge.JournalEntry{At: At(-20*i, 0), What: what, Result: bridge.JournalNotDone, Reference: "55Y0Q1NB"})
	}
	for i, result := range []bridge.JournalResult{
		bridge.JournalCancelled, bridge.JournalByAdmin, bridge.JournalNotMe, bridge.JournalExpired, bridge.JournalReplaced, bridge.JournalDenied,
		bridge.JournalUsed, bridge.JournalStopped, bridge.JournalSignedOut,
	} {
		whole.Lines = append(whole.Lines, bridge.JournalEntry{At: At(-300-20*i, 0), What: bridge.JournalRecovery, Result: result, Way: bridge.WayMail})
	}
	return []Sample{{"history", usual}, {"history-all", whole}, {"history-none", view.Journal{Frame: f}}}
}

func ownCodesSamples(f view.Frame) []Sample {
	f.Path = "/settings/codes"
	made := view.RecoveryCodes{Made: f.Now, Until: f.Now.Add(10 * time.Minute), List: recoveryCodes()}
	return []Sample{
		{"codes-offer", view.OwnCodes{Frame: f, Codes: &view.RecoveryCodes{Offer: true, Replaces: true, After: "a1"}}},
		{"codes-writing", view.OwnCodes{Frame: f, Codes: &view.RecoveryCodes{Writing: true}}},
		{"codes", view.OwnCodes{Frame: f, Codes: &made}},
		{"codes-unsaved", view.OwnCodes{Frame: f, Codes: &made, Faults: []view.Fault{{Field: view.FieldSaved, Code: view.CodeNotSaved}}}},
	}
}

func addressSamples(f view.Frame, word string) []Sample {
	f.Path = "/settings/address"
	add := view.AddressAdd{Frame: f, Domains: []string{"example.ac.jp", "st.example.ac.jp"}}
	all := []Sample{{"address-add", add}, {"address-add-anywhere", view.AddressAdd{Frame: f}}}
	for _, code := range []bridge.Code{
		view.CodeNoAddressTyped, bridge.CodeAddressFormat, bridge.CodeAddressCampus, bridge.CodeAddressReset, bridge.CodeAddressSame, bridge.CodeAddressMax,
		bridge.CodeTooMany, bridge.CodeAddressFixed, bridge.CodeAddressDots,
	} {
		bad := add
		bad.Address, bad.Faults = word, []view.Fault{{Field: view.FieldAddress, Code: code, Until: At(15, 5)}}
		all = append(all, Sample{"address-add-" + string(code), bad})
	}
	code := view.AddressCode{Frame: f, Address: word + "@example.com", Sender: word, Until: At(38, 5)}
	resent, early, stopped, empty, wrong := code, code, code, code, code
	resent.Resent, early.Next, stopped.Stopped = true, At(14, 6), true
	empty.Faults = []view.Fault{{Field: view.FieldCode, Code: view.CodeNumberEmpty}}
	wrong.Code, wrong.Faults = word, []view.Fault{{Field: view.FieldCode, Code: view.CodeNumberWrong, N: 4}}
	f.Path = "/settings/authenticator"
	app := view.ManageApp{Frame: f, App: view.OwnApp{ID: "b", Label: word, Added: At(10, 31)}, Label: word}
	last, other, bad, taken := app, app, app, app
	last.Last, other.Other = true, true
	bad.Faults = []view.Fault{{Field: view.FieldLabel, Code: view.CodeNoLabel}}
	taken.Faults = []view.Fault{{Field: view.FieldLabel, Code: bridge.CodeLabelTaken}}
	return append(all, Sample{"address-code", code}, Sample{"address-code-resent", resent}, Sample{"address-code-early", early}, Sample{"address-code-stopped", stopped},
		Sample{"address-code-empty", empty}, Sample{"address-code-wrong", wrong},
		Sample{"address-remove", view.AddressRemove{Frame: f, ID: "c", Address: word + "@example.com"}},
		Sample{"app", app}, Sample{"app-last", last}, Sample{"app-other", other}, Sample{"app-empty", bad}, Sample{"app-taken", taken})
}
