package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestKeysFileIsReadNewestFirst(t *testing.T) {
	a, b := newRing(t, "2026-10").keys()[0], newRing(t, "2025").keys()[0]
	ring, err := ParseKeys([]byte("# newest first\n\n  " + a.Line() + "\r\n" + b.Line()))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(ring.IDs()); got != "[2026-10 2025]" || ring.keys()[0] != a || ring.keys()[1] != b {
		t.Fatalf("keys: %s", got)
	}
}

func TestKeysFileFaultsNameTheLineAndNoSecret(t *testing.T) {
	line := newRing(t, "k1").keys()[0].Line()
	secret := strings.Fields(line)[1]
	zero := strings.Repeat("A", 43) + "="
	for name, text := range map[string]string{
		"empty": "", "only a comment": "# k\n", "no key": "k1", "three words": line + " x", "short": "k1 " + secret[4:],
		"not base64": "k1 *" + secret[1:], "bad name": "k/1 " + secret, "long name": strings.Repeat("k", 33) + " " + secret,
		"twice": line + "\n" + line, "zero": "k1 " + zero, "too many": manyKeys(t, maxKeys+1),
	} {
		ring, err := ParseKeys([]byte(text))
		if err == nil {
			t.Errorf("%s: taken as %v", name, ring.IDs())
			continue
		}
		if strings.Contains(err.Error(), secret[4:20]) {
			t.Errorf("%s: the fault shows the key: %v", name, err)
		}
	}
	if _, err := ParseKeys([]byte("# a\n" + line + "\nk2 x")); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("the fault does not name line 3: %v", err)
	}
}

func manyKeys(t *testing.T, n int) string {
	var lines []string
	for i := range n {
		lines = append(lines, newRing(t, fmt.Sprint("k", i)).keys()[0].Line())
	}
	return strings.Join(lines, "\n")
}

func TestKeysNeverShowThemselves(t *testing.T) {
	k := newRing(t, "k1").keys()[0]
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k)
	shown := fmt.Sprintf("%v %+v %#v %s", k, k, k, k) + log.String()
	for _, secret := range []string{strings.Fields(k.Line())[1], fmt.Sprintf("%d", k.secret[:4])[1:8], fmt.Sprintf("%#x", k.secret[0])} {
		if strings.Contains(shown, secret) {
			t.Errorf("shown: %s", shown)
		}
	}
}

// What has few values is counted under an HMAC, apart by kind and by key (STO-14).
func TestIndexDependsOnKindSecretAndKey(t *testing.T) {
	one, two := newRing(t, "one"), newRing(t, "two")
	got := map[string]bool{}
	for _, index := range []string{one.Index("code", "12345678"), two.Index("code", "12345678"), one.Index("code", "12345679"), one.Index("link", "12345678")} {
		if len(index) != 64 || strings.Contains(index, "1234567") {
			t.Errorf("index %q", index)
		}
		got[index] = true
	}
	if again := one.Index("code", "12345678"); len(got) != 4 || !got[again] {
		t.Errorf("%d different of 4, and %s again", len(got), again)
	}
}

// The same text sealed twice is never the same, and a cut value is broken, not a panic.
func TestSealedValues(t *testing.T) {
	ring := newRing(t, "k1")
	one, two := ring.Seal("a/1", []byte("text")), ring.Seal("a/1", []byte("text"))
	if bytes.Equal(one, two) {
		t.Error("two sealed values are equal")
	}
	for n := range one {
		if _, err := ring.Open("a/1", one[:n]); err == nil {
			t.Errorf("the first %d bytes opened", n)
		}
	}
	if got, err := ring.Open("a/1", one); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzParseKeys(f *testing.F) {
	k, err := NewKey("k1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(k.Line()))
	f.Add([]byte("# note\n\nk1 AAAA\n"))
	f.Add([]byte("k1\t" + strings.Fields(k.Line())[1] + "\r\nk2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		ring, err := ParseKeys(text)
		if err != nil {
			return
		}
		var lines []string
		for _, k := range ring.keys() {
			lines = append(lines, k.Line())
		}
		again, err := ParseKeys([]byte(strings.Join(lines, "\n")))
		if err != nil || fmt.Sprint(again.IDs()) != fmt.Sprint(ring.IDs()) {
			t.Fatalf("written again: %v", err)
		}
		if got, err := again.Open("n", ring.Seal("n", []byte("x"))); err != nil || string(got) != "x" {
			t.Fatalf("opened with what was written: %v", err)
		}
	})
}
