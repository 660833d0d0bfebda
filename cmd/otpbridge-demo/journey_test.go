package main

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/mailsink"
)

// clock is the real time and what a test adds to it.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// newDemo makes a demo that is not started yet: on free ports unless others are given.
func newDemo(t *testing.T, o options, c *clock) *demo {
	t.Helper()
	return &demo{options: o, out: io.Discard, now: c.now, log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func started(t *testing.T, d *demo) *demo {
	t.Helper()
	t.Cleanup(func() { stop(t, d) })
	if err := d.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func stop(t *testing.T, d *demo) {
	t.Helper()
	if err := d.close(); err != nil {
		t.Errorf("end: %v", err)
	}
}

// newcomer follows the script in one browser.
type newcomer struct {
	*loginform.Browser
	t     *testing.T
	d     *demo
	clock *clock
	used  map[string]bool // codes that were typed: the realm takes each once
}

func (n *newcomer) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// sees wants to be at a page, and to read something there.
func (n *newcomer) sees(address, text string) {
	n.t.Helper()
	if !strings.HasPrefix(n.URL, address) || n.Status != http.StatusOK || !strings.Contains(n.Body, text) {
		n.t.Fatalf("at %s (%d), want %s and %q in\n%s", n.URL, n.Status, address, text, n.Body)
	}
}

var csrf = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// sends posts a form of the product's page at hand.
func (n *newcomer) sends(path string, namesAndValues ...string) {
	n.t.Helper()
	form := url.Values{}
	if m := csrf.FindStringSubmatch(n.Body); m != nil {
		form.Set("csrf", m[1])
	}
	if m := openCase.FindStringSubmatch(n.Body); m != nil {
		form.Set("case", m[1])
	}
	for i := 0; i < len(namesAndValues); i += 2 {
		form.Set(namesAndValues[i], namesAndValues[i+1])
	}
	n.must(n.Post(n.t.Context(), n.d.Bridge+path, form))
}

// typesPassword types the ID on the product's page and the password on the realm's.
func (n *newcomer) typesPassword(p person) {
	n.t.Helper()
	n.sends("/start", "name", p.Username)
	n.must(n.Password(n.t.Context(), p.Username, p.Password))
}

// reads looks at the page of phones and returns the code of one of them; half a minute later when that one was typed before.
func (n *newcomer) reads(id string) string {
	n.t.Helper()
	shown := regexp.MustCompile(`id="` + id + `">(\d+)<`)
	for {
		m := shown.FindStringSubmatch(get(n.t, n.d.Pages+"/phones").body)
		if m == nil {
			n.t.Fatalf("no phone %s", id)
		}
		if !n.used[m[1]] {
			n.used[m[1]] = true
			return m[1]
		}
		n.clock.ahead.Add(int64(30 * time.Second))
	}
}

// linkIn finds the link to the product in the newest mail to an address, on the mailbox page.
func (n *newcomer) linkIn(address string) string {
	n.t.Helper()
	if _, err := n.d.mail.Wait(n.t.Context(), address, func(m mailsink.Mail) bool { return m.Link("/link/") != "" }); err != nil {
		n.t.Fatal(err)
	}
	list := get(n.t, n.d.Pages+"/mail?to="+url.QueryEscape(address))
	newest := regexp.MustCompile(`href="(/mail/\d+)"`).FindStringSubmatch(list.body)
	if newest == nil {
		n.t.Fatalf("no mail to %s in\n%s", address, list.body)
	}
	link := regexp.MustCompile(`<a href="(` + n.d.Bridge + `/link/[^"]+)"`)
	text, boxed := get(n.t, n.d.Pages+newest[1]), get(n.t, n.d.Pages+newest[1]+"/html")
	m := link.FindStringSubmatch(text.body)
	if len(m) < 2 || !strings.Contains(boxed.body, m[1]) {
		n.t.Fatalf("no link in the mail:\n%s\n%s", text.body, boxed.body)
	}
	return m[1]
}

var shownKey = regexp.MustCompile(`(?s)<p class="key"[^>]*>(.*?)</p>`)

// copiesKey copies the key from the product's page to the new phone.
func (n *newcomer) copiesKey(p person) {
	n.t.Helper()
	m := shownKey.FindStringSubmatch(n.Body)
	if m == nil {
		n.t.Fatalf("no key on %s\n%s", n.URL, n.Body)
	}
	key := html.UnescapeString(regexp.MustCompile(`<[^>]+>`).ReplaceAllString(m[1], " "))
	post(n.t, n.d.Pages+"/phones/"+p.Username, url.Values{"key": {key}}).want(n.t, http.StatusSeeOther)
}

// recovers does lines 2 to 5 of the script.
func (n *newcomer) recovers(p person) {
	n.t.Helper()
	n.must(n.Get(n.t.Context(), n.d.Bridge+"/start"))
	n.typesPassword(p)
	n.sees(n.d.Bridge+"/recovery", "csrf")
	n.sends("/recovery", "do", "start", "reason", "changed", "way", "mail")
	n.sees(n.d.Bridge+"/recovery", "a•••@")
	n.must(n.Get(n.t.Context(), n.linkIn(p.Address)))
	n.sees(n.d.Bridge+"/link", "csrf")
	n.sends("/link", "do", "continue")
	n.typesPassword(p)
	n.sees(n.d.Bridge+"/link", "csrf")
	n.sends("/link", "do", "redeem")
	n.sees(n.d.Bridge+"/enrol", "csrf")
	n.copiesKey(p)
	n.sends("/enrol", "do", "confirm", "code", n.reads("new-"+p.Username))
	for strings.HasSuffix(n.URL, "/recovery") { // finishing
		n.must(n.Get(n.t.Context(), n.d.Bridge+"/recovery"))
	}
	n.sees(n.d.Bridge+"/done", "demo")
}

func (n *newcomer) opensPortal(p person, phone string) {
	n.t.Helper()
	n.must(n.SignIn(n.t.Context(), n.d.Portal+"/", p.Username, p.Password, func() string { return n.reads(phone) }))
}

// The six lines of the script, in one process: the mail, the phones, the portal, the product. The new code opens the portal,
// the old one is refused.
func TestNewcomerFollowsTheScript(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := started(t, newDemo(t, options{}, c))
	alice := d.people[0]
	n := &newcomer{loginform.New(), t, d, c, map[string]bool{}}

	n.must(n.SignIn(t.Context(), d.Portal+"/", alice.Username, alice.Password, nil))
	if n.Page() != loginform.PageCode {
		t.Fatalf("the portal did not ask for a code, but shows %s", n.URL)
	}
	if lost := n.Link("Lost your authenticator?"); lost != d.Bridge+"/" {
		t.Fatalf("the link leads to %q", lost)
	}
	n.must(n.Get(t.Context(), d.Bridge+"/"))
	n.sees(d.Bridge, "Demo: nothing here is real")
	n.recovers(alice)

	n.opensPortal(alice, "new-alice")
	n.sees(d.Portal, `Signed in as <b id="username">alice</b>`)
	n.must(n.Submit(t.Context(), nil)) // signs out
	n.opensPortal(alice, "old-alice")
	if n.Page() != loginform.PageCode || !strings.Contains(n.Message(), "Invalid authenticator code") {
		t.Errorf("the old phone: %s at %s", n.Message(), n.URL)
	}
	dir := d.dir
	stop(t, d)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s was not wiped: %v", dir, err)
	}
}

// With a state directory the accounts and the phones are there again after a restart, on the same ports only.
func TestStateIsKept(t *testing.T) {
	t.Parallel()
	state, c := t.TempDir(), &clock{}
	d := started(t, newDemo(t, options{state: state}, c))
	alice := d.people[0]
	n := &newcomer{loginform.New(), t, d, c, map[string]bool{}}
	n.recovers(alice)
	kept := d.ports
	stop(t, d)

	other := newDemo(t, options{state: state}, c)
	err := other.start(t.Context())
	stop(t, other)
	if err == nil || !strings.Contains(err.Error(), "was made for other ports") {
		t.Errorf("on other ports: %v", err)
	}

	d = started(t, newDemo(t, options{state: state, ports: kept}, c))
	n.Browser, n.d = loginform.New(), d
	n.opensPortal(alice, "old-alice")
	if n.Page() != loginform.PageCode {
		t.Errorf("the old phone opens %s after a restart", n.URL)
	}
	n.must(n.Code(t.Context(), n.reads("new-alice")))
	n.sees(d.Portal, `Signed in as <b id="username">alice</b>`)
}
