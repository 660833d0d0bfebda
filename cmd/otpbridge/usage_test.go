package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"otpbridge/cmd/internal/cli"
)

// CLI-03, CLI-06: what is wrong with a command line is said in the language that --lang or the locale asks for, with what was typed.
func TestWrongUsageIsSaidInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	english := regexp.MustCompile(`(?i)\b(unknown|unexpected|expected|invalid|missing|must|argument|did|see|only|needs|same|syntax)\b`)
	for args, typed := range map[string]string{
		"": "serve", "sevre": "sevre", "check --frm=x": "--frm", "check -x": "-x", "check --config": "--config", "doctor --timeout=long": "long",
		"policy explain": "<user>", "version now": "now", "keys new login": "<file>", "keys new rubbish f": "rubbish", "realm plan": "--admin-client",
		"check -": "-", "check --=x": "--=x", "keys new login - --add": "--add", "theme t --name=a/b": "a/b", "theme t --name=x --parent=x": "--parent", "keys ne": "new",
	} {
		for lang, env := range map[string][]string{"en": {"LANG=C"}, "ja": {"LANG=ja_JP.UTF-8"}} {
			var messages strings.Builder
			code := run(t.Context(), process{args: strings.Fields(args), env: env, out: &messages, err: &messages})
			said := messages.String()
			if code != exitUsage || english.MatchString(said) == (lang == "ja") || !strings.Contains(said, typed) || strings.Contains(said, "%!") {
				t.Errorf("otpbridge %s, %s: exit %d, %s", args, lang, code, said)
			}
		}
	}
	var messages strings.Builder
	run(t.Context(), process{args: []string{"--lang", "ja", "serv"}, err: &messages})
	if !strings.Contains(messages.String(), `"serve" の誤りではありませんか`) {
		t.Errorf("with --lang ja: %s", messages.String())
	}
}

// Every fault of a command line has a Japanese format that says the same things in the same order.
func TestEveryFaultOfUsageIsInJapanese(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%[a-z]`)
	for name, format := range cli.Faults() {
		if got := usageInJapanese()[name]; fmt.Sprint(verbs.FindAllString(got, -1)) != fmt.Sprint(verbs.FindAllString(format, -1)) {
			t.Errorf("%s: %q, in English %q", name, got, format)
		}
	}
	if len(usageInJapanese()) != len(cli.Faults()) {
		t.Error("something is in Japanese only")
	}
}
