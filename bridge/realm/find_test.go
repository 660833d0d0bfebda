package realm_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

// campus is the state of the good campus realm as a real Keycloak 26.7.4 tells it to an administrator.
func campus(t *testing.T) (*realm.State, realm.Asked) {
	t.Helper()
	text, err := os.ReadFile("testdata/campus-state.json")
	if err != nil {
		t.Fatal(err)
	}
	s := &realm.State{}
	if err := json.Unmarshal(text, s); err != nil {
		t.Fatal(err)
	}
	s.Unread = map[realm.Part]error{}
	s.Settings["adminEventsDetailsEnabled"] = false
	s.Settings["loginTheme"] = "otp-recovery"
	return s, realm.Asked{
		Wanted: realm.Wanted{
			Realm: "campus", BaseURL: "http://localhost:8088", LoginClient: "otpbridge-login", RecoveryScope: "otp-recovery", FullACR: "mfa",
			AdminClient: "otpbridge-admin", GateGroup: s.Group("/otp-recovery-open").ID, AllowedGroup: "/otp-recoverable",
			Deciding: []realm.Deciding{{Name: "notificationEmail", Address: true}}, Languages: []string{"ja", "en"},
		},
		Reset: bridge.ResetNone, Codes: true, EventTypes: []string{"LOGIN", "LOGIN_ERROR", "UPDATE_CREDENTIAL"},
	}
}

func ids(found []bridge.Finding) (all []bridge.FindingID) {
	for _, f := range found {
		all = append(all, f.ID)
	}
	return all
}

// WB-11: the hardened realm is clean.
func TestGoodRealmHasNoFindings(t *testing.T) {
	t.Parallel()
	s, a := campus(t)
	if found := realm.Find(s, a); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}

// sub finds a sub-flow of the browser flow, line one of its lines.
func sub(s *realm.State, alias string) (found *realm.Flow) {
	s.Flow("otpbridge-browser").Walk(true, func(e *realm.Execution) {
		if e.Sub != nil && e.Sub.Alias == alias {
			found = e.Sub
		}
	})
	return found
}

func line(s *realm.State, alias, provider string) *realm.Execution {
	f := sub(s, alias)
	i := slices.IndexFunc(f.Steps, func(e realm.Execution) bool { return e.Provider == provider || e.Sub != nil && e.Sub.Alias == provider })
	return &f.Steps[i]
}

func top(s *realm.State, i int) *realm.Execution { return &s.Flow("otpbridge-browser").Steps[i] }

// breaking changes the good realm so that exactly one thing is wrong with it.
type breaking struct {
	id bridge.FindingID
	do func(*realm.State, *realm.Asked)
}

func set(name string, value any) func(*realm.State, *realm.Asked) {
	return func(s *realm.State, _ *realm.Asked) { s.Settings[name] = value }
}

func login(change func(*realm.Client)) func(*realm.State, *realm.Asked) {
	return func(s *realm.State, _ *realm.Asked) { change(s.Client("otpbridge-login")) }
}

func admin(change func(*realm.Client)) func(*realm.State, *realm.Asked) {
	return func(s *realm.State, _ *realm.Asked) { change(s.Client("otpbridge-admin")) }
}

func attribute(name, value string) func(*realm.Client) {
	return func(c *realm.Client) { c.Attributes[name] = value }
}

// OPS-09: each broken realm has its finding, by name, and no other.
func TestEachBrokenRealmHasItsFinding(t *testing.T) {
	t.Parallel()
	seen := map[bridge.FindingID]bool{}
	for _, b := range slices.Concat(flowBreakings(), wayBreakings(), clientBreakings(), settingBreakings()) {
		s, a := campus(t)
		b.do(s, &a)
		found := realm.Find(s, a)
		if got := slices.Compact(ids(found)); !slices.Equal(got, []bridge.FindingID{b.id}) {
			t.Errorf("%s: found %+v", b.id, found)
		}
		seen[b.id] = true
	}
	if len(seen) < 45 {
		t.Errorf("%d findings were broken", len(seen))
	}
}

