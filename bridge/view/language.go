package view

import (
	"slices"

	"golang.org/x/text/language"
)

// Match returns the language to serve: the explicit choice, else the person's own, else what the browser asks for, else the
// site's default. Anything that is not one of the site's languages counts for nothing.
func (v *View) Match(choice, person, accept string) string {
	if slices.Contains(v.site.Languages, choice) {
		return choice
	}
	if tag, ok := v.known(person); ok {
		return tag
	}
	if len(accept) > maxAccept {
		accept = ""
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return v.site.Languages[0]
	}
	_, index, confidence := v.matcher.Match(wanted...)
	if confidence == language.No {
		index = 0
	}
	return v.site.Languages[index]
}

// maxAccept is the longest Accept-Language header that is looked at.
const maxAccept = 1024

// MailLanguages returns the languages of a mail to a person: their own, or all when it is unknown or not ours.
func (v *View) MailLanguages(person string) []string {
	if tag, ok := v.known(person); ok {
		return []string{tag}
	}
	return slices.DeleteFunc(slices.Clone(supported), func(tag string) bool {
		return !slices.Contains(v.site.Languages, tag)
	})
}

// known returns the site's language for a locale as Keycloak stores it ("ja", "en-GB").
func (v *View) known(locale string) (string, bool) {
	if locale == "" {
		return "", false
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return "", false
	}
	_, index, confidence := v.matcher.Match(tag)
	return v.site.Languages[index], confidence != language.No
}
