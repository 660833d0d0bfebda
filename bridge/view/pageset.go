package view

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"text/template/parse"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

// pageSet is every page template. All are parsed at the start, so that none is wrong, and kept is what they share; a page is parsed again, and put together
// with what it calls of that, in a language when somebody first looks at it: few are ever looked at by a process, and all in each language would stay in memory.
type pageSet struct {
	fsys fs.FS
	base map[string]*parse.Tree // layout and parts; copied, never executed

	mu    sync.Mutex
	ready map[pageIn]func() (*template.Template, error)
}

type pageIn struct{ lang, page string }

// outermost is the template that every page begins with.
const outermost = "layout.html"

// shared are the files that every page is put upon.
var shared = []string{"pages/layout.html", "pages/parts.html", "pages/icons.html"}

// parsePages reads the templates below pages, and the texts that they show. Any locale will do: templates are parsed with the names of its functions, and put
// together with the functions of another one.
func parsePages(fsys fs.FS, l *locale) (*pageSet, []usedText, error) {
	s := &pageSet{fsys: fsys, base: map[string]*parse.Tree{}, ready: map[pageIn]func() (*template.Template, error){}}
	base, err := l.bind(template.New(outermost)).ParseFS(fsys, shared...)
	if err != nil {
		return nil, nil, fmt.Errorf("parse layout: %w", err)
	}
	for _, part := range base.Templates() {
		s.base[part.Name()] = part.Tree
	}
	used := usedTexts(base)
	names, err := fs.Glob(fsys, "pages/*.html")
	if err != nil {
		return nil, nil, fmt.Errorf("list pages: %w", err)
	}
	for _, name := range names {
		if slices.Contains(shared, name) {
			continue
		}
		t, err := s.parse(l, path.Base(name))
		if err != nil {
			return nil, nil, err
		}
		used = append(used, usedTexts(t)...)
	}
	return s, used, nil
}

// parse reads what the file of a page defines.
func (s *pageSet) parse(l *locale, file string) (*template.Template, error) {
	t, err := l.bind(template.New(file)).ParseFS(s.fsys, "pages/"+file)
	if err != nil {
		return nil, fmt.Errorf("parse page: %w", err)
	}
	return t, nil
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
	t, err := s.parse(l, page+".html")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for calls := []string{outermost}; len(calls) > 0; calls = calls[1:] {
		name := calls[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		if own := t.Lookup(name); own == nil || own.Tree == nil {
			if s.base[name] == nil {
				return nil, fmt.Errorf("page %s: no template %q", page, name)
			}
			if _, err := t.AddParseTree(name, s.base[name].Copy()); err != nil { // execution writes into a tree
				return nil, err
			}
		}
		calls = append(calls, calledBy(t.Lookup(name).Tree)...)
	}
	return t, nil
}

// forget drops what was put together: whoever looks has it again.
func (s *pageSet) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.ready)
}
