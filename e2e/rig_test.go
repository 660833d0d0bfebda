package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"

	"rsc.io/qr"
)

// A person in Chromium signs in at the portal with password and code, in every look the tests use.
func TestRigPersonSignsInAtThePortal(t *testing.T) {
	t.Parallel()
	c := rig.NewCampus(t)
	phone := rig.NewPhone(t, realm.Secret("alice"))
	for name, look := range map[string]rig.Look{
		"plain":            {},
		"japanese, dark":   {Language: "ja", Dark: true},
		"small, no script": {Width: 375, Height: 700, NoScript: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := rig.NewPage(t, look)
			p.Go(c.Portal.URL).SeeURL(c.Issuer)
			if look.Language == "ja" {
				p.See("パスワード")
			}
			p.Fill("username", "alice").Fill("password", realm.Password("alice")).Press("\r")
			p.Fill("otp", phone.Code()).Screenshot("code")
			p.Press("\r").See("Signed in as alice")
		})
	}
}

// A wrong code is refused: the test above does not pass by itself.
func TestRigPortalRefusesAWrongCode(t *testing.T) {
	t.Parallel()
	c := rig.NewCampus(t)
	p := rig.NewPage(t, rig.Look{})
	p.Go(c.Portal.URL).Fill("username", "bob").Fill("password", realm.Password("bob")).Press("\r")
	p.Fill("otp", "000000").Press("\r").See("Invalid authenticator code")
}

func TestRigPageTools(t *testing.T) {
	t.Parallel()
	code, err := qr.Encode("otpauth://totp/Example:alice?secret=JBSWY3DP", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /qr.png", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(code.PNG()) })
	mux.HandleFunc("GET /good", page(`<html lang="en"><title>Good</title><main><h1>Good</h1><form action="/next"><label>Your name <input name="n"></label>
		<button>Send it</button></form><img src="/qr.png" alt="code" width="300" height="300"><noscript>no script here</noscript></main>`))
	mux.HandleFunc("GET /poor", page(`<html><title>Poor</title><img src="/qr.png"><input name="n"><p style="color:#ccc">pale</p>`))
	mux.HandleFunc("GET /next", func(w http.ResponseWriter, r *http.Request) { page("<p>hello "+r.FormValue("n"))(w, r) })
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)

	p := rig.NewPage(t, rig.Look{})
	if found := p.Go(site.URL + "/good").Axe(); len(found) > 0 {
		t.Errorf("a good page: %v", found)
	}
	if text := p.QR("qr"); text != "otpauth://totp/Example:alice?secret=JBSWY3DP" {
		t.Errorf("QR code says %q", text)
	}
	p.Fill("Your name", "Alice").Click("Send it").See("hello Alice").Back().See("Good").Reload().See("Good")
	poor := fmt.Sprint(p.Go(site.URL + "/poor").Axe())
	for _, rule := range []string{"html-has-lang", "image-alt", "label", "color-contrast"} {
		if !strings.Contains(poor, rule+":") {
			t.Errorf("axe did not find %s: %s", rule, poor)
		}
	}
	rig.NewPage(t, rig.Look{NoScript: true}).Go(site.URL + "/good").See("no script here")
}

func page(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<!doctype html>", body) }
}

func TestRigMailboxKeepsWhatArrives(t *testing.T) {
	t.Parallel()
	box := rig.NewMailbox(t)
	const raw = "From: a@example.org\r\nTo: alice@example.net\r\nSubject: =?UTF-8?B?6KqN6Ki8?=\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\naHR0cDovL2xvY2FsaG9zdC9saW5rL2FiYyBvaw==\r\n" +
		"--b\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>a=3Db</p>\r\n--b--\r\n"
	send := func() error {
		return smtp.SendMail(box.Addr, nil, "bounce@example.org", []string{"alice@example.net"}, []byte(raw))
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	msg := box.Wait("alice@example.net", 1)
	if msg.Subject != "認証" || strings.TrimSpace(msg.HTML) != "<p>a=b</p>" || msg.From != "bounce@example.org" {
		t.Errorf("arrived: %+v", msg)
	}
	if link := msg.Link(t, "http://localhost/link/"); link != "http://localhost/link/abc" {
		t.Errorf("link %s", link)
	}
	if got := box.Messages("bob@example.net"); len(got) > 0 {
		t.Errorf("bob got %v", got)
	}
	box.Down()
	if err := send(); err == nil {
		t.Error("a mail was taken while the server is down")
	}
	box.Up()
	if err := send(); err != nil {
		t.Error(err)
	}
	box.Wait("alice@example.net", 2)
}

func TestRigRedisDiesAndComesBackEmpty(t *testing.T) {
	t.Parallel()
	r := rig.NewRedis(t)
	ask := func(command, want string) {
		t.Helper()
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", r.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // read below
		if _, err := fmt.Fprint(conn, command, "\r\n"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, len(want))
		if _, err := conn.Read(answer); err != nil || string(answer) != want {
			t.Errorf("%s: %q (%v), want %q", command, answer, err, want)
		}
	}
	ask("SET a b", "+OK")
	r.Stop()
	r.Start()
	ask("GET a", "$-1")
}

// The codes are those of RFC 6238 and RFC 4226, and no code is shown twice.
func TestRigPhoneShowsEachCodeOnce(t *testing.T) {
	t.Parallel()
	eight := rig.ScanPhone(t, "otpauth://totp/x?algorithm=SHA256&digits=8&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA")
	if got := eight.At(time.Unix(59, 0)); got != "46119246" {
		t.Errorf("SHA256, 8 digits, at 59 s: %s, want 46119246", got)
	}
	token := rig.NewToken(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	if got := token.Code() + " " + token.Code(); got != "755224 287082" {
		t.Errorf("a token shows %s, want 755224 287082", got)
	}
	p := rig.NewPhone(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	if got := p.At(time.Unix(59, 0)); got != "287082" {
		t.Errorf("code at 59 s: %s, want 287082", got)
	}
	shown := map[string]bool{p.Code(): true, p.Code(): true, p.Code(): true}
	if len(shown) != 3 {
		t.Errorf("three codes: %v", shown)
	}
}
