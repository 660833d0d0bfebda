package realm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kind is a kind of thing in a realm that can be changed and changed back.
type Kind string

// Change is one thing that becomes another. Neither value holds a secret.
type Change struct {
	Kind Kind   `json:"kind"`
	Of   string `json:"of,omitempty"` // what it belongs to: a client, a language …
	Name string `json:"name,omitempty"`

	Was  json.RawMessage `json:"was,omitempty"`  // as JSON; nil = it is not there
	Will json.RawMessage `json:"will,omitempty"` // likewise
}

// Reason is why something is changed; people read its words, which are not ours.
type Reason string

// Reasons, in the order in which the realm is changed.
const (
	ReasonEvents   Reason = "events"
	ReasonGuessing Reason = "guessing"
	ReasonLevels   Reason = "levels"
	ReasonDesk     Reason = "desk"
	ReasonGate     Reason = "gate"
	ReasonScope    Reason = "scope"
	ReasonProfile  Reason = "profile"
	ReasonBrokers  Reason = "brokers"
	ReasonReset    Reason = "reset"
	ReasonFlow     Reason = "flow"
	ReasonPassword Reason = "password"
	ReasonTicket   Reason = "ticket"
	ReasonOverride Reason = "override"
	ReasonLock     Reason = "lock"
	ReasonLogin    Reason = "login"
	ReasonAccount  Reason = "account"
	ReasonRights   Reason = "rights"
	ReasonTheme    Reason = "theme"
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		ReasonEvents, ReasonGuessing, ReasonLevels, ReasonDesk, ReasonGate, ReasonScope, ReasonProfile, ReasonBrokers, ReasonReset, ReasonFlow,
		ReasonPassword, ReasonTicket, ReasonOverride, ReasonLock, ReasonLogin, ReasonAccount, ReasonRights, ReasonTheme,
	}
}

// Step is a change and why it is made.
type Step struct {
	Reason Reason `json:"reason"`
	Change
}

// reversed is the change that undoes it.
func (c Change) reversed() Change {
	c.Was, c.Will = c.Will, c.Was
	return c
}

// same thing: not the same value.
func (c Change) about(d Change) bool { return c.Kind == d.Kind && c.Of == d.Of && c.Name == d.Name }

// Title names what is changed.
func (c Change) Title() string {
	return strings.Join(slices.DeleteFunc([]string{string(c.Kind), c.Of, c.Name}, func(s string) bool { return s == "" }), " ")
}

// Lines is the change as people read it: what is, with "-", what will be, with "+". What stays is left out.
func (c Change) Lines() []string {
	was, will := valueLines(c.Kind, c.Was), valueLines(c.Kind, c.Will)
	var out []string
	for _, l := range was {
		if !slices.Contains(will, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range will {
		if !slices.Contains(was, l) || c.Kind == KindFlow {
			out = append(out, "+ "+l)
		}
	}
	return out
}

func valueLines(k Kind, value json.RawMessage) []string {
	if value == nil {
		return nil
	}
	if k == KindFlow {
		var t Tree
		if json.Unmarshal(value, &t) == nil {
			return t.lines("")
		}
	}
	var v any
	if json.Unmarshal(value, &v) != nil {
		return []string{string(value)}
	}
	return flat("", v)
}

// flat lists the values inside a value with where they stand.
func flat(where string, v any) []string {
	at := func(name string) string { return strings.TrimPrefix(where+"."+name, ".") }
	var out []string
	switch v := v.(type) {
	case Object:
		for _, name := range sortedKeys(v) {
			out = append(out, flat(at(name), v[name])...)
		}
	case []any:
		if len(v) == 0 || slices.ContainsFunc(v, composed) {
			for i, e := range v {
				out = append(out, flat(at(fmt.Sprint(i)), e)...)
			}
			break
		}
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = fmt.Sprint(e)
		}
		out = append(out, flat(where, strings.Join(texts, ", "))...)
	case nil:
	case float64:
		out = flat(where, strconv.FormatFloat(v, 'f', -1, 64))
	default:
		text := fmt.Sprint(v)
		if where != "" {
			text = where + " = " + text
		}
		out = append(out, text)
	}
	return out
}

func composed(v any) bool {
	switch v.(type) {
	case Object, []any:
		return true
	}
	return false
}

// value makes the JSON of a value, nil of nil.
func value(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil { // maps, lists and texts only
		panic(fmt.Sprintf("realm: a value that is no JSON: %v", err))
	}
	return text
}

// same reports whether two values are equal. The order of a list of texts says nothing.
func same(a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return (a == nil) == (b == nil)
	}
	return bytes.Equal(sorted(a), sorted(b))
}

func sorted(a json.RawMessage) []byte {
	var v any
	if json.Unmarshal(a, &v) != nil {
		return a
	}
	return value(sortLists(v))
}

func sortLists(v any) any {
	switch v := v.(type) {
	case Object:
		for name, e := range v {
			v[name] = sortLists(e)
		}
	case []any:
		for i, e := range v {
			v[i] = sortLists(e)
		}
		if !slices.ContainsFunc(v, composed) {
			slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	return v
}
