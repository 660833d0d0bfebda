package config

import (
	"slices"
	"time"

	"otpbridge/bridge"
)

func helpDeskFields() []*field {
	return slices.Concat(deskFields(), reachFields(), seenFields(), checkFields())
}

// h is a text of the help desk's section.
func h(target func(*HelpDesk) *string) func(*Config) *string {
	return func(c *Config) *string { return target(&c.HelpDesk) }
}

// deskFields: whether the desk works, and who works there.
func deskFields() []*field {
	risk := func(name string, p parser[string], target func(*RiskAnalysis) *string) *field {
		return one("help_desk.risk_analysis."+name, p, func(c *Config) *string { return target(&c.HelpDesk.RiskAnalysis) })
	}
	return []*field{
		one("help_desk.enabled", yesNo(), func(c *Config) *bool { return &c.HelpDesk.Enabled }).
			as("false", "true: operators can approve recoveries. Needs help_desk.risk_analysis, phone, supervisor_mailbox and checks."),
		risk("document", line(), func(a *RiskAnalysis) *string { return &a.Document }).
			as("", "Name or number of the risk analysis that the decision to run the desk rests on."),
		risk("version", line(), func(a *RiskAnalysis) *string { return &a.Version }).as("", "Its version, in quotes."),
		risk("approved", date(), func(a *RiskAnalysis) *string { return &a.Approved }).as("", "The day it was approved."),
		one("help_desk.role", word(), h(func(h *HelpDesk) *string { return &h.Role })).
			as("otp-helpdesk", "Realm role of operators; they never recover by mail."),
		one("help_desk.auditor_role", word(), h(func(h *HelpDesk) *string { return &h.AuditorRole })).
			as("otp-auditor", "Realm role of auditors: they read the audit trail at /desk/audit, decide nothing, and never recover by mail. Like `help_desk.role` it has to be in the ID tokens of full sign-ins."),
	}
}

// reachFields: how people reach the desk.
func reachFields() []*field {
	last := func(c *Config) *Contact { return lastOf(c.HelpDesk.Contacts) }
	return slices.Concat([]*field{
		one("help_desk.phone", phone(), h(func(h *HelpDesk) *string { return &h.Phone })).as("", "Telephone number."),
		one("help_desk.extension", line(), h(func(h *HelpDesk) *string { return &h.Extension })).as("", "Extension on campus."),
		many("help_desk.hours", openingHours(), func(c *Config) *[]string { return &c.HelpDesk.Hours }).
			as("", "When the telephone is answered, in time_zone. `Fri-Mon` goes over the weekend; a night is written as two spans that meet at 24:00 and 00:00."),
		one("help_desk.holidays_file", path(), h(func(h *HelpDesk) *string { return &h.HolidaysFile })).
			as("", "File of the days on which it is not: one date a line, like 2026-11-03; lines that begin with # are skipped."),
	}, inLanguages("help_desk.contacts[].label", "What the way to the help desk is called.", func(c *Config) *map[string]string { return &last(c).Label }),
		[]*field{
			one("help_desk.contacts[].url", contactURL(), func(c *Config) *string { return &last(c).URL }).
				must("Where it leads. At least one way that needs no voice has to be given."),
		}, inLanguages("help_desk.counter", "Where people can come in person.", func(c *Config) *map[string]string { return &c.HelpDesk.Counter }),
		[]*field{
			one("help_desk.mailbox", mailbox(), h(func(h *HelpDesk) *string { return &h.Mailbox })).
				as("", "The help desk's mailbox: told, without a name, of a veto, of wrong codes that shut a gate, and when only the address of a link could be told of its end, or only that of a temporary code of the code."),
			one("help_desk.announce_calls", yesNo(), func(c *Config) *bool { return &c.HelpDesk.AnnounceCalls }).
				as("false", "true: the mailbox is told, without any name or code, that somebody is about to call."),
			one("help_desk.supervisor_mailbox", mailbox(), h(func(h *HelpDesk) *string { return &h.Supervisor })).
				as("", "A mailbox that operators do not read, for notices about people without an address."),
		})
}

