package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Issue 6: a footer of the parent's, or of what that builds on, stays as it is, with the link at its end; who loses one reads so, and what cannot have the link is
// refused.
func TestThemeKeepsTheParentsFooter(t *testing.T) {
	t.Parallel()
	const link = `id="kc-otp-recovery"`
	theirs := map[string]string{
		"campus/login/theme.properties": "# parent=nobody\nparent=nobody\nparent = look\n",
		"look/login/theme.properties":   "parent=keycloak.v2\n",
		"look/login/footer.ftl":         "<#macro other>\n</#macro>\n<#macro content phone=\"\" >\n  <p>Help desk</p>\n</#macro>\n",
	}
	for name, c := range map[string]struct {
		parent        string
		files         map[string]string // besides theirs
		before, after string            // what stands around the link in footer.ftl
		says          string            // beside the ordinary; "" = nothing
		refused       string
	}{
		"the parent's parent's": {parent: "campus", before: "<p>Help desk</p>", after: "</#macro>"},
		"Keycloak's own":        {parent: "keycloak", before: "<#macro content more...>", after: "</#macro>"},
		"changed Keycloak's own": {
			parent: "keycloak.v2",
			files:  map[string]string{"keycloak.v2/login/theme.properties": "parent:base", "keycloak.v2/login/footer.ftl": "<#macro content>Changed</#macro>"},
			before: "Changed",
		},
		"nearest first":             {parent: "campus", files: map[string]string{"campus/login/footer.ftl": "<#macro content>Ours</#macro>"}, before: "<#macro content>Ours"},
		"one that has the link":     {parent: "campus", files: map[string]string{"campus/login/footer.ftl": "<#macro content>A<p " + link + ">B</p></#macro>"}, before: "<#macro content>A", after: "B"},
		"of a theme elsewhere":      {parent: "elsewhere", before: "<#macro content more...>", says: "elsewhere is not in a directory"},
		"of a parent elsewhere":     {parent: "child", files: map[string]string{"child/login/theme.properties": "parent=elsewhere"}, before: "more...", says: "elsewhere is not"},
		"pages with a footer":       {parent: "campus", files: map[string]string{"look/login/template.ftl": `<#import "footer.ftl" as f>`}, before: "<p>Help desk</p>"},
		"pages with one in words":   {parent: "campus", files: map[string]string{"look/login/template.ftl": "<#-- no footer.ftl --><html>"}, refused: "template.ftl shows no footer.ftl"},
		"pages without":             {parent: "campus", files: map[string]string{"look/login/template.ftl": "<html>"}, refused: "template.ftl shows no footer.ftl"},
		"another macro":             {parent: "campus", files: map[string]string{"campus/login/footer.ftl": "<#macro foot></#macro>"}, refused: "no macro content"},
		"a circle":                  {parent: "campus", files: map[string]string{"look/login/theme.properties": "parent=campus"}, refused: `look builds on "campus"`},
		"a way out of the folder":   {parent: "campus", files: map[string]string{"look/login/theme.properties": "parent=../look"}, refused: `look builds on "../look"`},
		"the theme as its parent's": {parent: "campus", files: map[string]string{"look/login/theme.properties": "parent=otp-recovery"}, refused: `"otp-recovery"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, files := range []map[string]string{theirs, c.files} {
				for file, text := range files {
					writeFile(t, filepath.Join(dir, file), text)
				}
			}
			var messages bytes.Buffer
			code := run(t.Context(), process{args: []string{"theme", "--lang=en", "--parent", c.parent, dir}, err: &messages})
			footer, err := os.ReadFile(filepath.Join(dir, "otp-recovery", "login", "footer.ftl"))
			if c.refused != "" {
				if code == exitDone || err == nil || !strings.Contains(messages.String(), c.refused) {
					t.Errorf("exit %d, want %q: %s", code, c.refused, &messages)
				}
				return
			}
			if code != exitDone || err != nil {
				t.Fatalf("exit %d (%v): %s", code, err, &messages)
			}
			before, after, _ := strings.Cut(string(footer), link)
			if !strings.Contains(before, c.before) || !strings.Contains(after, c.after) || strings.Contains(after, link) || after == "" {
				t.Errorf("the footer is\n%s", footer)
			}
			if got := strings.Count(messages.String(), "\n"); (got == 2) != (c.says != "") || !strings.Contains(messages.String(), c.says) {
				t.Errorf("want %q: %s", c.says, &messages)
			}
		})
	}
}

// The link is put where the macro is that Keycloak calls, at its end; where nobody can tell which that is, it is refused.
func TestThemeFindsTheFootersMacro(t *testing.T) {
	t.Parallel()
	const none, unclear = "no macro content", "without an end"
	for name, c := range map[string]struct{ footer, before, after, refused string }{
		"one in a comment":        {"<#-- <#macro content>old</#macro> -->\n<#macro content>A</#macro>", "-->\n<#macro content>A", "</#macro>", ""},
		"one in a comment alone":  {"<#--\n<#macro content>old</#macro>\n-->", "", "", none},
		"a comment without end":   {"<#-- <#macro content>old</#macro>", "", "", none},
		"ones not carried out":    {"<#noparse><#macro content>x</#macro></#noparse><#comment><#macro content></#macro></#comment><#macro content>A</#macro>", "<#macro content>A", "</#macro>", ""},
		"the end of the outer":    {"<#macro content><#macro item>B</#macro>C</#macro>", "B</#macro>C", "</#macro>", ""},
		"inside another":          {"<#macro all><#macro content>B</#macro></#macro>", "", "", none},
		"longer names":            {"<#macro content.small>B</#macro><#macro content-2>B</#macro><#macro content>A</#macro>", "<#macro content>A", "</#macro>", ""},
		"a longer name alone":     {"<#macro content-small>B</#macro>", "", "", none},
		"a parameter with a mark": {"<#macro content mark=\">\" other='</#macro>'>A</#macro>", "'>A", "</#macro>", ""},
		"twice":                   {"<#macro content>A</#macro><#macro content>B</#macro>", "", "", unclear},
		"without an end":          {"<#macro content>A", "", "", unclear},
		"without a beginning":     {"<#macro content>A</#macro></#macro>", "", "", unclear},
		"the link in a comment":   {"<#macro content>A<#-- <p id=\"kc-otp-recovery\"> --></#macro>", "-->", "</#macro>", ""},
		"an end of an odd form":   {"<#macro content>A</#macro >", "A", "</#macro >", ""},
	} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "campus", "login", "theme.properties"), "parent=keycloak.v2")
		writeFile(t, filepath.Join(dir, "campus", "login", "footer.ftl"), c.footer)
		var messages bytes.Buffer
		code := run(t.Context(), process{args: []string{"theme", "--lang=en", "--parent", "campus", dir}, err: &messages})
		footer, err := os.ReadFile(filepath.Join(dir, "otp-recovery", "login", "footer.ftl"))
		if c.refused != "" {
			if code == exitDone || err == nil || !strings.Contains(messages.String(), c.refused) {
				t.Errorf("%s: exit %d, want %q: %s", name, code, c.refused, &messages)
			}
			continue
		}
		begin, end, found := strings.Cut(string(footer), "\n  <#if (pageId")
		if code != exitDone || err != nil || !found || !strings.HasSuffix(begin, c.before) || !strings.HasSuffix(end, "</#if>\n"+c.after) {
			t.Errorf("%s: exit %d, %v, %sthe footer is\n%s", name, code, err, &messages, footer)
		}
	}
}

// CLI-06: what cannot have the link is refused in the reader's language.
func TestThemeRefusesInJapanese(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "campus", "login", "theme.properties"), "parent=keycloak.v2")
	writeFile(t, filepath.Join(dir, "campus", "login", "template.ftl"), "<html>")
	var messages bytes.Buffer
	if code := run(t.Context(), process{args: []string{"theme", "--lang=ja", "--parent", "campus", dir}, err: &messages}); code != exitFailed ||
		!strings.Contains(messages.String(), "リンクが表示されません") {
		t.Errorf("exit %d: %s", code, &messages)
	}
}

// CLI-06: what would be overwritten is named in the reader's language.
func TestThemeLeavesOthersFilesInJapanese(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "otp-recovery", "login", "footer.ftl"), "theirs")
	var messages bytes.Buffer
	if code := run(t.Context(), process{args: []string{"theme", "--lang=ja", dir}, err: &messages}); code != exitFailed ||
		!strings.Contains(messages.String(), "otpbridge: theme: "+dir) || !strings.Contains(messages.String(), "そのままにします") {
		t.Errorf("exit %d: %s", code, &messages)
	}
}

// A directory that is not there is a slip, not a theme that lies elsewhere.
func TestThemesAreThere(t *testing.T) {
	t.Parallel()
	var messages bytes.Buffer
	file := filepath.Join(t.TempDir(), "theme.jar")
	if code := run(t.Context(), process{args: []string{"theme", "--themes", filepath.Join(t.TempDir(), "thems"), file}, err: &messages}); code != exitFailed {
		t.Errorf("exit %d: %s", code, &messages)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was written nevertheless")
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
