package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/phone"
)

// person is somebody with a browser.
type person struct {
	*loginform.Browser
	t *testing.T
	c *campus.Campus
}

func newPerson(t *testing.T, c *campus.Campus) *person {
	t.Helper()
	return &person{loginform.New(), t, c}
}

func (p *person) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// open opens a page of the bridge and wants a status.
func (p *person) open(path string, want int) {
	p.t.Helper()
	p.must(p.Get(p.t.Context(), p.c.URL+path))
	p.want(want)
}

func (p *person) want(status int) {
	p.t.Helper()
	if p.Status != status {
		p.t.Fatalf("%s answered %d, want %d\n%s", p.URL, p.Status, status, text(p.Body))
	}
}

var (
	hiddenID  = regexp.MustCompile(`<input type="hidden" name="id" value="([^"]+)"`)
	csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	tags      = regexp.MustCompile(`(?s)<(?:script|style|svg).*?</(?:script|style|svg)>|<[^>]+>`)
	blanks    = regexp.MustCompile(`\s+`)
)

func text(body string) string {
	return blanks.ReplaceAllString(tags.ReplaceAllString(body, " "), " ")
}

// send posts a form of the page at hand, with its token.
func (p *person) send(path string, want int, fields ...string) {
	p.t.Helper()
	form := url.Values{}
	if m := csrfField.FindStringSubmatch(p.Body); m != nil {
		form.Set("csrf", m[1])
	}
	if path == "/desk/case" {
		form.Set("case", p.caseID())
	}
	if m := hiddenID.FindStringSubmatch(p.Body); m != nil {
		form.Set("id", m[1])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	p.must(p.Post(p.t.Context(), p.c.URL+path, form))
	p.want(want)
}

// path is where the browser is.
func (p *person) path() string {
	u, err := url.Parse(p.URL)
	p.must(err)
	return u.Path
}

func (p *person) at(path string) {
	p.t.Helper()
	if path == "/done" || path == "/enrol" {
		p.awaitsWork()
	}
	if !strings.HasPrefix(p.URL, p.c.URL) || p.path() != path {
		p.t.Fatalf("the browser is at %s (%d), want %s\n%s", p.URL, p.Status, path, text(p.Body))
	}
}

// inProgress is what the pages say while a swap or a lock is under way.
var inProgress = []string{
	"<h1>Registering</h1>", "<h1>登録しています</h1>", "Locking your authenticator app",
}

// awaitsWork waits while the page says that the authenticator is being registered or locked: on a busy machine the answer to a press comes before the end.
func (p *person) awaitsWork() {
	p.t.Helper()
	p.c.Wait(p.t, "the end of the swap or the lock", func() bool {
		if !slices.ContainsFunc(inProgress, func(words string) bool { return strings.Contains(p.Body, words) }) {
			return true
		}
		p.open("/recovery", http.StatusOK)
		return false
	})
}

// signIn types the ID and the password.
func (p *person) signIn(name string) {
	p.t.Helper()
	p.open("/start", http.StatusOK)
	p.send("/start", http.StatusOK, "name", name)
	p.must(p.Password(p.t.Context(), name, name+"-password"))
}

// ask signs in and asks for a link.
func (p *person) ask(name string) {
	p.t.Helper()
	p.signIn(name)
	p.at("/recovery")
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	p.at("/recovery")
}

// lastLink is the newest link mail.
func lastLink(t *testing.T, c *campus.Campus) bridge.Notice {
	t.Helper()
	mails := c.Mails(bridge.NoticeLink)
	if len(mails) == 0 {
		t.Fatal("no link was mailed")
	}
	return mails[len(mails)-1]
}

// redeem opens the link, signs in afresh and continues.
func (p *person) redeem(name string) {
	p.t.Helper()
	p.open("/link/"+lastLink(p.t, p.c).Link.Reveal(), http.StatusOK)
	p.at("/link")
	p.send("/link", http.StatusOK, "do", "continue")
	p.at("/start")
	p.send("/start", http.StatusOK, "name", name)
	p.must(p.Password(p.t.Context(), name, name+"-password"))
	p.at("/link")
	p.want(http.StatusOK)
	p.send("/link", http.StatusOK, "do", "redeem")
	p.at("/enrol")
}

var otpauth = regexp.MustCompile(`href="(otpauth:[^"]+)"`)

// scan takes the key from the page.
func (p *person) scan() phone.Key {
	p.t.Helper()
	m := otpauth.FindStringSubmatch(p.Body)
	if m == nil {
		p.t.Fatalf("no key on %s\n%s", p.URL, text(p.Body))
	}
	key, err := phone.Scan(strings.ReplaceAll(m[1], "&amp;", "&"))
	p.must(err)
	return key
}

func (p *person) code(k phone.Key) string {
	return k.Code(p.c.Clock.Now())
}

// The main journey: a person who has the password and the mailbox gets a working authenticator, and the old one is gone.
func TestAPersonWithPasswordAndMailboxGetsANewAuthenticator(t *testing.T) {
	c := campus.Open(t)
	alice := newPerson(t, c)
	alice.ask("alice")
	alice.redeem("alice")
	old := c.KC.Credentials(c.KC.PersonID("alice"))
	key := alice.scan()
	alice.send("/enrol", http.StatusOK, "do", "confirm", "code", alice.code(key), "label", "My phone")
	alice.at("/done")
	alice.open("/done", http.StatusOK) // survives a reload
	now := c.KC.Credentials(c.KC.PersonID("alice"))
	if len(now) != len(old) {
		t.Fatalf("credentials before %+v, after %+v", old, now)
	}
	for _, cred := range now {
		if cred.Type == bridge.TypeOTP && !strings.HasPrefix(cred.Label, "My phone ") {
			t.Errorf("left over: %+v", cred)
		}
	}
	if n := len(c.Mails(bridge.NoticeCompleted)); n != 1 {
		t.Errorf("%d notices", n)
	}
	var trail []string
	for _, e := range c.Events("") {
		if e.Event != "gate.opened" && e.Event != "gate.shut" { // when it shuts is not for the person to say
			trail = append(trail, e.Event)
		}
	}
	want := []string{ // AUD-01
		"signin.started", "signin.finished", "recovery.started", "link.sent", "signin.started", "signin.finished", "recovery.proven",
		"swap.intended", "swap.done",
	}
	if !slices.Equal(trail, want) {
		t.Errorf("on record %q", trail)
	}
	if c.KC.Sessions(c.KC.PersonID("alice")) != 0 || len(c.KC.Members("otp-recovery-open")) != 0 {
		t.Error("a session or the gate is open")
	}
}
