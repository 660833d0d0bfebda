package realm

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"otpbridge/bridge"
)

func settingLooks() []look {
	return []look{
		{"events", true, []Part{PartSettings}, findEvents},
		{"guessing", false, []Part{PartSettings}, findGuessing},
		{"otp-policy", false, []Part{PartSettings}, findOTP},
		{"user-profile", true, []Part{PartProfile}, findProfile},
		{"groups", true, []Part{PartSettings, PartFlows, PartGroups}, findGroups},
		{"theme", false, []Part{PartSettings, PartTexts}, findTheme},
	}
}

// findEvents: wrong codes are counted from saved events, and a theft of the login client's key is seen in them.
func findEvents(s *State, a Asked) (found []bridge.Finding) {
	missing := s.unsaved(a.EventTypes)
	kept, needed := time.Duration(s.Number("eventsExpiration"))*time.Second, max(bridge.HistorySpan, a.LookBack)
	on := s.On("eventsEnabled")
	return foundIn([]fault{
		{!on, bridge.FindEventsOff, "", nil},
		{on && len(missing) > 0, bridge.FindEventsTypes, strings.Join(missing, ", "), nil},
		{on && kept > 0 && kept < needed, bridge.FindEventsShort, "", []string{"hours", hours(kept), "needed", hours(needed)}},
		{!s.On("adminEventsEnabled"), bridge.FindEventsAdmin, "", nil},
		{s.On("adminEventsEnabled") && s.On("adminEventsDetailsEnabled"), bridge.FindEventsDetails, "", nil},
	})
}

// typesOfProviders is what wrong codes of who comes by an identity provider are saved as.
func typesOfProviders() []string {
	return []string{"IDENTITY_PROVIDER_POST_LOGIN_ERROR", "IDENTITY_PROVIDER_FIRST_LOGIN_ERROR"}
}

// unsaved are the types of events that are not saved. An empty list in the realm means all.
func (s *State) unsaved(types []string) (missing []string) {
	saved, _ := s.Settings["enabledEventTypes"].([]any)
	for _, want := range types {
		if len(saved) > 0 && !slices.Contains(saved, any(want)) {
			missing = append(missing, want)
		}
	}
	return missing
}

func hours(d time.Duration) string { return strconv.Itoa(int(d / time.Hour)) }

func findGuessing(s *State, _ Asked) []bridge.Finding {
	found := foundIn([]fault{{!s.On("bruteForceProtected"), bridge.FindGuessingOff, "", nil}})
	if slack := s.slack(); len(found) == 0 {
		for _, name := range sortedKeys(slack) {
			found = append(found, bridge.Found(bridge.FindGuessingWeak, name, "value", strconv.Itoa(s.Number(name)), "safe", strconv.Itoa(slack[name])))
		}
	}
	return found
}

// maxGuesses is how many wrong passwords or codes may come before Keycloak waits at all. Its own default is 30.
const maxGuesses = 100

// slack are the settings of brute-force detection with which it is on and holds nobody up, with Keycloak's own defaults. A lock for good needs no times.
func (s *State) slack() map[string]int {
	slack := map[string]int{}
	if n := s.Number("failureFactor"); s.Settings["failureFactor"] != nil && (n < 1 || n > maxGuesses) {
		slack["failureFactor"] = 30
	}
	for name, usual := range map[string]int{"waitIncrementSeconds": 60, "maxFailureWaitSeconds": 900, "maxDeltaTimeSeconds": 12 * 60 * 60} {
		if s.Settings[name] != nil && s.Number(name) < 1 && !s.On("permanentLockout") {
			slack[name] = usual
		}
	}
	return slack
}

// findOTP: authenticator apps differ in what they understand.
func findOTP(s *State, _ Asked) []bridge.Finding {
	algorithm, digits, period := strings.TrimPrefix(s.Setting("otpPolicyAlgorithm"), "Hmac"), s.Number("otpPolicyDigits"), s.Number("otpPolicyPeriod")
	served := s.Setting("otpPolicyType") == "totp" && (digits == 6 || digits == 8) && period > 0
	values := []string{"algorithm", algorithm, "digits", strconv.Itoa(digits), "period", strconv.Itoa(period)}
	ahead := s.Number("otpPolicyLookAheadWindow")
	return foundIn([]fault{
		{!served, bridge.FindOTPUnserved, "", append(values, "type", s.Setting("otpPolicyType"))},
		{served && (algorithm != "SHA1" || digits != 6 || period != 30), bridge.FindOTPUncommon, "", values},
		{s.On("otpPolicyCodeReusable"), bridge.FindOTPReusable, "", nil},
		{ahead > 1, bridge.FindOTPLookAhead, "", []string{"steps", strconv.Itoa(ahead)}},
	})
}

