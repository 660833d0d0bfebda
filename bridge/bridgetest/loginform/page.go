package loginform

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Page is the data-page-id of the page, "" when it has none.
func (b *Browser) Page() string {
	if b.doc == nil || b.Left != "" {
		return ""
	}
	body := find(b.doc, func(n *html.Node) bool { return n.Data == "body" })
	return attribute(body, "data-page-id")
}

// Lang is the language the page says it is in.
func (b *Browser) Lang() string {
	return attribute(find(b.doc, func(n *html.Node) bool { return n.Data == "html" }), "lang")
}

// Message is what the page tells the person: an error, or a hint. "" when it tells nothing.
func (b *Browser) Message() string {
	for _, class := range []string{"kc-feedback-text", "pf-v5-c-alert__title", "instruction"} {
		if n := find(b.doc, func(n *html.Node) bool { return hasClass(n, class) }); n != nil {
			return strings.Join(strings.Fields(text(n)), " ")
		}
	}
	return ""
}

// Link returns the address of the first link whose text contains a phrase, "" when there is none.
func (b *Browser) Link(phrase string) string {
	n := find(b.doc, func(n *html.Node) bool { return n.Data == "a" && strings.Contains(text(n), phrase) })
	return attribute(n, "href")
}

// Choice is one of several OTP credentials that the page for the code offers.
type Choice struct{ ID, Label string }

// Choices are the OTP credentials that the page for the code offers, in order; none when there is only one.
func (b *Browser) Choices() []Choice {
	var out []Choice
	for _, tile := range findAll(b.form(), func(n *html.Node) bool { return strings.HasPrefix(attribute(n, "id"), "kc-otp-credential-") }) {
		id := attribute(find(tile, func(n *html.Node) bool { return attribute(n, "name") == "selectedCredentialId" }), "value")
		if id == "" { // Keycloak's own page: a script with the id as its last argument
			script := strings.Split(attribute(tile, "onclick"), "'")
			if len(script) > 2 {
				id = script[len(script)-2]
			}
		}
		out = append(out, Choice{ID: id, Label: strings.Join(strings.Fields(text(tile)), " ")})
	}
	return out
}

func (b *Browser) describe() string {
	return fmt.Sprintf("%q (status %d, %q)", b.Page(), b.Status, b.Message())
}

// form is the first form of the page that is sent by POST.
func (b *Browser) form() *html.Node {
	if b.doc == nil || b.Left != "" {
		return nil
	}
	return find(b.doc, func(n *html.Node) bool { return n.Data == "form" && strings.EqualFold(attribute(n, "method"), "post") })
}

// hidden collects what a form sends without anybody typing: hidden fields and marked choices.
func hidden(form *html.Node) url.Values {
	out := url.Values{}
	for _, n := range findAll(form, func(n *html.Node) bool { return n.Data == "input" }) {
		name, kind := attribute(n, "name"), attribute(n, "type")
		marked := kind == "radio" && has(n, "checked")
		if name != "" && (kind == "hidden" || marked) {
			out.Set(name, attribute(n, "value"))
		}
	}
	return out
}

func find(n *html.Node, match func(*html.Node) bool) *html.Node {
	for _, found := range findAll(n, match) {
		return found
	}
	return nil
}

func findAll(n *html.Node, match func(*html.Node) bool) []*html.Node {
	if n == nil {
		return nil
	}
	var out []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && match(d) {
			out = append(out, d)
		}
	}
	return out
}

func attribute(n *html.Node, name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func hasClass(n *html.Node, class string) bool {
	for _, one := range strings.Fields(attribute(n, "class")) {
		if one == class {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data)
		}
	}
	return out.String()
}
