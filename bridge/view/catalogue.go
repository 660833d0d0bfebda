package view

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// message is one text of the catalogue, cut at its placeholders: even parts are words, odd parts are names of placeholders.
type message []string

var placeholder = regexp.MustCompile(`\{([a-z_]+)\}`)

func parseMessage(text string) message {
	if !strings.Contains(text, "{") {
		return message{text} // most texts, and much sooner than by the expression
	}
	var m message
	last := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		m = append(m, text[last:at[0]], text[at[2]:at[3]])
		last = at[1]
	}
	return append(m, text[last:])
}

// names returns the placeholders, sorted and each once.
func (m message) names() []string {
	var names []string
	for i := 1; i < len(m); i += 2 {
		names = append(names, m[i])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fill puts the words together. wrap is applied to the words between placeholders; an argument that is missing is an error.
func (m message) fill(wrap func(string) string, args map[string]string) (string, error) {
	var b strings.Builder
	for i, part := range m {
		if i%2 == 0 {
			b.WriteString(wrap(part))
			continue
		}
		value, ok := args[part]
		if !ok {
			return "", fmt.Errorf("placeholder {%s} is not filled in", part)
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// catalogue holds the texts of every supported language.
type catalogue map[string]map[string]message

// loadCatalogue reads locales/TAG.json of every supported language and refuses catalogues that do not have the same keys with the
// same placeholders.
func loadCatalogue(files fs.FS) (catalogue, error) {
	c := catalogue{}
	for _, tag := range supported {
		raw, err := fs.ReadFile(files, "locales/"+tag+".json")
		if err != nil {
			return nil, fmt.Errorf("read catalogue: %w", err)
		}
		var texts map[string]string
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", tag, err)
		}
		c[tag] = make(map[string]message, len(texts))
		for key, text := range texts {
			c[tag][key] = parseMessage(text)
		}
	}
	return c, c.check()
}

// check compares every language with the first one.
func (c catalogue) check() error {
	var faults []error
	first := c[supported[0]]
	for _, tag := range supported[1:] {
		for _, key := range slices.Sorted(maps.Keys(first)) {
			other, ok := c[tag][key]
			if !ok {
				faults = append(faults, fmt.Errorf("catalogue %s: %s is missing", tag, key))
				continue
			}
			if !slices.Equal(first[key].names(), other.names()) {
				faults = append(faults, fmt.Errorf("catalogue %s: %s has other placeholders", tag, key))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(c[tag])) {
			if _, ok := first[key]; !ok {
				faults = append(faults, fmt.Errorf("catalogue %s: %s is missing", supported[0], key))
			}
		}
	}
	for _, tag := range supported {
		for _, key := range slices.Sorted(maps.Keys(c[tag])) {
			if len(c[tag][key]) == 1 && c[tag][key][0] == "" {
				faults = append(faults, fmt.Errorf("catalogue %s: %s is empty", tag, key))
			}
		}
	}
	return errors.Join(faults...)
}
