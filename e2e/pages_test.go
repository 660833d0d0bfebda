package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/pages"
	"otpbridge/bridge/view"
	"otpbridge/e2e/rig"
	"otpbridge/templates"
)

// exhibit is one sample of the gallery.
type exhibit struct {
	name  string
	first bool // of its kind
}

// newGallery serves every sample of every page at /LANGUAGE/NAME, as the product serves pages. What a script asks for then stays without an answer.
func newGallery(t *testing.T) (base string, shown []exhibit) {
	t.Helper()
	v, err := view.New(templates.FS, pages.Site())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	serve := func(at, kind string, body []byte) {
		mux.HandleFunc("GET "+at, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			if !strings.HasPrefix(kind, "text/html") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			w.Header().Set("Content-Security-Policy",
				"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'")
			_, _ = w.Write(body)
		})
	}
	for _, name := range []string{"style.css", "theme.css", "app.js", "live.js", "mark.svg"} {
		asset, ok := v.Asset(path.Base(v.Static(name)))
		if !ok {
			t.Fatalf("no %s", name)
		}
		serve(v.Static(name), asset.Type, asset.Body)
	}
	for language, who := range map[string]string{"ja": "山田 花子", "en": "Hanako Yamada"} {
		shown = []exhibit{{"broken", true}}
		kinds := map[string]bool{}
		serve("/"+language+"/broken", "text/html; charset=utf-8", v.Broken(language))
		for _, s := range pages.All(who) {
			body, err := v.Render(language, s.Page)
			if err != nil {
				t.Fatal(err)
			}
			kind := fmt.Sprintf("%T", s.Page)
			shown = append(shown, exhibit{s.Name, !kinds[kind]})
			kinds[kind] = true
			serve("/"+language+"/"+s.Name, "text/html; charset=utf-8", body)
		}
	}
	mux.HandleFunc("/recovery", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/recovery/events", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL, shown
}

// HD-10, A11Y-01: without scripts every page fits too, and shows nothing that would need one.
func TestJourneyEveryPageWithoutScripts(t *testing.T) {
	t.Parallel()
	base, shown := newGallery(t)
	p := rig.NewPage(t, rig.Look{Width: 320, NoScript: true})
	for n, e := range shown {
		if !e.first && !full() {
			continue
		}
		p.Go(base + "/" + []string{"ja", "en"}[n%2] + "/" + e.name).MustFit()
		var idle []string
		p.Eval(`[...document.querySelectorAll("button")].filter((b) => b.checkVisibility() && !b.form).map((b) => b.outerHTML)`, &idle)
		if len(idle) > 0 {
			t.Errorf("%s: without a script these do nothing: %q", e.name, idle)
		}
	}
}

// looks are the screens that every page is made for. The first two have both widths and both schemes, and so have the last two.
var looks = []struct {
	width  int
	scheme string
}{{1280, "light"}, {320, "dark"}, {1280, "dark"}, {320, "light"}}

// A11Y-01, A11Y-07: every page in every state, in each language, on a wide and a narrow screen, light and dark: axe finds nothing, nothing has to be
// scrolled sideways, and a picture is left for people to look at. Of the many states of one page only the first is pictured in all of these, two
// in one language and two in the other one, and axe reads those. What else there is has to fit on both widths in both languages; there is one picture
// of it, in one language and look, and axe reads that. FULL=1 does everything with all.
func TestJourneyEveryPageInJapanese(t *testing.T) { everyPage(t, "ja", 0) }

// TestJourneyEveryPageInEnglish is the other half.
func TestJourneyEveryPageInEnglish(t *testing.T) { everyPage(t, "en", 1) }

func everyPage(t *testing.T, language string, turn int) {
	t.Helper()
	t.Parallel()
	base, shown := newGallery(t)
	p := rig.NewPage(t, rig.Look{Language: language})
	for n, e := range shown {
		p.Go(base + "/" + language + "/" + e.name)
		for k, look := range looks {
			chosen := n%2 == turn && n/2%len(looks) == k
			pictured := full() || (e.first && k/2 == turn) || (!e.first && chosen)
			if k > 1 && !pictured {
				continue
			}
			p.Dress(look.width, "prefers-color-scheme", look.scheme).MustFit()
			if pictured {
				p.Screenshot(fmt.Sprintf("%s-%d-%s", e.name, look.width, look.scheme))
				p.MustBeAccessible()
			}
		}
		if e.first || full() {
			p.Dress(1280).Go(base + "/" + language + "/" + e.name).MustShowFocus().MustGrow() // A11Y-07, A11Y-08
		}
	}
}
