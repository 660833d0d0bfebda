package service

import (
	"context"
	"log/slog"

	"otpbridge/bridge"
)

// WithRequests returns a handler that adds reference number and client address of the request to every line written on its behalf; a job has the number only.
func WithRequests(next slog.Handler) slog.Handler { return requestHandler{next} }

type requestHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h requestHandler) Handle(ctx context.Context, line slog.Record) error {
	if r := bridge.RequestFrom(ctx); r.Reference != "" {
		line.AddAttrs(slog.String("reference", r.Reference))
		if r.Address != "" {
			line.AddAttrs(slog.String("address", r.Address))
		}
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}
