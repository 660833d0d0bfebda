package view

import (
	"strings"
	"time"
)

// foot is the site in one language, as the frame of every page and the signature of every mail show it.
type foot struct {
	Org, Service, Account string
	Home                  string // base URL
	Phone, Extension      string
	Hours                 []string
	Contacts              []contactLine
	Counter               string
	Links                 Links
	Apps                  []string
	Checks                []checkLine
	Demo                  bool
	Switch                bool // there is another language
}

type contactLine struct{ Label, URL string }

// defaultApps are named when the configuration names none.
var defaultApps = []string{
	"Google Authenticator (Android, iOS)",
	"Microsoft Authenticator (Android, iOS)",
	"2FAS (Android, iOS), Aegis (Android)",
	"KeePassXC (Windows, macOS, Linux)",
}

func (l *locale) foot() foot {
	s := l.site
	f := foot{
		Org: s.Org.in(l.tag), Service: l.text("common.service"), Account: s.AccountName.in(l.tag), Home: s.BaseURL,
		Phone: s.Contact.Phone, Extension: s.Contact.Extension, Counter: s.Contact.Counter.in(l.tag),
		Links: s.Links, Apps: s.Apps, Demo: s.Demo, Switch: len(s.Languages) > 1,
	}
	if f.Account == "" {
		f.Account = l.text("id.label")
	}
	if len(f.Apps) == 0 {
		f.Apps = defaultApps
	}
	for _, c := range s.Contact.Contacts {
		f.Contacts = append(f.Contacts, contactLine{Label: c.Label.in(l.tag), URL: c.URL})
	}
	for _, c := range s.Checks {
		f.Checks = append(f.Checks, l.check(c.ID))
	}
	for _, h := range s.Contact.Hours {
		f.Hours = append(f.Hours, l.hours(h))
	}
	if n := len(f.Hours); n > 0 && s.Contact.Holidays {
		f.Hours[n-1] = l.text("hours.holidays", "hours", f.Hours[n-1])
	}
	return f
}

// hours puts "Mon-Fri 09:00-17:00" into words.
func (l *locale) hours(line string) string {
	m := hours.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	_, zone := l.zoned(time.Unix(0, 0))
	open, closed := strings.TrimPrefix(m[3], "0"), strings.TrimPrefix(m[4], "0")
	days := l.day(m[1])
	switch {
	case m[1] == "Mon" && m[2] == "Fri":
		days = l.text("hours.weekdays")
	case m[2] != "":
		days = l.text("hours.days", "first", l.day(m[1]), "last", l.day(m[2]))
	}
	return l.text("hours.line", "days", days, "open", open, "close", closed, "zone", zone)
}

// day names a day of the week.
func (l *locale) day(short string) string {
	if l.tag != "ja" {
		return short
	}
	return map[string]string{
		"Mon": "月曜", "Tue": "火曜", "Wed": "水曜", "Thu": "木曜", "Fri": "金曜", "Sat": "土曜", "Sun": "日曜",
	}[short]
}
