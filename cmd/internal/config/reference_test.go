package config

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reference = "../../../docs/configuration.md"

// CFG-05: the tables of the reference are those of the program; `go test ./cmd/internal/config -update` writes them anew.
func TestReferenceIsWhatTheProgramDoes(t *testing.T) {
	t.Parallel()
	old, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := string(old)
	for name, table := range map[string]string{"keys": keyTables(), "figures": figureTable()} {
		begin, end := fmt.Sprintf("<!-- %s -->\n", name), fmt.Sprintf("<!-- end of %s -->", name)
		head, rest, ok := strings.Cut(want, begin)
		_, tail, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no marks for %s", reference, name)
		}
		want = head + begin + table + end + tail
	}
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, string(old)); d != "" {
		t.Error(d)
	}
}

// keyTables is one table a section, in the order of the file.
func keyTables() string {
	var out strings.Builder
	section := "-"
	for _, f := range fields() {
		if head := sectionOf(f.path); head != section {
			section = head
			title := "`" + section + "`"
			if section == "" {
				title = "The service"
			}
			fmt.Fprintf(&out, "\n### %s\n\n| key | meaning | default | allowed |\n|---|---|---|---|\n", title)
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", f.path, cell(f.meaning), defaultCell(f), cell(allowedCell(f)))
	}
	return out.String() + "\n"
}

func sectionOf(path string) string {
	head, _, ok := strings.Cut(path, ".")
	if !ok || head == "tls" || head == "log" || head == "pause_text" {
		return ""
	}
	return strings.TrimSuffix(head, "[]")
}

func defaultCell(f *field) string {
	switch {
	case f.needed:
		return "**has to be given**"
	case f.def == "":
		return "none"
	}
	return "`" + f.def + "`"
}

func allowedCell(f *field) string {
	if f.list {
		return "list of: " + f.allowed.EN
	}
	return f.allowed.EN
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func figureTable() string {
	var out strings.Builder
	out.WriteString("\n| figure | key | default | floor | cap | reason |\n|---|---|---|---|---|---|\n")
	for _, f := range figures() {
		key, floor, most := "fixed", "", ""
		if f.Key != "" {
			key, floor, most = "`"+f.Key+"`", f.text(f.Floor), f.text(f.Cap)
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s |\n", f.Name, key, f.text(f.Default), floor, most, cell(f.Reason))
	}
	return out.String() + "\n"
}
