package mail_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"otpbridge/bridge"
	"otpbridge/bridge/mail"
)

var (
	noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.FixedZone("JST", 9*3600))
	from = netmail.Address{Name: "認証設定", Address: "noreply@example.ac.jp"}
)

func message() mail.Message {
	return mail.Message{
		ID: "4f5c2d1e-0000-4000-8000-000000000001", To: "alice@mail.example", Subject: "新しい認証アプリの登録", Text: "本文\nhttps://otp.example.ac.jp/link/x\n",
		HTML: `<!doctype html><html lang="ja"><body>本文</body></html>`, Kind: "link", Person: "alice", Link: "link-hash", Date: noon, Expires: noon.Add(30 * time.Minute),
	}
}

// field is one header field as it stands on the wire.
type field struct{ name, raw string }

var (
	fieldName = regexp.MustCompile(`^[A-Za-z-]+$`)
	word      = regexp.MustCompile(`=\?[^?]*\?[^?]*\?[^?]*\?=`)
	longToken = regexp.MustCompile(`^ <[^ <>]+>$`) // an address that cannot be folded
)

// strict splits a mail into fields and body as RFC 5322 has it, and fails on whatever it does not allow.
func strict(t interface{ Fatalf(string, ...any) }, raw []byte) (fields []field, body string) {
	text := string(raw)
	if strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r") {
		t.Fatalf("a bare CR or LF")
	}
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c < 0x20 && c != '\r' && c != '\n' {
			t.Fatalf("byte %#x", c)
		}
	}
	head, body, ok := strings.Cut(text, "\r\n\r\n")
	if !ok {
		t.Fatalf("no end of the header")
	}
	for _, line := range strings.Split(head, "\r\n") {
		if len(line) > 78 && !longToken.MatchString(line) {
			t.Fatalf("line of %d: %s", len(line), line)
		}
		if word.MatchString(line) && len(line) > 76 {
			t.Fatalf("line with encoded word of %d", len(line))
		}
		for _, w := range word.FindAllString(line, -1) {
			if len(w) > 75 {
				t.Fatalf("encoded word of %d", len(w))
			}
		}
		if strings.TrimSpace(line) == "" || strings.HasSuffix(line, " ") {
			t.Fatalf("blank line end: %q", line)
		}
		if strings.HasPrefix(line, " ") && len(fields) > 0 {
			fields[len(fields)-1].raw += line
			continue
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok || !fieldName.MatchString(name) {
			t.Fatalf("no field: %q", line)
		}
		fields = append(fields, field{name, value})
	}
	return fields, body
}

func compose(t interface{ Fatalf(string, ...any) }, m mail.Message, from netmail.Address) ([]field, []byte) {
	raw, err := m.Compose(from)
	if err != nil {
		t.Fatalf("%v", err)
	}
	fields, _ := strict(t, raw)
	return fields, raw
}

func names(fields []field) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.name)
	}
	return out
}

// MAIL-03, MAIL-07
func TestHeaderHoldsWhatItMustAndNothingElse(t *testing.T) {
	t.Parallel()
	fields, raw := compose(t, message(), from)
	want := []string{
		"Date", "From", "To", "Message-ID", "Subject", "MIME-Version", "Auto-Submitted", "X-Auto-Response-Suppress", "Content-Type",
	}
	if !slices.Equal(names(fields), want) {
		t.Errorf("%v", names(fields))
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Date": "Wed, 25 Nov 2026 12:00:00 +0900", "To": "alice@mail.example", "Message-ID": "<4f5c2d1e-0000-4000-8000-000000000001@example.ac.jp>",
		"MIME-Version": "1.0", "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply", "Precedence": "", "User-Agent": "",
		"X-Mailer": "", "List-Unsubscribe": "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	again, err := message().Compose(from)
	if err != nil || !bytes.Equal(raw, again) {
		t.Error("the same message gives other bytes")
	}
}

const japanese = "髙﨑①㈱〜～－ｶﾅ𠮷新しい認証アプリの登録についてお知らせします。が゙葛󠄀👩‍💻"

// MAIL-04: subjects and names of 1 to 200 characters come back as they were, and every encoded word stands for whole characters.
func TestSubjectsAndNamesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.OneOf(
			rapid.StringOfN(rapid.RuneFrom([]rune(japanese)), 1, 200, -1),
			rapid.StringMatching(`[A-Za-z][A-Za-z0-9 "(),.:;<>@=?_\[\\\]-]{0,150}[A-Za-z]`),
			rapid.StringOfN(rapid.RuneFrom([]rune("aé日𠮷 =?")), 1, 200, -1),
		).Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
		m := message()
		m.Subject, m.ToName = strings.TrimSpace(gen.Draw(t, "subject")), strings.TrimSpace(gen.Draw(t, "name"))
		from := netmail.Address{Name: strings.TrimSpace(gen.Draw(t, "from")), Address: "noreply@example.ac.jp"}
		fields, raw := compose(t, m, from)
		parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%v", err)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil || got != m.Subject {
			t.Fatalf("subject %q, %v, want %q", got, err, m.Subject)
		}
		for name, want := range map[string]netmail.Address{"From": from, "To": {Name: m.ToName, Address: m.To}} {
			list, err := parsed.Header.AddressList(name)
			if err != nil || len(list) != 1 || *list[0] != want {
				t.Fatalf("%s %v, %v, want %v", name, list, err, want)
			}
		}
		for _, f := range fields {
			for _, w := range word.FindAllString(f.raw, -1) {
				b, err := base64.StdEncoding.DecodeString(strings.Split(w, "?")[3])
				if err != nil || !utf8.Valid(b) {
					t.Fatalf("%s is no whole text: %v", w, err)
				}
			}
		}
	})
}

