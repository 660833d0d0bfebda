package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Look says what kind of person sits in front of the screen.
type Look struct {
	Language string // of the browser; "" = en
	Width    int    // 0 = 1280
	Height   int    // 0 = 900
	Dark     bool   // prefers a dark screen
	NoScript bool   // scripts are switched off
	Address  string // client address that the front reports, "" = the real one
}

// Page is a Chromium with a profile of its own and one tab. All its waiting ends after Patience.
type Page struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // chromedp keeps its tab there
	look Look
}

// NewPage starts a browser, when not too many tests have one open; it ends with the test.
func NewPage(t *testing.T, look Look) *Page {
	t.Helper()
	sit(t)
	if look.Language == "" {
		look.Language = "en"
	}
	if look.Width == 0 {
		look.Width, look.Height = 1280, 900
	}
	alloc, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.UserDataDir(profile(t)),
		chromedp.Flag("lang", look.Language), chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute))...)
	// Messages about parts of the protocol that are newer than the library are no news.
	ctx, closeTab := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {}))
	p := &Page{t: t, ctx: ctx, look: look}
	t.Cleanup(func() {
		p.keepOnFailure() //nolint:contextcheck // the page carries the browser's context
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Log(err)
		}
		closeTab()
		stop()
	})
	// The first Run starts the browser and must not have a limit of its own: its end would be the browser's.
	if err := chromedp.Run(ctx, p.dress()...); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return p
}

// profile is a folder for a browser. It goes with the test, as soon as no process of the browser makes files there any more: some outlive the first one.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chromium-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Eventually(t, "the browser's folder goes", func() bool { return os.RemoveAll(dir) == nil }) })
	return dir
}

// dress sets the browser up as the look says.
func (p *Page) dress() []chromedp.Action {
	scheme := "light"
	if p.look.Dark {
		scheme = "dark"
	}
	headers := network.Headers{"Accept-Language": p.look.Language}
	if p.look.Address != "" {
		headers[addressHeader] = p.look.Address
	}
	return []chromedp.Action{
		network.Enable(),
		network.SetExtraHTTPHeaders(headers),
		emulation.SetLocaleOverride().WithLocale(p.look.Language),
		emulation.SetDeviceMetricsOverride(int64(p.look.Width), int64(p.look.Height), 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		emulation.SetScriptExecutionDisabled(p.look.NoScript),
	}
}

// chromium is the program that Debian installs.
func chromium(t *testing.T) string {
	t.Helper()
	name, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v (run: .ci/setup packages)", err)
	}
	return name
}

// run runs actions within Patience.
func (p *Page) run(what string, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v; on %s", what, err, p.describe())
	}
}

// Go opens a URL and waits until it is loaded.
func (p *Page) Go(url string) *Page {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.Navigate(url))
	if err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") { // the page moved on by itself at the same moment
		err = chromedp.Run(ctx, chromedp.Navigate(url))
	}
	if err != nil {
		p.t.Fatalf("open: %v; on %s", err, p.describe())
	}
	return p
}

// Back goes back in the tab's history.
func (p *Page) Back() *Page {
	p.t.Helper()
	// Not chromedp's own: it waits for a load, and a page that was kept in memory is not loaded again.
	p.run("back", chromedp.ActionFunc(func(ctx context.Context) error {
		current, entries, err := page.GetNavigationHistory().Do(ctx)
		if err != nil {
			return err
		}
		if current < 1 {
			return errors.New("nothing to go back to")
		}
		return page.NavigateToHistoryEntry(entries[current-1].ID).Do(ctx)
	}))
	return p
}

// Reload loads the page again.
func (p *Page) Reload() *Page {
	p.t.Helper()
	p.run("reload", chromedp.Reload())
	return p
}

// See waits until the page shows a text; blanks are compared collapsed. Every page shows "", so nobody may wait for that.
func (p *Page) See(text string) *Page {
	p.t.Helper()
	if collapse(text) == "" {
		p.t.Fatalf("nothing to see was named; on %s", p.describe())
	}
	p.until(fmt.Sprintf("see %q", text), func() bool { return strings.Contains(p.Text(), collapse(text)) })
	return p
}

// SeeURL waits until the address begins with a prefix.
func (p *Page) SeeURL(prefix string) *Page {
	p.t.Helper()
	p.until("reach "+prefix, func() bool { return strings.HasPrefix(p.URL(), prefix) })
	return p
}

