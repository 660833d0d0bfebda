package bridge_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	invariant = regexp.MustCompile(`(?m)^\| (INV-\d+) \|`)
	named     = regexp.MustCompile(`INV-\d+`)
)

// Each invariant of docs/design.md is named above a test, and no test names another one.
func TestEveryInvariantIsNamedByATest(t *testing.T) {
	t.Parallel()
	design, err := os.ReadFile(filepath.Join("..", "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]int{} // by invariant
	for _, row := range invariant.FindAllStringSubmatch(string(design), -1) {
		tests[row[1]] = 0
	}
	if len(tests) == 0 {
		t.Fatal("docs/design.md has no list of invariants")
	}
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || d.Name() == "invariants_test.go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, name := range namedByTests(file) {
			if _, listed := tests[name]; !listed {
				t.Errorf("%s names %s, which docs/design.md does not list", path, name)
			}
			tests[name]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range tests {
		if n == 0 {
			t.Errorf("no test names %s", name)
		}
	}
}

// namedByTests lists the invariants that stand above the tests of a file. A word inside one, or above a helper, proves nothing.
func namedByTests(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
			names = append(names, named.FindAllString(f.Doc.Text(), -1)...)
		}
	}
	return names
}
