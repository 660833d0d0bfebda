package config

import (
	"fmt"
	"slices"

	"otpbridge/bridge"
)

// crossPolicies: each entry says one thing, can be reached, and the last one matches everybody.
func (r *reader) crossPolicies() {
	const key = "policies"
	if _, given := r.stands[key]; !given || r.wrong[key] {
		return
	}
	first := map[string]string{}
	for i, p := range r.cfg.Policies {
		entry := fmt.Sprintf("policies[%d]", i)
		if r.wrong[entry] {
			continue
		}
		r.entryName(entry+".name", p.Name, first)
		r.conditions(entry, p.Match)
		r.matchRoles(entry, p)
		r.ruling(entry, p)
	}
	r.reachable()
	r.deskPeople()
	last := len(r.cfg.Policies) - 1
	if last < 0 || !r.broken(fmt.Sprintf("policies[%d]", last)) && !r.cfg.Policies[last].policy().Match.Everybody() {
		r.against(key, Words{"has no last entry that matches everybody", "の最後に全員に当てはまる項目がありません"},
			Words{"a last entry without match, like {name: everyone, ways: [mail]}", "最後に match のない項目（例: {name: everyone, ways: [mail]}）"})
	}
}

// conditions: a condition that is written has values; an empty one would match everybody.
func (r *reader) conditions(entry string, m MatchConfig) {
	empty := func(key string, n int) {
		_, stands := r.stands[key]
		if stands && n == 0 {
			r.against(key, Words{"is an empty list, which would match everybody", "が空のリストで、全員に当てはまってしまいます"}, Words{"values, or no such key", "値を書くか、キーを省く"})
		}
	}
	empty(entry+".match.groups", len(m.Groups))
	empty(entry+".match.roles", len(m.Roles))
	empty(entry+".match.attributes", len(m.Attributes))
	first := map[string]string{}
	for i, a := range m.Attributes {
		one := fmt.Sprintf("%s.match.attributes[%d]", entry, i)
		r.entryName(one+".attribute", a.Attribute, first)
		empty(one+".values", len(a.Values))
		if _, stands := r.stands[one+".values"]; !stands && !r.wrong[one] {
			r.missing(one+".values", Words{"a list of values", "値のリスト"})
		}
	}
}

// matchRoles: whoever holds a role that is not harmless counts as an administrator and may not recover, whatever a policy says.
func (r *reader) matchRoles(entry string, p PolicyConfig) {
	known := append(r.cfg.consoleRoles(), r.cfg.Keycloak.HarmlessRoles...)
	harmful := func(role string) bool { return !slices.Contains(known, role) }
	if !p.Refuse && !r.wrong["keycloak.harmless_roles"] && slices.ContainsFunc(p.Match.Roles, harmful) {
		r.against(entry+".match.roles", Words{"names a role that is none of keycloak.harmless_roles, so its holders may not recover", "に keycloak.harmless_roles にないロールがあり、その保持者は復旧できません"},
			Words{"harmless roles, those of the help desk, or refuse: true", "無害なロール、ヘルプデスクのロール、または refuse: true"})
	}
}

// ruling: ways that exist, and nothing beside them that could never work.
func (r *reader) ruling(entry string, p PolicyConfig) {
	ways, desk := entry+".ways", hasDesk(p.Ways)
	switch {
	case p.Refuse:
		for _, name := range []string{"ways", "approvals", "checks", "delay", "desk_temporary_codes"} {
			if r.set(entry + "." + name) {
				r.against(entry+"."+name, Words{"stands beside refuse: true", "と refuse: true の両方があります"}, Words{"one of them", "どちらか一つ"})
			}
		}
		return
	case r.wrong[ways]:
		return
	case len(p.Ways) == 0:
		r.missing(ways, Words{"a list of mail and desk, or refuse: true", "mail と desk のリスト、または refuse: true"})
		return
	case desk && !r.cfg.HelpDesk.Enabled && !r.wrong["help_desk.enabled"]:
		r.against(ways, Words{"names the desk while help_desk.enabled is not true", "に desk がありますが、help_desk.enabled が true ではありません"},
			Words{"mail, or a help desk that works", "mail、またはヘルプデスクを有効にする"})
	}
	for _, name := range []string{"approvals", "checks"} {
		if !desk && r.set(entry+"."+name) {
			r.against(entry+"."+name, Words{"is given, but the desk is none of the ways", "がありますが、ways に desk がありません"}, Words{"only with the desk", "desk があるときだけ"})
		}
	}
	if p.Temporary {
		r.deskCodes(entry+".desk_temporary_codes", p)
	}
	if n := len(r.cfg.HelpDesk.Checks); desk && n > 0 && p.Checks > n {
		r.against(entry+".checks", Words{"is more than there are in help_desk.checks", "が help_desk.checks の数を超えています"}, Words{"at most %d", "最大 %d"}.With(n))
	}
}

// deskCodes: what a temporary code from the help desk needs.
func (r *reader) deskCodes(key string, p PolicyConfig) {
	switch {
	case !hasDesk(p.Ways):
		r.against(key, Words{"is true, but the desk is none of the ways", "が true ですが、ways に desk がありません"}, Words{"only with the desk", "desk があるときだけ"})
	case p.Delay > 0:
		r.against(key, Words{"is true beside a delay, after which no code for today helps", "が true ですが、delay があると今日の一時コードは役に立ちません"}, Words{"one of them", "どちらか一つ"})
	case !r.cfg.Recovery.TemporaryCodes && !r.wrong["recovery.temporary_codes"]:
		r.against(key, Words{"is true while recovery.temporary_codes is not", "が true ですが、recovery.temporary_codes が true ではありません"},
			Words{"recovery.temporary_codes: true, or no such key", "recovery.temporary_codes: true、またはキーを省く"})
	}
}

// deskPeople: operators, auditors and administrators may use the desk's way only, so an entry that is for nobody else and has not that way lets nobody recover.
func (r *reader) deskPeople() {
	if !r.cfg.HelpDesk.Enabled {
		return
	}
	roles := r.cfg.consoleRoles()
	other := func(role string) bool { return !slices.Contains(roles, role) }
	for i, p := range r.cfg.Policies {
		entry := fmt.Sprintf("policies[%d]", i)
		theirs := len(p.Match.Roles) > 0 && !slices.ContainsFunc(p.Match.Roles, other)
		if theirs && !r.broken(entry) && !p.Refuse && !hasDesk(p.Ways) {
			r.against(entry+".ways", Words{"lets nobody recover: whoever works at the console never may by mail", "では誰も復旧できません。管理画面で働く人は、メールでは復旧できません"},
				Words{"desk, or refuse: true", "desk、または refuse: true"})
		}
	}
}

// reachable reports entries that rule nobody because an earlier one rules them all.
func (r *reader) reachable() {
	list := r.cfg.policies()
	for i := range list {
		entry := fmt.Sprintf("policies[%d]", i)
		for j := 0; j < i && !r.broken(entry); j++ {
			earlier := fmt.Sprintf("policies[%d]", j)
			pair := []bridge.Policy{list[j], list[i]}
			pair[0].Name = earlier
			if !r.broken(earlier) && bridge.Unreachable(pair, 1) != "" {
				r.against(entry, Words{"rules nobody: the entry of line %d rules them all before", "は誰にも適用されません。%d 行目の項目が先に全員に当てはまります"}.With(r.at(earlier).line),
					Words{"narrower entries first", "狭い条件を先に"})
			}
		}
	}
}