// INV-6: what was not read is "not checked", and deadly where view-realm would show it.
func TestUnreadIsNeverOK(t *testing.T) {
	t.Parallel()
	s, a := campus(t)
	for _, p := range []realm.Part{
		realm.PartSettings, realm.PartFlows, realm.PartClients, realm.PartScopes, realm.PartProviders, realm.PartProfile, realm.PartPolicies,
		realm.PartGroups, realm.PartRoles, realm.PartTexts,
	} {
		s.Unread[p] = os.ErrPermission
	}
	found, unchecked := 0, 0
	for _, c := range realm.Checks(func(context.Context) (*realm.State, error) { return s, nil }, a) {
		got, err := c.Run(t.Context())
		found += len(got)
		if u := bridge.UncheckedFrom(err); u != nil {
			unchecked++
			if u.Why != bridge.UncheckedRights || u.Needs == "" {
				t.Errorf("%s: %v", c.Name, err)
			}
		} else if c.Name != "realm" {
			t.Errorf("%s passes without having been looked at", c.Name)
		}
	}
	if found != 6 || unchecked < 14 {
		t.Errorf("%d findings, %d not checked", found, unchecked)
	}
}

// What nobody answered is no outcome of any check.
func TestRealmThatIsAwayIsNotChecked(t *testing.T) {
	t.Parallel()
	_, a := campus(t)
	for _, c := range realm.Checks(func(context.Context) (*realm.State, error) { return nil, os.ErrDeadlineExceeded }, a) {
		if got, err := c.Run(t.Context()); err == nil || len(got) > 0 {
			t.Errorf("%s: %v, %v", c.Name, got, err)
		}
	}
}

func flowBreakings() []breaking {
	not := func(e *realm.Execution) { e.Requirement = "DISABLED" }
	return []breaking{
		{bridge.FindFlowUnbound, set("browserFlow", "browser")},
		{bridge.FindFlowOpen, func(s *realm.State, _ *realm.Asked) { top(s, 0).Requirement = "ALTERNATIVE" }},
		{bridge.FindFlowOpen, func(s *realm.State, _ *realm.Asked) { not(top(s, 2)) }},
		{bridge.FindFlowOpen, func(s *realm.State, _ *realm.Asked) {
			f := sub(s, "otpbridge-browser-2fa")
			f.Steps = append(f.Steps, realm.Execution{Requirement: "REQUIRED", Provider: "conditional-user-configured"})
		}},
		{bridge.FindFlowOpen, func(s *realm.State, _ *realm.Asked) {
			line(s, "otpbridge-browser-2fa", "conditional-client-scope").Config = map[string]string{"client_scope": "email", "negate": "true"}
		}},
		{bridge.FindFlowOpen, func(s *realm.State, _ *realm.Asked) {
			line(s, "otpbridge-browser-2fa", "conditional-level-of-authentication").Config["loa-condition-level"] = "1"
		}},
		{bridge.FindFlowOpen, func(s *realm.State, _ *realm.Asked) {
			f := sub(s, "otpbridge-browser-2fa-ways")
			f.Steps = append(f.Steps, realm.Execution{Requirement: "ALTERNATIVE", Provider: "allow-access-authenticator"})
		}},
		{bridge.FindFlowOpen, func(s *realm.State, _ *realm.Asked) {
			f := sub(s, "otpbridge-browser-forms")
			f.Steps = append(f.Steps, realm.Execution{Requirement: "REQUIRED", Provider: "conditional-level-of-authentication"})
		}},
		{bridge.FindFlowGate, func(s *realm.State, _ *realm.Asked) { not(top(s, 1)) }},
		{bridge.FindFlowGate, func(s *realm.State, _ *realm.Asked) {
			not(line(s, "otpbridge-browser-gate", "deny-access-authenticator"))
		}},
		{bridge.FindFlowGate, func(s *realm.State, _ *realm.Asked) {
			line(s, "otpbridge-browser-gate", "conditional-user-role").Config["negate"] = "false"
		}},
		{bridge.FindFlowGate, func(s *realm.State, _ *realm.Asked) {
			s.Roles = slices.DeleteFunc(s.Roles, func(r realm.Role) bool { return r.Name == realm.Gate })
		}},
		{bridge.FindFlowGate, func(s *realm.State, _ *realm.Asked) {
			line(s, "otpbridge-browser-gate", "conditional-user-role").Config["condUserRole"] = "otp-recovery-opne"
		}},
		{bridge.FindFlowPassword, func(s *realm.State, _ *realm.Asked) {
			line(s, "otpbridge-browser-forms", "auth-username-password-form").Provider = "auth-username-form"
		}},
		{bridge.FindFlowPassword, func(s *realm.State, _ *realm.Asked) {
			f := sub(s, "otpbridge-browser-who")
			f.Steps = append(f.Steps, realm.Execution{Requirement: "ALTERNATIVE", Provider: "ext-magic-form"})
		}},
		{bridge.FindFlowCertificate, func(s *realm.State, _ *realm.Asked) {
			f := sub(s, "otpbridge-browser-who")
			f.Steps = append(f.Steps, realm.Execution{Requirement: "ALTERNATIVE", Provider: "auth-x509-client-username-form"})
		}},
		{bridge.FindFlowLevel, func(s *realm.State, _ *realm.Asked) {
			attributes, _ := s.Settings["attributes"].(map[string]any)
			attributes["acr.loa.map"] = `{"pwd":1}`
		}},
		{bridge.FindFlowLevel, func(s *realm.State, _ *realm.Asked) { // what a session without a level is called
			attributes, _ := s.Settings["attributes"].(map[string]any)
			attributes["acr.loa.map"] = `{"pwd":0,"mfa":1}`
			line(s, "otpbridge-browser-2fa", "conditional-level-of-authentication").Config["loa-condition-level"] = "1"
		}},
		{bridge.FindFlowOverride, func(s *realm.State, _ *realm.Asked) {
			s.Flows = append(s.Flows, realm.Flow{ID: "f1", Alias: "password only", Provider: "basic-flow", Steps: []realm.Execution{
				{Requirement: "CONDITIONAL", Sub: &realm.Flow{Steps: []realm.Execution{
					{Requirement: "REQUIRED", Provider: "conditional-level-of-authentication", Config: map[string]string{"loa-condition-level": "1"}},
					{Requirement: "REQUIRED", Provider: "auth-username-password-form"},
				}}},
			}})
			s.Client("portal").Overrides = map[string]string{"browser": "f1"}
		}},
	}
}

