package service_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/cmd/internal/service"
)

func TestLogLinesOfARequestCarryItsReference(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(service.WithRequests(slog.NewJSONHandler(&out, nil))).With("part", "web")
	log.InfoContext(t.Context(), "outside")
	if strings.Contains(out.String(), "reference") {
		t.Errorf("a line without a request: %s", out.String())
	}
	out.Reset()
	ctx := bridge.WithRequest(t.Context(), bridge.Request{Reference: "7Q4F0000", Address: "192.0.2.1"})
	log.InfoContext(ctx, "inside")
	for _, want := range []string{`"reference":"7Q4F0000"`, `"address":"192.0.2.1"`, `"part":"web"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing: %s", want, out.String())
		}
	}
}
