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

// taken are the names of Keycloak's own themes of any type, of which it would take ours for one.
func taken() []string { return append(slices.Clone(shipped), "keycloak.v3") }

var (
	// unsaid is what FreeMarker does not carry out.
	unsaid = regexp.MustCompile(`(?s)<#--.*?(?:-->|\z)|<#comment>.*?</#comment>|<#no[pP]arse>.*?</#no[pP]arse>`)
	// macroEdge is where a macro begins, with its name, or ends.
	macroEdge  = regexp.MustCompile(`<#macro\s+([^\s>]+)(?:"[^"]*"|'[^']*'|[^>"'])*>|</#macro\s*>`)
	parentLine = regexp.MustCompile(`(?m)^[ \t]*parent[ \t]*[=:][ \t]*(\S+)`)
)

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
	case bytes.Contains(said(theirs), []byte(linkID)):
		return theirs, "", nil
	}
	from, to, err := footerMacro(ours)
	if err != nil {
		return nil, "", err
	}
	_, at, err := footerMacro(theirs)
	if err != nil {
		return nil, "", err
	}
	return slices.Concat(theirs[:at], ours[from:to], theirs[at:]), "", nil
}

// said is a template with blanks in the place of what FreeMarker does not carry out.
func said(template []byte) []byte {
	return unsaid.ReplaceAllFunc(template, func(part []byte) []byte { return bytes.Repeat([]byte(" "), len(part)) })
}

// footerMacro finds what pages call of a footer.ftl, the macro content: where what it says begins and ends. One in another macro is not called, and of two
// nobody can tell which is.
func footerMacro(footer []byte) (from, to int, err error) {
	text, depth, found, inside := said(footer), 0, 0, false
	for _, at := range macroEdge.FindAllSubmatchIndex(text, -1) {
		if at[2] < 0 {
			depth--
			if inside && depth == 0 {
				to, inside = at[0], false
			}
		} else {
			depth++
			if depth == 1 && string(text[at[2]:at[3]]) == "content" {
				from, inside = at[1], true
				found++
			}
		}
		if depth < 0 {
			break
		}
	}
	switch {
	case found == 0:
		err = refused{config.Say("the parent's footer.ftl has no macro content that the link could be put into; docs/theme.md says how to do that by hand",
			"土台のテーマの footer.ftl に、リンクを加えるマクロ content がありません。手で加える方法は docs/theme.md にあります")}
	case found > 1 || depth != 0:
		err = refused{config.Say("the parent's footer.ftl has the macro content twice, or a macro without an end, so nobody can tell where the link belongs; docs/theme.md says how to do that by hand",
			"土台のテーマの footer.ftl に、マクロ content が 2 つあるか、閉じていないマクロがあるため、リンクを加える場所がわかりません。手で加える方法は docs/theme.md にあります")}
	}
	return from, to, err
}

// parentFooter looks for the footer.ftl that the parent's pages show in the directory of themes. nil: Keycloak's own, or unknown names the theme that is not
// there. Pages that show no footer at all are an error.
func (c themeCmd) parentFooter() (footer []byte, unknown string, err error) {
	if c.Themes != "" {
		if err := isDirectory(c.Themes); err != nil {
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
	if pages != nil && !bytes.Contains(said(pages), []byte("footer.ftl")) {
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

// parentOf is the theme that one builds on, the last that is named; "" when it builds on none.
func parentOf(properties []byte) string {
	name := ""
	for _, line := range parentLine.FindAllSubmatch(properties, -1) {
		name = string(line[1])
	}
	return name
}
