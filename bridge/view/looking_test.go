package view_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestEveryPageIsWrittenForLooking writes all pages, mails and static files into the folder that OTPBRIDGE_PAGES names (else into a
// temporary one), so that people can look at them: serve the folder and open /ja/request.html.
func TestEveryPageIsWrittenForLooking(t *testing.T) {
	dir := os.Getenv("OTPBRIDGE_PAGES")
	if dir == "" {
		dir = t.TempDir()
	}
	v := newView(t, site())
	for _, name := range []string{"style.css", "theme.css", "app.js", "live.js", "mark.svg"} {
		hashed := filepath.Base(v.Static(name))
		asset, ok := v.Asset(hashed)
		if !ok {
			t.Fatalf("%s is not served under %q", name, hashed)
		}
		write(t, filepath.Join(dir, "static", hashed), asset.Body)
	}
	names := map[string]string{"ja": "山田 花子", "en": "Hanako Yamada"}
	for _, lang := range v.Languages() {
		for _, s := range samples(names[lang]) {
			page, err := v.Render(lang, s.Page)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, lang, s.Name+".html"), page)
		}
	}
	for name, m := range mails("山田 花子") {
		both, err := v.Mail([]string{"ja", "en"}, m)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "mail", name+".html"), []byte(both.HTML))
		write(t, filepath.Join(dir, "mail", name+".txt"), []byte(both.Text))
	}
}

func write(t *testing.T, name string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, body, 0o600); err != nil {
		t.Fatal(err)
	}
}
