package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Record is what the browser of a page asked for and complained of, as its developer tools see it.
type Record struct {
	mu       sync.Mutex
	requests []Request
	cookies  []string // lines of Set-Cookie, with the URL left out
	issues   []string
}

// Request is one request of the browser. It is told of twice: with the URL, and with the header that was sent.
type Request struct {
	URL, Referer string
}

// Record begins to record; it goes on until the page ends.
func (p *Page) Record() *Record {
	p.t.Helper()
	r := &Record{}
	chromedp.ListenTarget(p.ctx, func(event any) {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSentExtraInfo:
			referer, _ := e.Headers["Referer"].(string)
			r.requests = append(r.requests, Request{Referer: referer})
		case *network.EventRequestWillBeSent:
			referer, _ := e.Request.Headers["Referer"].(string)
			r.requests = append(r.requests, Request{URL: e.Request.URL, Referer: referer})
		case *network.EventResponseReceivedExtraInfo:
			for name, value := range e.Headers {
				if strings.EqualFold(name, "set-cookie") {
					r.cookies = append(r.cookies, strings.Split(fmt.Sprint(value), "\n")...)
				}
			}
		case *audits.EventIssueAdded:
			if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
				text, _ := json.Marshal(e.Issue.Details.ContentSecurityPolicyIssueDetails) //nolint:errchkjson // for a message
				r.issues = append(r.issues, string(text))
			}
		}
	})
	p.run("record", audits.Enable())
	return r
}

// Requests are those made so far.
func (r *Record) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Cookies are the cookies that were set so far.
func (r *Record) Cookies() []*http.Cookie {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*http.Cookie
	for _, line := range r.cookies {
		if c, err := http.ParseSetCookie(line); err == nil {
			found = append(found, c)
		}
	}
	return found
}

// Issues are breaches of a Content-Security-Policy so far.
func (r *Record) Issues() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.issues)
}

// Tab opens another tab in the same browser.
func (p *Page) Tab() *Page {
	p.t.Helper()
	ctx, closeTab := chromedp.NewContext(p.ctx)
	tab := &Page{t: p.t, ctx: ctx, look: p.look}
	p.t.Cleanup(func() {
		tab.keepOnFailure()
		closeTab()
	})
	if err := chromedp.Run(ctx, tab.dress()...); err != nil {
		p.t.Fatalf("open a tab: %v", err)
	}
	return tab
}

// Clipboard is what the last copy put there.
func (p *Page) Clipboard() string {
	p.t.Helper()
	var text string
	p.run("read the clipboard",
		chromedp.ActionFunc(func(ctx context.Context) error {
			for _, name := range []string{"clipboard-read", "clipboard-write"} {
				allow := browser.SetPermission(&browser.PermissionDescriptor{Name: name}, browser.PermissionSettingGranted)
				if err := allow.Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)); err != nil {
					return err
				}
			}
			return nil
		}),
		chromedp.Evaluate(`navigator.clipboard.readText()`, &text, func(e *runtime.EvaluateParams) *runtime.EvaluateParams {
			return e.WithAwaitPromise(true)
		}))
	return text
}

// Forget signs the browser out of everything: its cookies go.
func (p *Page) Forget() *Page {
	p.t.Helper()
	p.run("forget cookies", network.ClearBrowserCookies())
	return p
}

// Fetch asks for a path of the site that is shown, as the page would: what Content-Disposition says, and the text.
func (p *Page) Fetch(path string) (disposition, text string) {
	p.t.Helper()
	var answer []string
	p.run("fetch", chromedp.Evaluate(fmt.Sprintf(`fetch(%q).then(async r => [r.headers.get("Content-Disposition") ?? "", await r.text()])`, path), &answer,
		func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
	if len(answer) != 2 {
		p.t.Fatalf("fetch %s: %d answers", path, len(answer))
	}
	return answer[0], answer[1]
}

// Dress changes how the screen is: width 0 keeps it; features are those of media queries, name and value in turn.
func (p *Page) Dress(width int, features ...string) *Page {
	p.t.Helper()
	if width > 0 {
		p.run("change the width", emulation.SetDeviceMetricsOverride(int64(width), 900, 1, false))
	}
	var media []*emulation.MediaFeature
	for i := 0; i+1 < len(features); i += 2 {
		media = append(media, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	p.run("change the media", emulation.SetEmulatedMedia().WithFeatures(media))
	return p
}

// MustFit fails the test when the page is wider than the screen.
func (p *Page) MustFit() *Page {
	p.t.Helper()
	var over int
	p.Eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &over)
	if over > 0 {
		p.t.Errorf("%d pixels too wide: %s", over, p.describe())
	}
	return p
}

// halfScale is a screen seen from further away.
const halfScale = 0.5

// SmallScreenshot is Screenshot at half the scale.
func (p *Page) SmallScreenshot(name string) string {
	p.t.Helper()
	var png []byte
	p.run("screenshot", chromedp.ActionFunc(func(ctx context.Context) error {
		_, _, _, _, _, size, err := page.GetLayoutMetrics().Do(ctx)
		if err != nil {
			return err
		}
		clip := &page.Viewport{Width: size.Width, Height: size.Height, Scale: halfScale}
		png, err = page.CaptureScreenshot().WithClip(clip).WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	return p.keep(name, png)
}

// SetCookie plants a cookie of a site in the browser.
func (p *Page) SetCookie(url, name, value string) {
	p.t.Helper()
	p.run("set a cookie", network.SetCookie(name, value).WithURL(url).WithPath("/").WithSecure(true).WithHTTPOnly(true))
}

// Front brings a tab to the front; the one that was there goes to the background.
func (p *Page) Front() *Page {
	p.t.Helper()
	p.run("bring the tab to the front", page.BringToFront())
	return p
}

// Freeze stops all scripts of a page, as sleep does.
func (p *Page) Freeze() {
	p.t.Helper()
	p.lifecycle(page.SetWebLifecycleStateStateFrozen)
}

// Thaw ends what Freeze did.
func (p *Page) Thaw() {
	p.t.Helper()
	p.lifecycle(page.SetWebLifecycleStateStateActive)
}

func (p *Page) lifecycle(state page.SetWebLifecycleStateState) {
	p.t.Helper()
	p.run(string(state), page.SetWebLifecycleState(state))
}
