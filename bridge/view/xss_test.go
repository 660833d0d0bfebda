package view_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"otpbridge/bridge/view"
)

// corpus reads the attacks of testdata, one a line.
func corpus(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("testdata/xss.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "# ") })
}

// WEB-06: a foreign string adds no element and no attribute to any page, whatever it holds.
func TestForeignStringsStayText(t *testing.T) {
	v := newView(t, site())
	today := rand.N(4) // of four parts, the one that the quick loop tries
	for _, lang := range v.Languages() {
		plain := samples("Hanako")
		want := make([]string, len(plain))
		for i, s := range plain {
			want[i] = shape(t, v.Render, lang, s)
		}
		for n, attack := range corpus(t) {
			if testing.Short() && n%4 != today {
				continue
			}
			for i, s := range samples(attack) {
				if got := shape(t, v.Render, lang, s); got != want[i] {
					t.Errorf("%s in %s has another shape with %q", s.Name, lang, attack)
				}
			}
		}
	}
}

// WEB-06: and to no mail.
func TestForeignStringsStayTextInMails(t *testing.T) {
	v := newView(t, site())
	for _, attack := range corpus(t) {
		for kind, m := range mails(attack) {
			msg, err := v.Mail([]string{"ja", "en"}, m)
			if err != nil {
				t.Fatal(err)
			}
			d := parse(t, []byte(msg.HTML))
			allowed := []string{"html", "head", "meta", "title", "style", "body", "p", "div", "a", "h3", "b", "br", "hr"}
			for _, n := range d.nodes {
				if !slices.Contains(allowed, n.Data) {
					t.Errorf("%s: %q made a %s", kind, attack, n.Data)
				}
			}
		}
	}
}

// shape is the page's elements and attribute names in order, with the addresses of links.
func shape(t *testing.T, render func(string, view.Page) ([]byte, error), lang string, s sample) string {
	t.Helper()
	page, err := render(lang, s.Page)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(page)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.CommentNode {
			b.WriteString("comment ")
		}
		if n.Type != html.ElementNode {
			continue
		}
		b.WriteString(n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
			if a.Key == "href" || a.Key == "src" || a.Key == "action" {
				b.WriteString("=" + a.Val)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
