package view_test

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// I18N-02: choice, then the person's own, then the browser's, then the default.
func TestLanguageIsNegotiated(t *testing.T) {
	v := newView(t, site())
	for _, tt := range []struct{ choice, person, accept, want string }{
		{"en", "ja", "ja", "en"},
		{"", "en", "ja", "en"},
		{"", "en-US", "ja", "en"},
		{"", "ja_JP", "en", "ja"},
		{"", "", "en-GB,en;q=0.9,ja;q=0.8", "en"},
		{"", "", "ja,en;q=0.5", "ja"},
		{"", "", "fr", "ja"},
		{"", "", "fr,en;q=0.3", "en"},
		{"", "fr", "en", "en"},
		{"", "", "", "ja"},
		{"xx", "", "en", "en"},
		{"../en", "", "", "ja"},
		{"", "\x00", "\xff\xfe", "ja"},
		{"", "", "en;q=broken", "ja"},
		{"", "", strings.Repeat("en-", 10000), "ja"},
		{"", "", "*", "ja"},
	} {
		if got := v.Match(tt.choice, tt.person, tt.accept); got != tt.want {
			t.Errorf("choice %q, person %q, accept %.40q: %s, want %s", tt.choice, tt.person, tt.accept, got, tt.want)
		}
	}
	s := site()
	s.Languages = []string{"en"}
	if got := newView(t, s).Match("ja", "ja", "ja"); got != "en" {
		t.Errorf("a site in English only answers in %s", got)
	}
}

// I18N-03: times are absolute, name their zone, and depend on neither the server's zone nor that of the value.
func TestTimesNameTheirZone(t *testing.T) {
	moment := time.Date(2026, time.October, 5, 5, 30, 0, 0, time.UTC)
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	for _, server := range []*time.Location{time.UTC, tokyo} {
		time.Local = server
		for _, value := range []time.Time{moment, moment.Local(), moment.In(tokyo)} {
			for _, tt := range []struct {
				zone   *time.Location
				ja, en string
			}{
				{tokyo, "2026年10月5日 14:30 JST", "5 October 2026, 14:30 JST"},
				{time.UTC, "2026年10月5日 05:30 UTC", "5 October 2026, 05:30 UTC"},
				{time.FixedZone("-03", -3*60*60), "2026年10月5日 02:30 UTC-03:00", "5 October 2026, 02:30 UTC-03:00"},
			} {
				s := site()
				s.Zone = tt.zone
				v := newView(t, s)
				if ja, en := v.Time("ja", value), v.Time("en", value); ja != tt.ja || en != tt.en {
					t.Errorf("server %v, site %v: %q and %q", server, tt.zone, ja, en)
				}
			}
		}
	}
}

// I18N-03: the short form is used on the day itself only, in the site's zone.
func TestShortTimesAreOfToday(t *testing.T) {
	v := newView(t, site())
	for _, tt := range []struct {
		now, until time.Time
		want       string
	}{
		{at(14, 5), at(14, 15), "14:15 JST"},
		{at(23, 55), at(24, 5), "4 December 2026, 00:05 JST"},
		{at(0, 1), at(0, 2), "00:02 JST"},
		{at(14, 5), at(14, 5).AddDate(1, 0, 0), "3 December 2027, 14:05 JST"},
		{time.Time{}, at(14, 5), "3 December 2026, 14:05 JST"},
	} {
		page, err := v.Render("en", view.Failure{Frame: view.Frame{Now: tt.now}, Code: bridge.CodeTooMany, Until: tt.until})
		if err != nil {
			t.Fatal(err)
		}
		if got := text(parse(t, page).all("time")[0]); got != tt.want {
			t.Errorf("at %s: %q, want %q", tt.now, got, tt.want)
		}
	}
}

