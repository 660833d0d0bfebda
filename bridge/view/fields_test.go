package view_test

import (
	"bytes"
	"iter"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge/view"
)

// fields finds out which fields of the structs of this package show, by changing one at a time in every sample.
type fields struct {
	shown  map[string]bool // "Enrol.Soon": whether a change was ever seen
	values map[reflect.Type]map[string]reflect.Value
	render func(root any) []byte
}

// collect notes every value of the named kinds of text in a sample: those are what such a field can be changed to.
func (f *fields) collect(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // everything else holds no text
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.collect(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			f.collect(v.Index(i))
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			f.collect(v.Elem())
		}
	case reflect.String:
		if f.values[v.Type()] == nil {
			f.values[v.Type()] = map[string]reflect.Value{}
		}
		f.values[v.Type()][v.String()] = v
	}
}

// others returns values that v can be changed to.
func (f *fields) others(v reflect.Value) []reflect.Value {
	zero := reflect.Zero(v.Type())
	switch x := v.Interface().(type) {
	case time.Time:
		return []reflect.Value{zero, reflect.ValueOf(x.Add(100 * time.Hour)), reflect.ValueOf(at(14, 6))}
	case string:
		return []reflect.Value{zero, reflect.ValueOf("en"), reflect.ValueOf("keep"), reflect.ValueOf("another")}
	}
	switch v.Kind() { //nolint:exhaustive // the rest is zero or not
	case reflect.Bool:
		return []reflect.Value{reflect.ValueOf(!v.Bool())}
	case reflect.Int, reflect.Int64:
		return []reflect.Value{zero, reflect.ValueOf(int64(100)).Convert(v.Type()), reflect.ValueOf(int64(1)).Convert(v.Type())}
	case reflect.String:
		return append(slices.Collect(maps.Values(f.values[v.Type()])), zero)
	}
	return []reflect.Value{zero}
}

// look changes each field of the struct at v, which is part of root, and looks at what becomes of the page.
func (f *fields) look(root any, before []byte, v reflect.Value) {
	for i := range v.NumField() {
		field, at := v.Type().Field(i), v.Field(i)
		if !field.IsExported() {
			continue
		}
		name := v.Type().Name() + "." + field.Name
		if field.Anonymous {
			f.look(root, before, at)
			continue
		}
		for inner := range parts(at) {
			f.look(root, before, inner)
		}
		kept := reflect.ValueOf(at.Interface())
		for _, other := range f.others(kept) {
			if f.shown[name] {
				break
			}
			at.Set(other)
			f.shown[name] = !bytes.Equal(before, f.render(root))
		}
		at.Set(kept)
	}
}

// parts yields the structs of this package within a field.
func parts(v reflect.Value) iter.Seq[reflect.Value] {
	ours := func(v reflect.Value) bool {
		return v.Kind() == reflect.Struct && v.Type().PkgPath() == reflect.TypeFor[view.Frame]().PkgPath()
	}
	return func(yield func(reflect.Value) bool) {
		switch {
		case ours(v):
			yield(v)
		case v.Kind() == reflect.Pointer && !v.IsNil() && ours(v.Elem()):
			yield(v.Elem())
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				if ours(v.Index(i)) && !yield(v.Index(i)) {
					return
				}
			}
		}
	}
}

// Every field of a page or mail is shown, or decides what is: a change of it changes a sample.
func TestEveryFieldShows(t *testing.T) {
	t.Parallel()
	v := newView(t, site())
	f := &fields{shown: map[string]bool{}, values: map[reflect.Type]map[string]reflect.Value{}}
	var all []reflect.Value // addressable copies
	add := func(sample any) {
		copied := reflect.New(reflect.TypeOf(sample))
		copied.Elem().Set(reflect.ValueOf(sample))
		f.collect(copied.Elem())
		all = append(all, copied)
	}
	for _, s := range samples("Hanako") {
		add(s.Page)
	}
	for _, m := range mails("Hanako") {
		add(m)
	}
	f.render = func(root any) []byte {
		if p, ok := root.(view.Page); ok {
			body, err := v.Render("en", p)
			if err != nil {
				t.Fatal(err)
			}
			return body
		}
		m, ok := root.(view.Mail)
		if !ok {
			t.Fatalf("%T is neither page nor mail", root)
		}
		out, err := v.Mail([]string{"en"}, m)
		if err != nil {
			t.Fatal(err)
		}
		return []byte(out.Subject + out.Text + out.HTML)
	}
	for _, one := range all {
		root := one.Interface()
		f.look(root, f.render(root), one.Elem())
	}
	if len(f.shown) < 100 {
		t.Fatalf("%d fields", len(f.shown))
	}
	for _, name := range slices.Sorted(maps.Keys(f.shown)) {
		if !f.shown[name] {
			t.Errorf("%s shows nowhere", name)
		}
	}
}

var controls = regexp.MustCompile(`<(input|textarea|select|iframe|object|canvas|audio|video|img)\b[^>]*>`)

// A11Y-06, and ciso-assistant#4270: all that is ever typed is a name, a code, a remark or what an auditor looks for. No page asks for a word that has to be typed as it
// stands there, in whatever language, for a password, or for what no person can solve.
func TestPeer_Ciso4270_TypedWord(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"view.Identify": {"name"}, "view.Enrol": {"code", "label"}, "view.Veto": {"number"},
		"view.OpenCase": {"name", "code"}, "view.Case": {"ticket"}, "view.Permit": {"name", "ticket"}, "view.Audit": {"find"},
		"view.AddressAdd": {"address"}, "view.AddressCode": {"code"}, "view.ManageApp": {"label"},
	}
	v, field, seen := newView(t, site()), regexp.MustCompile(`type="(\w+)".* name="(\w+)"`), map[string][]string{}
	for _, lang := range v.Languages() {
		for _, s := range samples("Hanako") {
			page := reflect.TypeOf(s.Page).String()
			body, err := v.Render(lang, s.Page)
			if err != nil {
				t.Fatal(err)
			}
			for _, control := range controls.FindAllString(string(body), -1) {
				m := field.FindStringSubmatch(control)
				switch {
				case m == nil:
					t.Errorf("%s: %s", s.Name, control)
				case slices.Contains([]string{"hidden", "radio", "checkbox"}, m[1]):
				case m[1] != "text" || !slices.Contains(want[page], m[2]):
					t.Errorf("%s asks for %s", s.Name, control)
				case !slices.Contains(seen[page], m[2]):
					seen[page] = append(seen[page], m[2])
				}
			}
		}
	}
	for page, names := range want {
		if len(seen[page]) != len(names) {
			t.Errorf("%s asks for %q, want %q", page, seen[page], names)
		}
	}
}
