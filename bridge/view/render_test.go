package view_test

import (
	"testing"
)

func TestEveryPageRendersInEveryLanguage(t *testing.T) {
	v := newView(t, site())
	for _, lang := range v.Languages() {
		for _, s := range samples("山田 花子") {
			if _, err := v.Render(lang, s.Page); err != nil {
				t.Errorf("%s in %s: %v", s.Name, lang, err)
			}
		}
	}
}
