package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// process is what a command gets from the outside.
type process struct {
	args []string
	env  []string // "NAME=value"
	out  io.Writer
	err  io.Writer
	lang string
}

// Exit codes: done, a finding or failure, a fault in usage or configuration.
const (
	exitDone = iota
	exitFailed
	exitUsage
)

var errUsage = errors.New("usage")

type configFlag struct {
	Config string `short:"c" placeholder:"FILE" default:"/etc/otpbridge/otpbridge.yaml" help:"The configuration file."`
}

func (f configFlag) load(p process) (*Config, error) {
	return nil, fmt.Errorf("%w: %s", errUsage, f.Config)
}

var _ kong.Option

func run(ctx context.Context, p process) int { _ = ctx; _ = p; return exitUsage }
