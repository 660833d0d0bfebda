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

var citedTest = regexp.MustCompile("`(Test[A-Za-z0-9_]+)(…?)`")

// OPS-14: each test that a document names exists; one with "…" stands for those that begin so.
func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	t.Parallel()
	var tests []string
	eachTest(t, func(_ string, f *ast.FuncDecl) { tests = append(tests, f.Name.Name) })
	known := "\n" + strings.Join(tests, "\n") + "\n"
	pages, err := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	threats := 0
	for _, page := range append(pages, filepath.Join("..", "SECURITY.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range citedTest.FindAllStringSubmatch(string(text), -1) {
			ending := "\n"
			if name[2] != "" {
				ending = ""
			}
			if !strings.Contains(known, "\n"+name[1]+ending) {
				t.Errorf("%s names %s, which is no test", page, name[1])
			}
			if filepath.Base(page) == "threats.md" {
				threats++
			}
		}
	}
	if threats < 50 {
		t.Errorf("docs/threats.md names %d tests", threats)
	}
}

var (
	section = regexp.MustCompile(`(?m)^\| [A-Z][^|]+ \| [0-9.–]+ \| ([^|]+) \|$`)
	item    = regexp.MustCompile(`\b[A-Z][A-Z0-9]+-\d\d\b`)
)

// OPS-14: each section of a standard in docs/sections.md leads to items, and each of those is named above a test.
func TestEverySectionLeadsToATest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "sections.md"))
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]bool{}
	eachTest(t, func(_ string, f *ast.FuncDecl) {
		for _, id := range item.FindAllString(f.Doc.Text(), -1) {
			held[id] = true
		}
	})
	rows := section.FindAllStringSubmatch(string(text), -1)
	for _, row := range rows {
		for id := range strings.SplitSeq(row[1], ", ") {
			if !item.MatchString(id) || !held[id] {
				t.Errorf("no test names %s: %s", id, row[0])
			}
		}
	}
	if n := strings.Count(string(text), "\n| ") - 1; n < 100 || len(rows) != n {
		t.Errorf("%d rows, %d of them read", n, len(rows))
	}
}

// eachTest calls do for every test and fuzz target of the repository, with its file.
func eachTest(t *testing.T, do func(path string, f *ast.FuncDecl)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				do(path, f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
