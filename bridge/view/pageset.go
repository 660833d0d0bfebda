package view

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

// pageSet is every page template, parsed once for all languages. A page is put together with the layout in a language when somebody
// first looks at it: copies of all for each language at start-up would take longer than parsing them, and stay in memory.
type pageSet struct {
	base  *template.Template            // layout and parts; cloned, never executed
	pages map[string]*template.Template // what the file of a page defines
	used  []usedText

	mu    sync.Mutex
	ready map[pageIn]func() (*template.Template, error)
}

type pageIn struct{ lang, page string }

// shared are the files that every page is put upon.
var shared = []string{"pages/layout.html", "pages/parts.html", "pages/icons.html"}

// parsePages reads the templates below pages. Any locale will do: templates are parsed with the names of its functions, and put together
// with the functions of another one.
func parsePages(fsys fs.FS, l *locale) (*pageSet, error) {
	s := &pageSet{pages: map[string]*template.Template{}, ready: map[pageIn]func() (*template.Template, error){}}
	var err error
	if s.base, err = l.bind(template.New("layout.html")).ParseFS(fsys, shared...); err != nil {
		return nil, fmt.Errorf("parse layout: %w", err)
	}
	s.used = usedTexts(s.base)
	names, err := fs.Glob(fsys, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("list pages: %w", err)
	}
	for _, name := range names {
		if slices.Contains(shared, name) {
			continue
		}
		short := name[len("pages/") : len(name)-len(".html")]
		t, err := l.bind(template.New(short+".html")).ParseFS(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("parse page: %w", err)
		}
		s.pages[short] = t
		s.used = append(s.used, usedTexts(t)...)
	}
	return s, nil
}

// bind gives a template the functions of this language.
func (l *locale) bind(t *template.Template) *template.Template {
	return t.Funcs(answers()).Funcs(l.funcs()).Funcs(l.consoleFuncs()).Option("missingkey=error")
}

// in returns a page in a language, ready to be executed.
func (s *pageSet) in(l *locale, page string) (*template.Template, error) {
	s.mu.Lock()
	made, ok := s.ready[pageIn{l.tag, page}]
	if !ok {
		made = sync.OnceValues(func() (*template.Template, error) { return s.build(l, page) })
		s.ready[pageIn{l.tag, page}] = made
	}
	s.mu.Unlock()
	return made()
}

func (s *pageSet) build(l *locale, page string) (*template.Template, error) {
	own, ok := s.pages[page]
	if !ok {
		return nil, errors.New("no template")
	}
	t, err := s.base.Clone()
	if err != nil {
		return nil, err
	}
	l.bind(t)
	for _, part := range own.Templates() {
		if part.Tree == nil {
			continue
		}
		if _, err := t.AddParseTree(part.Name(), part.Tree.Copy()); err != nil { // execution writes into a tree
			return nil, err
		}
	}
	return t, nil
}
