package keycloak

import (
	"encoding/json"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// profile is the realm's user profile: which attributes there are, who may edit them, and what users must fill in.
type profile struct {
	Attributes []profileAttribute `json:"attributes"`
	// Unmanaged says what happens to attributes that the profile does not know: "" none, ENABLED, ADMIN_EDIT, ADMIN_VIEW.
	Unmanaged string `json:"unmanagedAttributePolicy"`
}

type profileAttribute struct {
	Name     string `json:"name"`
	Required *struct {
		Roles  []string `json:"roles"`
		Scopes []string `json:"scopes"`
	} `json:"required"`
	Permissions *struct {
		Edit []string `json:"edit"`
	} `json:"permissions"`
	Selector struct {
		Scopes []string `json:"scopes"`
	} `json:"selector"`
	Validations map[string]map[string]json.RawMessage `json:"validations"`
}

// adminOnly returns the attributes that people cannot edit themselves. Where they may set attributes that the profile does not know,
// none counts: the realm is open.
func (p profile) adminOnly() map[string]bool {
	out := map[string]bool{}
	for _, a := range p.Attributes {
		out[a.Name] = p.Unmanaged != "ENABLED" && !a.userEdits()
	}
	return out
}

// userEdits reports whether people may edit the named attribute. One without permissions counts as open.
func (p profile) userEdits(name string) bool {
	i := slices.IndexFunc(p.Attributes, func(a profileAttribute) bool { return a.Name == name })
	if i < 0 {
		return p.Unmanaged == "ENABLED"
	}
	return p.Attributes[i].userEdits()
}

func (a profileAttribute) userEdits() bool {
	return a.Permissions == nil || slices.Contains(a.Permissions.Edit, "user")
}

// gap reports whether Keycloak would ask this person to complete the profile at a sign-in with these client scopes. It asks only for what
// people may edit themselves. What we cannot judge (a validator of the realm's own) counts as right.
func (p profile) gap(u user, scopes []string) bool {
	return slices.ContainsFunc(p.Attributes, func(a profileAttribute) bool {
		if a.Permissions == nil || !slices.Contains(a.Permissions.Edit, "user") || !a.selected(scopes) {
			return false
		}
		values := u.values(a.Name)
		if len(values) == 0 {
			return a.required(scopes)
		}
		return !a.valid(values)
	})
}

// selected reports whether the attribute is there at all for these client scopes.
func (a profileAttribute) selected(scopes []string) bool {
	return len(a.Selector.Scopes) == 0 || meet(a.Selector.Scopes, scopes)
}

func (a profileAttribute) required(scopes []string) bool {
	r := a.Required
	if r == nil {
		return false
	}
	always := len(r.Roles) == 0 && len(r.Scopes) == 0
	return always || slices.Contains(r.Roles, "user") || meet(r.Scopes, scopes)
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// values returns what is not blank.
func (u user) values(name string) []string {
	var all []string
	switch name {
	case "username":
		all = []string{u.Username}
	case "email":
		all = []string{u.Email}
	case "firstName":
		all = []string{u.FirstName}
	case "lastName":
		all = []string{u.LastName}
	default:
		all = u.Attributes[name]
	}
	return slices.DeleteFunc(slices.Clone(all), func(v string) bool { return strings.TrimSpace(v) == "" })
}

func (a profileAttribute) valid(values []string) bool {
	for name, options := range a.Validations {
		if name == "multivalued" {
			if !within(options, len(values)) {
				return false
			}
			continue
		}
		check, known := validators[name]
		if known && !slices.ContainsFunc(values, func(v string) bool { return !check(options, v) }) {
			continue
		}
		if known {
			return false
		}
	}
	return true
}

type options = map[string]json.RawMessage

// validators are Keycloak's own that can be judged from outside.
var validators = map[string]func(o options, value string) bool{
	"length": func(o options, v string) bool {
		if text(o, "trim-disabled") != "true" {
			v = strings.TrimSpace(v)
		}
		return within(o, utf8.RuneCountInString(v))
	},
	"email": func(_ options, v string) bool {
		a, err := mail.ParseAddress(v)
		return err == nil && a.Address == v
	},
	"pattern": func(o options, v string) bool {
		p, err := regexp.Compile("^(?:" + text(o, "pattern") + ")$")
		return err != nil || p.MatchString(v)
	},
	"options": func(o options, v string) bool {
		var list []string
		return json.Unmarshal(o["options"], &list) != nil || slices.Contains(list, v)
	},
	"integer": func(o options, v string) bool {
		n, err := strconv.Atoi(v)
		return err == nil && within(o, n)
	},
}

// within reports whether n keeps to the options min and max; one that is missing or no number bounds nothing.
func within(o options, n int) bool {
	least, err := strconv.Atoi(text(o, "min"))
	if err == nil && n < least {
		return false
	}
	most, err := strconv.Atoi(text(o, "max"))
	return err != nil || n <= most
}

// text returns an option as text: Keycloak keeps numbers and truths both bare and quoted.
func text(o options, name string) string {
	var s string
	if json.Unmarshal(o[name], &s) == nil {
		return s
	}
	return string(o[name])
}

// fullName puts a person's names into the order in which the realm's profile has them.
func (p realmParts) fullName(u user) string {
	first := slices.IndexFunc(p.Profile.Attributes, func(a profileAttribute) bool { return a.Name == "firstName" })
	last := slices.IndexFunc(p.Profile.Attributes, func(a profileAttribute) bool { return a.Name == "lastName" })
	if last >= 0 && last < first {
		return strings.TrimSpace(u.LastName + " " + u.FirstName)
	}
	return strings.TrimSpace(u.FirstName + " " + u.LastName)
}
