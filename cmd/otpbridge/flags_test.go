package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// CLI-04: the inventory of flags and arguments; none of them is a secret.
func TestNoFlagTakesASecret(t *testing.T) {
	t.Parallel()
	var names []string
	var walk func(reflect.Type)
	walk = func(c reflect.Type) {
		for i := range c.NumField() {
			f := c.Field(i)
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type)
				continue
			}
			names = append(names, strings.ToLower(f.Name))
		}
	}
	walk(reflect.TypeFor[commands]())
	slices.Sort(names)
	want := []string{
		"add", "adminclient", "adminrealm", "adminsecretfile", "config", "file", "force", "format", "json", "lang", "lookonly", "manageusers", "name", "parent", "print", "purpose",
		"socket", "stuck", "target", "theme", "themes", "timeout", "undofile", "user", "which", "withoutadministratorsecondfactor", "yes",
	}
	if got := slices.Compact(names); !slices.Equal(got, want) {
		t.Errorf("flags and arguments: got %v, want %v; a new one must not be a secret", got, want)
	}
}
