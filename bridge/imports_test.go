package bridge_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// module is the prefix of our own packages.
const module = "otpbridge/"

type rule struct {
	pkg   string
	ours  []string
	other bool // may import packages beyond the standard library
}

// allowed says what a package may import of ours, "…/" standing for a package and what is below it. A package that matches no line
// may import nothing of ours. What is not listed is an adapter: it imports the domain.
var allowed = []rule{
	{"bridge/bridgetest/…", []string{"bridge/…", "oidc", "templates"}, true},
	{"bridge/view", []string{"bridge", "templates"}, true},
	{"bridge/web", []string{"bridge", "bridge/view", "bridge/totp", "oidc"}, true},
	{"bridge/doctor", []string{"bridge"}, true},
	{"bridge", nil, false},
	{"oidc", nil, true},
	{"templates", nil, true},
	{"cmd/…", []string{"bridge/…", "oidc", "templates", "cmd/internal/…"}, true},
	{"bridge/…", []string{"bridge"}, true},
}

// fakes are imported by tests and by the demo only.
const fakes = "bridge/bridgetest/…"

type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Standard   bool
	Imports    []string
	Deps       []string
}

// matches reports whether a package is what a pattern means; see allowed.
func matches(pattern, pkg string) bool {
	root, below := strings.CutSuffix(pattern, "/…")
	return pkg == root || below && strings.HasPrefix(pkg, root+"/")
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// list returns all packages of the module and what they need.
func list(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,Standard,Imports,Deps", module+"...").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %v: %s", err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[p.ImportPath] = p
	}
}

// The import graph of the design: the domain, the relying party and the templates know nothing of ours, adapters know the domain and not
// each other, and only cmd knows everything.
func TestImportsFollowTheDesign(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for path, p := range packages {
		if name, ours := strings.CutPrefix(path, module); ours {
			for _, imported := range p.Imports {
				if fault := judge(name, imported, packages[imported].Standard); fault != "" {
					t.Errorf("%s imports %s: %s", name, imported, fault)
				}
			}
		}
	}
}

var passwordGrant = regexp.MustCompile(`grant_?[tT]ype\W+password\b|PasswordCredentialsToken`)

// OIDC-14: nobody's password is ever sent for a token: no source of the product asks for that grant.
func TestNoPasswordGrant(t *testing.T) {
	t.Parallel()
	for path, p := range list(t) {
		name, ours := strings.CutPrefix(path, module)
		for _, file := range p.GoFiles {
			if !ours || matches(fakes, name) || name == "cmd/otpbridge-demo" {
				break
			}
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if found := passwordGrant.Find(text); err != nil || found != nil {
				t.Errorf("%s/%s: %s %v", name, file, found, err)
			}
		}
	}
}

// judge says why a package may not import another; "" = it may.
func judge(name, imported string, standard bool) string {
	i := slices.IndexFunc(allowed, func(r rule) bool { return matches(r.pkg, name) })
	other, ours := strings.CutPrefix(imported, module)
	switch {
	case i < 0:
		return "the package is not in the design"
	case ours && !matchesAny(allowed[i].ours, other):
		return "the design does not allow it"
	case ours && matches(fakes, other) && !matches(fakes, name) && name != "cmd/otpbridge-demo":
		return "fakes are for tests and the demo"
	case !ours && !standard && !allowed[i].other:
		return "standard library only"
	}
	return ""
}

// Nothing that only tests use is linked into what runs in production.
func TestProductionBinaryHoldsNoFakes(t *testing.T) {
	t.Parallel()
	binary, found := list(t)[module+"cmd/otpbridge"]
	if !found {
		t.Fatal("there is no cmd/otpbridge")
	}
	for _, dep := range binary.Deps {
		if name, ours := strings.CutPrefix(dep, module); ours && matches(fakes, name) {
			t.Errorf("cmd/otpbridge depends on %s", name)
		}
	}
}

// The rules above forbid what they are meant to forbid.
func TestImportRules(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, imported string
		standard, ok   bool
	}{
		{"bridge", "net/url", true, true},
		{"bridge", "github.com/pquerna/otp", false, false},
		{"bridge", module + "bridge/store", false, false},
		{"oidc", "github.com/go-jose/go-jose/v4", false, true},
		{"oidc", module + "bridge", false, false},
		{"templates", module + "bridge", false, false},
		{"bridge/store", module + "bridge", false, true},
		{"bridge/store", module + "bridge/keycloak", false, false},
		{"bridge/keycloak", module + "oidc", false, false},
		{"bridge/web", module + "bridge/view", false, true},
		{"bridge/web", module + "bridge/store", false, false},
		{"bridge/web", module + "bridge/bridgetest/fakekc", false, false},
		{"bridge/bridgetest/storetest", module + "bridge/store", false, true},
		{"cmd/otpbridge", module + "bridge/store", false, true},
		{"cmd/otpbridge", module + "cmd/internal/config", false, true},
		{"cmd/otpbridge", module + "bridge/bridgetest/fakekc", false, false},
		{"cmd/internal/config", module + "bridge/bridgetest/fakekc", false, false},
		{"cmd/otpbridge-demo", module + "bridge/bridgetest/fakekc", false, true},
		{"helpers", "fmt", true, false},
	} {
		if fault := judge(tc.name, tc.imported, tc.standard); (fault == "") != tc.ok {
			t.Errorf("%s imports %s: fault %q, want allowed %v", tc.name, tc.imported, fault, tc.ok)
		}
	}
}
