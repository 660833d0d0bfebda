package main

import (
	"context"
	"errors"
	"io"
)

// serveCmd is `otpbridge serve`.
type serveCmd struct {
	configFlag
}

// Run reads the configuration and serves until it is told to end.
func (s serveCmd) Run(ctx context.Context, p process) error {
	cfg, err := s.load(p)
	if err != nil {
		return err
	}
	return runServe(ctx, *cfg, p.err)
}

// runServe serves; log lines go to out.
func runServe(context.Context, Config, io.Writer) error {
	return errors.New("serve: not wired yet")
}
