package config

// HelpDesk says how the help desk is reached, who works there and what operators do and see.
type HelpDesk struct {
	Enabled       bool // operators can approve recoveries; never without a risk analysis
	RiskAnalysis  RiskAnalysis
	Role          string
	AuditorRole   string
	Phone         string
	Extension     string
	Hours         []string // "Mon-Fri 09:00-17:00"
	HolidaysFile  string
	Holidays      []string // dates like 2026-11-03, from HolidaysFile
	Contacts      []Contact
	Counter       map[string]string // by language
	Mailbox       string            // notices about people without an address; empty: none
	AnnounceCalls bool              // Mailbox is told that somebody is about to call
	Supervisor    string            // a mailbox read by nobody who works at the desk; set when Enabled
	Attributes    []PersonAttribute // what operators see of a person beside name and id
	Number        NumberOnRecord
	Checks        []Check // what operators may record; at least one when Enabled
}

// RiskAnalysis names the document that the university's decision to run the desk rests on.
type RiskAnalysis struct {
	Document string
	Version  string
	Approved string // date like 2026-11-01
}

// PersonAttribute is a user attribute that operators see.
type PersonAttribute struct {
	Attribute string
	Label     map[string]string // by language
	Mask      bool              // only its begin and end are shown
}

// NumberOnRecord is the user attribute with the telephone number for call-backs.
type NumberOnRecord struct {
	Attribute string // empty: no call-backs
	Whole     bool   // false: operators see it masked
}

// Check is one way in which an operator knows a person.
type Check struct {
	ID    string            // bridge.CheckCallBack, bridge.CheckInPerson, or a name of the university's own
	Label map[string]string // by language
}

// Contact is a way to the help desk that needs no voice.
type Contact struct {
	Label map[string]string // by language
	URL   string            // https or mailto
}

// checkIDs lists the checks that operators may record.
func (h HelpDesk) checkIDs() []string {
	var ids []string
	for _, c := range h.Checks {
		ids = append(ids, c.ID)
	}
	return ids
}
