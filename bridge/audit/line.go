package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"otpbridge/bridge"
)

// Time is how times are written: UTC with milliseconds.
const Time = "2006-01-02T15:04:05.000Z"

// Line is one line of the trail as it is written.
type Line struct {
	Time      string            `json:"time"`
	Sequence  int64             `json:"seq"`
	Event     string            `json:"event"`
	Outcome   string            `json:"outcome"`
	Actor     string            `json:"actor,omitempty"`
	Target    string            `json:"target,omitempty"`
	Way       string            `json:"way,omitempty"`
	Recovery  string            `json:"recovery,omitempty"`
	Code      bridge.Code       `json:"code,omitempty"`
	Added     string            `json:"added,omitempty"`
	Removed   []string          `json:"removed,omitempty"`
	Detail    map[string]string `json:"detail,omitempty"`
	Address   string            `json:"address,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Version   string            `json:"version"`
}

func newLine(e bridge.AuditEvent, r bridge.Request) Line {
	return Line{
		Event: e.Event, Outcome: e.Outcome, Actor: e.Actor, Target: e.Target, Way: e.Way, Recovery: e.Recovery, Code: e.Code,
		Added: e.Added, Removed: e.Removed, Detail: e.Detail, Address: r.Address, Reference: r.Reference,
	}
}

// valid refuses what the catalogue does not know.
func (l Line) valid(known map[string]bool) error {
	if !known[l.Event] {
		return fmt.Errorf("event %q is not in the catalogue", l.Event)
	}
	if l.Outcome != "ok" && l.Outcome != "refused" && l.Outcome != "failed" {
		return fmt.Errorf("event %s: outcome %q", l.Event, l.Outcome)
	}
	return nil
}

// lineSize is the longest line that is written: who reads the trail back relies on it.
const lineSize = 32 << 10

// encode returns the line with its line feed. Nothing in it can move a cursor, end a line or turn text around. What would be longer than lineSize
// is shortened, and says so: no event is left out for what it says.
func (l Line) encode(now time.Time) ([]byte, error) {
	l.Time = now.UTC().Format(Time)
	text, err := l.text()
	for most := lineSize / 4; err == nil && len(text) > lineSize && most > 0; most /= 2 {
		text, err = l.shortened(most).text()
	}
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", l.Event, err)
	}
	return text, nil
}

func (l Line) text() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, err
	}
	return append(escape(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), '\n'), nil
}

// detailCut is the name of the fact that a line does not say everything: the names of the fields that are shortened or, of a line that was too long to
// be read back, its size.
const detailCut = "cut"

// shortened returns the line with at most so many bytes in each field and twice as many in the list of what is removed, from the beginning on.
func (l Line) shortened(most int) Line {
	var names []string
	cut := func(name, value string) string {
		if len(value) <= most {
			return value
		}
		names = append(names, name)
		return strings.ToValidUTF8(value[:most], "") + "…"
	}
	for name, field := range map[string]*string{
		"actor": &l.Actor, "target": &l.Target, "way": &l.Way, "recovery": &l.Recovery, "code": (*string)(&l.Code), "added": &l.Added, "address": &l.Address,
		"reference": &l.Reference,
	} {
		*field = cut(name, *field)
	}
	detail := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(l.Detail)) {
		if len(detail) < detailsInLine {
			key := cut("detail", name)
			detail[key] = cut(key, l.Detail[name])
		}
	}
	left := 2 * most
	keep := slices.IndexFunc(l.Removed, func(id string) bool {
		left -= len(id) + len(`"",`)
		return left < 0
	})
	if keep >= 0 {
		names = append(names, fmt.Sprintf("removed (%d more)", len(l.Removed)-keep))
		l.Removed = l.Removed[:keep]
	}
	slices.Sort(names)
	detail[detailCut] = strings.Join(names, ", ")
	l.Detail = detail
	return l
}

// detailsInLine is how many facts a line that is too long keeps.
const detailsInLine = 16

// escape writes what has no shape of its own (controls, bidi marks, separators, private use) as \uXXXX. encoding/json does so for a part
// of them only. Outside strings JSON has none of these, so the meaning stays.
func escape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r < utf8.RuneSelf && r != 0x7f, unicode.IsGraphic(r) && (!unicode.IsSpace(r) || r == '\u3000'):
			out = append(out, text[:size]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}
