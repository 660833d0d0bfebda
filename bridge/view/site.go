package view

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Words is one text in several languages, by language tag ("ja", "en").
type Words map[string]string

// in returns the text in lang, or in any language that has one.
func (w Words) in(lang string) string {
	if s := w[lang]; s != "" {
		return s
	}
	for _, tag := range supported {
		if s := w[tag]; s != "" {
			return s
		}
	}
	return ""
}

// Site is what an administrator configures once and every page shows.
type Site struct {
	BaseURL     string         // "https://otp.example.ac.jp", without a slash at the end
	Languages   []string       // of "ja" and "en"; the first is the default
	Zone        *time.Location // of every time shown
	Org         Words
	AccountName Words  // what the campus calls the ID; empty: "ID"
	Accent      string // "#rrggbb"; empty: the style sheet's own
	Links       Links
	Contact     Contact
	Apps        []string // authenticator apps to name; empty: a short list of our own
	Checks      []Check  // checks that operators may record
	CampusKnown bool     // the campus networks are configured, so "outside" can be told
	Demo        bool     // a banner on every page says so
}

// Check is one way to know a caller.
type Check struct {
	ID    string
	Label Words
}

// Links lead to other pages of the university; an empty one is not shown.
type Links struct {
	Privacy, Accessibility, Status, ForgottenPassword string
	Transfer                                          string // how a registration gets from one authenticator app to another
}

// Contact is the help desk as the foot of every page shows it. Empty parts are not shown.
type Contact struct {
	Phone     string
	Extension string
	Hours     []string // "Mon-Fri 09:00-17:00"
	Holidays  bool     // closed on public holidays
	Contacts  []ContactLine
	Counter   Words
}

// ContactLine is a way to the help desk that needs no voice.
type ContactLine struct {
	Label Words
	URL   string // https or mailto
}

var (
	colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	hours  = regexp.MustCompile(`^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))? ([0-2]\d:[0-5]\d)-([0-2]\d:[0-5]\d)$`)
)

// supported are the languages that have a catalogue, in the order of a mail in all languages.
var supported = []string{"ja", "en"}

// check returns every fault of the site at once.
func (s Site) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if len(s.Languages) == 0 {
		fault("no language")
	}
	for _, tag := range s.Languages {
		if !slices.Contains(supported, tag) {
			fault("language %q has no catalogue", tag)
		}
	}
	if s.Zone == nil {
		fault("no time zone")
	}
	if s.Accent != "" && !colour.MatchString(s.Accent) {
		fault("accent %q is not #rrggbb", s.Accent)
	}
	for _, h := range s.Contact.Hours {
		if !hours.MatchString(h) {
			fault("opening hours %q are not like %q", h, "Mon-Fri 09:00-17:00")
		}
	}
	for _, link := range s.addresses() {
		if err := checkURL(link); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// addresses lists every configured link that is set.
func (s Site) addresses() []string {
	all := []string{s.BaseURL, s.Links.Privacy, s.Links.Accessibility, s.Links.Status, s.Links.ForgottenPassword, s.Links.Transfer}
	for _, c := range s.Contact.Contacts {
		all = append(all, c.URL)
	}
	return slices.DeleteFunc(all, func(u string) bool { return u == "" })
}

func checkURL(link string) error {
	u, err := url.Parse(link)
	if err != nil || !slices.Contains([]string{"https", "http", "mailto"}, u.Scheme) {
		return fmt.Errorf("link %q is neither https nor mailto", link)
	}
	return nil
}

// clean takes out of a foreign string what could break a line or turn the direction of writing: control characters, line and
// paragraph separators, bidirectional controls. Broken bytes become U+FFFD.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case r < 0x20 || 0x7f <= r && r <= 0x9f:
			return -1
		case r == '\u061c' || r == '\u200e' || r == '\u200f' || r == '\ufeff':
			return -1
		case '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069':
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}
