package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
		if n := compareEntries(a, b); n != 0 {
			return n
		}
		return cmp.Compare(place[generic(a)], place[generic(b)])
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

// compareEntries tells which of two keys belongs to the earlier entry of a list that both are in, 0 when there is no such list.
func compareEntries(a, b string) int {
	for {
		listA, restA, okA := strings.Cut(a, "[")
		listB, restB, okB := strings.Cut(b, "[")
		if !okA || !okB || listA != listB {
			return 0
		}
		numberA, afterA, _ := strings.Cut(restA, "]")
		numberB, afterB, _ := strings.Cut(restB, "]")
		if n := cmp.Or(cmp.Compare(len(numberA), len(numberB)), cmp.Compare(numberA, numberB)); n != 0 {
			return n
		}
		a, b = afterA, afterB
	}
}
