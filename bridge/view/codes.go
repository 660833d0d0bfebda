package view

import (
	"fmt"
	"strings"
	"time"
)

// CodesMail tells every address that recovery codes were made, or that they were not and what stood of them was taken back. It has no link that acts.
type CodesMail struct {
	Name      string
	At        time.Time
	Back      bool
	Reference string
}

func (m CodesMail) subject(l *locale) string {
	if m.Back {
		return l.text("mail.codes.back.subject")
	}
	return l.text("mail.codes.subject")
}

func (m CodesMail) blocks(l *locale) []block {
	text := l.text("mail.codes.text")
	if m.Back {
		text = l.text("mail.codes.back.text")
	}
	return join(l.dear(m.Name), []block{{Para: text}}, l.facts(Asked{When: m.At}, m.Reference), l.warn("mail.codes.then"))
}

// CodesText returns recovery codes as a file to keep, in the given language (one of the site's; any other means the default).
func (v *View) CodesText(lang string, c RecoveryCodes) []byte {
	l, ok := v.locales[lang]
	if !ok {
		lang = v.site.Languages[0]
		l = v.locales[lang]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\n%s\r\n\r\n", l.text("done.print.title", "org", v.foots[lang].Org), l.text("done.print.made", "time", l.datetime(c.Made)))
	for _, line := range c.Lines() {
		fmt.Fprintf(&b, "%2d  %s\r\n", line.Number, line.Code)
	}
	fmt.Fprintf(&b, "\r\n%s\r\n%s\r\n", l.text("done.codes.order"), l.text("done.print.use"))
	return []byte(b.String())
}

// CodeLine is one code with the number by which the sign-in page asks for it.
type CodeLine struct {
	Number int
	Code   string
}

// Lines are the codes with their numbers.
func (c RecoveryCodes) Lines() []CodeLine {
	out := make([]CodeLine, 0, len(c.List))
	for i, code := range c.List {
		out = append(out, CodeLine{i + 1, code})
	}
	return out
}
