package cli_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"otpbridge/cmd/internal/cli"
)

type runner interface{ said() string }

type where struct {
	Host string `short:"H" default:"here" help:"host"`
}

type goCmd struct {
	where
	Speed  string        `arg:"" enum:"fast,slow"`
	Target string        `arg:""`
	Wait   time.Duration `default:"30s" help:"wait"`
	Dry    bool          `help:"dry"`
}

func (g goCmd) said() string {
	if g.Dry {
		return "dry"
	}
	return strings.Join([]string{g.Host, g.Speed, g.Target, g.Wait.String()}, " ")
}

type stopCmd struct{}

func (stopCmd) said() string { return "stop" }

type program struct {
	Lang string `enum:"en,ja," placeholder:"en|ja" help:"lang"`
	Car  struct {
		Go   goCmd   `cmd:"" help:"go"`
		Stop stopCmd `cmd:"" help:"stop"`
	} `cmd:"" help:"car"`
}

func parse(args string) (what, help string, err error) {
	var out strings.Builder
	p := cli.Program{Name: "prog", Out: &out, Text: func(name string) string {
		if fault, ok := cli.Faults()[name]; ok {
			return fault
		}
		return "About " + name + "."
	}}
	var root program
	chosen, err := cli.Parse[runner](p, &root, strings.Fields(args))
	if err == nil {
		what = strings.TrimSpace(chosen.said() + " " + root.Lang)
	}
	return what, out.String(), err
}

// CLI-01: flags before, between and behind arguments, in every spelling that people know.
func TestCommandLinesThatAreRight(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"car stop":                           "stop",
		"--lang ja car stop":                 "stop ja",
		"car --lang=ja stop":                 "stop ja",
		"car stop --lang=en":                 "stop en",
		"car go fast x":                      "here fast x 30s",
		"car go fast --wait 2s x -H there":   "there fast x 2s",
		"car go --wait=2s --host=a=b slow -": "a=b slow - 2s",
		"car go -Hthere slow -- --dry":       "there slow --dry 30s",
		"car go slow -- -h":                  "here slow -h 30s",
		"car go --dry fast x":                "dry",
	} {
		if got, help, err := parse(args); err != nil || got != want || help != "" {
			t.Errorf("%s: got %q, %v, help %q, want %q", args, got, err, help, want)
		}
	}
}

// CLI-03: what is wrong, and the nearest name.
func TestCommandLinesThatAreWrong(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                       `expected one of "car"`,
		"car":                    `expected one of "go", "stop"`,
		"cra":                    `there is no command cra (did you mean "car"?)`,
		"car s":                  `there is no command s (did you mean one of "go", "stop"?)`,
		"elephant":               `there is no command elephant`,
		"car stop now":           `unexpected argument now`,
		"car go":                 `expected "<speed> <target>"`,
		"car go fast":            `expected "<target>"`,
		"car go quick x":         `<speed> must be one of "fast", "slow" but got "quick"`,
		"--lang fr car stop":     `--lang must be one of "en", "ja" but got "fr"`,
		"car stop --dry":         `unknown flag --dry`,
		"--host=x car go fast x": `unknown flag --host`,
		"car go --wiat=2s":       `unknown flag --wiat (did you mean "--wait"?)`,
		"car go --wait":          `flag needs an argument: --wait`,
		"car go --wait=long":     `invalid argument "long" for "--wait" flag: must be a duration like "30s" or "5m"`,
		"car go -x":              `unknown shorthand flag: 'x' in -x`,
	} {
		if _, help, err := parse(args); err == nil || err.Error() != want || help != "" {
			t.Errorf("%q: got %v, help %q, want %s", args, err, help, want)
		}
	}
}

// CLI-01: help is about what was typed before it, and does nothing else.
func TestHelpIsAboutTheCommand(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-h":                       "Usage: prog <command> [flags]\n\nAbout help.\n",
		"--lang ja --help":         "Usage: prog <command> [flags]\n\nAbout help.\n",
		"car -h":                   "Usage: prog car <command> [flags]\n\nAbout car.\n",
		"car stop -h":              "Usage: prog car stop [flags]\n\nAbout stop.\n",
		"car go quick x y --help":  "Usage: prog car go <speed> <target> [flags]\n\nAbout go.\n",
		"car go fast x --dry -h y": "Usage: prog car go <speed> <target> [flags]\n\nAbout go.\n",
	} {
		if _, help, err := parse(args); !errors.Is(err, cli.ErrHelp) || !strings.HasPrefix(help, want) {
			t.Errorf("%s: got %v, help %q, want %q", args, err, help, want)
		}
	}
}
