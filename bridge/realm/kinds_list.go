package realm

import (
	"context"
	"encoding/json"
	"slices"
)

// profileNow is an attribute of the user profile as it stands there.
func profileNow(s *State, c Change) any {
	return orNil(named(s.Profile, c.Name) != nil, named(s.Profile, c.Name))
}

// named finds an attribute of a user profile; nil when there is none.
func named(profile Object, name string) Object {
	attributes, _ := profile["attributes"].([]any)
	for _, a := range attributes {
		if attribute, _ := a.(Object); attribute["name"] == name {
			return attribute
		}
	}
	return nil
}

// writeProfile writes one attribute into the user profile, which is replaced as a whole.
func writeProfile(ctx context.Context, x actor, c Change) error {
	return changeProfile(ctx, x, func(profile Object) error {
		attributes, _ := profile["attributes"].([]any)
		replaced, err := put(attributes, "name", c)
		profile["attributes"] = replaced
		return err
	})
}

func changeProfile(ctx context.Context, x Caller, change func(Object) error) error {
	var profile Object
	if err := get(ctx, x, "/users/profile", &profile); err != nil {
		return err
	}
	if err := change(profile); err != nil {
		return err
	}
	return x.Do(ctx, "PUT /users/profile", profile, nil)
}

// put puts what a change says into a list, in the place of what has the same name, or at the end; nil takes that out.
func put(list []any, field string, c Change) ([]any, error) {
	i := slices.IndexFunc(list, func(e any) bool {
		o, _ := e.(Object)
		return o[field] == c.Name
	})
	if c.Will == nil {
		if i < 0 {
			return list, nil
		}
		return slices.Delete(list, i, i+1), nil
	}
	var entry Object
	if err := json.Unmarshal(c.Will, &entry); err != nil {
		return nil, err
	}
	if i < 0 {
		return append(list, entry), nil
	}
	list[i] = entry
	return list, nil
}

const unmanaged = "unmanagedAttributePolicy"

func unmanagedNow(s *State, _ Change) any { return s.Profile[unmanaged] }

func writeUnmanaged(ctx context.Context, x actor, c Change) error {
	return changeProfile(ctx, x, func(profile Object) error {
		delete(profile, unmanaged)
		if c.Will != nil {
			profile[unmanaged] = c.Will
		}
		return nil
	})
}

func clientProfileNow(s *State, c Change) any { return byName(s.ClientProfiles, c.Name) }

func clientPolicyNow(s *State, c Change) any { return byName(s.ClientPolicies, c.Name) }

func byName(list []Object, name string) any {
	found := findIn(list, func(o Object) bool { return o["name"] == name })
	if found == nil {
		return nil
	}
	return *found
}

func writeClientProfile(ctx context.Context, x actor, c Change) error {
	return changeList(ctx, x, "profiles", c)
}

func writeClientPolicy(ctx context.Context, x actor, c Change) error {
	return changeList(ctx, x, "policies", c)
}

// changeList changes one entry of the realm's client profiles or policies, which are replaced as a whole.
func changeList(ctx context.Context, x Caller, which string, c Change) error {
	where := "/client-policies/" + which
	var body map[string][]any
	if err := get(ctx, x, where, &body); err != nil {
		return err
	}
	list, err := put(body[which], "name", c)
	if err != nil {
		return err
	}
	return x.Do(ctx, "PUT "+where, Object{which: list}, nil)
}

func flowNow(s *State, c Change) any {
	f := s.Flow(c.Name)
	if f == nil {
		return nil
	}
	return treeOf(f)
}

// writeFlow makes a flow; one of that name that was not finished is removed first.
func writeFlow(ctx context.Context, x actor, c Change) error {
	if err := dropFlow(ctx, x, c.Name); err != nil || c.Will == nil {
		return flowInUse(ctx, x, c.Name, err)
	}
	var t Tree
	if err := json.Unmarshal(c.Will, &t); err != nil {
		return err
	}
	return t.build(ctx, x)
}

// Fields of an identity provider.
const (
	firstFlowField = "firstBrokerLoginFlowAlias"
	postFlowField  = "postBrokerLoginFlowAlias"
)

func providerNow(s *State, c Change) any {
	p := findIn(s.Providers, func(p Provider) bool { return p.Alias == c.Name })
	if p == nil {
		return nil
	}
	return Object{firstFlowField: p.FirstFlow, postFlowField: p.PostFlow}
}

// writeProvider writes the flows of an identity provider; the rest is sent back as it was read, its secret masked, which Keycloak keeps.
func writeProvider(ctx context.Context, x actor, c Change) error {
	where := path("identity-provider", "instances", c.Name)
	var body Object
	if err := get(ctx, x, where, &body); err != nil {
		return gone(err)
	}
	var flows map[string]string
	if err := json.Unmarshal(c.Will, &flows); err != nil {
		return err
	}
	for field, flow := range flows {
		delete(body, field)
		if flow != "" {
			body[field] = flow
		}
	}
	return x.Do(ctx, "PUT "+where, body, nil)
}
