package main

import (
	"context"
	"io"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/service"
)

// serveCmd is `otpbridge serve`.
type serveCmd struct {
	configFlag
}

// Run reads the configuration and serves until a signal says that it is enough. The first one drains; a second one ends at once.
func (s serveCmd) Run(ctx context.Context, p process) error {
	cfg, err := s.load(p)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // gives the second signal back to the system
	return runServe(ctx, *cfg, p.out, p.err)
}

// runServe serves until ctx ends. The audit trail is copied to out, log lines go to logs.
func runServe(ctx context.Context, cfg config.Config, out, logs io.Writer) error {
	options := &slog.HandlerOptions{Level: cfg.Log.Level}
	var handler slog.Handler = slog.NewJSONHandler(logs, options)
	if cfg.Log.Format == "text" {
		handler = slog.NewTextHandler(logs, options)
	}
	return service.Run(ctx, cfg, service.Options{Version: version, Log: slog.New(service.WithRequests(handler)), Out: out, Now: time.Now})
}
