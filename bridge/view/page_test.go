package view_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// doc is a parsed page with what the checks ask for.
type doc struct {
	*testing.T
	root  *html.Node
	nodes []*html.Node
	ids   map[string]*html.Node
}

func parse(t *testing.T, page []byte) doc {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	d := doc{T: t, root: root, ids: map[string]*html.Node{}}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		d.nodes = append(d.nodes, n)
		if id := attr(n, "id"); id != "" {
			if d.ids[id] != nil {
				t.Errorf("id %q twice", id)
			}
			d.ids[id] = n
		}
	}
	return d
}

// all returns the elements with one of the tags.
func (d doc) all(tags ...string) []*html.Node {
	return slices.DeleteFunc(slices.Clone(d.nodes), func(n *html.Node) bool { return !slices.Contains(tags, n.Data) })
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// within reports whether n has an ancestor with the tag.
func within(n *html.Node, tag string) *html.Node {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == tag {
			return p
		}
	}
	return nil
}

// eachPage parses every sample in every language.
func eachPage(t *testing.T, word string, check func(doc, string, sample)) {
	v := newView(t, site())
	for _, lang := range v.Languages() {
		for _, s := range samples(word) {
			t.Run(lang+"/"+s.Name, func(t *testing.T) {
				page, err := v.Render(lang, s.Page)
				if err != nil {
					t.Fatal(err)
				}
				check(parse(t, page), lang, s)
			})
		}
	}
}

// I18N-01, A11Y-08: language, one h1 that begins the title, "Error:" when something is to be mended, headings without a gap.
func TestPagesAreNamedAndOrdered(t *testing.T) {
	eachPage(t, "Hanako", func(d doc, lang string, _ sample) {
		if got := attr(d.all("html")[0], "lang"); got != lang {
			d.Errorf("html lang is %q", got)
		}
		if h1 := d.all("h1"); len(h1) != 1 || text(h1[0]) == "" {
			d.Fatalf("%d h1", len(h1))
		}
		title := text(d.all("title")[0])
		want := text(d.all("h1")[0])
		if d.ids["errors"] != nil {
			want = map[string]string{"ja": "エラー：", "en": "Error: "}[lang] + want
		}
		if !strings.HasPrefix(title, want) {
			d.Errorf("title %q does not begin with %q", title, want)
		}
		last := 0
		for _, h := range d.all("h1", "h2", "h3", "h4") {
			level := int(h.Data[1] - '0')
			if level > last+1 && last > 0 {
				d.Errorf("heading %q skips a level", text(h))
			}
			last = level
		}
		for _, mark := range []string{"header", "main", "footer"} {
			if n := len(d.all(mark)); n != 1 {
				d.Errorf("%d %s", n, mark)
			}
		}
	})
}

// A11Y-08: every input has a label, every fault is wired to its field, every reference inside the page leads somewhere.
func TestFieldsAreLabelledAndFaultsWired(t *testing.T) {
	eachPage(t, "Hanako", func(d doc, _ string, s sample) {
		for _, in := range d.all("input", "select", "textarea") {
			if attr(in, "type") != "hidden" && within(in, "label") == nil && !d.hasLabel(attr(in, "id")) {
				d.Errorf("input %q has no label", attr(in, "name"))
			}
		}
		for _, n := range d.nodes {
			for _, id := range strings.Fields(attr(n, "aria-describedby") + " " + attr(n, "aria-labelledby")) {
				if d.ids[id] == nil {
					d.Errorf("%s refers to the absent id %q", n.Data, id)
				}
			}
			if href := attr(n, "href"); strings.HasPrefix(href, "#") && d.ids[href[1:]] == nil {
				d.Errorf("link to the absent id %q", href)
			}
		}
		d.checkFaults(s.Page)
	})
}

func (d doc) hasLabel(id string) bool {
	return slices.ContainsFunc(d.all("label"), func(l *html.Node) bool { return id != "" && attr(l, "for") == id })
}

