package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Words is one message in the two languages of the command line.
type Words struct{ EN, JA string }

// Say makes a message.
func Say(en, ja string) Words { return Words{en, ja} }

// In returns the message in lang; whatever is not "ja" is English.
func (w Words) In(lang string) string {
	if lang == "ja" && w.JA != "" {
		return w.JA
	}
	return w.EN
}

// With fills in what both languages name alike: figures, keys. Never a value from the file: it could be a secret at the wrong place.
func (w Words) With(args ...any) Words {
	return Words{fmt.Sprintf(w.EN, args...), fmt.Sprintf(w.JA, args...)}
}

// place is where a value stands: in the file at a line and column, or in the environment.
type place struct {
	line, col int
	env       string
}

// fault is one thing wrong with the configuration.
type fault struct {
	place
	key     string // full name of the key; empty when the file as a whole is meant
	what    Words
	allowed Words
}

// Faults is everything wrong with a configuration, sorted by place. Its text is English.
type Faults struct {
	file string
	list []fault
}

// Error lists the faults in English.
func (f *Faults) Error() string { return strings.Join(f.Lines("en"), "\n") }

// Lines returns one line a fault, in lang.
func (f *Faults) Lines(lang string) []string {
	lines := make([]string, 0, len(f.list))
	for _, one := range f.list {
		lines = append(lines, one.line(f.file, lang))
	}
	return lines
}

// Fault is one thing wrong: at a line and column of the file, or in a variable of the environment.
type Fault struct {
	Line, Column  int
	Variable      string
	Key           string // empty when the file as a whole is meant
	What, Allowed Words
}

// List returns the faults, sorted.
func (f *Faults) List() []Fault {
	out := make([]Fault, 0, len(f.list))
	for _, one := range f.list {
		out = append(out, Fault{one.place.line, one.col, one.env, one.key, one.what, one.allowed})
	}
	return out
}

func (f *Faults) sort() {
	slices.SortStableFunc(f.list, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.env, b.env), cmp.Compare(a.place.line, b.place.line), cmp.Compare(a.col, b.col),
			cmp.Compare(a.key, b.key), cmp.Compare(a.what.EN, b.what.EN))
	})
}

// where is "file:line:col", or "$NAME" for a variable of the environment.
func (p place) where(file string) string {
	if p.env != "" {
		return "$" + p.env
	}
	return fmt.Sprintf("%s:%d:%d", file, p.line, p.col)
}

// line is "where: key: what is wrong, what is allowed".
func (f fault) line(file, lang string) string {
	parts := []string{f.where(file)}
	if f.key != "" {
		parts = append(parts, f.key)
	}
	text := f.what.In(lang)
	if allowed := f.allowed.In(lang); allowed != "" {
		text += (Words{", allowed: ", "。使えるもの: "}).In(lang) + allowed
	}
	return strings.Join(append(parts, text), ": ")
}

// nearest returns the name that is closest to a mistyped one, "" when none is close.
func nearest(typed string, names []string) string {
	best, least := "", max(2, len(typed)/3)+1
	for _, name := range names {
		if d := distance(typed, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to change, add or take away, neighbours that changed places as one.
func distance(a, b string) int {
	const long = 80
	if len(a) > long || len(b) > long {
		return long
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = step(a, b, [2]int{i, j}, [3]int{last[j-1], last[j], row[j-1]})
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// step is the cheapest of change, removal and addition at one place; near holds the costs of the three neighbours.
func step(a, b string, at [2]int, near [3]int) int {
	change := near[0]
	if a[at[0]-1] != b[at[1]-1] {
		change++
	}
	return min(change, near[1]+1, near[2]+1)
}
