package audit_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/bridge/audit"
)

const begun = `{"time":"2026-11-25T03:00:00.000Z","seq":1,"event":"swap.intended","outcome":"ok","target":"p","recovery":"r","version":"v"}`

func unfinished(t *testing.T, text []byte) (audit.Collected, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "collected.log")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return audit.Unfinished(t.Context(), path)
}

// SWAP-11: the last record counts although its line has no end, and what stands around a line that is too long to be one.
func TestWhatWasCollectedIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no line end": begun,
		"a long line": strings.Repeat("x", 3<<20) + "\r\n\r\n" + begun + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := unfinished(t, []byte(text))
			if err != nil || len(found.Open) != 1 || found.Unknown != strings.Count(text, "\r\n\r\n") {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// SWAP-11: what is compressed is no trail, and no empty one.
func TestACompressedTrailIsNone(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(begun + "\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := unfinished(t, packed.Bytes()); !errors.Is(err, audit.ErrNoTrail) {
		t.Errorf("%+v, %v", found, err)
	}
}
