package view_test

import (
	"slices"
	"sync"
	"testing"
)

// All are looked at first in the same moments: what pages share must not be written by one of them, which the race detector sees.
func TestEveryPageRendersInEveryLanguage(t *testing.T) {
	v := newView(t, site())
	var looks sync.WaitGroup
	for _, lang := range v.Languages() {
		for _, s := range samples("山田 花子") {
			looks.Go(func() {
				if _, err := v.Render(lang, s.Page); err != nil {
					t.Errorf("%s in %s: %v", s.Name, lang, err)
				}
			})
		}
	}
	looks.Wait()
}

// The figure idle-memory: a process holds the pages that somebody looked at, in their languages, and of the layout's parts what each calls.
func TestAPageHoldsWhatItCalls(t *testing.T) {
	v := newView(t, site())
	if ready, _ := v.Ready("en"); len(ready) > 0 {
		t.Errorf("held before anybody looked: %v", ready)
	}
	start := samples("山田 花子")[0]
	if _, err := v.Render("en", start.Page); err != nil {
		t.Fatal(err)
	}
	ready, all := v.Ready("en")
	if len(ready) != 1 {
		t.Errorf("after one page are held: %v", ready)
	}
	for page, parts := range ready {
		if !slices.Contains(parts, "layout.html") || !slices.Contains(parts, "main") || len(parts) > all*2/3 {
			t.Errorf("page %s holds %d templates, the layout has %d: %v", page, len(parts), all, parts)
		}
	}
	if ready, _ := v.Ready("ja"); len(ready) > 0 {
		t.Errorf("held in another language: %v", ready)
	}
}
