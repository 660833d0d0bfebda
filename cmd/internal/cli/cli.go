// Package cli reads a command line into a struct. A field of it is a flag (string, bool or duration), with the tag `arg` an argument, and with
// the tag `cmd` a command, which is a struct itself; embedded structs add their fields. Other tags: `help` (the name of a text), `default`,
// `enum` (what is allowed, with commas between), and of a flag `short`, `placeholder` and `required`.
//
// Fields are looked up by name, methods never: a program that does that keeps every exported method of everything that is linked into it.
package cli

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/pflag"
)

// Program is what the command line belongs to.
type Program struct {
	Name string
	// Text is in the reader's language; "help" is about the program, "help_help" about the flag --help. What is wrong with a command line is a format, with
	// what it is about: see Faults.
	Text func(name string) string
	Out  io.Writer // for help
}

// ErrHelp says that help was asked for, and printed.
var ErrHelp = pflag.ErrHelp

// node is the program or one of its commands.
type node struct {
	path     string // without the program's name; "" = the program
	name     string
	help     string
	target   reflect.Value
	set      *pflag.FlagSet // with those of the nodes above
	flags    []flag
	args     []value
	commands []*node
	above    *node
}

// value is where something of the command line goes.
type value struct {
	name, help string
	allowed    []string // nil = everything
	to         reflect.Value
}

type flag struct {
	value
	short, placeholder string // placeholder "" = takes no value
	required           bool
}

// Parse fills root, a pointer to a struct, and returns the command that args choose, a C as all commands without commands of their own.
func Parse[C any](p Program, root any, args []string) (chosen C, err error) {
	at, err := p.choose(newNode("", nil, reflect.ValueOf(root).Elem()), args)
	if err != nil {
		return chosen, err
	}
	chosen, ok := at.target.Addr().Interface().(C)
	if !ok {
		return chosen, fmt.Errorf("%s is no command", at.path)
	}
	return chosen, nil
}

// choose goes down from the program to a command without commands of its own and fills in what belongs to it.
func (p Program) choose(n *node, args []string) (*node, error) {
	for {
		n.set.SetInterspersed(len(n.commands) == 0)
		err := n.set.Parse(args)
		switch args = n.set.Args(); {
		case errors.Is(err, ErrHelp):
			return nil, p.help(n)
		case err != nil:
			return nil, p.explain(n, err)
		case len(n.commands) == 0:
			return n, p.take(n, args)
		case len(args) == 0:
			return nil, p.fault("usage_expected_one", quoted(n.names()))
		}
		i := slices.Index(n.names(), args[0])
		if i < 0 {
			return nil, p.fault("usage_no_command", args[0], p.didYouMean(args[0], n.names(), ""))
		}
		n, args = n.commands[i], args[1:]
	}
}

func newNode(name string, above *node, target reflect.Value) *node {
	n := &node{name: name, path: name, target: target, above: above, set: pflag.NewFlagSet(name, pflag.ContinueOnError)}
	n.set.Usage = func() {}
	if above != nil {
		n.path = strings.TrimSpace(above.path + " " + name)
		n.set.AddFlagSet(above.set)
	}
	n.add(target)
	return n
}

// add looks at the fields of a struct.
func (n *node) add(target reflect.Value) {
	for i := range target.NumField() {
		field, to := target.Type().Field(i), target.Field(i)
		if field.Anonymous {
			n.add(to)
			continue
		}
		v := value{name: hyphened(field.Name), help: field.Tag.Get("help"), to: to}
		if enum := field.Tag.Get("enum"); enum != "" {
			v.allowed = strings.Split(enum, ",")
		}
		if _, ok := field.Tag.Lookup("cmd"); ok {
			command := newNode(v.name, n, to)
			command.help = v.help
			n.commands = append(n.commands, command)
		} else if _, ok := field.Tag.Lookup("arg"); ok {
			n.args = append(n.args, v)
		} else {
			n.addFlag(v, field.Tag)
		}
	}
}

func (n *node) addFlag(v value, tag reflect.StructTag) {
	f := flag{value: v, short: tag.Get("short"), placeholder: tag.Get("placeholder")}
	_, f.required = tag.Lookup("required")
	otherwise := tag.Get("default")
	switch to := v.to.Addr().Interface().(type) {
	case *bool:
		n.set.BoolVarP(to, f.name, f.short, false, "")
	case *string:
		n.set.StringVarP(to, f.name, f.short, otherwise, "")
		f.placeholder = firstOf(f.placeholder, fmt.Sprintf("%q", otherwise))
	case *time.Duration:
		length, err := time.ParseDuration(otherwise)
		if err != nil {
			panic("flag " + f.name + ": " + err.Error())
		}
		n.set.DurationVarP(to, f.name, f.short, length, "")
		f.placeholder = firstOf(f.placeholder, otherwise)
	default:
		panic(fmt.Sprintf("flag %s: no flag can be a %s", f.name, v.to.Type()))
	}
	n.flags = append(n.flags, f)
}

// hyphened is the name of a field as people type it: AdminClient is admin-client.
func hyphened(field string) string {
	var b strings.Builder
	for i, r := range field {
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(rune(field[i-1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// take fills in the arguments and looks at what is allowed.
func (p Program) take(n *node, args []string) error {
	if len(args) < len(n.args) {
		var missing []string
		for _, a := range n.args[len(args):] {
			missing = append(missing, "<"+a.name+">")
		}
		return p.fault("usage_expected", strings.Join(missing, " "))
	}
	if len(args) > len(n.args) {
		return p.fault("usage_unexpected", args[len(n.args)], "")
	}
	for i, a := range n.args {
		a.to.SetString(args[i])
		if err := p.check(a, "<"+a.name+">"); err != nil {
			return err
		}
	}
	for at := n; at != nil; at = at.above {
		for _, f := range at.flags {
			if f.required && f.to.IsZero() {
				return p.fault("usage_missing_flag", f.name, f.placeholder)
			}
			if err := p.check(f.value, "--"+f.name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p Program) check(v value, name string) error {
	if v.allowed == nil || slices.Contains(v.allowed, v.to.String()) {
		return nil
	}
	return p.fault("usage_allowed", name, quoted(slices.DeleteFunc(slices.Clone(v.allowed), func(one string) bool { return one == "" })), v.to.String())
}

func (n *node) names() (names []string) {
	for _, c := range n.commands {
		names = append(names, c.name)
	}
	return names
}

func quoted(names []string) string {
	var out []string
	for _, name := range names {
		out = append(out, fmt.Sprintf("%q", name))
	}
	return strings.Join(out, ", ")
}

// slips is how many letters must be put in, taken out or replaced to turn a into b (Levenshtein).
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			same := corner
			if a[i] != b[j] {
				same++
			}
			corner = row[j+1]
			row[j+1] = min(row[j]+1, row[j+1]+1, same)
		}
	}
	return row[len(b)]
}
