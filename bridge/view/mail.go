package view

import (
	"bytes"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

// Mail is one kind of mail: a struct of this package. View.Mail turns it into a subject and two bodies.
type Mail interface {
	subject(l *locale) string
	blocks(l *locale) []block
}

// Message is a rendered mail, complete before anything is dialled. Subject has no line break; Text has "\n" line ends.
type Message struct {
	Subject string
	Text    string
	HTML    string
}

// block is a piece of a mail; text and HTML are made from the same blocks. Exactly one field is set.
type block struct {
	Head  string
	Para  string
	Link  string
	Facts []fact
}

type fact struct{ Label, Value string }

// letter is a mail in one language.
type letter struct {
	Lang   string
	Blocks []block
	Sign   []string
	Mark   string // before a heading in text
	locale *locale
}

// fact is a line of facts in HTML.
func (l letter) fact(f fact) (template.HTML, error) {
	bold := template.HTML("<b>" + escape(f.Value) + "</b>") //nolint:gosec // escaped
	return l.locale.html("mail.fact.line", "label", f.Label, "value", bold)
}

// Mail renders m in each language, in the given order (see MailLanguages), as one message.
func (v *View) Mail(languages []string, m Mail) (Message, error) {
	var subjects []string
	var letters []letter
	for _, tag := range languages {
		l, ok := v.locales[tag]
		if !ok {
			return Message{}, fmt.Errorf("mail %T: language %q is not the site's", m, tag)
		}
		subjects = append(subjects, m.subject(l))
		letters = append(letters, v.letter(l, m))
	}
	if len(letters) == 0 {
		return Message{}, fmt.Errorf("mail %T: no language", m)
	}
	out := Message{Subject: strings.Join(subjects, " / ")}
	var note string
	if len(letters) > 1 {
		note = v.locales[letters[1].Lang].text("mail.both")
	}
	var b bytes.Buffer
	data := struct {
		Subject, Note string
		Letters       []letter
	}{out.Subject, note, letters}
	if err := v.mail.Execute(&b, data); err != nil {
		return Message{}, fmt.Errorf("mail %T: %w", m, err)
	}
	out.HTML = b.String()
	out.Text = textBody(note, letters)
	return out, nil
}

func (v *View) letter(l *locale, m Mail) letter {
	f := v.foots[l.tag]
	sign := []string{l.text("mail.sign", "org", f.Org)}
	if f.Phone != "" {
		sign = append(sign, strings.TrimRight(l.text("mail.sign.phone", "phone", f.Phone, "hours", strings.Join(f.Hours, ", ")), ", 　"))
	}
	sign = append(sign, f.Home, l.text("mail.auto"))
	blocks := m.blocks(l)
	switch m.(type) {
	case DeskMail, CallMail: // to colleagues, not to a person
	default:
		blocks = append(blocks, block{Para: l.text("mail.never")})
	}
	return letter{Lang: l.tag, Blocks: blocks, Sign: sign, Mark: l.text("mail.mark"), locale: l}
}

const rule = "========================================"

// textBody writes the plain part: blank lines between blocks, the link alone on its line.
func textBody(note string, letters []letter) string {
	var b strings.Builder
	if note != "" {
		b.WriteString(note + "\n\n")
	}
	for i, letter := range letters {
		if i > 0 {
			b.WriteString("\n" + rule + "\n\n")
		}
		for _, block := range letter.Blocks {
			b.WriteString(letter.text(block))
		}
		b.WriteString("-- \n" + strings.Join(letter.Sign, "\n") + "\n")
	}
	return b.String()
}

// text is one block with what separates it from the next.
func (l letter) text(b block) string {
	switch {
	case b.Head != "":
		return l.Mark + " " + b.Head + "\n"
	case b.Link != "":
		return b.Link + "\n\n"
	case len(b.Facts) > 0:
		var lines []string
		for _, f := range b.Facts {
			lines = append(lines, l.locale.text("mail.fact.line", "label", f.Label, "value", f.Value))
		}
		return strings.Join(lines, "\n") + "\n\n"
	}
	return b.Para + "\n\n"
}

// linkish is what a mail program might turn into a link.
var linkish = regexp.MustCompile(`(?i)://|@|www\.|[\p{L}\d]\.[\p{L}]{2,}`)

// dear is the salutation. A name that a mail program could take for a link is left out: many people can edit theirs.
func (l *locale) dear(name string) []block {
	if name = clean(name); name == "" || linkish.MatchString(name) {
		return nil
	}
	return []block{{Para: l.text("mail.dear", "name", name)}}
}
