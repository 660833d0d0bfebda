package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/mailsink"
	"otpbridge/bridge/bridgetest/phone"
)

type inboxOf []mailsink.Mail

func (b inboxOf) All() []mailsink.Mail { return b }

const raw = "From: a@example.ac.jp\r\nTo: alice@example.net\r\nSubject: =?utf-8?q?Link_<b>?=\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=x\r\n\r\n" +
	"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nOpen http://localhost:8088/link/abc. <script>alert(1)</script>\r\n" +
	"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<!doctype html><html><head><title>t</title></head><body><script>alert(1)</script><a href=\"http://localhost:8088/link/abc\">go</a></body></html>\r\n" +
	"--x--\r\n"

var noon = time.Date(2026, 11, 24, 12, 0, 10, 0, time.UTC)

// web is the site with two mails and empty phones.
func web(t *testing.T) (base string, s *site) {
	t.Helper()
	inbox := inboxOf{
		{From: "a@example.ac.jp", To: []string{"alice@example.net"}, Raw: []byte(raw), At: noon},
		{From: "a@example.ac.jp", To: []string{"helpdesk@example.ac.jp"}, Raw: []byte("Subject: Second\r\n\r\nplain"), At: noon},
	}
	p, err := openPhones(filepath.Join(t.TempDir(), "phones.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err = newSite(site{
		people: campusPeople(), addresses: addresses{Bridge: "http://b", Portal: "http://p", Pages: "http://m"}, inbox: inbox, phones: p,
		now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	return server.URL, s
}

// answer is what a page said.
type answer struct {
	status int
	header http.Header
	body   string
}

func call(t *testing.T, req *http.Request) answer {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func get(t *testing.T, address string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return call(t, req)
}

func post(t *testing.T, address string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return call(t, req)
}

func (a answer) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d", a.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("no %q in\n%s", text, a.body)
		}
	}
}

func (a answer) wantNot(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("%q in\n%s", text, a.body)
		}
	}
}

func TestEveryPageSaysDemoAndAllowsNoForeignScript(t *testing.T) {
	t.Parallel()
	base, _ := web(t)
	for _, path := range []string{"/", "/mail", "/mail/1", "/mail/2", "/phones", "/nothing", "/mail/99", "/mail/x"} {
		a := get(t, base+path)
		a.want(t, a.status, "Demo: nothing here is real", `lang="ja"`, "<main>")
		if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "script-src 'self';") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	get(t, base+"/nothing").want(t, http.StatusNotFound)
	get(t, base+"/mail/99").want(t, http.StatusNotFound)
	get(t, base+"/mail/2/html").want(t, http.StatusNotFound)
}

func TestMailboxListsMailsOfEverybodyOrOfOne(t *testing.T) {
	t.Parallel()
	base, _ := web(t)
	all := get(t, base+"/mail")
	all.want(t, http.StatusOK, "Link &lt;b&gt;", "Second", "Alice (1)", "Erin (0)", "helpdesk@example.ac.jp (1)")
	if strings.Index(all.body, "Second") > strings.Index(all.body, "Link &lt;b&gt;") {
		t.Error("the newest mail does not stand first")
	}
	if count := get(t, base+"/mail/count").body; count != "2" {
		t.Errorf("%s mails, want 2", count)
	}
	alice := get(t, base+"/mail?to=alice@example.net")
	alice.want(t, http.StatusOK, `href="/mail/1"`)
	alice.wantNot(t, "Second")
	get(t, base+"/mail?to=erin@example.net").want(t, http.StatusOK, "No mail yet")
}

// The text is escaped and its links work; the HTML part is boxed in: it runs no script, sends no form, and its links open
// in a tab of their own.
func TestMailIsShownSafely(t *testing.T) {
	t.Parallel()
	base, _ := web(t)
	a := get(t, base+"/mail/1")
	a.want(t, http.StatusOK, `<a href="http://localhost:8088/link/abc" target="_blank" rel="noopener noreferrer">http://localhost:8088/link/abc</a>.`,
		"&lt;script&gt;", `sandbox="allow-popups allow-popups-to-escape-sandbox"`)
	a.wantNot(t, "<script>alert")
	part := get(t, base+"/mail/1/html")
	part.want(t, http.StatusOK, `<base target="_blank">`, `<a href="http://localhost:8088/link/abc">`)
	csp := part.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "sandbox allow-popups allow-popups-to-escape-sandbox;") || strings.Contains(csp, "script") {
		t.Errorf("policy of the HTML part: %q", csp)
	}
}

