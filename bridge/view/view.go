package view

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"golang.org/x/text/language"

	"otpbridge/bridge"
)

// View renders pages and mails.
type View struct {
	site    Site
	locales map[string]*locale
	pages   *pageSet
	mail    *template.Template
	foots   map[string]foot
	matcher language.Matcher
	files   *files
	broken  map[string][]byte
}

// New parses every template, catalogue and static file under fsys (the tree of package templates) for the site's languages, and
// reports every fault in them.
func New(fsys fs.FS, site Site) (*View, error) {
	if err := site.check(); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	texts, err := loadCatalogue(fsys)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	files, err := loadFiles(fsys, site.Accent)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	v := &View{site: site, files: files, locales: map[string]*locale{}, foots: map[string]foot{}, broken: map[string][]byte{}}
	var used []usedText
	if v.pages, used, err = parsePages(fsys, &locale{}); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	findings := sync.OnceValues(func() (*Findings, error) { return LoadFindings(fsys) }) // few processes ever show one
	var tags []language.Tag
	for _, tag := range site.Languages {
		l := &locale{tag: tag, texts: texts[tag], site: site, files: files, findings: findings}
		v.locales[tag] = l
		v.foots[tag] = l.foot()
		tags = append(tags, language.Make(tag))
		if err := l.checkTexts(used); err != nil {
			return nil, fmt.Errorf("view: %w", err)
		}
	}
	if v.mail, err = template.New("mail.html").Funcs(template.FuncMap{"fact": letter.fact}).ParseFS(fsys, "mails/mail.html"); err != nil {
		return nil, fmt.Errorf("view: parse mail: %w", err)
	}
	v.matcher = language.NewMatcher(tags)
	return v, v.renderBroken()
}

// sheet is what a page template sees.
type sheet struct {
	P       Page // the page itself
	F       Frame
	S       foot // the site in this language
	Lang    string
	Other   string // the other language; empty: there is none
	Title   string
	Heading string
	Lede    string // first sentence, for pages whose outcome decides it
	Faults  []faultLine
	Service string // what the header names
	Console bool   // the help desk's console: its own header
	Home    string // where the header's name leads
	Tabs    bool   // with the way between its pages
	Tab     string // path of the one that this page belongs to
}

// faultLine is a fault in words.
type faultLine struct {
	Field, Anchor, Text string
}

// Render returns the page as HTML in the given language (one of the site's; any other means the default). Nothing is returned
// with an error: show Broken then.
func (v *View) Render(lang string, p Page) ([]byte, error) {
	if _, ok := v.locales[lang]; !ok {
		lang = v.site.Languages[0]
	}
	t, err := v.pages.in(v.locales[lang], p.template())
	if err != nil {
		return nil, fmt.Errorf("render %T: %w", p, err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, outermost, v.sheet(lang, p)); err != nil {
		return nil, fmt.Errorf("render %T: %w", p, err)
	}
	return b.Bytes(), nil
}

func (v *View) sheet(lang string, p Page) sheet {
	l := v.locales[lang]
	s := sheet{P: p, F: p.frame(), S: v.foots[lang], Lang: lang, Heading: p.heading(l), Other: v.other(lang)}
	if s.F.Person != nil {
		s.F.Person = &Person{Name: clean(s.F.Person.Name), ID: clean(s.F.Person.ID)}
	}
	if told, ok := p.(interface{ words() outcome }); ok {
		s.Lede = l.text(told.words().text)
	}
	s.Service, s.Console = s.S.Service, s.F.Console
	if desk, ok := p.(interface{ tab() string }); ok {
		s.Console, s.Tab = true, desk.tab()
	}
	if s.Console {
		s.Service = l.text("console.service")
	}
	s.Tabs = s.Console && (s.F.Operator || s.F.Auditor || s.F.Admin)
	s.Home = home(s)
	s.Title = l.text("common.title", "page", s.Heading, "service", s.Service, "org", s.S.Org)
	if form, ok := p.(faulty); ok {
		for _, f := range form.faults() {
			s.Faults = append(s.Faults, faultLine{Field: f.Field, Anchor: anchor(p, f.Field), Text: l.fault(f, s.F.Now)})
		}
	}
	if len(s.Faults) > 0 {
		s.Title = l.text("common.title_error", "title", s.Title)
	}
	return s
}

// home is the first page of the console that is open to the person, elsewhere the start page.
func home(s sheet) string {
	switch {
	case s.Console && s.F.Operator:
		return "/desk"
	case s.Console && s.F.Auditor:
		return "/desk/audit"
	case s.Console && s.F.Admin:
		return "/admin"
	}
	return "/"
}

func (v *View) other(lang string) string {
	i := slices.IndexFunc(v.site.Languages, func(tag string) bool { return tag != lang })
	if i < 0 {
		return ""
	}
	return v.site.Languages[i]
}

// Broken is the page for an error that left nothing to render with: made at start-up, without form or person.
func (v *View) Broken(lang string) []byte {
	if b, ok := v.broken[lang]; ok {
		return b
	}
	return v.broken[v.site.Languages[0]]
}

func (v *View) renderBroken() error {
	for _, tag := range v.site.Languages {
		b, err := v.Render(tag, Failure{Code: bridge.CodeInternal})
		if err != nil {
			return fmt.Errorf("view: %w", err)
		}
		v.broken[tag] = b
	}
	v.pages.forget()
	return nil
}

// Languages returns the site's languages, the default first.
func (v *View) Languages() []string { return slices.Clone(v.site.Languages) }

// Time returns a time as pages show it.
func (v *View) Time(lang string, t time.Time) string {
	l, ok := v.locales[lang]
	if !ok {
		l = v.locales[v.site.Languages[0]]
	}
	return l.datetime(t)
}

// anchor is the id of the element that a fault's field begins with, "" when the page has no such field.
func anchor(p Page, field string) string {
	switch field {
	case FieldReason:
		return "reason-changed"
	case FieldWay:
		if r, ok := p.(Request); ok && r.Address == "" {
			return "way-desk"
		}
		return "way-mail"
	case FieldChoice:
		return "choice-stop"
	case FieldWords:
		if c, ok := p.(Case); ok && c.CallBack != CallBackRuns {
			return "callback"
		}
		return "words-0"
	case FieldChecks, FieldCheck:
		return field + "-0"
	case FieldName, FieldCode, FieldLabel, FieldNumber, FieldTicket, FieldSaved, FieldAddress:
		return field
	}
	return ""
}

// only returns the faults of one field.
func only(faults []faultLine, field string) []faultLine {
	var out []faultLine
	for _, f := range faults {
		if f.Field == field {
			out = append(out, f)
		}
	}
	return out
}
