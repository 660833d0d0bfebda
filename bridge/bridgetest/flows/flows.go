// Package flows holds browser flows of every shape that matters, and says of each what Keycloak makes of a person who has a password and no
// second factor. The judgement of a flow is tested against it, and it is tested against a real Keycloak.
package flows

import (
	_ "embed"
	"strings"

	"otpbridge/bridge"
	"otpbridge/bridge/realm"
)

//go:embed shapes.txt
var shapes string

// Outcome is where a person without a second factor ends who typed the password.
type Outcome string

// Outcomes.
const (
	Refused Outcome = "refused"
	In      Outcome = "in"     // signed in, with the password alone
	Enrols  Outcome = "enrols" // asked to set a second factor up, with the password alone
)

// Shape is a browser flow.
type Shape struct {
	Name  string
	Lines string // as `realm plan` shows them, a sub-flow with +

	Application Outcome // at any application
	Recovery    Outcome // at the login client with the recovery scope and the gate open
	Found       []bridge.FindingID
}

// Unsafe reports whether the password alone leads to a second factor of the thief's, or past that of the person.
func (s Shape) Unsafe() bool { return s.Application != Refused || s.Recovery == Enrols }

// Shapes lists them. The first is the safe one, the second has one form as its second factor.
func Shapes() (all []Shape) {
	var named []string // names and what they stand for
	for paragraph := range strings.SplitSeq(strings.TrimSpace(shapes), "\n\n") {
		head, lines, _ := strings.Cut(paragraph, "\n")
		lines = strings.NewReplacer(named...).Replace(lines)
		if name, isName := strings.CutSuffix(head, " ="); isName {
			named = append([]string{name, lines}, named...)
		}
		if title, isShape := strings.CutPrefix(head, "# "); isShape {
			all = append(all, shape(strings.Split(title, ": "), lines))
		}
	}
	return all
}

func shape(head []string, lines string) Shape {
	application, recovery, _ := strings.Cut(strings.TrimSuffix(head[1], ":"), ", ")
	s := Shape{Name: head[0], Lines: lines, Application: Outcome(application), Recovery: Outcome(recovery)}
	for id := range strings.FieldsSeq(strings.Join(head[2:], "")) {
		s.Found = append(s.Found, bridge.FindingID(id))
	}
	return s
}

// Tree is the flow, under a name of its own.
func (s Shape) Tree(alias string) *realm.Tree {
	t := &realm.Tree{Alias: alias}
	fill(t, alias, strings.Split(s.Lines, "\n"), 0)
	return t
}

// fill reads the lines of one depth into a flow, and returns those after it.
func fill(t *realm.Tree, alias string, lines []string, depth int) []string {
	for len(lines) > 0 {
		text := strings.TrimLeft(lines[0], " ")
		if (len(lines[0])-len(text))/2 < depth {
			return lines
		}
		words := strings.Fields(text)
		lines = lines[1:]
		n := realm.Node{Requirement: words[1], Provider: words[0]}
		if name, isSub := strings.CutPrefix(words[0], "+"); isSub {
			n.Provider, n.Sub = "", &realm.Tree{Alias: alias + "-" + name}
			lines = fill(n.Sub, alias, lines, depth+1)
		}
		for _, w := range words[2:] {
			if n.Config == nil {
				n.Config, n.ConfigAlias = map[string]string{}, t.Alias+"-"+n.Provider
			}
			name, value, _ := strings.Cut(w, "=")
			n.Config[name] = value
		}
		t.Steps = append(t.Steps, n)
	}
	return nil
}
