package view

import (
	"html/template"
	"time"

	"otpbridge/bridge"
)

// Settings is GET /settings: what somebody who signed in fully has. Its buttons post do=authenticator, do=address (with id), do=add.
type Settings struct {
	Frame
	Apps      []OwnApp
	Addresses []OwnAddress
	Fixed     bool        // no address can be added or removed here
	Unset     bool        // no link can go to any of them
	Most      bool        // there are as many addresses as there may be
	Waiting   string      // the address that waits for its confirmation, whole
	DeskUntil time.Time   // addresses changed lately: until then only the desk helps
	Codes     *CodesLeft  // nil: nothing about recovery codes
	Adding    bool        // an authenticator is being added in this browser
	Last      *LastChange // nil: nothing was changed in this sign-in
}

// OwnApp is an authenticator of the person's own.
type OwnApp struct {
	ID, Label string
	Added     time.Time
}

// OwnAddress is a notification address of the person's own.
type OwnAddress struct {
	ID        string
	Address   string      // whole; masked here
	Confirmed time.Time   // zero: not known
	Code      bridge.Code // why no link goes there
	Own       bool        // it can be removed here
}

// CodesLeft says how many recovery codes there are.
type CodesLeft struct {
	Left int
	None bool // there is no set
	Make bool // new ones can be made
}

// OwnCodes is GET /settings/codes.
type OwnCodes struct {
	Frame
	Codes  *RecoveryCodes
	Faults []Fault
}

// LastChange is what came of the latest change.
type LastChange struct {
	Kind    bridge.ChangeKind
	State   bridge.ChangeState
	Code    bridge.Code // ChangeRefused: why
	Address string
	Label   string
}

// AddressAdd is GET /settings/address, and the answer 422 of do=ask: the address that somebody wants to be told at.
type AddressAdd struct {
	Frame
	Address string // what was typed
	Domains []string
	Faults  []Fault
}

// AddressCode is GET /settings/address while an address waits for its confirmation. Its buttons post do=confirm (code), do=resend and do=forget.
type AddressCode struct {
	Frame
	Address string // whole; masked here
	Sender  string
	Until   time.Time
	Resent  bool
	Next    time.Time // another mail was asked for too early: from then on; zero: not so
	Stopped bool      // too many wrong numbers: only another mail helps
	Code    string    // what was typed
	Faults  []Fault
}

// AddressRemove is GET /settings/remove. Its form posts the address's id, its button do=remove.
type AddressRemove struct {
	Frame
	ID      string // what the button names
	Address string // whole; masked here
}

// ManageApp is GET /settings/authenticator. Its forms post the app's id, its buttons do=rename (label) and do=remove.
type ManageApp struct {
	Frame
	App    OwnApp
	Last   bool   // the only one
	Other  bool   // the sign-in was not opened by a code of one that stays
	Label  string // what was typed
	Faults []Fault
}

func (Settings) template() string      { return "settings" }
func (AddressAdd) template() string    { return "addressadd" }
func (AddressCode) template() string   { return "addresscode" }
func (AddressRemove) template() string { return "addressremove" }
func (ManageApp) template() string     { return "manageapp" }
func (OwnCodes) template() string      { return "owncodes" }

func (Settings) heading(l *locale) string      { return l.text("settings.title") }
func (AddressAdd) heading(l *locale) string    { return l.text("address.add.title") }
func (AddressRemove) heading(l *locale) string { return l.text("settings.address.remove_title") }
func (p ManageApp) heading(l *locale) string   { return l.text("settings.app.title") }
func (OwnCodes) heading(l *locale) string      { return l.text("done.codes.title") }

func (p AddressCode) heading(l *locale) string {
	if p.Stopped {
		return l.text("address.stopped.title")
	}
	return l.text("address.sent.title")
}

func (p AddressAdd) faults() []Fault  { return p.Faults }
func (p AddressCode) faults() []Fault { return p.Faults }
func (p ManageApp) faults() []Fault   { return p.Faults }
func (p OwnCodes) faults() []Fault    { return p.Faults }

// Low says that there are so few recovery codes that new ones are advised.
func (c CodesLeft) Low() bool { return !c.None && c.Left <= 3 }

// lastTexts say what was changed.
var lastTexts = map[bridge.ChangeKind]string{
	bridge.ChangeAddAddress: "settings.done.address_added", bridge.ChangeDropAddress: "settings.done.address_removed",
	bridge.ChangeAddOTP: "settings.done.app_added", bridge.ChangeDropOTP: "settings.done.app_removed", bridge.ChangeLabel: "settings.done.app_renamed",
	bridge.ChangeCodes: "settings.done.codes",
}

// lastChange says what came of a change.
func (l *locale) lastChange(c LastChange) (template.HTML, error) {
	switch c.State {
	case bridge.ChangeDone:
		key, ok := lastTexts[c.Kind]
		switch {
		case !ok:
			return "", nil
		case c.Kind.OfAddress():
			return l.html(key, "address", num(MaskAddress(c.Address)))
		}
		return l.html(key, "name", clean(c.Label))
	case bridge.ChangeRefused:
		if c.Kind == bridge.ChangeCodes {
			return l.html("settings.codes.refused_text")
		}
		if c.Kind.OfAddress() && c.Code == bridge.CodeRefusedByAccount {
			return l.html("settings.address.refused")
		}
		return template.HTML(escape(l.why(c.Code))), nil //nolint:gosec // escaped
	}
	return l.html("settings.asked")
}

// why says in a sentence why a change was refused.
func (l *locale) why(code bridge.Code) string {
	if key, ok := faultTexts[code]; ok && code != bridge.CodeGone {
		return l.text(key, "n", bridge.MaxAddresses)
	}
	if _, ok := failures[code]; ok && code != bridge.CodeAbsent {
		if own := (Failure{Frame: Frame{Own: true}, Code: code}).words(); timed[own.text] == "" {
			return l.text(own.text)
		}
	}
	return l.text("settings.refused.text")
}

// unused says why no link goes to an address, "" when one does.
func (l *locale) unused(a OwnAddress) string {
	switch a.Code {
	case "", bridge.CodeAddressChanged:
		return ""
	case bridge.CodeAddressCampus:
		return l.text("settings.address.campus")
	}
	return l.text("settings.address.unused")
}
