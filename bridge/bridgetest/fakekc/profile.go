package fakekc

import (
	"net/mail"
	"slices"
)

// profile is the realm's user profile, in Keycloak's form.
type profile struct {
	Attributes []ProfileAttribute  `json:"attributes"`
	Groups     []map[string]string `json:"groups"`
	Unmanaged  string              `json:"unmanagedAttributePolicy,omitempty"`
}

// ProfileAttribute is one attribute of the user profile.
type ProfileAttribute struct {
	Name        string                    `json:"name"`
	DisplayName string                    `json:"displayName,omitempty"`
	Validations map[string]map[string]any `json:"validations,omitempty"`
	Required    *ProfileRoles             `json:"required,omitempty"`
	Permissions ProfileRights             `json:"permissions"`
	Multivalued bool                      `json:"multivalued"`
}

// ProfileRoles says for whom an attribute is required: "user", "admin".
type ProfileRoles struct {
	Roles []string `json:"roles,omitempty"`
}

// ProfileRights says who may see and change an attribute.
type ProfileRights struct {
	View []string `json:"view"`
	Edit []string `json:"edit"`
}

// SetProfileAttribute adds an attribute to the user profile, or replaces the one of that name.
func (s *Server) SetProfileAttribute(a ProfileAttribute) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.profile.Attributes, func(old ProfileAttribute) bool { return old.Name == a.Name })
	if at < 0 {
		s.profile.Attributes = append(s.profile.Attributes, a)
		return
	}
	s.profile.Attributes[at] = a
}

// SetUnmanagedAttributes sets the policy for attributes outside the profile: "", ENABLED, ADMIN_EDIT, ADMIN_VIEW.
func (s *Server) SetUnmanagedAttributes(policy string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.profile.Unmanaged = policy
}

type profileFault struct {
	Field  string `json:"field"`
	Text   string `json:"errorMessage"`
	Params []any  `json:"params"`
}

// check finds what is wrong with a person for an administrator who writes them.
func (p profile) check(u *user) []profileFault {
	var out []profileFault
	for _, a := range p.Attributes {
		values := u.values(a.Name)
		if len(values) == 0 && a.Required != nil && (len(a.Required.Roles) == 0 || slices.Contains(a.Required.Roles, "admin")) {
			out = append(out, profileFault{a.Name, "error-user-attribute-required", []any{a.Name}})
		}
		for _, value := range values {
			if _, wanted := a.Validations["email"]; wanted && !isAddress(value) {
				out = append(out, profileFault{a.Name, "error-invalid-email", []any{a.Name, value}})
			}
		}
	}
	return out
}

// readOnly finds what a person of a directory that is only read would lose.
func (p profile) readOnly(old, changed *user) (out []profileFault) {
	for _, a := range p.Attributes {
		if old.readOnly && !slices.Equal(old.values(a.Name), changed.values(a.Name)) {
			out = append(out, profileFault{a.Name, "error-user-attribute-read-only", []any{a.Name}})
		}
	}
	return out
}

// metadata is what the server says of the attributes of a person.
func (p profile) metadata(u *user) (out []map[string]any) {
	for _, a := range p.Attributes {
		out = append(out, map[string]any{"name": a.Name, "readOnly": u.readOnly, "validators": a.Validations, "multivalued": a.Multivalued})
	}
	return out
}

// gap reports whether the person would be asked to complete the profile.
func (p profile) gap(u *user) bool {
	for _, a := range p.Attributes {
		required := a.Required != nil && (len(a.Required.Roles) == 0 || slices.Contains(a.Required.Roles, "user"))
		if required && len(u.values(a.Name)) == 0 {
			return true
		}
	}
	return false
}

// values are those of an attribute or a root field.
func (u *user) values(name string) []string {
	root, ok := map[string]string{"username": u.username, "email": u.email, "firstName": u.first, "lastName": u.last}[name]
	switch {
	case !ok:
		return u.attributes[name]
	case root == "":
		return nil
	default:
		return []string{root}
	}
}

func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

func defaultProfile() profile {
	everybody := ProfileRights{View: []string{"admin", "user"}, Edit: []string{"admin", "user"}}
	attribute := func(name string, required bool, validations map[string]map[string]any) ProfileAttribute {
		a := ProfileAttribute{Name: name, DisplayName: "${" + name + "}", Permissions: everybody, Validations: validations}
		if required {
			a.Required = &ProfileRoles{Roles: []string{"user"}}
		}
		return a
	}
	long := map[string]any{"max": 255}
	person := map[string]map[string]any{"length": long, "person-name-prohibited-characters": {}}
	return profile{
		Attributes: []ProfileAttribute{
			attribute("username", false, map[string]map[string]any{
				"length": {"min": 3, "max": 255}, "username-prohibited-characters": {}, "up-username-not-idn-homograph": {},
			}),
			attribute("email", false, map[string]map[string]any{"email": {}, "length": long}),
			attribute("firstName", true, person),
			attribute("lastName", true, person),
		},
		Groups: []map[string]string{{
			"name": "user-metadata", "displayHeader": "User metadata", "displayDescription": "Attributes, which refer to user metadata",
		}},
		Unmanaged: "ADMIN_EDIT",
	}
}

// defaultRealm is the representation of the realm, as far as anybody reads it.
func defaultRealm(s *Server) map[string]any {
	return map[string]any{
		"id": s.realmID, "realm": s.opts.Realm, "enabled": true, "sslRequired": "external", "notBefore": 0,
		"registrationAllowed": false, "loginWithEmailAllowed": true, "duplicateEmailsAllowed": false,
		"resetPasswordAllowed": false, "editUsernameAllowed": false, "verifyEmail": false, "rememberMe": false,
		"internationalizationEnabled": true, "supportedLocales": []string{"ja", "en"}, "defaultLocale": "en",
		"bruteForceProtected": true, "failureFactor": failureFactor, "permanentLockout": false, "quickLoginCheckMilliSeconds": 1000,
		"otpPolicyType": "totp", "otpPolicyAlgorithm": "HmacSHA1", "otpPolicyInitialCounter": 0, "otpPolicyDigits": 6,
		"otpPolicyLookAheadWindow": lookAround, "otpPolicyPeriod": 30, "otpPolicyCodeReusable": false,
		"eventsEnabled": true, "eventsExpiration": 2592000, "eventsListeners": []string{"jboss-logging"}, "enabledEventTypes": []string{},
		"adminEventsEnabled": true, "adminEventsDetailsEnabled": true, "adminPermissionsEnabled": true,
		"browserFlow": "otpbridge-browser", "resetCredentialsFlow": "reset credentials", "directGrantFlow": "direct grant",
		"accessCodeLifespan": 60, "ssoSessionIdleTimeout": 1800, "ssoSessionMaxLifespan": 36000, "accessTokenLifespan": 300,
		"attributes": map[string]string{"acr.loa.map": `{"pwd":1,"mfa":2}`},
	}
}