// wayBreakings break the flows beside the browser flow: of providers, of resets, of the login client itself.
func wayBreakings() []breaking {
	not := func(e *realm.Execution) { e.Requirement = "DISABLED" }
	reset := func(change func(*realm.Flow)) func(*realm.State, *realm.Asked) {
		return func(s *realm.State, a *realm.Asked) {
			s.Settings["resetPasswordAllowed"], a.Reset = true, bridge.ResetDesk
			f := s.Flow("reset credentials")
			f.Walk(true, func(e *realm.Execution) {
				switch e.Provider {
				case "reset-credential-email":
					e.Config = map[string]string{"force-login": "true"}
				case "reset-otp":
					not(e)
				}
			})
			change(f)
		}
	}
	broker := func(p realm.Provider) func(*realm.State, *realm.Asked) {
		return func(s *realm.State, _ *realm.Asked) {
			after := *s.Flow("otpbridge-browser")
			after.Alias, after.Steps = "after", append([]realm.Execution{}, after.Steps[1:]...)
			s.Flows = append(s.Flows, after)
			p.Alias, p.Enabled = "idp", true
			s.Providers = append(s.Providers, asking(p))
		}
	}
	return []breaking{
		{bridge.FindFlowLogin, login(func(c *realm.Client) { c.Overrides = map[string]string{"browser": "f1"} })},
		{bridge.FindProviderFlow, broker(realm.Provider{FirstFlow: "browser"})},
		{bridge.FindProviderFlow, broker(realm.Provider{FirstFlow: "browser", PostFlow: "browser"})},
		{bridge.FindProviderFlow, func(s *realm.State, a *realm.Asked) { // everybody has that role
			broker(realm.Provider{FirstFlow: "browser", PostFlow: "open"})(s, a)
			open := *s.Flow("after")
			open.Alias, open.Steps = "open", slices.Clone(open.Steps)
			gate := *open.Steps[0].Sub
			gate.Steps = slices.Clone(gate.Steps)
			gate.Steps[1].Config = map[string]string{"condUserRole": "offline_access", "negate": "true"}
			open.Steps[0].Sub = &gate
			s.Flows = append(s.Flows, open)
		}},
		{bridge.FindEventsTypes, func(s *realm.State, a *realm.Asked) { // all that are needed where nobody comes by a provider
			broker(realm.Provider{FirstFlow: "browser", PostFlow: "after"})(s, a)
			set("enabledEventTypes", []any{"LOGIN", "LOGIN_ERROR", "UPDATE_CREDENTIAL", "IDENTITY_PROVIDER_FIRST_LOGIN_ERROR"})(s, a)
		}},
		{bridge.FindProviderLinking, broker(realm.Provider{PostFlow: "after"})},
		{bridge.FindProviderSilent, func(s *realm.State, a *realm.Asked) {
			broker(realm.Provider{FirstFlow: "browser", PostFlow: "after"})(s, a)
			s.Providers[0].Config.Prompt = ""
		}},
		{bridge.FindProviderWrites, broker(writes("", map[string]string{"user.attribute": "notificationEmail", "syncMode": "FORCE"}))},
		{bridge.FindProviderWrites, broker(writes("LEGACY", map[string]string{"attribute": "notificationEmail", "syncMode": "INHERIT"}))},
		{bridge.FindProviderWrites, broker(writes("FORCE", map[string]string{"userAttribute": "notificationEmail"}))},
		{bridge.FindProviderWrites, broker(writes("IMPORT", map[string]string{"role": "otp-recovery-open"}))},
		{bridge.FindProviderWrites, broker(writes("IMPORT", map[string]string{"group": "/otp-recovery-open"}))},
		{bridge.FindResetOpen, reset(func(f *realm.Flow) {
			f.Walk(true, func(e *realm.Execution) { e.Config = nil })
		})},
		{bridge.FindResetOTP, reset(func(f *realm.Flow) {
			f.Walk(true, func(e *realm.Execution) {
				if e.Provider == "reset-otp" {
					e.Requirement = "REQUIRED"
				}
			})
		})},
		{bridge.FindResetPushed, reset(func(*realm.Flow) {})},
		{bridge.FindResetConfig, func(s *realm.State, a *realm.Asked) {
			reset(func(*realm.Flow) {})(s, a)
			a.Reset = bridge.ResetNone
		}},
		{bridge.FindCodesUnused, func(s *realm.State, _ *realm.Asked) {
			not(line(s, "otpbridge-browser-2fa-ways", "auth-recovery-authn-code-form"))
		}},
	}
}

