package bridge_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	exact    = regexp.MustCompile(`^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+incompatible)?$`)
	required = regexp.MustCompile(`(?m)^(?:require )?\t?(\S+\.\S+/\S+) (\S+)(?: // indirect)?$`)
	pinned   = regexp.MustCompile(`(?m)^(\w+)_version=(.*)$`)
)

// SC-05: what builds and tests this is one version each: modules, and the tools that .ci/setup fetches. Nothing is "the newest", no script is run as it
// comes from elsewhere, and no module is another one than its name says, but ours.
func TestVersionsAreExact(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	found := 0
	want := func(path string, pairs [][]string) {
		for _, pair := range pairs {
			found++
			if !exact.MatchString(pair[2]) {
				t.Errorf("%s: %s is %q", path, pair[1], pair[2])
			}
		}
	}
	for _, path := range []string{"go.mod", "e2e/go.mod"} {
		text := read(path)
		want(path, required.FindAllStringSubmatch(text, -1))
		for line := range strings.Lines(text) {
			if strings.Contains(line, "=>") && strings.TrimSpace(line) != "replace otpbridge => ../" {
				t.Errorf("%s: %s", path, line)
			}
		}
	}
	var tools [][]string
	for _, pair := range pinned.FindAllStringSubmatch(read(".ci/setup"), -1) {
		if pair[1] != "keycloak" { // .ci/lines says which
			tools = append(tools, pair)
		}
	}
	want(".ci/setup", tools)
	if len(tools) < 4 || found < 40 {
		t.Errorf("%d tools among %d versions", len(tools), found)
	}
	scripts, err := filepath.Glob(filepath.Join("..", ".ci", "*"))
	if err != nil || len(scripts) < 5 {
		t.Fatalf("%v (%v)", scripts, err)
	}
	for _, path := range append(scripts, filepath.Join("..", "Makefile")) {
		text := read(strings.TrimPrefix(path, "../"))
		for _, loose := range []string{"@latest", "@main", "@master", "| sh", "| bash", ":latest"} {
			if strings.Contains(text, loose) {
				t.Errorf("%s has %q", path, loose)
			}
		}
	}
}

// SC-06: whatever comes from outside has its fuzz target, where .ci/fuzz finds it: what came back to the callback, logout tokens, files of keys, what a QR
// code says, headers of mail, lines of the audit trail, configurations.
func TestWhatComesFromOutsideIsFuzzed(t *testing.T) {
	t.Parallel()
	missing := map[string]bool{}
	for _, name := range []string{
		"oidc FuzzCallback", "oidc FuzzLogoutToken", "bridge/store FuzzParseKeys", "bridge/totp FuzzURI", "bridge/mail FuzzHeaderInjection",
		"bridge/audit FuzzRecord", "cmd/internal/config FuzzConfig",
	} {
		missing[name] = true
	}
	eachTest(t, func(path string, f *ast.FuncDecl) {
		folder, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			t.Error(err)
		}
		delete(missing, filepath.ToSlash(folder)+" "+f.Name.Name)
	})
	for name := range missing {
		t.Errorf("no fuzz target %s", name)
	}
	stages, err := os.ReadFile(filepath.Join("..", ".ci", "stages"))
	if err != nil || !strings.Contains(string(stages), ".ci/fuzz ") {
		t.Errorf("no stage fuzzes (%v)", err)
	}
}
