package config

import (
	"fmt"
	"slices"
	"strings"

	"otpbridge/bridge"
)

// crossDesk: the desk works only where somebody has weighed its risks and everything it rests on is there.
func (r *reader) crossDesk() {
	desk := &r.cfg.HelpDesk
	r.crossChecks()
	r.crossAttributes()
	if desk.AnnounceCalls && desk.Mailbox == "" {
		r.missing("help_desk.mailbox", r.index["help_desk.mailbox"].allowed)
	}
	if !desk.Enabled {
		return
	}
	for _, name := range []string{"risk_analysis.document", "risk_analysis.version", "risk_analysis.approved", "phone", "supervisor_mailbox"} {
		if key := "help_desk." + name; !r.set(key) {
			r.missing(key, r.index[key].allowed.before(Words{"; the desk stays off without it", "（これがないとヘルプデスクは使えません）"}))
		}
	}
	if desk.Supervisor != "" && strings.EqualFold(desk.Supervisor, desk.Mailbox) {
		r.against("help_desk.supervisor_mailbox", Words{"is help_desk.mailbox, which operators read", "が help_desk.mailbox（担当者が読むもの）と同じです"},
			Words{"a mailbox that operators do not read", "担当者が読まないメールボックス"})
	}
	if len(desk.Checks) == 0 {
		r.missing("help_desk.checks", Words{"at least one {id, label}", "{id, label} を一つ以上"})
	}
}

// crossChecks: each check has a name of its own and a label; a call-back needs a number.
func (r *reader) crossChecks() {
	first := map[string]string{}
	for i, c := range r.cfg.HelpDesk.Checks {
		entry := fmt.Sprintf("help_desk.checks[%d]", i)
		r.entryName(entry+".id", c.ID, first)
		r.translatedEntry(entry, c.Label)
		for lang, label := range c.Label {
			if asksForKnowledge(label) {
				r.against(entry+".label."+lang, knowledge, Words{"something that was done: a call-back, a document that was looked at", "折り返しや書類の確認など、実際に行ったこと"})
			}
		}
		if c.ID == bridge.CheckCallBack && !r.set("help_desk.number_on_record.attribute") {
			r.missing("help_desk.number_on_record.attribute", Words{"the attribute with the number for the check callback", "確認項目 callback のための番号の属性"})
		}
	}
}

func (r *reader) crossAttributes() {
	first := map[string]string{}
	for i, a := range r.cfg.HelpDesk.Attributes {
		entry := fmt.Sprintf("help_desk.person_attributes[%d]", i)
		r.entryName(entry+".attribute", a.Attribute, first)
		r.translatedEntry(entry, a.Label)
	}
}

// entryName wants the key that names an entry of a list, and no two entries alike; first holds the keys seen so far by value.
func (r *reader) entryName(key, value string, first map[string]string) {
	if r.wrong[key[:strings.LastIndexByte(key, '.')]] {
		return
	}
	if value == "" {
		r.missing(key, r.index[generic(key)].allowed)
		return
	}
	if earlier, doubled := first[value]; doubled {
		r.against(key, Words{"is the one of line %d", "が %d 行目のものと同じです"}.With(r.at(earlier).line), Words{"another one", "別の値"})
		return
	}
	first[value] = key
}

// translatedEntry wants the label of a list's entry in every language of the pages.
func (r *reader) translatedEntry(entry string, label map[string]string) {
	if !r.wrong["languages"] && !r.wrong[entry] && !r.wrong[entry+".label"] {
		r.translated(entry+".label", label, true)
	}
}

// broken tells whether an entry or anything in it has a fault already.
func (r *reader) broken(entry string) bool {
	for key := range r.wrong {
		if key == entry || strings.HasPrefix(key, entry+".") {
			return true
		}
	}
	return false
}

// hasDesk tells whether a list of ways names the desk.
func hasDesk(ways []bridge.Way) bool { return slices.Contains(ways, bridge.WayDesk) }