func clientBreakings() []breaking {
	return []breaking{
		{bridge.FindScopeMissing, func(s *realm.State, _ *realm.Asked) {
			s.Scopes = slices.DeleteFunc(s.Scopes, func(c realm.Scope) bool { return c.Name == "otp-recovery" })
		}},
		{bridge.FindScopeDefault, func(s *realm.State, _ *realm.Asked) { s.OptionalScopes = append(s.OptionalScopes, "otp-recovery") }},
		{bridge.FindScopeDefault, func(s *realm.State, _ *realm.Asked) { s.DefaultScopes = append(s.DefaultScopes, "otp-recovery") }},
		{bridge.FindScopeShared, func(s *realm.State, _ *realm.Asked) {
			s.Client("portal").OptionalScopes = append(s.Client("portal").OptionalScopes, "otp-recovery")
		}},
		{bridge.FindScopeLogin, login(func(c *realm.Client) { c.OptionalScopes = nil })},
		{bridge.FindLoginMissing, login(func(c *realm.Client) { c.Enabled = false })},
		{bridge.FindLoginPAR, login(attribute("require.pushed.authorization.requests", "false"))},
		{bridge.FindLoginPKCE, login(attribute("pkce.code.challenge.method", ""))},
		{bridge.FindLoginRedirect, login(func(c *realm.Client) { c.Redirects = append(c.Redirects, "http://localhost:8088/*") })},
		{bridge.FindLoginRefresh, login(attribute("use.refresh.tokens", "true"))},
		{bridge.FindLoginGrants, login(func(c *realm.Client) { c.DirectGrants = true })},
		{bridge.FindLoginFullScope, login(func(c *realm.Client) { c.FullScope = true })},
		{bridge.FindLoginLogout, login(attribute("backchannel.logout.url", "http://localhost:1/"))},
		{bridge.FindLoginSecret, login(func(c *realm.Client) { c.Authenticator = "client-secret" })},
		{bridge.FindLoginKeys, login(attribute("jwks.url", "http://localhost:1/"))},
		{bridge.FindLoginKeys, login(attribute("use.jwks.url", "false"))},
		{bridge.FindLoginLevels, login(attribute("acr.loa.map", `{"mfa":0}`))},
		{bridge.FindLoginLevels, login(attribute("default.acr.values", "mfa"))},
		{bridge.FindLoginScopes, login(func(c *realm.Client) { c.DefaultScopes = []string{"basic", "profile"} })},
		{bridge.FindAdminKeys, foreignKey},
		{bridge.FindAdminMissing, admin(func(c *realm.Client) { c.ServiceAccounts = false })},
		{bridge.FindAdminSecret, admin(func(c *realm.Client) { c.Authenticator = "client-secret" })},
		{bridge.FindAdminFullScope, admin(func(c *realm.Client) { c.FullScope = true })},
		{bridge.FindAdminGrants, admin(func(c *realm.Client) { c.StandardFlow = true })},
		{bridge.FindAdminKeysURL, admin(func(c *realm.Client) {
			c.Attributes["use.jwks.url"], c.Attributes["jwks.url"] = "true", "http://localhost:1/"
		})},
		{bridge.FindGrantOpen, func(s *realm.State, _ *realm.Asked) {
			s.Flow("direct grant").Walk(true, func(e *realm.Execution) {
				if e.Provider == "direct-grant-validate-otp" {
					e.Requirement = "DISABLED"
				}
			})
		}},
		{bridge.FindGrantOpen, func(s *realm.State, _ *realm.Asked) {
			s.Flows = append(s.Flows, realm.Flow{ID: "f1", Alias: "password only", Provider: "basic-flow", Steps: []realm.Execution{
				{Requirement: "REQUIRED", Provider: "direct-grant-validate-password"},
			}})
			s.Client("legacy-app").Overrides = map[string]string{"direct_grant": "f1"}
		}},
		{bridge.FindGrantBasic, func(s *realm.State, _ *realm.Asked) { s.Client("saml-app").Attributes["saml.allow.ecp.flow"] = "true" }},
		{bridge.FindGrantBasic, func(s *realm.State, _ *realm.Asked) { s.Client("portal").Protocol = "docker-v2" }},
		{bridge.FindKeysSame, func(s *realm.State, _ *realm.Asked) {
			of := s.Client("otpbridge-login").Attributes
			of["use.jwks.url"], of["jwks.string"] = "false", strings.Replace(s.Client("otpbridge-admin").Attributes["jwks.string"], `"kid":"`, `"kid":"other`, 1)
		}},
		{bridge.FindParPolicy, login(attribute("otpbridge", ""))},
		{bridge.FindParPolicy, login(attribute("otpbridge", "other"))},
		{bridge.FindParPolicy, func(s *realm.State, _ *realm.Asked) { s.ClientPolicies = nil }},
		{bridge.FindParPolicy, func(s *realm.State, _ *realm.Asked) { s.ClientPolicies[0]["enabled"] = false }},
		{bridge.FindParPolicy, func(s *realm.State, _ *realm.Asked) { s.ClientProfiles[0]["executors"] = []any{} }},
		{bridge.FindParPolicy, func(s *realm.State, _ *realm.Asked) {
			s.ClientPolicies[0]["conditions"] = []any{map[string]any{"condition": "client-attributes", "configuration": map[string]any{"attributes": `[{"key":"otpbridge","value":"other"}]`}}}
		}},
		{bridge.FindKeycloakFlowEnforcer, func(s *realm.State, _ *realm.Asked) {
			s.ClientProfiles = append(s.ClientProfiles, realm.Object{"name": "x", "executors": []any{map[string]any{"executor": "auth-flow-enforcer"}}})
		}},
		{bridge.FindFlowEnforced, enforcing(true)},
		{bridge.FindKeycloakFlowEnforcer, enforcing(false)},
		{bridge.FindKeycloakFlowEnforcer, func(s *realm.State, a *realm.Asked) { // which is met by nobody
			enforcing(true)(s, a)
			s.ClientPolicies[1]["conditions"] = []any{}
		}},
		{bridge.FindKeycloakFlowEnforcer, func(s *realm.State, a *realm.Asked) {
			enforcing(true)(s, a)
			s.ClientPolicies[1]["profiles"] = []any{"otpbridge-par"}
		}},
	}
}

// OPS-09: what an administrator's client may not see is one finding about that client, nothing deadly about a safe realm, and no word of the service account.
func TestAnAdministratorWhoSeesTooLittleIsNamed(t *testing.T) {
	t.Parallel()
	s, a := campus(t)
	for _, p := range []realm.Part{realm.PartSettings, realm.PartFlows, realm.PartProfile, realm.PartPolicies, realm.PartRoles, realm.PartTexts, realm.PartClients} {
		s.Unread[p] = errors.New("403")
	}
	if found := realm.Find(s, a); len(found) != 6 || found[0].ID != bridge.FindRealmUnreadable || found[0].Severity != bridge.Deadly {
		t.Errorf("the service account: %+v", found)
	}
	a.Administrator = "narrow"
	found := realm.Find(s, a)
	if len(found) != 1 || found[0].ID != bridge.FindAdministratorRights || found[0].Object != "narrow" || found[0].Values["needed"] != "view-clients, view-realm" {
		t.Errorf("an administrator's client: %+v", found)
	}
}
