package audit_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge/audit"
)

// AUD-01: the documentation and the catalogue are the same table.
func TestDocumentationShowsTheCatalogue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Events")
	var documented []audit.Kind
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$").FindAllStringSubmatch(table, -1) {
		documented = append(documented, audit.Kind{Name: m[1], Meaning: m[2]})
	}
	if diff := cmp.Diff(documented, audit.Catalogue()); diff != "" {
		t.Error(diff)
	}
	if n := len(audit.Catalogue()); n < 30 {
		t.Errorf("only %d kinds", n)
	}
}

// AUD-01: every event that the code names is in the catalogue, and the code names every event of the catalogue.
func TestCatalogueAndCodeNameTheSameEvents(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, k := range audit.Catalogue() {
		if known[k.Name] {
			t.Errorf("%s stands there twice", k.Name)
		}
		known[k.Name] = true
	}
	named := regexp.MustCompile(`(?:Event:\s+|\bevent\(|deskEvent\(ctx, |\bname :?= )"([a-z]+\.[a-z_]+)"`)
	literal, written := regexp.MustCompile(`"([a-z_]+\.[a-z_]+)"`), map[string]bool{}
	found := 0
	for _, root := range []string{"..", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "bridgetest") {
				return err
			}
			text, err := os.ReadFile(path)
			if filepath.Base(path) != "catalogue.go" {
				for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
					written[m[1]] = true
				}
			}
			for _, m := range named.FindAllStringSubmatch(string(text), -1) {
				found++
				if !known[m[1]] {
					t.Errorf("%s: %s is not in the catalogue", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range known {
		if !written[name] {
			t.Errorf("%s is in the catalogue only", name)
		}
	}
	if found < 10 {
		t.Errorf("only %d events found in the code: is the pattern still right?", found)
	}
}
