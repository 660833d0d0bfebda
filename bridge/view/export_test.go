package view

import (
	"bytes"
	"html/template"
	"io/fs"
	"reflect"
)

// ByGo renders pages and mails as View does, by Go's own html/template.
type ByGo struct {
	*View
	fsys  fs.FS
	pages map[pageIn]*template.Template
}

// NewByGo reads the same templates.
func NewByGo(v *View, fsys fs.FS) ByGo { return ByGo{v, fsys, map[pageIn]*template.Template{}} }

// Render is View.Render.
func (g ByGo) Render(lang string, p Page) ([]byte, error) {
	key := pageIn{lang, p.template()}
	if g.pages[key] == nil {
		l := g.locales[lang]
		t, err := template.New("layout.html").Funcs(answers()).Funcs(l.funcs()).Funcs(l.consoleFuncs()).
			ParseFS(g.fsys, append([]string{"pages/" + key.page + ".html"}, shared...)...)
		if err != nil {
			return nil, err
		}
		g.pages[key] = t
	}
	var b bytes.Buffer
	err := g.pages[key].ExecuteTemplate(&b, "layout.html", g.sheet(lang, p))
	return b.Bytes(), err
}

// Letters is the HTML part of a mail in one language.
func (g ByGo) Letters(lang string, m Mail) (string, error) {
	t, err := template.New("mail.html").Funcs(template.FuncMap{"fact": letter.fact}).ParseFS(g.fsys, "mails/mail.html")
	if err != nil {
		return "", err
	}
	l := g.locales[lang]
	var b bytes.Buffer
	err = t.Execute(&b, struct {
		Subject, Note string
		Letters       []letter
	}{m.subject(l), "", []letter{g.letter(l, m)}})
	return b.String(), err
}

// Ready are the templates that each page which was looked at holds in a language, and how many the layout and the parts define.
func (v *View) Ready(lang string) (ready map[string][]string, all int) {
	ready = map[string][]string{}
	for key, made := range v.pages.ready {
		if t, err := made(); err == nil && key.lang == lang {
			for _, part := range t.Templates() {
				if part.Tree != nil {
					ready[key.page] = append(ready[key.page], part.Name())
				}
			}
		}
	}
	return ready, len(v.pages.base)
}

// TemplateOf names the file of a page.
func TemplateOf(p Page) string { return p.template() + ".html" }

// Seen are the types of what templates see besides the pages: what they begin with, and what their functions return.
func (v *View) Seen() (types []reflect.Type) {
	l := v.locales["en"]
	for _, funcs := range []template.FuncMap{answers(), l.funcs(), l.consoleFuncs()} {
		for _, f := range funcs {
			types = append(types, reflect.TypeOf(f).Out(0))
		}
	}
	return append(types, reflect.TypeFor[sheet](), reflect.TypeFor[letter]())
}
