package cli

import (
	"fmt"
	"go/doc/comment"
	"io"
	"strings"
)

const (
	width  = 80
	indent = "  "
	gap    = 4  // between two columns
	widest = 30 // what is typed and is longer has a line of its own
)

// row is a line of a list: what is typed, and what it means.
type row struct{ typed, meaning string }

// help prints what there is to say about a node, and returns ErrHelp then.
func (p Program) help(n *node) error {
	about := n.help
	if n.above == nil {
		about = "help"
	}
	lines := []string{p.usage(n), ""}
	lines = append(lines, wrapped(p.Text(about), width)...)
	var args, commands []row
	for _, a := range n.args {
		args = append(args, row{"<" + a.name + ">", p.Text(a.help)})
	}
	for _, c := range n.leaves() {
		commands = append(commands, row{c.path, p.Text(c.help)})
	}
	lines = append(lines, section("Arguments:", args)...)
	lines = append(lines, section("Flags:", p.flagRows(n))...)
	lines = append(lines, section("Commands:", commands)...)
	if n.above == nil {
		lines = append(lines, "", fmt.Sprintf(`Run "%s <command> --help" for more information on a command.`, p.Name))
	}
	if _, err := io.WriteString(p.Out, strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	return ErrHelp
}

func (p Program) usage(n *node) string {
	words := []string{"Usage:", p.Name}
	if n.path != "" {
		words = append(words, n.path)
	}
	for _, f := range n.flags {
		if f.required {
			words = append(words, "--"+f.name+"="+f.placeholder)
		}
	}
	for _, a := range n.args {
		words = append(words, "<"+a.name+">")
	}
	if len(n.commands) > 0 {
		words = append(words, "<command>")
	}
	return strings.Join(append(words, "[flags]"), " ")
}

// leaves are the commands at or below a node that have no commands of their own.
func (n *node) leaves() (leaves []*node) {
	for _, c := range n.commands {
		if len(c.commands) == 0 {
			leaves = append(leaves, c)
		}
		leaves = append(leaves, c.leaves()...)
	}
	return leaves
}

// flagRows are those of the program, then those of each command on the way down, with an empty row between.
func (p Program) flagRows(n *node) (rows []row) {
	if n == nil {
		return []row{{"-h, --help", p.Text("help_help")}}
	}
	rows = p.flagRows(n.above)
	if n.above != nil && len(n.flags) > 0 {
		rows = append(rows, row{})
	}
	for _, f := range n.flags {
		typed := "    --" + f.name
		if f.short != "" {
			typed = "-" + f.short + ", --" + f.name
		}
		if f.placeholder != "" {
			typed += "=" + f.placeholder
		}
		rows = append(rows, row{typed, p.Text(f.help)})
	}
	return rows
}

func section(title string, rows []row) []string {
	if len(rows) == 0 {
		return nil
	}
	left := 0
	for _, r := range rows {
		if len(r.typed) < widest {
			left = max(left, len(r.typed))
		}
	}
	lines := []string{"", title}
	for _, r := range rows {
		typed := r.typed
		if len(typed) >= widest {
			lines, typed = append(lines, indent+typed), ""
		}
		for _, line := range wrapped(r.meaning, width-len(indent)-left-gap) {
			lines = append(lines, strings.TrimRight(fmt.Sprintf("%s%-*s%s", indent, left+gap, typed, line), " "))
			typed = ""
		}
	}
	return lines
}

// wrapped breaks a text into lines, of much the same length and rather at the end of a sentence.
func wrapped(text string, width int) []string {
	lines := (&comment.Printer{TextWidth: width}).Text(new(comment.Parser).Parse(text))
	return strings.Split(strings.TrimSpace(string(lines)), "\n")
}
