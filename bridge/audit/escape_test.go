package audit_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
)

// AUD-03: whatever stands in a field, it is one line, shows nothing hidden, and reads back as it was.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{
		"plain", "\r\n{\"event\":\"forged\"}", "\x1b[2K\x1b[1A", "\u009b31m", "\u2028\u2029\u0085", "\u202eevil\u2066\u200f\u061c", "\x7f\x00", "\xff\xfe",
		"\U000e0041\U000f0000", "髙﨑①㈱〜～－ｶﾅ𠮷　<&>", "\ufeff\u200b\u00ad", strings.Repeat("\u202e", audit.LineSize), strings.Repeat("髙", audit.LineSize),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w := begin(t)
		ctx := bridge.WithRequest(t.Context(), bridge.Request{Reference: s, Address: s})
		err := w.Record(ctx, bridge.AuditEvent{
			Event: "key.new", Outcome: "ok", Actor: s, Target: s, Recovery: s, Way: s, Code: bridge.Code(s), Added: s, Removed: []string{s},
			Detail: map[string]string{s: s},
		})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(w.path)
		if err != nil {
			t.Fatal(err)
		}
		line, ok := strings.CutSuffix(string(text), "\n")
		if !ok || len(text) > audit.LineSize {
			t.Fatalf("no line feed, or %d bytes", len(text))
		}
		for _, r := range line {
			if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Co) || (unicode.IsSpace(r) && r != ' ' && r != '　') {
				t.Fatalf("%U stands in the line", r)
			}
		}
		var l audit.Line
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		want := strings.ToValidUTF8(strings.Join(strings.Split(s, ""), ""), "\ufffd")
		if l.Detail["cut"] == "" && strings.ToValidUTF8(s, "") == s && (l.Actor != want || l.Removed[0] != want || l.Detail[want] != want || l.Reference != want) {
			t.Fatalf("reads back as %q", l.Actor)
		}
	})
}
