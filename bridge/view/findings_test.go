package view_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/templates"
)

// OPS-09, I18N-02: every finding says in every language what it is, what it means for an attacker and what mends it, and no text is left over.
func TestEveryFindingHasWords(t *testing.T) {
	t.Parallel()
	texts, err := view.LoadFindings(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"ja", "en"} {
		for _, id := range bridge.FindingIDs() {
			said := texts.Text(lang, bridge.Found(id, "OBJECT"))
			if said.Title == "" || said.Means == "" || said.Mend == "" {
				t.Errorf("%s: %s lacks words: %+v", lang, id, said)
			}
		}
		for _, why := range []string{bridge.UncheckedRights, bridge.UncheckedAnswer, bridge.UncheckedTime, bridge.UncheckedUnknown, bridge.UncheckedRefused} {
			if texts.Unchecked(lang, &bridge.Unchecked{Why: why, Needs: "x"}) == "" {
				t.Errorf("%s: %s has no words", lang, why)
			}
		}
		for _, s := range bridge.Severities() {
			if texts.Word(lang, string(s)) == "" {
				t.Errorf("%s: %s has no word", lang, s)
			}
		}
	}
	for _, id := range texts.IDs() {
		if bridge.SeverityOf(id) == "" {
			t.Errorf("%s has words and is no finding", id)
		}
	}
	open := bridge.Found(bridge.FindFlowOpen, "browser", "reason", "level")
	if got := texts.Text("en", open).Title; got != "The browser flow browser does not always ask for the second factor (a level is put on record without it)" {
		t.Errorf("a reason reads %q", got)
	}
	spread := bridge.Found(bridge.FindGateSpread, bridge.UsersObject(3))
	if got := texts.Text("ja", spread).Title; got != "ゲートを開けるロールが、ユーザー 3 人 にも付いています" {
		t.Errorf("a number of people reads %q", got)
	}
}

// docs/doctor.md lists every finding with its severity and words, and no other.
func TestDocumentationShowsEveryFinding(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := view.LoadFindings(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- begin of findings -->\n")
	table, _, _ = strings.Cut(table, "<!-- end of findings -->")
	want := "| finding | severity | what it means | what mends it |\n|---|---|---|---|\n"
	for _, id := range bridge.FindingIDs() {
		said := texts.Text("en", bridge.Finding{ID: id, Object: "{object}"})
		want += fmt.Sprintf("| %#q | %s | %s | %s |\n", string(id), bridge.SeverityOf(id), said.Means, said.Mend)
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("docs/doctor.md (-want, +is):\n%s", diff)
	}
}
