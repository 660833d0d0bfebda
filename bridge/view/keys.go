package view

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"text/template/parse"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

// usedText is a text that a template asks for.
type usedText struct {
	template, key string
	given         []string // names of the placeholders that it fills in
}

// usedTexts lists every {{t "key" ...}} of a template set.
func usedTexts(set *template.Template) []usedText {
	var out []usedText
	for _, t := range set.Templates() {
		if t.Tree == nil {
			continue
		}
		for key, given := range calls(t.Tree.Root) {
			out = append(out, usedText{t.Name(), key, given})
		}
	}
	return out
}

// checkTexts wants each text in the catalogue, and its placeholders filled in.
func (l *locale) checkTexts(used []usedText) error {
	var faults []error
	for _, u := range used {
		m, ok := l.texts[u.key]
		switch {
		case !ok:
			faults = append(faults, fmt.Errorf("template %s: no text %q", u.template, u.key))
		case !slices.Equal(m.names(), u.given):
			faults = append(faults, fmt.Errorf("template %s: text %q needs %v, gets %v", u.template, u.key, m.names(), u.given))
		}
	}
	return errors.Join(faults...)
}

// calls returns the keys and placeholders of every call of t below a node.
func calls(node parse.Node) map[string][]string {
	found := map[string][]string{}
	walk(reflect.ValueOf(node), func(n any) {
		c, ok := n.(*parse.CommandNode)
		if !ok {
			return
		}
		name, ok := c.Args[0].(*parse.IdentifierNode)
		if !ok || name.Ident != "t" || len(c.Args) < 2 {
			return
		}
		key, ok := c.Args[1].(*parse.StringNode)
		if !ok {
			return
		}
		var given []string
		for i := 2; i < len(c.Args); i += 2 {
			if s, ok := c.Args[i].(*parse.StringNode); ok {
				given = append(given, s.Text)
			}
		}
		slices.Sort(given)
		found[key.Text] = given
	})
	return found
}

// calledBy are the names of the templates that one calls.
func calledBy(t *parse.Tree) (names []string) {
	walk(reflect.ValueOf(t.Root), func(n any) {
		if c, ok := n.(*parse.TemplateNode); ok {
			names = append(names, c.Name)
		}
	})
	return names
}

// walk visits every node below a value of package parse, whatever kind of node holds it.
func walk(v reflect.Value, visit func(node any)) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		if _, isTree := v.Interface().(*parse.Tree); isTree {
			return
		}
		if v.Kind() == reflect.Pointer {
			visit(v.Interface())
		}
		walk(v.Elem(), visit)
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walk(v.Field(i), visit)
			}
		}
	}
}
