package view_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/templates"
)

func catalogueKeys(t *testing.T) []string {
	t.Helper()
	raw, err := fs.ReadFile(templates.FS, "locales/ja.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(texts))
}

// sources is the text of every template and of every Go file of the package that is no test.
func sources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, from := range []fs.FS{templates.FS, os.DirFS(".")} {
		err := fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
			goFile := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
			if err != nil || d.IsDir() || !goFile && !strings.HasSuffix(path, ".html") || strings.HasPrefix(path, "testdata") {
				return err
			}
			raw, err := fs.ReadFile(from, path)
			b.Write(raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

var keyLiteral = regexp.MustCompile(`"([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+)"`)

// I18N-02: every key is used by a template or by the code, and every key that is used exists.
func TestCatalogueHoldsWhatIsUsedAndNothingElse(t *testing.T) {
	keys := catalogueKeys(t)
	used := map[string]bool{}
	for _, m := range keyLiteral.FindAllStringSubmatch(sources(t), -1) {
		used[m[1]] = true
	}
	for _, key := range keys {
		if !used[key] {
			t.Errorf("%s is in the catalogue and used nowhere", key)
		}
		delete(used, key)
	}
	file := regexp.MustCompile(`\.(html|css|js|svg|json|txt)$`)
	for key := range used {
		if !file.MatchString(key) {
			t.Errorf("%s is used and not in the catalogue", key)
		}
	}
}

// I18N-02: no page shows a key or an empty place where a text should be.
func TestNoPageShowsAKey(t *testing.T) {
	keys := catalogueKeys(t)
	eachPage(t, "Hanako", func(d doc, _ string, _ sample) {
		words := strings.FieldsFunc(text(d.root), func(r rune) bool { return strings.ContainsRune(" ,:;()（）「」。、：", r) })
		for _, w := range words {
			if slices.Contains(keys, w) || strings.ContainsAny(w, "{}") {
				d.Errorf("the page shows %q", w)
			}
		}
		for _, n := range d.all("h1", "h2", "h3", "p", "button", "legend", "label", "li", "dt", "summary") {
			if id := attr(n, "id"); text(n) == "" && id != "status" {
				d.Errorf("empty %s", n.Data)
			}
		}
	})
}

// I18N-02: every code has a text of its own on the error page or in a form, in every language; an unknown one is ours.
func TestEveryCodeHasWords(t *testing.T) {
	v := newView(t, site())
	for _, lang := range v.Languages() {
		heading := func(code bridge.Code) string {
			page, err := v.Render(lang, view.Failure{Code: code})
			if err != nil {
				t.Fatal(err)
			}
			return text(parse(t, page).all("h1")[0])
		}
		generic := heading("no such code")
		for _, code := range append(bridge.Codes(), view.Codes()...) {
			inForm := faultText(t, v, lang, code) != generic
			if code != bridge.CodeInternal && !inForm && heading(code) == generic {
				t.Errorf("%s: code %s has no words", lang, code)
			}
		}
	}
}

// faultText is what the summary says about a code.
func faultText(t *testing.T, v *view.View, lang string, code bridge.Code) string {
	t.Helper()
	page, err := v.Render(lang, view.Enrol{Faults: []view.Fault{{Field: view.FieldCode, Code: code, N: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	return text(parse(t, page).ids["e-code"])
}

// I18N-02: New refuses catalogues that differ, texts that are missing and placeholders that are not filled in.
func TestNewRefusesABrokenCatalogue(t *testing.T) {
	for name, tt := range map[string]struct{ file, old, new, want string }{
		"key missing in en": {"locales/en.json", `"common.skip"`, `"common.slip"`, "common.skip is missing"},
		"other placeholder": {"locales/en.json", `{time}`, `{zeit}`, "other placeholders"},
		"empty text":        {"locales/en.json", `Skip to main content`, ``, "is empty"},
		"not JSON":          {"locales/ja.json", `{`, ``, "read catalogue ja"},
		"unknown key":       {"pages/layout.html", `common.skip`, `common.slip`, `no text "common.slip"`},
		"not filled in":     {"pages/layout.html", `"help.ext" "ext" .`, `"help.ext"`, `needs [ext]`},
		"template broken":   {"pages/start.html", `{{end}}`, ``, "parse page"},
		"no static file":    {"pages/layout.html", `"style.css"`, `"stile.css"`, "no static file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := view.New(changed(t, tt.file, tt.old, tt.new), site())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New says %v, want %q", err, tt.want)
			}
		})
	}
}

// changed is the template tree with one string of one file replaced.
func changed(t *testing.T, file, old, replacement string) fs.FS {
	t.Helper()
	tree := fstest.MapFS{}
	err := fs.WalkDir(templates.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(templates.FS, path)
		if path == file {
			if !strings.Contains(string(raw), old) {
				t.Fatalf("%s has no %q", file, old)
			}
			raw = []byte(strings.Replace(string(raw), old, replacement, 1))
		}
		tree[path] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// I18N-03: the word for the whole is 再登録; the words that the glossary rejects do not appear.
func TestWordsFollowTheGlossary(t *testing.T) {
	reject := map[string][]string{
		"ja": {"リセット", "トークン", "確認コード", "サインイン", "キャンセル", "認証器", "シークレット", "ブロック", "申請", "復旧", "下さい", "サーバ "},
		"en": {"e-mail", "E-mail", "email", "Email", "token", "OTP", "reset", "secret", "Oops", "Click here", "log in", "Log in", "please note", "center"},
	}
	for tag, words := range reject {
		raw, err := fs.ReadFile(templates.FS, "locales/"+tag+".json")
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]string
		if err := json.Unmarshal(raw, &texts); err != nil {
			t.Fatal(err)
		}
		for key, s := range texts {
			for _, w := range words {
				if strings.Contains(strings.ReplaceAll(s, "(TOTP)", ""), w) {
					t.Errorf("%s %s: %q in %q", tag, key, w, s)
				}
			}
		}
	}
}
