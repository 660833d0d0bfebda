package realm_test

import (
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// asking is an identity provider that is told to ask for the password anew.
func asking(p realm.Provider) realm.Provider {
	p.Config.Prompt = "login"
	return p
}

// writes is an identity provider whose only mapper has this configuration.
func writes(sync string, config map[string]string) realm.Provider {
	p := realm.Provider{FirstFlow: "browser", PostFlow: "after", Mappers: []realm.ProviderMapper{{Name: "m", Config: config}}}
	p.Config.Sync = sync
	return p
}

// WB-14: what an identity provider writes at the first sign-in only, or of what decides nothing, is no finding; the address that every provider says is one
// where it is taken over each time.
func TestWhatProvidersMayWrite(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		provider realm.Provider
		found    int
	}{
		"at the first sign-in":       {writes("IMPORT", map[string]string{"user.attribute": "email", "syncMode": "INHERIT"}), 0},
		"by its own mode":            {writes("FORCE", map[string]string{"user.attribute": "notificationEmail", "syncMode": "IMPORT"}), 1}, // the e-mail
		"decides nothing":            {writes("LEGACY", map[string]string{"user.attribute": "department"}), 0},
		"another role":               {writes("LEGACY", map[string]string{"role": "staff", "group": "/staff"}), 0},
		"the address, and another":   {writes("FORCE", map[string]string{"user.attribute": "notificationEmail"}), 2},
		"nothing, and every address": {writes("FORCE", nil), 1},
		"every address once":         {writes("IMPORT", nil), 0},
	} {
		s, a := campus(t)
		a.Deciding = append(a.Deciding, realm.Deciding{Name: "email", Address: true})
		after := *s.Flow("otpbridge-browser")
		after.Alias, after.Steps = "after", slices.Clone(after.Steps[1:])
		s.Flows, tc.provider.Alias, tc.provider.Enabled = append(s.Flows, after), "idp", true
		s.Providers = append(s.Providers, tc.provider)
		n := 0
		for _, f := range realm.Find(s, a) {
			if f.ID == bridge.FindProviderWrites {
				n++
			}
		}
		if n != tc.found {
			t.Errorf("%s: found %+v", name, realm.Find(s, a))
		}
	}
}

// OIDC-21: wrong codes of who comes by an identity provider are saved under types of their own, which matter where somebody does. The plan adds them all the same.
func TestEventsOfProvidersMatterWhereThereIsOne(t *testing.T) {
	t.Parallel()
	of := []string{"IDENTITY_PROVIDER_POST_LOGIN_ERROR", "IDENTITY_PROVIDER_FIRST_LOGIN_ERROR"}
	missing := strings.Join(of, ", ")
	on := realm.Provider{Alias: "idp", Enabled: true}
	linking := on
	linking.LinkOnly = true
	types := slices.DeleteFunc(realm.EventTypes(), func(name string) bool { return slices.Contains(of, name) })
	for name, tc := range map[string]struct {
		saved     []string
		providers []realm.Provider
		want      string
	}{
		"no provider":            {types, nil, ""},
		"one that is off":        {types, []realm.Provider{{Alias: "idp"}}, ""},
		"one that only links":    {types, []realm.Provider{linking}, ""},
		"one":                    {types, []realm.Provider{{Alias: "off"}, on}, missing},
		"one, every type":        {nil, []realm.Provider{on}, ""},
		"one, the types by name": {realm.EventTypes(), []realm.Provider{on}, ""},
	} {
		s, a := plannable(t)
		saved := make([]any, len(tc.saved))
		for i, kind := range tc.saved {
			saved[i] = kind
		}
		s.Settings["enabledEventTypes"], s.Providers = saved, tc.providers
		got := ""
		for _, f := range realm.Find(s, a) {
			if f.ID == bridge.FindEventsTypes {
				got += f.Object
			}
		}
		if got != tc.want {
			t.Errorf("%s: not saved %q, want %q", name, got, tc.want)
		}
		planned := slices.ContainsFunc(s.Plan(a.Wanted).Steps, func(step realm.Step) bool { return step.Name == "enabledEventTypes" })
		if lacking := len(tc.saved) == len(types); planned != lacking {
			t.Errorf("%s: the plan adds types: %t", name, planned)
		}
	}
}

// OIDC-22: a provider that people can come by is told to ask for the password anew, in the words of its kind, or is named.
func TestWhatProvidersAskAnew(t *testing.T) {
	t.Parallel()
	is := func(kind, prompt, force string) realm.Provider {
		p := realm.Provider{Alias: "idp", Kind: kind, Enabled: true, FirstFlow: "browser", PostFlow: "after"}
		p.Config.Prompt, p.Config.ForceAuthn = prompt, force
		return p
	}
	off, linking := is("oidc", "", ""), is("saml", "", "")
	off.Enabled, linking.LinkOnly = false, true
	for name, tc := range map[string]struct {
		provider realm.Provider
		silent   bool
	}{
		"OIDC":                       {is("oidc", "login", ""), false},
		"OIDC, with consent":         {is("keycloak-oidc", "login consent", ""), false},
		"OIDC, nothing":              {is("oidc", "", ""), true},
		"OIDC, which account":        {is("oidc", "select_account", ""), true},
		"OIDC, SAML's word":          {is("keycloak-oidc", "", "true"), true},
		"OAuth, nothing":             {is("oauth2", "", ""), true},
		"Microsoft":                  {is("microsoft", "login", ""), false},
		"Microsoft, nothing":         {is("microsoft", "", ""), true},
		"of somebody's own":          {is("campus-oidc", "login", ""), false},
		"of somebody's own, nothing": {is("campus-oidc", "", ""), true},
		"SAML":                       {is("saml", "", "true"), false},
		"SAML, not":                  {is("saml", "", "false"), true},
		"SAML, nothing":              {is("saml", "", ""), true},
		"SAML, OIDC's word":          {is("saml", "login", ""), true},
		"cannot be told":             {is("github", "login", "true"), true},
		"knows no such word":         {is("google", "login", ""), true},
		"switched off":               {off, false},
		"nobody signs in by it":      {linking, false},
		"for machines":               {is("kubernetes", "", ""), false},
	} {
		s, a := campus(t)
		after := *s.Flow("otpbridge-browser")
		after.Alias, after.Steps = "after", slices.Clone(after.Steps[1:])
		s.Flows, s.Providers = append(s.Flows, after), append(s.Providers, tc.provider)
		found, want := ids(realm.Find(s, a)), []bridge.FindingID(nil)
		if tc.silent {
			want = []bridge.FindingID{bridge.FindProviderSilent}
		}
		if !slices.Equal(found, want) {
			t.Errorf("%s: found %v", name, found)
		}
	}
}
