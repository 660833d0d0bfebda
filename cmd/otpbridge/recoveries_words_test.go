package main

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/control"
)

// CLI-06: below each heading of a table stands its column, on a terminal where a Japanese character takes two places; a person's states are in the language asked for, and
// a lock beside an open recovery is said.
func TestTheListOfRecoveriesLinesUp(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 3, 14, 5, 0, 0, time.UTC)
	all := []control.Recovery{
		{ID: "r1", Reference: "7K4M9QXD", User: "alice", State: "waiting", Way: "mail", Started: at},
		{ID: "r2", User: "健太", State: "ended", End: "stopped", Way: "desk", Started: at, Attention: "gone"},
		{ID: "r3", User: "e\u0301va", State: "proven", Way: "mail", Started: at, Locked: at},
	}
	for lang, want := range map[string][]string{
		"en": {"waiting", "ended, stopped by an administrator", "proven, locked", "7K4M9QXD"},
		"ja": {"本人確認待ち", "終了・管理者が中止", "本人確認済み・利用停止中", "メール", "ヘルプデスク"},
	} {
		var out bytes.Buffer
		if err := listed(process{out: &out, lang: lang}, all); err != nil {
			t.Fatal(err)
		}
		for _, words := range want {
			if !strings.Contains(out.String(), words) {
				t.Errorf("%q is missing in\n%s", words, out.String())
			}
		}
		started := map[int]bool{}
		for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n")[1:] {
			before, _, _ := strings.Cut(line, clock(at))
			started[places(before)] = true
		}
		if len(started) != 1 {
			t.Errorf("the columns begin at %v\n%s", started, out.String())
		}
	}
	if places("健太") != 4 || places("e\u0301va") != 3 || places("ｶﾅ") != 2 {
		t.Error("places")
	}
}

// What show says of codes is in words, in both languages, and nothing that it has is left out.
func TestShowSaysWhatItKnows(t *testing.T) {
	t.Parallel()
	r := control.Recovery{
		ID: "r1", Reference: "7K4M9QXD", User: "alice", Person: "p1", State: "writing", Way: "mail", Reason: "stolen", Attention: "refused_by_account", Step: "remove credential",
		Locked: time.Now(), Tombstone: []string{"t1", "t2"}, Swap: &control.Swap{Added: "n1", Removed: []string{"t1"}, Sent: true},
	}
	for lang, want := range map[string][]string{
		"en": {"7K4M9QXD", "writing, locked", "stolen", "remove credential", "t1, t2", "yes"},
		"ja": {"7K4M9QXD", "書き込み中・利用停止中", "盗難", "認証情報の削除", "t1, t2", "はい"},
	} {
		var out bytes.Buffer
		if err := shown(process{out: &out, lang: lang}, false, r); err != nil {
			t.Fatal(err)
		}
		for _, words := range want {
			if !strings.Contains(out.String(), words) {
				t.Errorf("%s: %q is missing in\n%s", lang, words, out.String())
			}
		}
		if lang == "ja" && strings.Contains(out.String(), "true") {
			t.Error(out.String())
		}
	}
}

// Every state, end, way and reason has words.
func TestCodesOfARecoveryHaveWords(t *testing.T) {
	t.Parallel()
	for _, s := range []bridge.State{bridge.Waiting, bridge.Proven, bridge.Writing, bridge.Done, bridge.Ended} {
		inWordsOf(t, statesWords, s)
	}
	for _, e := range []bridge.End{bridge.EndCancelled, bridge.EndVetoed, bridge.EndDenied, bridge.EndExpired, bridge.EndSuperseded, bridge.EndTooMany, bridge.EndRefused,
		bridge.EndStopped, bridge.EndTemporary} {
		inWordsOf(t, endsWords, e)
	}
	for _, r := range []bridge.Reason{bridge.ReasonChanged, bridge.ReasonLost, bridge.ReasonStolen, bridge.ReasonToday} {
		inWordsOf(t, reasonsWords, r)
	}
	inWordsOf(t, waysWords, bridge.WayMail)
	inWordsOf(t, waysWords, bridge.WayDesk)
}

func inWordsOf(t *testing.T, words, code any) {
	t.Helper()
	if !reflect.ValueOf(words).MapIndex(reflect.ValueOf(fmt.Sprint(code))).IsValid() {
		t.Errorf("%v has no words", code)
	}
}

// mustLineUp wants the second column to begin at the same place of a terminal on each line.
func mustLineUp(t *testing.T, text string) {
	t.Helper()
	first, begins := regexp.MustCompile(`^.+?  +`), map[int]bool{}
	for line := range strings.Lines(text) {
		begins[places(first.FindString(line))] = true
	}
	if len(begins) != 1 {
		t.Errorf("the second column begins at %v\n%s", begins, text)
	}
}

// CLI-06: the values in force stand below one another, whatever they are written in.
func TestTheValuesInForceLineUp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	rows := []config.Value{{Key: "organisation.name.ja", Value: "例示大学", Origin: "file:1:1"}, {Key: "paused", Value: "false", Origin: "default"}}
	if err := table(&out, rows); err != nil {
		t.Fatal(err)
	}
	mustLineUp(t, out.String())
	mustLineUp(t, strings.NewReplacer("organisation.name.ja  ", "", "paused                ", "").Replace(out.String()))
}
