package config

import (
	"slices"
	"time"

	"otpbridge/bridge"
)

// PolicyConfig is one entry of the rules about ways, as it is written.
type PolicyConfig struct {
	Name      string
	Match     MatchConfig
	Ways      []bridge.Way
	Approvals int
	Checks    int
	Delay     time.Duration
	Refuse    bool
	Temporary bool
}

// MatchConfig says whom a policy is for; no condition is everybody.
type MatchConfig struct {
	Groups     []string // full paths; groups below count
	Roles      []string // realm roles
	Attributes []MatchAttribute
}

// MatchAttribute holds for people with one of the values.
type MatchAttribute struct {
	Attribute string
	Values    []string
}

// newPolicy is an entry before its keys are read.
func newPolicy() PolicyConfig { return PolicyConfig{Approvals: 1, Checks: 1} }

// policies are the rules about ways as the domain takes them.
func (c *Config) policies() []bridge.Policy {
	var out []bridge.Policy
	for _, p := range c.Policies {
		out = append(out, p.policy())
	}
	return out
}

// PolicyGroups lists the groups that policies name, each once.
func (c *Config) PolicyGroups() []string {
	var out []string
	for _, p := range c.Policies {
		for _, g := range p.Match.Groups {
			if !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

func (p PolicyConfig) policy() bridge.Policy {
	m := bridge.Match{Groups: slices.Clone(p.Match.Groups), Roles: slices.Clone(p.Match.Roles)}
	for _, a := range p.Match.Attributes {
		if m.Attributes == nil {
			m.Attributes = map[string][]string{}
		}
		m.Attributes[a.Attribute] = append(m.Attributes[a.Attribute], a.Values...)
	}
	return bridge.Policy{
		Name: p.Name, Match: m, Ways: slices.Clone(p.Ways), Approvals: p.Approvals, Checks: p.Checks, Delay: p.Delay, Refuse: p.Refuse,
		Temporary: p.Temporary,
	}
}
