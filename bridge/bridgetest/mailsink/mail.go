package mailsink

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// Mail is one mail as it came.
type Mail struct {
	From   string   // of the envelope
	To     []string // of the envelope
	Helo   string   // what the sender calls itself
	Secure bool     // it came over TLS
	Raw    []byte   // header and body, byte for byte
	At     time.Time
}

// Header returns a field of the header, decoded; "" when it is missing or the mail cannot be read.
func (m Mail) Header(name string) string {
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return ""
	}
	text, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get(name))
	if err != nil {
		return ""
	}
	return text
}

// Subject is the decoded subject.
func (m Mail) Subject() string { return m.Header("Subject") }

// Text is the decoded text/plain part, "" when there is none.
func (m Mail) Text() string { return m.part("text/plain") }

// HTML is the decoded text/html part, "" when there is none.
func (m Mail) HTML() string { return m.part("text/html") }

func (m Mail) part(kind string) string {
	parts, err := m.Parts()
	if err != nil {
		return ""
	}
	return parts[kind]
}

var links = regexp.MustCompile(`https?://[^\s<>"]+`)

// Links lists the addresses in the text part, in order.
func (m Mail) Links() []string { return links.FindAllString(m.Text(), -1) }

// Link returns the first address in the text part that contains a piece, "" when there is none.
func (m Mail) Link(piece string) string {
	for _, link := range m.Links() {
		if strings.Contains(link, piece) {
			return link
		}
	}
	return ""
}

// Parts returns the decoded parts by media type. Of several of one type the first counts.
func (m Mail) Parts() (map[string]string, error) {
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return nil, fmt.Errorf("read mail: %w", err)
	}
	out := map[string]string{}
	err = collect(out, parsed.Header, parsed.Body)
	return out, err
}

// header is what both kinds of header have.
type header interface{ Get(name string) string }

func collect(out map[string]string, h header, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		for r := multipart.NewReader(body, params["boundary"]); ; {
			part, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read mail: %w", err)
			}
			if err := collect(out, part.Header, part); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	if _, taken := out[kind]; !taken {
		out[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	return nil
}
