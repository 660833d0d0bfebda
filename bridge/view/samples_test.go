package view_test

import (
	"bytes"
	"io/fs"
	"path"
	"testing"
	"testing/fstest"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/pages"
	"otpbridge/bridge/view"
	"otpbridge/templates"
)

// The samples of package pages, in the short words of these tests.
type sample = pages.Sample

var tokyo = pages.Zone()

func at(hour, minute int) time.Time      { return pages.At(hour, minute) }
func site() view.Site                    { return pages.Site() }
func frame(word string) view.Frame       { return pages.Frame(word) }
func origin(word string) bridge.Origin   { return pages.Origin(word) }
func about(word string) view.CasePerson  { return pages.About(word) }
func samples(word string) []pages.Sample { return pages.All(word) }

func newView(t testing.TB, s view.Site) *view.View {
	t.Helper()
	v, err := view.New(templates.FS, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every template is shown by a sample: whoever has looked at the samples has seen every page.
func TestEveryTemplateHasASample(t *testing.T) {
	marked, unseen := fstest.MapFS{}, map[string]bool{}
	err := fs.WalkDir(templates.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(templates.FS, name)
		const main = `{{define "main"}}`
		if path.Dir(name) == "pages" && bytes.Contains(body, []byte(main)) {
			mark := `<i id="from-` + path.Base(name) + `"></i>`
			body, unseen[mark] = bytes.Replace(body, []byte(main), []byte(main+mark), 1), true
		}
		marked[name] = &fstest.MapFile{Data: body}
		return err
	})
	if err != nil || len(unseen) < 20 {
		t.Fatalf("%d templates, %v", len(unseen), err)
	}
	v, err := view.New(marked, site())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples("Hanako") {
		body, err := v.Render("en", s.Page)
		if err != nil {
			t.Fatal(err)
		}
		for mark := range unseen {
			if bytes.Contains(body, []byte(mark)) {
				delete(unseen, mark)
			}
		}
	}
	for mark := range unseen {
		t.Errorf("no sample shows %s", mark)
	}
}