// TOK-12, I18N-03: addresses are masked as agreed and never cut inside a sign.
func TestAddressesAreMasked(t *testing.T) {
	for address, want := range map[string]string{
		"hanako@example.com":     "h•••@example.com",
		"hn@example.com":         "h•••@example.com",
		"h@example.com":          "•••@example.com",
		"髙橋@example.jp":          "髙•••@example.jp",
		"𠮷田@example.jp":          "𠮷•••@example.jp",
		"a@b@example.com":        "a•••@example.com",
		`"quoted"@example.com`:   "•••@example.com",
		"@example.com":           "•••",
		"hanako@":                "•••",
		"no address":             "•••",
		"":                       "•••",
		"h\r\nanako@example.com": "h•••@example.com",
	} {
		if got := view.MaskAddress(address); got != want {
			t.Errorf("%q is shown as %q, want %q", address, got, want)
		}
	}
}

// TOK-12: whatever the address, what is shown is whole signs and at most the first of the local part.
func TestMaskShowsOneSignAtMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.String().Draw(t, "local")
		got := view.MaskAddress(local + "@example.com")
		shown, ok := strings.CutSuffix(got, "•••@example.com")
		if got != "•••" && (!ok || utf8.RuneCountInString(shown) > 1 || !utf8.ValidString(got)) {
			t.Fatalf("%q is shown as %q", local, got)
		}
	})
}

