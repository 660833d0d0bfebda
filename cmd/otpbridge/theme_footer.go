package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"otpbridge/cmd/internal/config"
)

// Keycloak takes each file of a theme from the nearest theme that has one of its name, and the link needs footer.ftl. So that a footer of the parent's
// stays, it is copied, and the link put into the copy.

// shipped are Keycloak's own themes. Their footers are empty, in every line that is served.
var shipped = []string{"base", "keycloak", "keycloak.v2"}

var (
	// footerMacro is what pages call of a footer.ftl: the beginning of the macro, what it says, its end.
	footerMacro = regexp.MustCompile(`(?s)(<#macro\s+content\b[^>]*>)(.*?)(</#macro>)`)
	parentLine  = regexp.MustCompile(`(?m)^[ \t]*parent[ \t]*[=:][ \t]*(\S+)`)
)

// refused says why a parent cannot have the link.
type refused struct{ config.Words }

func (r refused) Error() string { return r.In("en") }

// linkID is what the link stands in; a footer that has it needs no second one.
const linkID = `id="kc-otp-recovery"`

// footer is the theme's footer.ftl: the parent's with the link in it, ours where the parent has none. unknown is the theme of which nobody can tell whether it has
// one, "" when all is known.
func (c themeCmd) footer(ours []byte) (footer []byte, unknown string, err error) {
	theirs, unknown, err := c.parentFooter()
	switch {
	case err != nil:
		return nil, "", err
	case theirs == nil:
		return ours, unknown, nil
	case bytes.Contains(theirs, []byte(linkID)):
		return theirs, "", nil
	}
	link, at := footerMacro.FindSubmatch(ours), footerMacro.FindSubmatchIndex(theirs)
	if link == nil || at == nil {
		return nil, "", refused{config.Say("the parent's footer.ftl has no macro content that the link could be put into; docs/theme.md says how to do that by hand",
			"土台のテーマの footer.ftl に、リンクを加えるマクロ content がありません。手で加える方法は docs/theme.md にあります")}
	}
	return slices.Concat(theirs[:at[5]], link[2], theirs[at[6]:]), "", nil
}

// parentFooter looks for the footer.ftl that the parent's pages show in the directory of themes. nil: Keycloak's own, or unknown names the theme that is not
// there. Pages that show no footer at all are an error.
func (c themeCmd) parentFooter() (footer []byte, unknown string, err error) {
	if c.Themes != "" {
		if _, err := os.Stat(c.Themes); err != nil {
			return nil, "", err
		}
	}
	var pages []byte
	seen := []string{c.Name}
	for name := c.Parent; name != ""; {
		if !themeName.MatchString(name) || slices.Contains(seen, name) {
			return nil, "", refused{config.Say("%s builds on %q, which leads nowhere", "テーマ %s の土台 %q をたどれません").With(seen[len(seen)-1], name)}
		}
		seen = append(seen, name)
		files, err := c.lookAt(name)
		if err != nil {
			return nil, "", err
		}
		if files == nil { // not in the directory
			if !slices.Contains(shipped, name) && footer == nil {
				unknown = name
			}
			break
		}
		if pages == nil {
			pages = files["template.ftl"]
		}
		if footer == nil {
			footer = files["footer.ftl"]
		}
		name = parentOf(files["theme.properties"])
	}
	if pages != nil && !bytes.Contains(pages, []byte("footer.ftl")) {
		return nil, "", refused{config.Say("the parent's template.ftl shows no footer.ftl, so the link would stand nowhere; docs/theme.md says how to put it in by hand",
			"土台のテーマの template.ftl が footer.ftl を表示しないため、リンクが表示されません。手で加える方法は docs/theme.md にあります")}
	}
	return footer, unknown, nil
}

// lookAt reads what matters of a theme in the directory of themes; nil when it is not there.
func (c themeCmd) lookAt(name string) (map[string][]byte, error) {
	if c.Themes == "" {
		return nil, nil //nolint:nilnil // said above
	}
	files := map[string][]byte{}
	for _, file := range []string{"theme.properties", "template.ftl", "footer.ftl"} {
		content, err := os.ReadFile(filepath.Join(c.Themes, name, "login", file))
		switch {
		case err == nil:
			files[file] = content
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	if files["theme.properties"] == nil {
		return nil, nil //nolint:nilnil // said above
	}
	return files, nil
}

// parentOf is the theme that one builds on; "" when it builds on none.
func parentOf(properties []byte) string {
	if line := parentLine.FindSubmatch(properties); line != nil {
		return string(line[1])
	}
	return ""
}
