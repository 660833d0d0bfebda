package bridge_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	invariant = regexp.MustCompile(`(?m)^\| (INV-\d+) \|`)
	named     = regexp.MustCompile(`INV-\d+`)
)

// Each invariant of docs/design.md is named above a test, and no test names another one. A word inside one, or above a helper, proves nothing.
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
	eachTest(t, func(path string, f *ast.FuncDecl) {
		for _, name := range named.FindAllString(f.Doc.Text(), -1) {
			if _, listed := tests[name]; !listed {
				t.Errorf("%s names %s, which docs/design.md does not list", path, name)
			}
			tests[name]++
		}
	})
	for name, n := range tests {
		if n == 0 {
			t.Errorf("no test names %s", name)
		}
	}
}
