package realm

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Tree is a flow as it can be built anew, without the ids that Keycloak gives.
type Tree struct {
	Alias       string `json:"alias"`
	Description string `json:"description,omitempty"`
	Steps       []Node `json:"steps,omitempty"`
}

// Node is one line of a Tree: an authenticator, or a sub-flow.
type Node struct {
	Requirement string            `json:"requirement"`
	Provider    string            `json:"provider,omitempty"`
	ConfigAlias string            `json:"config_alias,omitempty"`
	Config      map[string]string `json:"config,omitempty"`
	Sub         *Tree             `json:"sub,omitempty"`
}

// Requirements of a line.
const (
	required    = "REQUIRED"
	alternative = "ALTERNATIVE"
	conditional = "CONDITIONAL"
)

// treeOf is a flow without its ids.
func treeOf(f *Flow) *Tree {
	t := &Tree{Alias: f.Alias, Description: f.Description}
	for _, e := range f.Steps {
		n := Node{Requirement: e.Requirement, Provider: e.Provider, ConfigAlias: e.ConfigAlias}
		if len(e.Config) > 0 {
			n.Config = e.Config
		}
		if e.Sub != nil {
			n.Sub = treeOf(e.Sub)
		}
		t.Steps = append(t.Steps, n)
	}
	return t
}

// flowOf is a flow that is not built yet.
func flowOf(t *Tree) *Flow {
	f := &Flow{Alias: t.Alias, Description: t.Description}
	for _, n := range t.Steps {
		e := Execution{Requirement: n.Requirement, Provider: n.Provider, ConfigAlias: n.ConfigAlias, Config: n.Config}
		if n.Sub != nil {
			e.Sub = flowOf(n.Sub)
		}
		f.Steps = append(f.Steps, e)
	}
	return f
}

// lines is the flow as people read it.
func (t *Tree) lines(indent string) []string {
	var out []string
	for _, n := range t.Steps {
		if n.Sub != nil {
			out = append(out, indent+n.Sub.Alias+" "+n.Requirement)
			out = append(out, n.Sub.lines(indent+"  ")...)
			continue
		}
		text := indent + n.Provider + " " + n.Requirement
		for _, name := range sortedKeys(n.Config) {
			text += " " + name + "=" + n.Config[name]
		}
		out = append(out, text)
	}
	return out
}

// build makes the flow. Nothing uses it yet, so that a build that is cut off harms nobody.
func (t *Tree) build(ctx context.Context, c Caller) error {
	err := c.Do(ctx, "POST /authentication/flows", Object{
		"alias": t.Alias, "description": t.Description, "providerId": "basic-flow", "topLevel": true, "builtIn": false,
	}, nil)
	if err == nil {
		err = t.fill(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("build flow %s: %w", t.Alias, err)
	}
	return nil
}

// fill puts the lines into a flow that is there and empty: first all of them, which are created switched off, then what each is to be.
func (t *Tree) fill(ctx context.Context, c Caller) error {
	executions := path("authentication", "flows", t.Alias, "executions")
	for _, n := range t.Steps {
		call, body := "POST "+executions+"/execution", Object{"provider": n.Provider}
		if n.Sub != nil {
			call = "POST " + executions + "/flow"
			body = Object{"alias": n.Sub.Alias, "description": n.Sub.Description, "type": "basic-flow", "provider": "registration-page-form"}
		}
		if err := c.Do(ctx, call, body, nil); err != nil {
			return err
		}
	}
	var made []Object
	if err := get(ctx, c, executions, &made); err != nil {
		return err
	}
	i := 0
	for _, m := range made {
		if level, _ := m["level"].(float64); level != 0 {
			continue
		}
		if i == len(t.Steps) {
			return fmt.Errorf("flow %s has more lines than were put into it", t.Alias)
		}
		if err := t.Steps[i].settle(ctx, c, executions, m); err != nil {
			return err
		}
		i++
	}
	if i < len(t.Steps) {
		return fmt.Errorf("flow %s has fewer lines than were put into it", t.Alias)
	}
	return nil
}

// settle gives a line that was made its requirement, its configuration and what is inside it. A sub-flow is filled before it counts.
func (n Node) settle(ctx context.Context, c Caller, executions string, made Object) error {
	if n.Sub != nil {
		if err := n.Sub.fill(ctx, c); err != nil {
			return err
		}
	}
	if len(n.Config) > 0 {
		id, _ := made["id"].(string)
		config := Object{"alias": n.ConfigAlias, "config": n.Config}
		if err := c.Do(ctx, "POST "+path("authentication", "executions", id, "config"), config, nil); err != nil {
			return err
		}
	}
	if made["requirement"] == n.Requirement {
		return nil
	}
	made["requirement"] = n.Requirement
	return c.Do(ctx, "PUT "+executions, made, nil)
}

// dropFlow removes a flow. One that is gone is fine; Keycloak refuses to remove one that is in use.
func dropFlow(ctx context.Context, c Caller, alias string) error {
	var list []struct{ ID, Alias string }
	if err := get(ctx, c, "/authentication/flows", &list); err != nil {
		return err
	}
	for _, f := range list {
		if f.Alias != alias {
			continue
		}
		err := c.Do(ctx, "DELETE "+path("authentication", "flows", f.ID), nil, nil)
		if status(err) == http.StatusNotFound {
			err = nil
		}
		return err
	}
	return nil
}

// slug is an alias as part of another one.
func slug(alias string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.ReplaceAll(alias, " - ", "-")))
}
