package rig

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Browser is a browser without a screen: cookies, one request at a time, redirects only when told, forms. An attacker's
// tool: it shows what a server does, not what a page looks like. After each request the fields describe the answer.
type Browser struct {
	URL      string // what was asked for last
	Status   int
	Header   http.Header
	Body     string
	Location string // where the answer redirects to, absolute; "" when it does not
	Kerberos bool   // Keycloak has asked for a ticket
	Address  string // client address that the front reports, "" = the real one; may be set at any time

	t      *testing.T
	client *http.Client
	doc    *html.Node
}

// maxHops bounds Follow.
const maxHops = 20

// NewBrowser returns a browser without cookies. Go's cookie jar sends cookies marked Secure to localhost over plain HTTP
// too, as Chromium does.
func NewBrowser(t *testing.T) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t: t, client: &http.Client{
		Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Twin is another tab of the same browser at the same page: its requests may go out at the same time. Faults are those of the test that is given.
func (b *Browser) Twin(t *testing.T) *Browser {
	twin := *b
	twin.t = t
	return &twin
}

// Get asks for a URL and does not follow a redirect.
func (b *Browser) Get(target string) *Browser {
	b.t.Helper()
	return b.do(http.MethodGet, target, nil)
}

// Post sends a form and does not follow a redirect.
func (b *Browser) Post(target string, values url.Values) *Browser {
	b.t.Helper()
	return b.do(http.MethodPost, target, values)
}

func (b *Browser) do(method, target string, values url.Values) *Browser {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", "en")
	if b.Address != "" {
		req.Header.Set(addressHeader, b.Address)
	}
	if values != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.URL, b.Status, b.Header, b.Body, b.Location = target, resp.StatusCode, resp.Header, string(body), ""
	if to, err := resp.Location(); err == nil {
		b.Location = to.String()
	}
	if b.doc, err = html.Parse(strings.NewReader(b.Body)); err != nil {
		b.t.Fatal(err)
	}
	return b
}

// Follow follows redirects until a page is shown or one leads to a URL that begins with stop, which is not asked for: it
// stands in Location then. "" stops nowhere. Where Keycloak asks for a Kerberos ticket, it goes on as its page does in a browser that has none.
func (b *Browser) Follow(stop string) *Browser {
	b.t.Helper()
	for range maxHops {
		if b.Status == http.StatusUnauthorized && b.Header.Get("WWW-Authenticate") == "Negotiate" && b.Page() == "" {
			b.Submit()
			b.Kerberos = true
			continue
		}
		if b.Location == "" || (stop != "" && strings.HasPrefix(b.Location, stop)) {
			return b
		}
		b.Get(b.Location)
	}
	b.t.Fatalf("more than %d redirects, the last one to %s", maxHops, b.Location)
	return nil
}

// Page is the name that Keycloak gives its page, e.g. "login-login"; "" when the answer is none of its pages.
func (b *Browser) Page() string {
	if body := element(b.doc, func(n *html.Node) bool { return n.Data == "body" }); body != nil {
		return attr(body, "data-page-id")
	}
	return ""
}

// Text is the text of the page, blanks collapsed.
func (b *Browser) Text() string { return textOf(b.doc) }

func textOf(root *html.Node) string {
	var words []string
	walk(root, func(n *html.Node) bool {
		if n.Type == html.TextNode {
			words = append(words, strings.Fields(n.Data)...)
		}
		return n.Data != "script" && n.Data != "style"
	})
	return strings.Join(words, " ")
}

// Value is the value of the first input with a name; "" when there is none.
func (b *Browser) Value(name string) string {
	if in := element(b.doc, func(n *html.Node) bool { return n.Data == "input" && attr(n, "name") == name }); in != nil {
		return attr(in, "value")
	}
	return ""
}

// Submit fills in the page's first form that is posted and sends it with its hidden fields. Names and values alternate.
func (b *Browser) Submit(namesAndValues ...string) *Browser {
	b.t.Helper()
	return b.SubmitTo("", namesAndValues...)
}

// SubmitTo is Submit for the first form whose action is one given; "" = any.
func (b *Browser) SubmitTo(to string, namesAndValues ...string) *Browser {
	b.t.Helper()
	form := element(b.doc, func(n *html.Node) bool {
		return n.Data == "form" && strings.EqualFold(attr(n, "method"), "post") && (to == "" || attr(n, "action") == to)
	})
	if form == nil {
		b.t.Fatalf("no form to %q on %s", to, b.Describe())
	}
	values := url.Values{}
	walk(form, func(n *html.Node) bool {
		if n.Data == "input" && attr(n, "type") == "hidden" && attr(n, "name") != "" {
			values.Set(attr(n, "name"), attr(n, "value"))
		}
		return true
	})
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		values.Set(namesAndValues[i], namesAndValues[i+1])
	}
	base, err := url.Parse(b.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	action, err := base.Parse(attr(form, "action"))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Post(action.String(), values)
}

// Href is the first address on the page that begins with prefix; "" when there is none.
func (b *Browser) Href(prefix string) string {
	found := element(b.doc, func(n *html.Node) bool { return strings.HasPrefix(attr(n, "href"), prefix) })
	if found == nil {
		return ""
	}
	return attr(found, "href")
}

// Cookie is the value of a site's cookie; "" when there is none.
func (b *Browser) Cookie(site, name string) string {
	b.t.Helper()
	u, err := url.Parse(site)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// Choice is the way of signing in that Keycloak's page lists under that name, for "authenticationExecution"; "" when it does not.
func (b *Browser) Choice(name string) string {
	item := element(b.doc, func(n *html.Node) bool { return n.Data == "li" && strings.Contains(textOf(n), name) })
	if item == nil {
		return ""
	}
	if in := element(item, func(n *html.Node) bool { return attr(n, "name") == "authenticationExecution" }); in != nil {
		return attr(in, "value")
	}
	return ""
}

// Describe says what the browser sees, for messages. Query strings are left out: they hold codes.
func (b *Browser) Describe() string {
	text := b.Text()
	where, _, _ := strings.Cut(b.URL, "?")
	to, _, _ := strings.Cut(b.Location, "?")
	return fmt.Sprintf("%s: %d, page %q, to %q, text %q", where, b.Status, b.Page(), to, text[:min(len(text), 300)])
}

// walk visits nodes in document order; visit returns whether to go inside. What a template holds is not on the page until a script puts it there.
func walk(n *html.Node, visit func(*html.Node) bool) {
	if n == nil || n.DataAtom == atom.Template || !visit(n) {
		return
	}
	for child := range n.ChildNodes() {
		walk(child, visit)
	}
}

// element returns the first element that matches, nil when none does.
func element(root *html.Node, matches func(*html.Node) bool) *html.Node {
	var found *html.Node
	walk(root, func(n *html.Node) bool {
		if found == nil && n.Type == html.ElementNode && matches(n) {
			found = n
		}
		return found == nil
	})
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
