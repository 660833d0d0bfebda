package audit_test

import (
	"os"
	"testing"
)

// The size of a trail is that of its file and of what that was rotated to; what was packed or taken away does not count.
func TestSizeIsThatOfAllFiles(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.record(t, event("store.new"))
	if err := os.Rename(w.path, w.path+".1"); err != nil {
		t.Fatal(err)
	}
	sized := func(want ...string) {
		t.Helper()
		var all int64
		for _, name := range want {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			all += info.Size()
		}
		if got, err := w.Size(); err != nil || got != all || all == 0 {
			t.Errorf("%d bytes, want %d: %v", got, all, err)
		}
	}
	sized(w.path + ".1") // moved and not opened again
	if err := w.Reopen(); err != nil {
		t.Fatal(err)
	}
	w.record(t, event("service.started"))
	if err := os.WriteFile(w.path+".2.gz", []byte("packed"), 0o600); err != nil {
		t.Fatal(err)
	}
	sized(w.path, w.path+".1")
	if err := os.Remove(w.path + ".1"); err != nil {
		t.Fatal(err)
	}
	sized(w.path)
}
