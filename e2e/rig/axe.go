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
