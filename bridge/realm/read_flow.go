package realm

import (
	"cmp"
	"fmt"
	"slices"
)

// listed is a flow as the API lists it, without what is inside it.
type listed struct {
	ID, Alias, Description, ProviderID string
	BuiltIn                            bool
}

// flows reads every flow with all that is inside it, or those in use. While the bound one is open the others matter, too: one of them may be
// the closed one that somebody forgot to bind.
func (r reader) flows() error {
	var all []listed
	if err := r.get("/authentication/flows", &all); err != nil {
		return err
	}
	if !r.inUse {
		if err := r.flowsOf(all); err != nil {
			return err
		}
		return r.authenticators()
	}
	used, others := r.used(all)
	if err := r.flowsOf(used); err != nil {
		return err
	}
	if bound := r.s.Flow(r.s.Setting("browserFlow")); bound != nil && !r.s.closed(bound, r.w) {
		return r.flowsOf(others)
	}
	return nil
}

// used parts the flows that the realm, a client or an identity provider names from the others.
func (r reader) used(all []listed) (used, others []listed) {
	names := []string{r.s.Setting("browserFlow")}
	if r.s.On("resetPasswordAllowed") {
		names = append(names, r.s.Setting("resetCredentialsFlow"))
	}
	for _, c := range r.s.Clients {
		names = append(names, c.Overrides["browser"])
		if c.DirectGrants {
			names = append(names, cmp.Or(c.Overrides[directGrant], r.s.Setting("directGrantFlow")))
		}
	}
	for _, p := range r.s.Providers {
		names = append(names, cmp.Or(p.FirstFlow, r.s.Setting("firstBrokerLoginFlow")), p.PostFlow)
	}
	for _, f := range all {
		if slices.Contains(names, f.Alias) || slices.Contains(names, f.ID) {
			used = append(used, f)
		} else {
			others = append(others, f)
		}
	}
	return used, others
}

func (r reader) flowsOf(list []listed) error {
	for _, f := range list {
		flow := Flow{ID: f.ID, Alias: f.Alias, Description: f.Description, Provider: f.ProviderID, BuiltIn: f.BuiltIn}
		if err := r.flow(&flow); err != nil {
			return err
		}
		r.s.Flows = append(r.s.Flows, flow)
	}
	return nil
}

// authenticators reads the steps that a flow can have on this server.
func (r reader) authenticators() error {
	var known []struct{ ID string }
	err := r.get("/authentication/authenticator-providers", &known)
	for _, k := range known {
		r.s.Authenticators = append(r.s.Authenticators, k.ID)
	}
	return err
}

// line is one line of a flow as the API lists it: sub-flows flattened, with their depth.
type line struct {
	ID, Requirement, DisplayName, Description, ProviderID, Alias, AuthenticationConfig, FlowID string
	AuthenticationFlow                                                                         bool
	Level, Priority                                                                            int
}

func (r reader) flow(f *Flow) error {
	var lines []line
	if err := r.get(path("authentication", "flows", f.Alias, "executions"), &lines); err != nil {
		return err
	}
	rest, err := r.steps(f, lines, 0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("read flow %s: its lines are not a tree", f.Alias)
	}
	return err
}

// steps puts the lines of one level into a flow and returns those that come after it.
func (r reader) steps(f *Flow, lines []line, level int) ([]line, error) {
	for len(lines) > 0 && lines[0].Level == level {
		e, err := r.execution(lines[0])
		if err != nil {
			return nil, err
		}
		lines = lines[1:]
		if e.Sub != nil {
			e.Sub.BuiltIn = f.BuiltIn
			if lines, err = r.steps(e.Sub, lines, level+1); err != nil {
				return nil, err
			}
		}
		f.Steps = append(f.Steps, e)
	}
	return lines, nil
}

func (r reader) execution(l line) (Execution, error) {
	e := Execution{ID: l.ID, Requirement: l.Requirement, Provider: l.ProviderID, ConfigID: l.AuthenticationConfig, Priority: l.Priority}
	if l.AuthenticationFlow {
		e.Sub = &Flow{ID: l.FlowID, Alias: l.DisplayName, Description: l.Description}
	}
	if e.ConfigID == "" {
		return e, nil
	}
	var config struct {
		Alias  string
		Config map[string]string
	}
	err := r.get(path("authentication", "config", e.ConfigID), &config)
	e.ConfigAlias, e.Config = config.Alias, config.Config
	return e, err
}

// permissions reads the fine-grained permissions. Where they are switched off none is in force.
func (r reader) permissions() error {
	if r.s.Unread[PartSettings] != nil || r.s.Unread[PartClients] != nil {
		return errHidden
	}
	client := r.s.Client(permissions)
	if !r.s.On("adminPermissionsEnabled") || client == nil {
		return nil
	}
	server := path("clients", client.ID, "authz", "resource-server")
	for _, kind := range []string{"user", "group", "client"} {
		if err := r.accessRules(server + "/policy/" + kind); err != nil {
			return err
		}
	}
	var found []struct{ ID, Name, ResourceType string }
	if err := r.get(server+"/permission?max=10000", &found); err != nil {
		return err
	}
	for _, f := range found {
		p := Permission{ID: f.ID, Name: f.Name, Kind: f.ResourceType}
		if err := r.permission(server+path("permission", f.ID), &p); err != nil {
			return err
		}
		r.s.Permissions = append(r.s.Permissions, p)
	}
	return nil
}

// accessRules reads the rules of one type, and the groups that they name.
func (r reader) accessRules(where string) error {
	var rules []struct {
		ID, Name, Type, Logic string
		Users, Clients        []string
		Groups                []struct {
			ID             string
			ExtendChildren bool
		}
	}
	if err := r.get(where+"?max=10000", &rules); err != nil {
		return err
	}
	for _, f := range rules {
		rule := AccessRule{ID: f.ID, Name: f.Name, Type: f.Type, Logic: f.Logic, Users: f.Users, Clients: f.Clients}
		for _, g := range f.Groups {
			if r.s.GroupByID(g.ID) == nil {
				if err := r.groupByID(g.ID); err != nil {
					return err
				}
			}
			if g.ExtendChildren {
				g.ID += below
			}
			rule.Groups = append(rule.Groups, g.ID)
		}
		r.s.AccessRules = append(r.s.AccessRules, rule)
	}
	return nil
}

// permission reads what a permission is about, what it allows and to whom.
func (r reader) permission(where string, p *Permission) error {
	for _, of := range []struct {
		what string
		into *[]string
		id   bool
	}{{"resources", &p.Resources, false}, {"scopes", &p.Scopes, false}, {"associatedPolicies", &p.Rules, true}} {
		var found []struct{ ID, Name string }
		if err := r.get(where+"/"+of.what, &found); err != nil {
			return err
		}
		for _, f := range found {
			if of.id {
				f.Name = f.ID
			}
			if of.into == &p.Resources && f.Name == p.Kind {
				continue // all of that kind
			}
			*of.into = append(*of.into, f.Name)
		}
		slices.Sort(*of.into)
	}
	return nil
}
