package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realkc"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axeVersion is the one that set-up installs.
const axeVersion = "4.14.1"

// Violation is one rule of WCAG that the page breaks.
type Violation struct {
	ID    string
	Help  string
	Nodes []struct {
		Target  []any
		Summary string `json:"failureSummary"`
	}
}

func (v Violation) String() string {
	where := make([]string, 0, len(v.Nodes))
	for _, n := range v.Nodes {
		where = append(where, fmt.Sprint(n.Target, " ", n.Summary))
	}
	return v.ID + ": " + v.Help + ": " + strings.Join(where, "; ")
}

// Axe looks for breaches of WCAG 2.0 to 2.2, levels A and AA. It needs scripts.
func (p *Page) Axe() []Violation {
	p.t.Helper()
	const ask = `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"], resultTypes: ["violations"]})
		.then(r => JSON.stringify(r.violations))`
	var text string
	p.here("axe", chromedp.ActionFunc(func(ctx context.Context) error {
		var there bool
		if err := chromedp.Evaluate(`"axe" in window`, &there).Do(ctx); err != nil || there {
			return err
		}
		return chromedp.Evaluate(axe(p.t)+";0", nil).Do(ctx)
	}), chromedp.Evaluate(ask, &text, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
	var found []Violation
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		p.t.Fatal(err)
	}
	return found
}

// axe is the library.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := realkc.Cache()
	if err != nil {
		t.Fatal(err)
	}
	library, err := os.ReadFile(filepath.Join(cache, "axe-core-"+axeVersion, "axe.min.js"))
	if err != nil {
		t.Fatalf("%v (run: .ci/setup axe)", err)
	}
	return string(library)
}

// MustBeAccessible fails the test with every breach that Axe finds. Without scripts there is no Axe; the pages are the same there.
func (p *Page) MustBeAccessible() *Page {
	p.t.Helper()
	if p.look.NoScript {
		return p
	}
	for _, v := range p.Axe() {
		p.t.Errorf("accessibility on %s: %s", p.describe(), v)
	}
	return p
}

// MustShowFocus wants the focus on the summary of what is wrong, if there is one; then every thing that takes the focus shows a line around it (or its
// label does), and nothing lies over it. WCAG 2.4.7, 2.4.11
func (p *Page) MustShowFocus() *Page {
	p.t.Helper()
	var faults []string
	p.Eval(`document.getElementById("errors") && document.activeElement.id !== "errors" ? ["the focus is not on the summary"] : []`, &faults)
	p.Press(kb.Tab) // from here on the focus moves by the keyboard
	var hidden []string
	p.Eval(`[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter(e => {
		e.focus();
		if (document.activeElement !== e) return false;
		const lined = [e, ...(e.labels || [])].some(x => { const s = getComputedStyle(x); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2; });
		const r = e.getClientRects()[0], top = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
		return !lined || !top || !(e.contains(top) || top.contains(e) || [...(e.labels || [])].some(l => l.contains(top)));
	}).map(e => "no visible focus: " + e.outerHTML.slice(0, 120))`, &hidden)
	for _, fault := range append(faults, hidden...) {
		p.t.Errorf("%s: on %s", fault, p.describe())
	}
	return p
}

// MustGrow wants nothing lost with text twice as large and with wide spacing: no sideways scrolling, no text that is cut off. WCAG 1.4.4, 1.4.12
func (p *Page) MustGrow() *Page {
	p.t.Helper()
	for _, how := range []string{
		`document.documentElement.style.fontSize = "200%"`,
		`document.documentElement.style.fontSize = ""; document.querySelectorAll("body, body *").forEach(e => {
			e.style.lineHeight = "1.5"; e.style.letterSpacing = ".12em"; e.style.wordSpacing = ".16em"; })`,
	} {
		var cut []string
		p.Eval(how+`; [...document.querySelectorAll("body *")].filter(e => {
			const s = getComputedStyle(e);
			return s.overflow !== "visible" && s.overflow !== "auto" && !s.clipPath.startsWith("inset") && e.innerText?.trim() && e.clientWidth > 1 &&
				(e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
		}).map(e => e.outerHTML.slice(0, 120))`, &cut)
		for _, e := range cut {
			p.t.Errorf("cut off: %s: on %s", e, p.describe())
		}
		p.MustFit()
	}
	return p
}
