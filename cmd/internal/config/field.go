package config

import (
	"strings"
)

// piece is one written value and where it stands.
type piece struct {
	text string
	at   place
}

// problem is what is wrong with one piece.
type problem struct {
	at   place
	what Words
}

// shape says which kind of YAML scalar a value is written as. The environment knows text only.
type shape int

const (
	text shape = iota
	number
	boolean
)

// field is one key of the configuration. The table of fields is all there is to know about keys: the reader, the environment,
// `check --print` and docs/configuration.md live on it.
type field struct {
	path    string // "mail.from"; "keycloak.addresses[].email" inside a list
	shape   shape
	list    bool   // several values: a YAML list, or commas in the environment
	secret  bool   // names a file that holds a secret
	def     string // the default as one would write it; empty: none
	needed  bool
	meaning string
	allowed Words
	form    form
	set     func(*Config, []piece) []problem
}

// form is what a machine can tell of a value before it is parsed: the chart's schema rests on it. Both are empty for most keys.
type form struct {
	options []string // one of these
	pattern string   // a regular expression that it matches
}

// parser turns one written value into a Go value, or says what is wrong with it.
type parser[T any] struct {
	shape   shape
	secret  bool
	allowed Words
	form    form
	parse   func(string) (T, *Words)
}

// bad is the answer of a parser that refuses.
func bad(w Words) *Words { return &w }

// one describes a key with one value.
func one[T any](path string, p parser[T], at func(*Config) *T) *field {
	return &field{path: path, shape: p.shape, secret: p.secret, allowed: p.allowed, form: p.form, set: func(c *Config, pieces []piece) []problem {
		v, wrong := p.parse(pieces[0].text)
		if wrong != nil {
			return []problem{{pieces[0].at, *wrong}}
		}
		*at(c) = v
		return nil
	}}
}

// many describes a key with a list of values, none of them twice.
func many[T any](path string, p parser[T], at func(*Config) *[]T) *field {
	return &field{path: path, shape: p.shape, list: true, allowed: p.allowed, form: p.form, set: func(c *Config, pieces []piece) []problem {
		var problems []problem
		values, seen := make([]T, 0, len(pieces)), map[string]bool{}
		for _, one := range pieces {
			v, wrong := p.parse(one.text)
			if wrong == nil && seen[one.text] {
				wrong = bad(Words{"stands here twice", "が重複しています"})
			}
			if wrong != nil {
				problems = append(problems, problem{one.at, *wrong})
				continue
			}
			seen[one.text] = true
			values = append(values, v)
		}
		*at(c) = values
		return problems
	}}
}

// inLanguages describes a text that is given once a language: two keys.
func inLanguages(path, meaning string, at func(*Config) *map[string]string) []*field {
	var out []*field
	for _, lang := range languages() {
		f := one(path+"."+lang, line(), func(*Config) *string { return new(string) })
		f.set = func(c *Config, pieces []piece) []problem {
			v, wrong := line().parse(pieces[0].text)
			if wrong != nil {
				return []problem{{pieces[0].at, *wrong}}
			}
			if *at(c) == nil {
				*at(c) = map[string]string{}
			}
			(*at(c))[lang] = v
			return nil
		}
		out = append(out, f.as("", meaning))
	}
	return out
}

// as completes a field that has a default, which may be nothing.
func (f *field) as(def, meaning string) *field {
	f.def, f.meaning = def, meaning
	return f
}

// must completes a field that has to be given.
func (f *field) must(meaning string) *field {
	f.needed, f.meaning = true, meaning
	return f
}

// env is the name of the variable that overrides the key, "" inside lists.
func (f *field) env() string {
	if strings.Contains(f.path, "[]") {
		return ""
	}
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
}

// split cuts the written form of a value, from the environment or a default, into pieces.
func (f *field) split(written string, at place) []piece {
	if !f.list {
		return []piece{{written, at}}
	}
	var out []piece
	for part := range strings.SplitSeq(written, ",") {
		out = append(out, piece{strings.TrimSpace(part), at})
	}
	return out
}
