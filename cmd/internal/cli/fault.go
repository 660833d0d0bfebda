package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Faults are the names of what can be wrong with a command line, and how it is said in English: a format of what was typed, and what was expected.
func Faults() map[string]string {
	return map[string]string{
		"usage_expected_one":  "expected one of %s",
		"usage_expected":      "expected %q",
		"usage_unexpected":    "unexpected argument %s%s",
		"usage_no_command":    "there is no command %s%s",
		"usage_unknown_flag":  "unknown flag --%s%s",
		"usage_unknown_short": "unknown shorthand flag: '%s' in -%s",
		"usage_needs_value":   "flag needs an argument: %s",
		"usage_value":         "invalid argument %q for %q flag",
		"usage_duration":      "invalid argument %q for %q flag: must be a duration like \"30s\" or \"5m\"",
		"usage_syntax":        "bad flag syntax: %s",
		"usage_missing_flag":  "missing flags: --%s=%s",
		"usage_allowed":       "%s must be one of %s but got %q",
		"usage_mean":          " (did you mean %s?)",
		"usage_mean_one":      " (did you mean one of %s?)",
	}
}

// fault says in the reader's language what is wrong.
func (p Program) fault(name string, about ...any) error { return fmt.Errorf(p.Text(name), about...) }

// explain says what is wrong with a flag, and of one that does not exist the nearest name.
func (p Program) explain(n *node, err error) error {
	var unknown *pflag.NotExistError
	var lacks *pflag.ValueRequiredError
	var wrong *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return p.fault("usage_unknown_short", unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames())
	case errors.As(err, &unknown):
		var names []string
		n.set.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		name := unknown.GetSpecifiedName()
		return p.fault("usage_unknown_flag", name, p.didYouMean(name, append(names, "help"), "--"))
	case errors.As(err, &lacks) && lacks.GetSpecifiedShortnames() != "":
		return p.fault("usage_needs_value", "-"+lacks.GetSpecifiedName())
	case errors.As(err, &lacks):
		return p.fault("usage_needs_value", "--"+lacks.GetSpecifiedName())
	case errors.As(err, &wrong):
		name := "usage_value"
		if wrong.GetFlag().Value.Type() == "duration" {
			name = "usage_duration"
		}
		return p.fault(name, wrong.GetValue(), "--"+wrong.GetFlag().Name)
	case errors.As(err, &syntax):
		return p.fault("usage_syntax", syntax.GetSpecifiedFlag())
	}
	return err
}

// didYouMean names the names that begin with what was typed, or that two slips of a finger turn into it.
func (p Program) didYouMean(typed string, names []string, prefix string) string {
	var near []string
	for _, name := range names {
		if strings.HasPrefix(name, typed) || slips(typed, name) <= 2 {
			near = append(near, prefix+name)
		}
	}
	switch len(near) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(p.Text("usage_mean"), quoted(near))
	}
	return fmt.Sprintf(p.Text("usage_mean_one"), quoted(near))
}