// checkFaults compares the faults of a page's struct with the marks in its HTML.
func (d doc) checkFaults(p view.Page) {
	d.Helper()
	var faults []view.Fault
	switch p := p.(type) {
	case view.Identify:
		faults = p.Faults
	case view.Request:
		faults = p.Faults
	case view.Enrol:
		faults = p.Faults
	case view.Done:
		faults = p.Faults
	case view.Veto:
		faults = p.Faults
	case view.OpenCase:
		faults = p.Faults
	case view.Case:
		faults = p.Faults
	case view.Permit:
		faults = p.Faults
	case view.AddressAdd:
		faults = p.Faults
	case view.AddressCode:
		faults = p.Faults
	case view.OwnCodes:
		faults = p.Faults
	case view.ManageApp:
		faults = p.Faults
	}
	if (d.ids["errors"] != nil) != (len(faults) > 0) {
		d.Fatalf("summary shown: %t, faults: %d", d.ids["errors"] != nil, len(faults))
	}
	for _, f := range faults {
		if f.Field == "unknown" {
			continue
		}
		note := d.ids["e-"+f.Field]
		if note == nil || text(note) == "" || !strings.Contains(text(d.ids["errors"]), text(note)) {
			d.Errorf("fault of %q is not at the field and in the summary", f.Field)
		}
		marked := slices.ContainsFunc(d.nodes, func(n *html.Node) bool {
			ended := f.Code == bridge.CodeWrongWords && n.Data == "button" // its field is gone: the button begins anew
			return (attr(n, "aria-invalid") == "true" || ended) && strings.Contains(attr(n, "aria-describedby"), "e-"+f.Field)
		})
		if !marked {
			d.Errorf("field %q is not marked as invalid", f.Field)
		}
	}
}

// SES-06, WEB-05: every form posts to a fixed route with the token; nothing needs a script.
func TestFormsPostWithToken(t *testing.T) {
	routes := []string{
		"/start", "/recovery", "/link", "/enrol", "/done", "/veto", "/language", "/signout", "/desk", "/desk/case", "/desk/permit", "/admin",
		"/settings", "/settings/address", "/settings/add", "/settings/authenticator", "/settings/remove", "/settings/codes", "/temporary",
	}
	eachPage(t, "Hanako", func(d doc, _ string, _ sample) {
		for _, f := range d.all("form") {
			if attr(f, "action") == "/desk/audit" && attr(f, "method") == "get" {
				continue // a search changes nothing
			}
			if attr(f, "method") != "post" || !slices.Contains(routes, attr(f, "action")) {
				d.Errorf("form %s %s", attr(f, "method"), attr(f, "action"))
			}
			token := slices.ContainsFunc(d.all("input"), func(in *html.Node) bool {
				return within(in, "form") == f && attr(in, "name") == "csrf" && attr(in, "type") == "hidden" && attr(in, "value") != ""
			})
			if !token {
				d.Errorf("form to %s has no token", attr(f, "action"))
			}
		}
		for _, b := range d.all("button") {
			if _, hidden := find(b, "hidden"); within(b, "form") == nil && within(b, "template") == nil && !hidden {
				d.Errorf("button %q works by script only and is not hidden", text(b))
			}
		}
	})
}

func find(n *html.Node, key string) (string, bool) {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
	if i < 0 {
		return "", false
	}
	return n.Attr[i].Val, true
}

// WEB-01, WEB-04, ENR-05: nothing inline, nothing from elsewhere, no refresh; the otpauth link is whole.
func TestPagesHoldNothingInlineOrForeign(t *testing.T) {
	eachPage(t, "Hanako", func(d doc, _ string, s sample) {
		for _, n := range d.nodes {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					d.Errorf("%s has %s", n.Data, a.Key)
				}
				if strings.Contains(a.Val, "ZgotmplZ") {
					d.Errorf("%s %s was refused by the template", n.Data, a.Key)
				}
				if n.Data != "a" && (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(a.Val, "/static/") {
					d.Errorf("%s loads %s", n.Data, a.Val)
				}
			}
			if n.Data == "style" || n.Data == "script" && n.FirstChild != nil || attr(n, "http-equiv") != "" {
				d.Errorf("inline %s", n.Data)
			}
		}
		if e, ok := s.Page.(view.Enrol); ok {
			link := slices.ContainsFunc(d.all("a"), func(n *html.Node) bool { return attr(n, "href") == string(e.URI) })
			if !link {
				d.Error("the otpauth link is not on the page")
			}
		}
	})
}