// seenFields: what operators see of a person.
func seenFields() []*field {
	last := func(c *Config) *PersonAttribute { return lastOf(c.HelpDesk.Attributes) }
	return slices.Concat([]*field{
		one("help_desk.person_attributes[].attribute", word(), func(c *Config) *string { return &last(c).Attribute }).
			must("A user attribute that operators see beside name and user id."),
	}, inLanguages("help_desk.person_attributes[].label", "What it is called.", func(c *Config) *map[string]string { return &last(c).Label }),
		[]*field{
			one("help_desk.person_attributes[].mask", yesNo(), func(c *Config) *bool { return &last(c).Mask }).
				as("false", "true: only its begin and end are shown."),
			one("help_desk.number_on_record.attribute", word(), func(c *Config) *string { return &c.HelpDesk.Number.Attribute }).
				as("", "The user attribute with the number for call-backs, which only administrators may edit. Needed for the check `callback`."),
			one("help_desk.number_on_record.whole", yesNo(), func(c *Config) *bool { return &c.HelpDesk.Number.Whole }).
				as("false", "true: operators see the whole number; false: its end only, and they look it up where the university keeps it."),
		})
}

// checkFields: what operators may record as their reason to know a person.
func checkFields() []*field {
	last := func(c *Config) *Check { return lastOf(c.HelpDesk.Checks) }
	return append([]*field{
		one("help_desk.checks[].id", checkID(), func(c *Config) *string { return &last(c).ID }).
			must("What an operator may record. `callback`: called back at the number on record, which match words confirm; `photo_id`: photo ID shown in person; any other name is the university's own. Questions about what a person knows are refused."),
	}, inLanguages("help_desk.checks[].label", "What operators read and tick.", func(c *Config) *map[string]string { return &last(c).Label })...)
}

func policyFields() []*field {
	last := func(c *Config) *PolicyConfig { return lastOf(c.Policies) }
	attribute := func(c *Config) *MatchAttribute { return lastOf(last(c).Match.Attributes) }
	return []*field{
		one("policies[].name", word(), func(c *Config) *string { return &last(c).Name }).
			must("Name of the entry, as pages, audit trail and `otpbridge policy explain` show it. The first entry that matches a person rules; the last one matches everybody."),
		many("policies[].match.groups", groupPath(), func(c *Config) *[]string { return &last(c).Match.Groups }).
			as("", "Members of one of these groups, or of a group below; the service account has to see them. Conditions that are given must all hold; without any the entry matches everybody."),
		many("policies[].match.roles", word(), func(c *Config) *[]string { return &last(c).Match.Roles }).as("", "Holders of one of these realm roles."),
		one("policies[].match.attributes[].attribute", word(), func(c *Config) *string { return &attribute(c).Attribute }).
			must("A user attribute, which only administrators may edit."),
		many("policies[].match.attributes[].values", line(), func(c *Config) *[]string { return &attribute(c).Values }).
			must("People with one of these values."),
		many("policies[].ways", way(), func(c *Config) *[]bridge.Way { return &last(c).Ways }).
			as("", "How the second channel may be proven. Has to be given unless the entry refuses."),
		whole("policies[].approvals", func(c *Config) *int { return &last(c).Approvals }).
			as("1", "By how many operators; always 2 for operators, auditors and people without a notification address."),
		whole("policies[].checks", func(c *Config) *int { return &last(c).Checks }).as("1", "How many different checks each approval records at least."),
		duration("policies[].delay", func(c *Config) *time.Duration { return &last(c).Delay }).
			as("0s", "Waiting time after the proof, with a notice to every address; then the proof is made again."),
		one("policies[].refuse", yesNo(), func(c *Config) *bool { return &last(c).Refuse }).
			as("false", "true: whoever matches may not recover here."),
		one("policies[].desk_temporary_codes", yesNo(), func(c *Config) *bool { return &last(c).Temporary }).
			as("false", "true: whoever asks the help desk for a temporary code may get one, shown on their own page only, after the same approvals and checks as for a new authenticator. Needs `recovery.temporary_codes` and the desk, without a delay; never for people of the console."),
	}
}
