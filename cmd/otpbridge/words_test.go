package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// I18N-01, CLI-06: what a command says of its own is in both languages. A literal that goes into an error, or is printed, holds names and no sentence: two words
// in a row, after the command that speaks, would be one in English only.
func TestNoCommandSpeaksEnglishOnly(t *testing.T) {
	t.Parallel()
	speaker := regexp.MustCompile(`^(keys new|keys show|theme|undo file)( --add)?: `)
	sentence := regexp.MustCompile(`[A-Za-z]{2,} +[a-z]{2,}`)
	verb := regexp.MustCompile(`%[-+# 0-9.\[\]]*[a-z]`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: %d files", err, len(files))
	}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !speaks(call) {
				return true
			}
			seen++
			for _, arg := range call.Args {
				text, literal := textOf(arg)
				if literal && sentence.MatchString(verb.ReplaceAllString(speaker.ReplaceAllString(text, ""), "")) {
					t.Errorf("%s: %q is in English only", set.Position(arg.Pos()), text)
				}
			}
			return true
		})
	}
	if seen < 10 { // two dozen
		t.Errorf("only %d calls that say something", seen)
	}
}

// speaks: what a person reads is made here.
func speaks(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name == "say" && len(call.Args) == 2 // one of more takes both languages
	case *ast.SelectorExpr:
		from, _ := f.X.(*ast.Ident)
		return from != nil && (from.Name == "errors" && f.Sel.Name == "New" || from.Name == "fmt" && (f.Sel.Name == "Errorf" || strings.HasPrefix(f.Sel.Name, "Fprint")))
	}
	return false
}

// textOf is a literal's text.
func textOf(e ast.Expr) (text string, ok bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
