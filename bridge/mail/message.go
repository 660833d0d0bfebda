package mail

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"otpbridge/bridge"
)

// Message is one rendered mail to one person.
type Message struct {
	ID       string // letters, digits and hyphens; the same id again is the same mail. The Message-ID is made of it
	To       string // address
	ToName   string // may be empty
	Language string // of the mail when it has only one; may be empty
	Subject  string
	Text     string
	HTML     string
	Kind     string    // for the audit trail
	Person   string    // whose recovery waits for this mail, if one does
	Link     string    // hash of the link that it carries, if it does
	Date     time.Time // set by Enqueue
	Expires  time.Time // never sent at or after this
}

var (
	safeID  = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	safeTag = regexp.MustCompile(`^[A-Za-z0-9-]{0,35}$`)
	// oddDots is what some phone companies have given out and RFC 5322 allows between quotation marks only.
	oddDots = regexp.MustCompile(`^[.]|[.]{2}|[.]@`)
)

// valid refuses what could not be sent, or would send more than it says.
func (m Message) valid() error {
	switch {
	case !safeID.MatchString(m.ID):
		return bridge.Fault(bridge.CodeInternal, "mail: malformed id", nil)
	case !bridge.Deliverable(m.To):
		return bridge.Fault(bridge.CodeInternal, "mail: malformed recipient", nil)
	case !safeTag.MatchString(m.Language):
		return bridge.Fault(bridge.CodeInternal, "mail: malformed language", nil)
	case oneLine(m.Subject) == "" || m.Text == "" || m.HTML == "":
		return bridge.Fault(bridge.CodeInternal, "mail: a part is missing", nil)
	case m.Expires.IsZero():
		return bridge.Fault(bridge.CodeInternal, "mail: no end", nil)
	}
	return nil
}

// Compose returns the mail as it goes over the wire (RFC 5322, RFC 2047, RFC 2045): ASCII only, lines ended by CRLF. from is the sender;
// its domain is the one of the Message-ID.
func (m Message) Compose(from mail.Address) ([]byte, error) {
	if err := m.valid(); err != nil {
		return nil, err
	}
	if !bridge.Deliverable(from.Address) {
		return nil, bridge.Fault(bridge.CodeInternal, "mail: malformed sender", nil)
	}
	sum := sha256.Sum256([]byte(m.ID))
	boundary := "=_" + hex.EncodeToString(sum[:16]) // "_" never stands in base64
	var b strings.Builder
	field := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	field("Date", m.Date.Format(time.RFC1123Z))
	field("From", mailbox(from.Name, quote(from.Address), len("From: ")))
	field("To", mailbox(m.ToName, quote(m.To), len("To: ")))
	field("Message-ID", fmt.Sprintf("<%s@%s>", m.ID, domain(from.Address)))
	field("Subject", words(m.Subject, len("Subject: ")))
	field("MIME-Version", "1.0")
	field("Auto-Submitted", "auto-generated")
	field("X-Auto-Response-Suppress", "OOF, AutoReply")
	if m.Language != "" {
		field("Content-Language", m.Language)
	}
	field("Content-Type", "multipart/alternative;\r\n boundary=\""+boundary+"\"")
	for _, part := range []struct{ kind, text string }{{"plain", m.Text}, {"html", m.HTML}} {
		b.WriteString("\r\n--" + boundary + "\r\n")
		field("Content-Type", "text/"+part.kind+"; charset=utf-8")
		field("Content-Transfer-Encoding", "base64")
		b.WriteString("\r\n" + body(part.text))
	}
	b.WriteString("\r\n--" + boundary + "--\r\n")
	return []byte(b.String()), nil
}

// mailbox returns a name, if there is one, and an address.
func mailbox(name, addr string, used int) string {
	encoded := words(name, used)
	if encoded == "" {
		return addr
	}
	last := encoded[strings.LastIndex(encoded, "\n")+1:]
	if encoded == last {
		last = strings.Repeat(" ", used) + last
	}
	if len(last)+len(" <>")+len(addr) > maxLine {
		return encoded + "\r\n <" + addr + ">"
	}
	return encoded + " <" + addr + ">"
}

// quote returns an address as it stands in a header and an envelope.
func quote(a string) string {
	if !oddDots.MatchString(a) {
		return a
	}
	at := strings.LastIndexByte(a, '@')
	return `"` + a[:at] + `"` + a[at:]
}

func domain(a string) string { return a[strings.LastIndexByte(a, '@')+1:] }

// body returns text with CRLF line ends in base64, 76 characters a line.
func body(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	encoded := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	var b strings.Builder
	for len(encoded) > maxLine {
		b.WriteString(encoded[:maxLine] + "\r\n")
		encoded = encoded[maxLine:]
	}
	return b.String() + encoded + "\r\n"
}
