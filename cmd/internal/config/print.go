package config

import (
	"cmp"
	"fmt"
	"slices"
)

// Value is one value in force, a secret as its size only.
type Value struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // "file:line:col", "$NAME" or "default"

	text string // as it was written
}

// rows lists all values in force, in the order of the reference; entries of lists stand in their own order.
func (r *reader) rows() []Value {
	place := map[string]int{}
	for i, f := range r.order {
		place[f.path] = i
	}
	keys := make([]string, 0, len(r.found))
	for key := range r.found {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		ga, gb := generic(a), generic(b)
		if ga != a && gb != b && listOf(ga) == listOf(gb) {
			return cmp.Or(cmp.Compare(entryOf(a), entryOf(b)), cmp.Compare(place[ga], place[gb]))
		}
		return cmp.Compare(place[ga], place[gb])
	})
	rows := make([]Value, 0, len(keys))
	for _, key := range keys {
		rows = append(rows, r.row(key))
	}
	return rows
}

func (r *reader) row(key string) Value {
	o := r.found[key]
	out := Value{Key: key, Value: o.text, Origin: o.kind, text: o.text}
	if o.kind != "default" {
		out.Origin = o.where(r.faults.file)
	}
	f := r.index[generic(key)]
	switch {
	case o.text == "":
		out.Value = "not set"
	case f.secret:
		out.Value = fmt.Sprintf("%s: set (%d bytes)", o.text, r.sizes[key])
	}
	return out
}

// listOf is the list that a generic path belongs to.
func listOf(path string) string {
	for i := range path {
		if path[i] == '[' {
			return path[:i]
		}
	}
	return path
}

// entryOf is the number of the list entry that a path belongs to.
func entryOf(path string) int {
	n := 0
	if _, err := fmt.Sscanf(path[len(listOf(path)):], "[%d]", &n); err != nil {
		return 0
	}
	return n
}