func TestLinked(t *testing.T) {
	t.Parallel()
	link := func(u string) string {
		return `<a href="` + u + `" target="_blank" rel="noopener noreferrer">` + u + `</a>`
	}
	for text, want := range map[string]string{
		"":                                 "",
		"nothing":                          "nothing",
		"see https://a.example/x?y=1&z=2.": "see " + link("https://a.example/x?y=1&amp;z=2") + ".",
		"（https://a.example/）と":            "（" + link("https://a.example/") + "）と",
		"javascript:alert(1) <b>":          "javascript:alert(1) &lt;b&gt;",
		`http://a"onclick="x`:              link("http://a") + "&#34;onclick=&#34;x",
		"http://a/ http://b/":              link("http://a/") + " " + link("http://b/"),
	} {
		if got := string(linked(text)); got != want {
			t.Errorf("linked(%q)\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestOldPhonesShowTheCodesOfTheRealmFile(t *testing.T) {
	t.Parallel()
	base, s := web(t)
	a := get(t, base+"/phones")
	for _, p := range s.people {
		if p.Old == "" {
			a.want(t, http.StatusOK, "never had one")
			continue
		}
		k, err := phone.FromBase32(p.Old)
		if err != nil {
			t.Fatal(err)
		}
		a.want(t, http.StatusOK, `id="old-`+p.Username+`">`+k.Code(noon)+"<", `-left">20</span>`)
	}
	a.wantNot(t, `class="code" id="new-`)
}

func TestNewPhoneTakesAKeyOrALink(t *testing.T) {
	t.Parallel()
	base, s := web(t)
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	k, err := phone.FromBase32(secret)
	if err != nil {
		t.Fatal(err)
	}
	a := post(t, base+"/phones/alice", url.Values{"key": {" gezd gnbv gy3t qojq gezd gnbv gy3t qojq "}})
	a.want(t, http.StatusSeeOther)
	if a.header.Get("Location") != "/phones#alice" {
		t.Errorf("sent to %s", a.header.Get("Location"))
	}
	get(t, base+"/phones").want(t, http.StatusOK, `id="new-alice">`+k.Code(noon)+"<")
	k.Digits = 8
	link := "otpauth://totp/Example:bob?secret=" + secret + "&digits=8&issuer=Example"
	post(t, base+"/phones/bob", url.Values{"key": {link}}).want(t, http.StatusSeeOther)
	get(t, base+"/phones").want(t, http.StatusOK, `id="new-bob">`+k.Code(noon)+"<", "Example: bob")

	var shown []display
	if err := json.Unmarshal([]byte(get(t, base+"/phones/codes").body), &shown); err != nil || len(shown) != 6 {
		t.Fatalf("codes: %v %v", shown, err)
	}
	if shown[1] != (display{ID: "new-alice", Code: shown[1].Code, Left: 20}) || len(shown[1].Code) != 6 {
		t.Errorf("codes: %+v", shown)
	}

	// Another run finds the phones as they were left.
	again, err := openPhones(s.phones.file)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := again.get("bob"); !ok {
		t.Error("bob's phone is empty after a restart")
	}
	post(t, base+"/phones/bob/empty", nil).want(t, http.StatusSeeOther)
	get(t, base+"/phones").wantNot(t, `class="code" id="new-bob"`)
}

func TestPhonesRefuseWhatIsNoKey(t *testing.T) {
	t.Parallel()
	base, _ := web(t)
	for _, typed := range []string{"", "  ", "no key!", "otpauth://totp/x?secret=", "otpauth://totp/x?secret=GEZDGNBV&digits=99", `"><script>`} {
		a := post(t, base+"/phones/alice", url.Values{"key": {typed}})
		a.want(t, http.StatusUnprocessableEntity, "neither a key nor an otpauth link", `aria-describedby="e-alice"`)
		a.wantNot(t, "<script>", `class="code" id="new-alice"`, `aria-describedby="e-bob"`)
	}
	post(t, base+"/phones/mallory", url.Values{"key": {"GEZDGNBV"}}).want(t, http.StatusNotFound)
	post(t, base+"/phones/mallory/empty", nil).want(t, http.StatusNotFound)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/phones/alice/empty", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	call(t, req).want(t, http.StatusForbidden)
}
