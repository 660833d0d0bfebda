package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const chartSchema = "../../../charts/otpbridge/values.schema.json"

// chartDecides lists the keys that the chart sets itself: paths inside the container, and what goes with them.
var chartDecides = []string{
	"listen", "admin_listen", "control_socket", "keys_file", "tls.cert_file", "tls.key_file", "sign_in.client_key_file", "sign_in.client_secret_file",
	"keycloak.client_key_file", "keycloak.client_secret_file", "store.bolt", "store.redis.password_file", "store.redis.sentinel_password_file",
	"mail.password_file", "help_desk.holidays_file", "audit.file",
}

// schema is a JSON Schema (draft 7) as far as the chart needs it.
type schema struct {
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Const       any                `json:"const,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	If          *schema            `json:"if,omitempty"`
	Else        *schema            `json:"else,omitempty"`
	Not         *schema            `json:"not,omitempty"`
	Minimum     *int64             `json:"minimum,omitempty"`
	Maximum     *int64             `json:"maximum,omitempty"`
	Unique      bool               `json:"uniqueItems,omitempty"`
	AtLeast     int                `json:"minItems,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Closed      *bool              `json:"additionalProperties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
}

// CFG-05: the chart's schema of `config` is the table of keys and figures; `go test ./cmd/internal/config -update` writes it anew.
func TestChartSchemaIsTheTableOfKeys(t *testing.T) {
	t.Parallel()
	old, err := os.ReadFile(chartSchema)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Schema     string                     `json:"$schema"`
		Type       string                     `json:"type"`
		Closed     bool                       `json:"additionalProperties"`
		Required   []string                   `json:"required"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(old, &file); err != nil {
		t.Fatal(err)
	}
	if file.Properties["config"], err = json.Marshal(configSchema()); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(file); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(chartSchema, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want.String(), string(old)); d != "" {
		t.Error(d)
	}
}

// configSchema describes the configuration without what the chart sets itself.
func configSchema() *schema {
	root := section("otpbridge.yaml, but for what the chart sets itself: addresses to listen on, paths of files.")
	for _, f := range fields() {
		if slices.Contains(chartDecides, f.path) {
			continue
		}
		at, names := root, strings.Split(f.path, ".")
		for _, name := range names[:len(names)-1] {
			at = at.below(name)
		}
		last := names[len(names)-1]
		at.Properties[last] = f.schema()
		if f.needed {
			at.Required = append(at.Required, last)
			root.demand(names)
		}
	}
	root.cross()
	return root
}

// cross is what Config.cross wants of a file, as far as a schema can say it.
func (s *schema) cross() {
	for _, path := range []string{"keycloak.addresses", "help_desk.contacts", "organisation.name"} {
		names := strings.Split(path, ".")
		s.demand(names)
		at := s.Properties[names[0]]
		at.Required = append(at.Required, names[1])
		at.Properties[names[1]].some()
	}
	s.Properties["languages"].some()
	policy := s.Properties["policies"].Items
	policy.If = &schema{Required: []string{"refuse"}, Properties: map[string]*schema{"refuse": {Const: true}}}
	policy.Else = &schema{Required: []string{"ways"}}
	policy.Properties["ways"].some()
	for _, condition := range policy.Properties["match"].Properties {
		condition.some()
	}
	policy.Properties["match"].Properties["attributes"].Items.Properties["values"].some()
}

// some refuses an empty list.
func (s *schema) some() {
	if s.Type == "array" {
		s.AtLeast = 1
	}
}

// demand makes the sections around a key that has to be given required ones; a list need not be there.
func (s *schema) demand(names []string) {
	if strings.Contains(strings.Join(names, "."), "[]") {
		return
	}
	for _, name := range names[:len(names)-1] {
		if !slices.Contains(s.Required, name) {
			s.Required = append(s.Required, name)
		}
		s = s.Properties[name]
	}
}

func section(description string) *schema {
	return &schema{Description: description, Type: "object", Closed: new(bool), Properties: map[string]*schema{}}
}

// below returns the section of a name, or that of the items of a list ("contacts[]").
func (s *schema) below(name string) *schema {
	key, list := strings.CutSuffix(name, "[]")
	if s.Properties[key] == nil {
		s.Properties[key] = section("")
		if list {
			s.Properties[key] = &schema{Type: "array", Items: section("")}
		}
	}
	if list {
		return s.Properties[key].Items
	}
	return s.Properties[key]
}

func (f *field) schema() *schema {
	value := &schema{Type: map[shape]string{text: "string", number: "integer", boolean: "boolean"}[f.shape]}
	allowed := allowedCell(f)
	fig, bounded := figureOf(f.path)
	switch {
	case bounded && fig.Unit != nanoseconds:
		value.Minimum, value.Maximum = &fig.Floor, &fig.Cap
	case bounded:
		var pattern string
		pattern, allowed = lengths(fig)
		value.hold(pattern, allowed)
	case f.form.pattern != "":
		value.hold(f.form.pattern, f.allowed.EN)
	case f.shape == text:
		value.Enum = f.form.options
	}
	if f.list {
		value = &schema{Type: "array", Unique: true, Items: value}
	}
	value.Description = f.meaning + " Allowed: " + allowed + "."
	return value
}

// hold wants a value to match a pattern, and says in words what is wanted: helm prints the const, and nobody reads the pattern. The words are no value.
func (s *schema) hold(pattern, words string) {
	s.If, s.Else, s.Not = &schema{Pattern: pattern}, &schema{Const: words}, &schema{Const: words}
}

// lengths is a pattern for the lengths of time between floor and cap, and the words for it. One unit each, so that a pattern can count.
func lengths(f figure) (pattern, words string) {
	var patterns, ranges []string
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		from, to := (f.Floor+span(unit.size)-1)/span(unit.size), f.Cap/span(unit.size)
		if from > to || unit.size == time.Second && f.Floor%span(time.Minute) == 0 {
			continue
		}
		patterns = append(patterns, between(from, to)+unit.name)
		ranges = append(ranges, fmt.Sprintf("%d%s to %d%s", from, unit.name, to, unit.name))
	}
	return "^(" + strings.Join(patterns, "|") + ")$", strings.Join(ranges, ", or ")
}

// between is a pattern for the whole numbers from lo to hi.
func between(lo, hi int64) string {
	var parts []string
	for begin := lo; begin <= hi; {
		end := hi
		if size := len(strconv.FormatInt(begin, 10)); size < len(strconv.FormatInt(hi, 10)) {
			end, _ = strconv.ParseInt(strings.Repeat("9", size), 10, 64)
		}
		parts = append(parts, digits(strconv.FormatInt(begin, 10), strconv.FormatInt(end, 10))...)
		begin = end + 1
	}
	return "(" + strings.Join(parts, "|") + ")"
}

// digits are patterns for the numbers from lo to hi, which have as many digits as each other.
func digits(lo, hi string) []string {
	if lo == hi {
		return []string{lo}
	}
	rest := len(lo) - 1
	zeros, nines := strings.Repeat("0", rest), strings.Repeat("9", rest)
	if lo[0] == hi[0] {
		return before(lo[:1], digits(lo[1:], hi[1:]))
	}
	var out []string
	from, to := lo[0], hi[0]
	if lo[1:] != zeros {
		out = before(lo[:1], digits(lo[1:], nines))
		from++
	}
	var tail []string
	if hi[1:] != nines {
		tail = before(hi[:1], digits(zeros, hi[1:]))
		to--
	}
	if from <= to {
		out = append(out, fmt.Sprintf("[%c-%c]%s", from, to, strings.Repeat("[0-9]", rest)))
	}
	return append(out, tail...)
}

func before(head string, parts []string) []string {
	for i := range parts {
		parts[i] = head + parts[i]
	}
	return parts
}
