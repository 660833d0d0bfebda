package view

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"otpbridge/bridge"
)

// Findings puts what the doctor finds into words.
type Findings struct{ languages map[string]findingTexts }

// findingTexts are findings/TAG.json.
type findingTexts struct {
	Findings map[bridge.FindingID]map[string]string `json:"findings"` // by title, means, mend
	Reasons  map[string]string                      `json:"reasons"`  // values of {reason}
	Checks   map[string]string                      `json:"checks"`   // names of checks
	Parts    map[string]string                      `json:"parts"`    // of the realm
	Words    map[string]string                      `json:"words"`
}

// FindingText is a finding in words.
type FindingText struct {
	Title string
	Means string // what it means for an attacker, or for people
	Mend  string // the command or the click that mends it
}

// LoadFindings reads the texts of every language and refuses languages that do not say the same things with the same placeholders.
func LoadFindings(files fs.FS) (*Findings, error) {
	f := &Findings{languages: map[string]findingTexts{}}
	for _, tag := range supported {
		raw, err := fs.ReadFile(files, "findings/"+tag+".json")
		if err != nil {
			return nil, fmt.Errorf("read findings: %w", err)
		}
		var texts findingTexts
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, fmt.Errorf("read findings %s: %w", tag, err)
		}
		f.languages[tag] = texts
	}
	var faults []error
	first := f.languages[supported[0]].flat()
	for _, tag := range supported {
		faults = append(faults, sameTexts(tag, first, f.languages[tag].flat()))
	}
	return f, errors.Join(faults...)
}

// flat is every text by one key.
func (t findingTexts) flat() map[string]message {
	all := map[string]message{}
	for id, texts := range t.Findings {
		for part, text := range texts {
			all["findings "+string(id)+" "+part] = parseMessage(text)
		}
	}
	for section, texts := range map[string]map[string]string{"reasons": t.Reasons, "checks": t.Checks, "parts": t.Parts, "words": t.Words} {
		for key, text := range texts {
			all[section+" "+key] = parseMessage(text)
		}
	}
	return all
}

func sameTexts(tag string, first, other map[string]message) error {
	for key, m := range first {
		if o, ok := other[key]; !ok || !slices.Equal(m.names(), o.names()) {
			return fmt.Errorf("findings %s: %s is missing or has other placeholders", tag, key)
		}
	}
	if len(first) != len(other) {
		return fmt.Errorf("findings %s: %d texts, not %d", tag, len(other), len(first))
	}
	return nil
}

// in returns the texts of a language, or of the first one.
func (f *Findings) in(lang string) findingTexts {
	if texts, ok := f.languages[lang]; ok {
		return texts
	}
	return f.languages[supported[0]]
}

// Text puts a finding into words. A value that is missing shows as its name: a test sees to it that none is.
func (f *Findings) Text(lang string, found bridge.Finding) FindingText {
	texts := f.in(lang)
	args := map[string]string{"object": clean(found.Object)}
	if count, ok := bridge.UsersIn(found.Object); ok {
		args["object"] = f.Word(lang, "users", "count", clean(count))
	}
	for name, value := range found.Values {
		args[name] = clean(value)
	}
	if reason, ok := texts.Reasons[args["reason"]]; ok {
		args["reason"] = reason
	}
	say := texts.Findings[found.ID]
	return FindingText{Title: fillIn(say["title"], args), Means: fillIn(say["means"], args), Mend: fillIn(say["mend"], args)}
}

// Check is the name of a check.
func (f *Findings) Check(lang, name string) string {
	if text, ok := f.in(lang).Checks[name]; ok {
		return text
	}
	return name
}

// Part is the name of a part of the realm, with what Keycloak answered about it, if that is there; whatever else is said is left as it is.
func (f *Findings) Part(lang, name string) string {
	name, answer, _ := strings.Cut(name, ": ")
	if text, ok := f.in(lang).Parts[name]; ok {
		name = text
	}
	if answer != "" {
		name += ": " + answer
	}
	return name
}

// Word is one of the words around findings. Args are name, value…
func (f *Findings) Word(lang, key string, args ...string) string {
	values := map[string]string{}
	for i := 0; i+1 < len(args); i += 2 {
		values[args[i]] = args[i+1]
	}
	return fillIn(f.in(lang).Words[key], values)
}

// Unchecked says why a check was not carried out.
func (f *Findings) Unchecked(lang string, u *bridge.Unchecked) string {
	needs := f.Part(lang, u.Needs)
	if text, ok := f.in(lang).Words[needs]; ok {
		needs = text
	}
	if of := u.Why + "_of"; needs != "" && f.in(lang).Words[of] != "" {
		return f.Word(lang, of, "needs", needs)
	}
	return f.Word(lang, u.Why, "needs", needs)
}

// Summary counts findings by severity, checks that were not carried out, and those that passed.
func (f *Findings) Summary(lang string, found []bridge.Finding, unchecked, passed int) string {
	counts := map[bridge.Severity]int{}
	for _, one := range found {
		counts[one.Severity]++
	}
	args := []string{"unchecked", strconv.Itoa(unchecked), "passed", strconv.Itoa(passed)}
	for _, severity := range bridge.Severities() {
		args = append(args, string(severity), strconv.Itoa(counts[severity]))
	}
	return f.Word(lang, "summary", args...)
}

// Checks lists the checks that have a name.
func (f *Findings) Checks() []string {
	return slices.Sorted(maps.Keys(f.languages[supported[0]].Checks))
}

func fillIn(text string, args map[string]string) string {
	m := parseMessage(text)
	for _, name := range m.names() {
		if _, ok := args[name]; !ok {
			args[name] = "{" + name + "}"
		}
	}
	out, err := m.fill(func(s string) string { return s }, args)
	if err != nil {
		return text
	}
	return out
}

// IDs lists the findings that have words.
func (f *Findings) IDs() []bridge.FindingID {
	return slices.Sorted(maps.Keys(f.languages[supported[0]].Findings))
}