func (p *Page) until(what string, done func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(Patience)
	for !done() {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s in vain; on %s", what, p.describe())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// left reports whether an action failed because its page made room for the next one meanwhile.
func left(err error) bool {
	if err == nil {
		return false
	}
	for _, message := range []string{"context was destroyed", "Cannot find context", "navigated or closed", "Cannot find default execution context"} {
		if strings.Contains(err.Error(), message) {
			return true
		}
	}
	return false
}

// here runs actions on the page as it is, once more when another page comes in between.
func (p *Page) here(what string, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	err := chromedp.Run(ctx, actions...)
	for left(err) && ctx.Err() == nil {
		p.until("load", func() bool { return p.Text() != "" })
		err = chromedp.Run(ctx, actions...)
	}
	if err != nil {
		p.t.Fatalf("%s: %v; on %s", what, err, p.describe())
	}
}

// Text is what the page shows, blanks collapsed; "" while it loads.
func (p *Page) Text() string {
	var text string
	p.try(`document.readyState === "complete" && document.body ? document.body.innerText : ""`, &text)
	return collapse(text)
}

// URL is the address of the page.
func (p *Page) URL() string {
	var url string
	p.try(`location.href`, &url)
	return url
}

// try evaluates an expression; while one page makes room for the next there is no answer, and out stays as it is.
func (p *Page) try(expression string, out any) {
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	_ = chromedp.Run(ctx, chromedp.Evaluate(expression, out)) // said above
}

// describe says where the browser is, for messages.
func (p *Page) describe() string {
	text := p.Text()
	url, _, _ := strings.Cut(p.URL(), "?")
	return fmt.Sprintf("%s: %q", url, text[:min(len(text), 600)])
}

func collapse(text string) string { return strings.Join(strings.Fields(text), " ") }

// Click clicks the button, link or other thing to choose that is called name, as a hand would: it must be visible, and
// what lies over it gets the click instead. Waiting for what comes then is See's.
func (p *Page) Click(name string) *Page {
	p.t.Helper()
	p.point("choice", name)
	return p
}

// Fill replaces what stands in the field with that label (or with that name or id) by a text that is typed. Where the page moved on under the hand, the
// hand tries again.
func (p *Page) Fill(label, text string) *Page {
	p.t.Helper()
	for range 3 {
		p.point("field", label)
		var typed string
		p.run("type", chromedp.Evaluate(`document.activeElement.select && document.activeElement.select()`, nil), input.InsertText(text),
			chromedp.Evaluate(`document.activeElement.value || ""`, &typed))
		if typed != "" || text == "" {
			return p
		}
	}
	p.t.Fatalf("the field %q got no text: something lies over it; on %s", label, p.describe())
	return p
}

// Press presses a key, e.g. kb.Enter of chromedp.
func (p *Page) Press(key string) *Page {
	p.t.Helper()
	p.run("press a key", chromedp.KeyEvent(key))
	return p
}

// PressOn presses a key that leads to the next page, which may look the same, and waits for that.
func (p *Page) PressOn(key string) *Page {
	p.t.Helper()
	p.Eval(`document.documentElement.dataset.before = "yes"`, nil)
	p.Press(key)
	p.until("another page", func() bool {
		another := false
		p.try(`document.readyState === "complete" && !document.documentElement.dataset.before`, &another)
		return another
	})
	return p
}

// Eval evaluates an expression in the page, or in the next one when that comes meanwhile, and stores its value in out.
func (p *Page) Eval(expression string, out any) {
	p.t.Helper()
	p.here("evaluate", chromedp.Evaluate(expression, out))
}

// point waits until there is exactly such a thing, brings it into view and clicks its middle.
func (p *Page) point(kind, name string) {
	p.t.Helper()
	argument, err := json.Marshal(name)
	if err != nil {
		p.t.Fatal(err)
	}
	var at struct{ X, Y float64 }
	p.until(fmt.Sprintf("find the %s %q", kind, name), func() bool {
		at.X = -1
		p.try(fmt.Sprintf("(%s)(%q, %s)", finder, kind, argument), &at)
		return at.X >= 0
	})
	p.run("click", chromedp.MouseClickXY(at.X, at.Y))
}

// Screenshot writes a picture of the whole page to out/TESTNAME/name.png and returns the file.
func (p *Page) Screenshot(name string) string {
	p.t.Helper()
	var png []byte
	p.run("screenshot", chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).WithFromSurface(true).WithOptimizeForSpeed(true).Do(ctx)
		return err
	}))
	return p.keep(name, png)
}

func (p *Page) keep(name string, png []byte) string {
	p.t.Helper()
	file := OutFile(p.t, name+".png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// keepOnFailure leaves a picture of the last page when the test has failed.
func (p *Page) keepOnFailure() {
	if !p.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	var png []byte
	if err := chromedp.Run(ctx, chromedp.FullScreenshot(&png, 100)); err != nil {
		p.t.Log(err)
		return
	}
	file := OutFile(p.t, fmt.Sprintf("failed-%d.png", time.Now().UnixNano()))
	if err := os.WriteFile(file, png, 0o600); err != nil {
		p.t.Log(err)
		return
	}
	p.t.Logf("last page: %s", file)
}