// findProfile: what decides about people must not be theirs to edit (WB-14).
func findProfile(s *State, a Asked) (found []bridge.Finding) {
	if s.Unmanaged() == "ENABLED" {
		found = append(found, bridge.Found(bridge.FindProfileUnmanaged, ""))
	}
	known := s.Attributes()
	for _, d := range a.Deciding {
		i := slices.IndexFunc(known, func(k Attribute) bool { return k.Name == d.Name })
		open := i >= 0 && known[i].UserEdits()
		id := bridge.FindProfileDeciding
		switch {
		case d.Address && d.Name == "email":
			id = bridge.FindProfileEmail
		case d.Address:
			id = bridge.FindProfileAddress
		}
		switch {
		case open, i < 0 && s.Unmanaged() == "ENABLED":
			found = append(found, bridge.Found(id, d.Name))
		case i < 0: // nothing that the profile does not know is believed, whoever may write it
			found = append(found, bridge.Found(bridge.FindProfileMissing, d.Name))
		}
	}
	return found
}

// findGroups looks at the gate group, and at who gets into it and into the allowed one.
func findGroups(s *State, a Asked) (found []bridge.Finding) {
	all, _ := s.Settings["defaultGroups"].([]any)
	byDefault := func(path string) bool { // it, or one below it, which gives all that it gives
		return slices.ContainsFunc(all, func(v any) bool { text, _ := v.(string); return text == path || strings.HasPrefix(text, path+"/") })
	}
	gate := s.GroupByID(a.GateGroup)
	if gate == nil {
		found = append(found, bridge.Found(bridge.FindGateMissing, a.GateGroup))
	} else {
		role := s.gateRole(a)
		found = append(found, foundIn([]fault{
			{role != "" && !slices.Contains(gate.RealmRoles, role), bridge.FindGateRole, gate.Path, []string{"role", role}},
			{byDefault(gate.Path), bridge.FindGateDefault, gate.Path, nil},
			{gate.Below > 0, bridge.FindGateSpread, gate.Path + "/…", nil}, // whose members are counted nowhere
		})...)
	}
	return append(found, foundIn([]fault{
		{s.Group(a.AllowedGroup) == nil, bridge.FindAllowedMissing, a.AllowedGroup, nil},
		{byDefault(a.AllowedGroup), bridge.FindAllowedDefault, a.AllowedGroup, nil},
	})...)
}

// gateRole is the role that opens the gate of the bound flow, "" when that has none that holds.
func (s *State) gateRole(a Asked) string {
	if f := s.Flow(s.Setting("browserFlow")); f != nil && s.holds(f.gateRole(a), "") {
		return f.gateRole(a)
	}
	return ""
}

// holds reports whether a gate keeps people out that a role opens: the role exists, since Keycloak takes a condition on one that does not for not met and
// lets everybody pass; and it is the one that is meant, if one is: what has another role is opened by whatever gives that.
func (s *State) holds(role, meant string) bool {
	unknown := s.Unread[PartRoles] != nil || s.Silent[PartRoles] != nil // is said elsewhere
	return role != "" && (unknown || s.Role(role) != nil) && (meant == "" || role == meant)
}

// findTheme looks at the link on Keycloak's own page. Its address may also come from the server's environment, which nobody can read.
func findTheme(s *State, a Asked) (found []bridge.Finding) {
	if s.Setting("loginTheme") == "" {
		return []bridge.Finding{bridge.Found(bridge.FindThemeMissing, "")}
	}
	for _, language := range a.Languages {
		link := s.Texts[language]["otpRecoveryUrl"]
		if link != "" && link != a.BaseURL && link != a.BaseURL+"/" {
			found = append(found, bridge.Found(bridge.FindThemeElsewhere, language, "url", link, "base", a.BaseURL))
		}
	}
	return found
}

// ownTheme is the name of the theme that `otpbridge theme` writes, unless it is told another one: of no other can be seen from here what it shows.
const ownTheme = "otp-recovery"

// unknownLink names what nobody can read of the link that a theme should have, "" for nothing: where it leads, which the server's environment says when the
// realm's texts do not; and whether a theme of another name shows it at all.
func (s *State) unknownLink(a Asked) string {
	told := slices.ContainsFunc(a.Languages, func(language string) bool { return s.Texts[language]["otpRecoveryUrl"] != "" })
	switch theme := s.Setting("loginTheme"); {
	case theme == "":
		return ""
	case !told:
		return "otpRecoveryUrl"
	case theme != ownTheme:
		return "loginTheme"
	}
	return ""
}
