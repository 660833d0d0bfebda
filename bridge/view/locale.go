package view

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"otpbridge/bridge"
)

// locale speaks one language for one site.
type locale struct {
	tag   string
	texts map[string]message
	site  Site
	files *files

	findings func() (*Findings, error) // read when somebody first looks at them
}

// text returns a message as plain text. args are name, value, name, value... An unknown key or a missing value shows the key: a
// test sees to it that there is none.
func (l *locale) text(key string, args ...any) string {
	m, ok := l.texts[key]
	if !ok {
		return key
	}
	values, err := pairs(args, func(v any) string { return clean(fmt.Sprint(v)) })
	if err != nil {
		return key
	}
	s, err := m.fill(func(s string) string { return s }, values)
	if err != nil {
		return key
	}
	return s
}

// html is text for templates: words and values are escaped, except values that are template.HTML.
func (l *locale) html(key string, args ...any) (template.HTML, error) {
	m, ok := l.texts[key]
	if !ok {
		return "", fmt.Errorf("no text %q", key)
	}
	values, err := pairs(args, escape)
	if err != nil {
		return "", fmt.Errorf("text %q: %w", key, err)
	}
	s, err := m.fill(template.HTMLEscapeString, values)
	if err != nil {
		return "", fmt.Errorf("text %q: %w", key, err)
	}
	return template.HTML(s), nil //nolint:gosec // every part is escaped above
}

func escape(v any) string {
	if h, ok := v.(template.HTML); ok {
		return string(h)
	}
	return template.HTMLEscapeString(clean(fmt.Sprint(v)))
}

func pairs(args []any, show func(any) string) (map[string]string, error) {
	if len(args)%2 != 0 {
		return nil, fmt.Errorf("%d arguments do not make pairs", len(args))
	}
	values := make(map[string]string, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		name, ok := args[i].(string)
		if !ok {
			return nil, fmt.Errorf("argument %d is not the name of a placeholder", i)
		}
		values[name] = show(args[i+1])
	}
	return values, nil
}

// zoned is t in the site's zone, with the zone's short name. Zones without one are shown as an offset from UTC.
func (l *locale) zoned(t time.Time) (time.Time, string) {
	t = t.In(l.site.Zone)
	name, _ := t.Zone()
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		name = "UTC" + t.Format("-07:00")
	}
	return t, name
}

// datetime is the full form: "3 December 2026, 14:30 JST".
func (l *locale) datetime(t time.Time) string {
	t, zone := l.zoned(t)
	return l.text("common.datetime", "day", t.Day(), "month", l.month(t), "year", t.Year(),
		"hour", t.Format("15"), "minute", t.Format("04"), "zone", zone)
}

// clocktime is "14:30 JST" on the day of now, else the full form.
func (l *locale) clocktime(now, t time.Time) string {
	local, zone := l.zoned(t)
	today := now.In(l.site.Zone)
	if local.YearDay() != today.YearDay() || local.Year() != today.Year() {
		return l.datetime(t)
	}
	return l.text("common.clock", "hour", local.Format("15"), "minute", local.Format("04"), "zone", zone)
}

// month is the name of the month in English, its number in Japanese.
func (l *locale) month(t time.Time) string {
	if l.tag == "ja" {
		return strconv.Itoa(int(t.Month()))
	}
	return t.Month().String()
}

// timeTag marks a shown time up for machines.
func (l *locale) timeTag(t time.Time, shown string) template.HTML {
	at := t.In(l.site.Zone).Format("2006-01-02T15:04Z07:00")
	//nolint:gosec // the layout has no sign that needs escaping, the words are escaped
	return template.HTML(`<time datetime="` + at + `">` + template.HTMLEscapeString(shown) + `</time>`)
}

// funcs are what templates may call.
func (l *locale) funcs() template.FuncMap {
	return template.FuncMap{
		"t":       l.html,
		"when":    func(t time.Time) template.HTML { return l.timeTag(t, l.datetime(t)) },
		"clock":   func(now, t time.Time) template.HTML { return l.timeTag(t, l.clocktime(now, t)) },
		"num":     num,
		"mono":    mono,
		"static":  l.files.url,
		"mask":    MaskAddress,
		"tel":     tel,
		"way":     l.way,
		"from":    l.from,
		"groups":  groups,
		"problem": l.problem,
		"unused":  l.unused,

		"happened": l.happened,
		"ending":   l.ending,

		"lastchange": l.lastChange,
		"for":        func(field string, faults []faultLine) []faultLine { return only(faults, field) },
	}
}

// num marks a value up that must not break over lines.
func num(v any) template.HTML {
	return template.HTML(`<span class="num">` + escape(v) + `</span>`) //nolint:gosec // escaped
}

// mono marks a value up that is read sign by sign.
func mono(v any) template.HTML {
	return template.HTML(`<span class="mono">` + escape(v) + `</span>`) //nolint:gosec // escaped
}

// tel makes the link of a phone number: digits and a leading plus only.
func tel(phone string) template.URL {
	var b strings.Builder
	for i, r := range phone {
		if '0' <= r && r <= '9' || r == '+' && i == 0 {
			b.WriteRune(r)
		}
	}
	return template.URL("tel:" + b.String()) //nolint:gosec // digits only
}

// groups cuts a key into fours.
func groups(key string) []string {
	var out []string
	for len(key) > 4 {
		out, key = append(out, key[:4]), key[4:]
	}
	return append(out, key)
}

// way names how the second channel is proven.
func (l *locale) way(way bridge.Way) string {
	if way == bridge.WayDesk {
		return l.text("way.phone")
	}
	return l.text("way.mail")
}

// from describes where a request came from.
func (l *locale) from(o bridge.Origin) string {
	var where string
	browser, system := clean(o.Browser), clean(o.System)
	switch {
	case browser != "" && system != "":
		where = l.text("link.where_value", "browser", browser, "system", system)
	case browser != "":
		where = browser
	case system != "":
		where = system
	default:
		where = l.text("link.where_unknown")
	}
	switch {
	case !l.site.CampusKnown:
		return where
	case o.Campus:
		return l.text("link.where_network", "where", where, "network", l.text("link.network_campus"))
	}
	return l.text("link.where_network", "where", where, "network", l.text("link.network_outside"))
}
