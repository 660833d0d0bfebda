package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"otpbridge/cmd/internal/cli"
	"otpbridge/cmd/internal/config"
	"otpbridge/cmd/internal/service"
)

// process is what a command gets from the outside.
type process struct {
	args []string
	env  []string // "NAME=value"
	in   io.Reader
	out  io.Writer
	err  io.Writer
	lang string // "en" or "ja", found by run
}

// Exit codes: done; a finding or a failure; wrong usage or configuration.
const (
	exitDone = iota
	exitFailed
	exitUsage
)

// commands is the command line. Texts stand in helpTexts.
type commands struct {
	Lang   string    `enum:"en,ja," default:"" placeholder:"en|ja" help:"help_lang"`
	Serve  serveCmd  `cmd:"" help:"help_serve"`
	Check  checkCmd  `cmd:"" help:"help_check"`
	Doctor doctorCmd `cmd:"" help:"help_doctor"`
	Policy policyCmd `cmd:"" help:"help_policy"`

	Recoveries recoveriesCmd `cmd:"" help:"help_recoveries"`
	Audit      auditCmd      `cmd:"" help:"help_audit"`
	Realm      realmCmd      `cmd:"" help:"help_realm"`

	Keys    keysCmd    `cmd:"" help:"help_keys"`
	Theme   themeCmd   `cmd:"" help:"help_theme"`
	Version versionCmd `cmd:"" help:"help_version"`
}

// configFlag names the configuration file.
type configFlag struct {
	Config string `short:"c" placeholder:"FILE" default:"/etc/otpbridge/otpbridge.yaml" help:"help_config"`
}

// load reads the configuration; all faults are in the error.
func (f configFlag) load(p process) (*config.Config, error) {
	cfg, err := config.Load(f.Config, p.env)
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

// usageError is a fault of whoever called: exit code 2.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// run carries out one command and returns the exit code. Results go to p.out, messages to p.err.
func run(ctx context.Context, p process) int {
	p.lang = language(p.args, p.env)
	if len(p.args) > 0 && p.args[0] == "--version" { // as people type it at any program
		p.args = append([]string{"version"}, p.args[1:]...)
	}
	about := cli.Program{Name: "otpbridge", Text: func(name string) string { return helpText(name, p.lang) }, Out: p.out}
	command, err := cli.Parse[interface {
		Run(ctx context.Context, p process) error
	}](about, &commands{}, p.args)
	switch {
	case errors.Is(err, cli.ErrHelp):
		return exitDone
	case err != nil:
		return report(p, usageError{fmt.Errorf("%w%s", err, config.Say("; see otpbridge --help", "。詳しくは otpbridge --help をご覧ください").In(p.lang))})
	}
	return report(p, command.Run(ctx, p))
}

// report writes an error to p.err and returns its exit code.
func report(p process, err error) int {
	var faults *config.Faults
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitUsage
	case errors.Is(err, errDiffers):
		return exitFailed
	case errors.As(err, &faults):
		say(p, harmless(strings.Join(faults.Lines(p.lang), "\n")))
		return exitUsage
	case errors.As(err, &usage):
		say(p, "otpbridge: "+harmless(service.Cause(usage)))
		return exitUsage
	}
	say(p, "otpbridge: "+harmless(service.Cause(translated(p, err))))
	return exitFailed
}

// harmless makes each line of a message harmless for a terminal: an error may hold what Keycloak answered, or the name of a client that somebody else chose.
func harmless(message string) string {
	lines := strings.Split(message, "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

// refused says why a command does not do what it was told to.
type refused struct{ config.Words }

func (r refused) Error() string { return r.In("en") }

// translated is an error in the reader's language, where it is a refusal; any other one is as it is.
func translated(p process, err error) error {
	if no, ok := errors.AsType[refused](err); ok {
		return errors.New(no.In(p.lang))
	}
	return err
}

// errReported is a fault of usage that the command has already put into its result.
var errReported = errors.New("reported")

// say writes one message. There is nobody to tell when that fails.
func say(p process, message string) { _, _ = fmt.Fprintln(p.err, message) }

// language is what --lang says, else the locale of the environment, else English.
func language(args, env []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
		if lang, ok := strings.CutPrefix(arg, "--lang="); ok {
			return lang
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := lookup(env, name); locale != "" {
			if strings.HasPrefix(locale, "ja") {
				return "ja"
			}
			return "en"
		}
	}
	return "en"
}

// lookup returns a variable of env, the last one if there are several.
func lookup(env []string, name string) (value string) {
	for _, pair := range env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}