func TestEveryLengthOfSubjectFolds(t *testing.T) {
	t.Parallel()
	long := []rune(strings.Repeat(japanese, 10))
	for n := 1; n <= 200; n++ {
		m := message()
		m.Subject, m.ToName = string(long[:n]), string(long[n:2*n])
		_, raw := compose(t, m, from)
		parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil || got != m.Subject {
			t.Fatalf("%d characters: %q, %v", n, got, err)
		}
		for _, w := range word.FindAllString(parsed.Header.Get("Subject"), -1) {
			b, _ := base64.StdEncoding.DecodeString(strings.Split(w, "?")[3])
			if strings.HasPrefix(string(b), "\u3099") || strings.HasPrefix(string(b), "\u200d") || strings.HasPrefix(string(b), "\U000e0100") {
				t.Fatalf("%d characters: a mark was cut off its letter", n)
			}
		}
	}
}

// MAIL-05, MAIL-06
func TestBodiesComeBackByteForByte(t *testing.T) {
	t.Parallel()
	m := message()
	m.Text = "髙 﨑 ① ㈱ 〜 ～ － ｶﾅ 𠮷\nhttps://otp.example.ac.jp/link/abc\n.\n--\nFrom here\n" + strings.Repeat("長い行", 600) + "\n"
	m.HTML = "<!doctype html>\n<html lang=\"ja\"><body>髙 﨑 ① ㈱ 〜 ～ － ｶﾅ 𠮷</body></html>\n"
	_, raw := compose(t, m, from)
	_, body := strict(t, raw)
	for _, line := range strings.Split(body, "\r\n") {
		if len(line) > 76 {
			t.Errorf("line of %d", len(line))
		}
	}
	parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	r := multipart.NewReader(parsed.Body, params["boundary"])
	for _, want := range []struct{ kind, text string }{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil || kind != want.kind || params["charset"] != "utf-8" || part.Header.Get("Content-Transfer-Encoding") != "base64" {
			t.Errorf("%v %v", part.Header, err)
		}
		text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
		if err != nil || string(text) != strings.ReplaceAll(want.text, "\n", "\r\n") {
			t.Errorf("%s: %v: %q", want.kind, err, text)
		}
	}
	if _, err := r.NextRawPart(); err != io.EOF {
		t.Errorf("after the parts: %v", err)
	}
}

func TestComposeRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*mail.Message){
		"no id": func(m *mail.Message) { m.ID = "" }, "id": func(m *mail.Message) { m.ID = "a>\r\nBcc: x" }, "no recipient": func(m *mail.Message) { m.To = "" },
		"two": func(m *mail.Message) { m.To = "a@x.example,b@x.example" }, "line break": func(m *mail.Message) { m.To = "a@x.example\r\nBcc: b@x.example" },
		"name": func(m *mail.Message) { m.To = "A <a@x.example>" }, "quoted": func(m *mail.Message) { m.To = `"a b"@x.example` },
		"not ASCII": func(m *mail.Message) { m.To = "あ@x.example" }, "no domain": func(m *mail.Message) { m.To = "a@" },
		"no text": func(m *mail.Message) { m.Text = "" }, "no HTML": func(m *mail.Message) { m.HTML = "" }, "no subject": func(m *mail.Message) { m.Subject = "" },
		"no end": func(m *mail.Message) { m.Expires = time.Time{} }, "language": func(m *mail.Message) { m.Language = "ja\r\nX: y" },
	} {
		m := message()
		change(&m)
		if _, err := m.Compose(from); bridge.CodeOf(err) != bridge.CodeInternal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := message().Compose(netmail.Address{Address: "a@b\r\nX: y"}); err == nil {
		t.Error("malformed sender")
	}
}

// MAIL-09: whatever stands in names, subjects and addresses, the header has the same fields and one recipient.
func FuzzHeaderInjection(f *testing.F) {
	for _, s := range []string{"Alice", "a\r\nBcc: evil@x.example", "a\nSubject: b", "\r", "\x00\x1b[0m", "\u2028\u0085", "=?utf-8?q?=0d=0aBcc:_x?=", `"x" <evil@x.example>, b`, "\xff", "日本\u202e"} {
		f.Add(s, "alice@mail.example")
		f.Add("x", s)
	}
	want := names(mustFields(f))
	f.Fuzz(func(t *testing.T, s, to string) {
		m := message()
		m.Subject, m.ToName, m.To = s, s, to
		raw, err := m.Compose(netmail.Address{Name: s, Address: from.Address})
		if err != nil {
			return
		}
		fields, _ := strict(t, raw)
		if !slices.Equal(names(fields), want) {
			t.Fatalf("fields %v", names(fields))
		}
		parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if list, err := parsed.Header.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != to || strings.ContainsAny(list[0].Name, "\r\n\x00") {
			t.Fatalf("To %v, %v", list, err)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil || strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("subject %q, %v", got, err)
		}
	})
}

func mustFields(f *testing.F) []field {
	f.Helper()
	fields, _ := compose(f, message(), from)
	return fields
}