// A11Y-02: the QR code is one image with words; the key is text that copies without spaces.
func TestEnrolmentCanBeDoneUnseen(t *testing.T) {
	eachPage(t, "Hanako", func(d doc, _ string, s sample) {
		e, ok := s.Page.(view.Enrol)
		if !ok {
			return
		}
		image := slices.ContainsFunc(d.nodes, func(n *html.Node) bool { return attr(n, "role") == "img" && attr(n, "aria-label") != "" })
		if !image {
			d.Error("the QR code has no text alternative")
		}
		if got := strings.ReplaceAll(text(d.ids["key"]), " ", ""); got != e.Key {
			d.Errorf("key reads %q", got)
		}
		if n := len(d.all("input")) - len(hidden(d)); n != 2 {
			d.Errorf("%d fields, want one for the code and one for the name", n)
		}
		code := d.ids["code"]
		if attr(code, "inputmode") != "numeric" || attr(code, "autocomplete") != "one-time-code" || attr(code, "maxlength") != "" {
			d.Error("the code field is not as forgiving as it must be")
		}
	})
}

func hidden(d doc) []*html.Node {
	return slices.DeleteFunc(d.all("input"), func(n *html.Node) bool { return attr(n, "type") != "hidden" })
}

// MAIL-11: neither choice of the veto page is preset.
func TestVetoPresetsNothing(t *testing.T) {
	eachPage(t, "Hanako", func(d doc, _ string, s sample) {
		if _, ok := s.Page.(view.Veto); !ok {
			return
		}
		for _, in := range d.all("input") {
			if _, checked := find(in, "checked"); checked {
				d.Errorf("%s is preset", attr(in, "id"))
			}
		}
	})
}

// A11Y-09: the help contact stands on every page, with a way that needs no voice.
func TestHelpContactIsOnEveryPage(t *testing.T) {
	eachPage(t, "Hanako", func(d doc, _ string, _ sample) {
		foot := d.all("footer")[0]
		var hrefs []string
		for _, a := range d.all("a") {
			if within(a, "footer") != nil {
				hrefs = append(hrefs, attr(a, "href"))
			}
		}
		if !strings.Contains(text(foot), "075-000-0000") || !slices.Contains(hrefs, "tel:0750000000") ||
			!slices.Contains(hrefs, "https://www.example.ac.jp/contact") {
			d.Errorf("the foot has %q", hrefs)
		}
	})
}

// TOK-08: before the sign-in the link page is the same whatever the link; the struct has no room for more.
func TestLinkPageBeforeSignInSaysNothing(t *testing.T) {
	v := newView(t, site())
	page, err := v.Render("en", view.Link{Frame: view.Frame{CSRF: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	d := parse(t, page)
	if n := len(d.all("time")) + len(d.all("dl")); n > 0 {
		t.Error("the page tells a time or facts")
	}
	for _, b := range d.all("button") {
		if v := attr(b, "value"); v != "" && v != "continue" {
			t.Errorf("the page offers %q", v)
		}
	}
}

// A page without a session has no form at all, the ready-made error page too.
func TestBrokenPageNeedsNoSession(t *testing.T) {
	v := newView(t, site())
	for _, lang := range []string{"ja", "en", "xx"} {
		d := parse(t, v.Broken(lang))
		if len(d.all("form")) > 0 {
			t.Error("a form without a session")
		}
	}
	if _, err := v.Render("en", view.Failure{Code: bridge.CodeWrongPerson}); err != nil {
		t.Error(err)
	}
}