// I18N-03: long and rare names are shown whole.
func TestNamesAreShownWhole(t *testing.T) {
	v := newView(t, site())
	name := strings.Repeat("髙𠮷", 30)
	page, err := v.Render("ja", view.Start{Frame: view.Frame{Person: &view.Person{Name: name, ID: "a1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), name+"（a1）") {
		t.Error("the name is cut")
	}
}

// WEB-06: a name cannot turn the direction of the words around it.
func TestNamesCannotTurnTheLine(t *testing.T) {
	v := newView(t, site())
	page, err := v.Render("en", view.Done{Frame: view.Frame{Person: &view.Person{Name: "a\u202eb", ID: "c\u2066d"}}, Label: "e\u200ff"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(page), "\u202e\u2066\u200f") {
		t.Error("the page holds a bidirectional control")
	}
}

// A View is used by many requests at once, from the first one on.
func TestViewServesManyAtOnce(t *testing.T) {
	v := newView(t, site())
	var all sync.WaitGroup
	for _, s := range samples("Hanako") {
		for _, lang := range v.Languages() {
			all.Go(func() {
				if _, err := v.Render(lang, s.Page); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
}

func BenchmarkRequestPage(b *testing.B) {
	v := newView(b, site())
	page := view.Request{Frame: frame("Hanako"), Address: "hanako@example.com"}
	for b.Loop() {
		if _, err := v.Render("ja", page); err != nil {
			b.Fatal(err)
		}
	}
}

// WEB-03: static files have the hash of their content in their names and a content type; nothing else is served.
func TestStaticFilesAreNamedByContent(t *testing.T) {
	v := newView(t, site())
	for name, kind := range map[string]string{"style.css": "text/css; charset=utf-8", "theme.css": "text/css; charset=utf-8",
		"app.js": "text/javascript; charset=utf-8", "live.js": "text/javascript; charset=utf-8", "mark.svg": "image/svg+xml"} {
		a, ok := v.Asset(path.Base(v.Static(name)))
		if !ok || a.Type != kind || len(a.Body) == 0 {
			t.Errorf("%s: %t %q, %d bytes", name, ok, a.Type, len(a.Body))
		}
		if _, ok := v.Asset(name); ok {
			t.Errorf("%s is served without a hash", name)
		}
	}
	s := site()
	s.Accent = "#aa0000"
	if newView(t, s).Static("theme.css") == v.Static("theme.css") {
		t.Error("another accent has the same name")
	}
	if v.Static("none.css") != "" {
		t.Error("an absent file has an address")
	}
}

// A11Y-07: whatever the accent, links, buttons and tinted areas can be read in both colour schemes.
func TestAnyAccentCanBeRead(t *testing.T) {
	tone := regexp.MustCompile(`--(accent|on|press|soft):(#[0-9a-f]{6})`)
	for n := 0; n <= 0xffffff; n += 0x0a0b0d {
		s := site()
		s.Languages, s.Accent = []string{"en"}, fmt.Sprintf("#%06x", n)
		v := newView(t, s)
		a, _ := v.Asset(path.Base(v.Static("theme.css")))
		light, dark, _ := strings.Cut(string(a.Body), "@media")
		for scheme, papers := range map[string][]string{light: {"#ffffff", "#f3f5f7"}, dark: {"#181f27", "#0f141a"}} {
			c := map[string]string{}
			for _, m := range tone.FindAllStringSubmatch(scheme, -1) {
				c[m[1]] = m[2]
			}
			papers = append(papers, c["soft"], c["on"])
			for _, paper := range papers {
				if r := ratio(t, c["accent"], paper); r < 4.5 {
					t.Errorf("%s: %s on %s is %.2f:1", s.Accent, c["accent"], paper, r)
				}
			}
			if r := ratio(t, c["press"], c["on"]); r < 4.5 {
				t.Errorf("%s: pressed %s under %s is %.2f:1", s.Accent, c["press"], c["on"], r)
			}
		}
	}
}

// ratio is the contrast of two colours by WCAG, written anew so that a fault of the code is not repeated here.
func ratio(t *testing.T, a, b string) float64 {
	t.Helper()
	lum := func(s string) float64 {
		n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
		if err != nil {
			t.Fatalf("colour %q: %v", s, err)
		}
		return 0.2126*linear(n>>16&255) + 0.7152*linear(n>>8&255) + 0.0722*linear(n&255)
	}
	x, y := lum(a)+0.05, lum(b)+0.05
	return max(x/y, y/x)
}

// New names every fault of the site.
func TestNewRefusesABrokenSite(t *testing.T) {
	s := site()
	s.Languages, s.Zone, s.Accent = []string{"fr"}, nil, "red;}"
	s.Contact.Hours = []string{"always"}
	s.Links.Privacy = "javascript:alert(1)"
	_, err := view.New(nil, s)
	for _, want := range []string{`"fr"`, "time zone", "accent", "opening hours", "javascript"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the faults lack %q: %v", want, err)
		}
	}
}

// I18N-04: no web fonts, a Japanese face, the key in the monospace stack.
func TestStyleSheetUsesSystemFonts(t *testing.T) {
	v := newView(t, site())
	a, _ := v.Asset(path.Base(v.Static("style.css")))
	css := string(a.Body)
	for _, reject := range []string{"@font-face", "url(", "@import", "http"} {
		if strings.Contains(css, reject) {
			t.Errorf("the style sheet has %q", reject)
		}
	}
	for _, want := range []string{"Hiragino Sans", "Noto Sans JP", ".key{font:600 1.125rem/1.8 var(--mono)"} {
		if !strings.Contains(css, want) {
			t.Errorf("the style sheet lacks %q", want)
		}
	}
}

func linear(part uint64) float64 {
	v := float64(part) / 255
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// Whoever is in front of their settings reads nothing of a re-registration, neither on an error page nor of a change that was refused.
func TestTheSettingsSpeakOfNoReRegistration(t *testing.T) {
	v := newView(t, site())
	f := view.Frame{Own: true, Path: "/settings", Now: at(14, 5)}
	for _, code := range []bridge.Code{
		bridge.CodeGone, bridge.CodeDisabled, bridge.CodeNotAllowed, bridge.CodeAdministrator, bridge.CodePolicy, bridge.CodeDeskOnly, bridge.CodeTemporary,
		bridge.CodeRealmUnsafe, bridge.CodeOTPPolicy, bridge.CodeRecovered, bridge.CodeChangeOpen, bridge.CodeLoggedOut, bridge.CodePasswordChanged,
		bridge.CodeStaleSignIn, bridge.CodeAbsent, bridge.CodeLastOTP, bridge.CodeOtherOTP, view.CodeSession, view.CodeSignIn, view.CodeNoFactor,
	} {
		refused := &view.LastChange{Kind: bridge.ChangeDropOTP, State: bridge.ChangeRefused, Code: code}
		for _, p := range []view.Page{view.Failure{Frame: f, Code: code}, view.Settings{Frame: f, Last: refused}} {
			for lang, words := range map[string][]string{"en": {"register here", "e-registration is", "longer be cancelled"}, "ja": {"再登録できません", "再登録を利用", "再登録はヘルプデスク"}} {
				page, err := v.Render(lang, p)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range words {
					if strings.Contains(string(page), w) {
						t.Errorf("%s, %T: %q", code, p, w)
					}
				}
			}
		}
	}
}
