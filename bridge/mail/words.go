package mail

import (
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of RFC 2047: a line with encoded words has at most 76 characters, a word 75.
const (
	maxLine  = 76
	wordWrap = len("=?UTF-8?B?") + len("?=")
)

// plain is what stands in a header as it is: single words with single blanks and nothing that has a meaning in an address.
var plain = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/?^_{|}~-]+( [A-Za-z0-9!#$%&'*+/?^_{|}~-]+)*$`)

// words returns text as the value of a header field, encoded and folded. used is how much of the first line is taken. The last line
// has at most 76 characters.
func words(text string, used int) string {
	text = oneLine(text)
	if plain.MatchString(text) && used+len(text) <= maxLine {
		return text
	}
	var b strings.Builder
	for text != "" {
		if b.Len() > 0 {
			b.WriteString("\r\n ")
			used = 1
		}
		room := (maxLine - used - wordWrap) / 4 * 3
		piece := cut(text, min(room, (75-wordWrap)/4*3))
		b.WriteString("=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(piece)) + "?=")
		text = text[len(piece):]
	}
	return b.String()
}

// cut returns the longest beginning of text of at most size bytes that splits no character, nor a mark from the letter it stands on, if
// that can be. It is never empty.
func cut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	end, whole := 0, 0
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if !unicode.In(r, unicode.M, unicode.Join_Control) {
			whole = end
		}
		if end+n > size {
			break
		}
		end += n
	}
	if whole > 0 {
		return text[:whole]
	}
	return text[:end]
}

// oneLine drops what could end a line or hide text: controls become blanks, and invalid UTF-8 a replacement character.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	return strings.TrimSpace(text)
}
