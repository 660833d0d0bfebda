package realm

import (
	"encoding/json"
	"slices"

	"otpbridge/bridge"
)

// Plan is what makes a realm safe.
type Plan struct {
	// Obstacles are what people have to decide or mend first: with one of them nothing is changed.
	Obstacles []Obstacle
	Steps     []Step
	// Unclear is what nobody can judge from here: the plan neither changes it nor vouches for it.
	Unclear []Unclear

	// LocksOut: from then on somebody does not sign in without one of SecondFactors, types of credentials, who did before: anybody, who comes by an identity
	// provider, or who signs in at a client that had a flow of its own.
	LocksOut      bool
	SecondFactors []string
}

// Empty reports whether the realm is safe as it is.
func (p Plan) Empty() bool { return len(p.Steps) == 0 && len(p.Obstacles) == 0 }

// Unclear is something in a realm that is not Keycloak's own and that may be anything.
type Unclear struct {
	Check string `json:"check"` // that could not look at it
	Needs string `json:"needs"` // its name
}

// planner makes a Plan.
type planner struct {
	w     Wanted
	s     *State
	kinds map[Kind]kind
	plan  Plan
	ways  []Node // second factors of the browser flow
	gate  string // the role that opens its gate
}

// Plan compares a realm with a safe one. The steps stand in an order in which the realm is never weaker than before: what is new is complete
// before anything leads to it, the lock stands before the client that it locks, rights come last.
func (s *State) Plan(w Wanted) Plan {
	p := &planner{w: w, s: s, kinds: kinds(), gate: Gate}
	if w.Version != "" && bridge.ParseRelease(w.Version).Before(bridge.Oldest) {
		p.stop(ObstacleVersion, "Keycloak "+w.Version)
		return p.plan
	}
	for _, part := range sortedKeys(s.Unread) {
		p.stop(ObstacleUnread, string(part))
	}
	if len(s.Unread) > 0 {
		return p.plan
	}
	for _, part := range []func(){
		p.events, p.guessing, p.levels, p.roles, p.groups, p.scope, p.profile, p.flows, p.lock, p.overrides, p.loginClient, p.adminClient,
		p.rights, p.theme,
	} {
		part()
	}
	for _, l := range looks() {
		if name := l.unclear(s, Asked{Wanted: w}); l.deadly && name != "" {
			p.plan.Unclear = append(p.plan.Unclear, Unclear{l.name, name})
		}
	}
	return p.plan
}

func (p *planner) stop(kind ObstacleKind, what string) {
	p.plan.Obstacles = append(p.plan.Obstacles, Obstacle{Kind: kind, What: what})
}

// explain is stop with a sentence.
func (p *planner) explain(kind ObstacleKind, d Detail) {
	p.plan.Obstacles = append(p.plan.Obstacles, Obstacle{kind, d.In(Details()[d.Name]), d})
}

// want adds a step when a thing is not as it has to be; nil: it must not be there.
func (p *planner) want(reason Reason, c Change, v any) {
	c.Will = value(v)
	k := p.kinds[c.Kind]
	c.Was = value(k.now(p.s, c))
	if same(c.Was, c.Will) || k.exists && c.Kind != KindFlow && (c.Was == nil) == (c.Will == nil) {
		return
	}
	p.plan.Steps = append(p.plan.Steps, Step{reason, c})
}

func (p *planner) setting(reason Reason, name string, v any) {
	p.want(reason, Change{Kind: KindSetting, Name: name}, v)
}

// EventTypes are the events that must be saved: they are counted before a gate opens, and watched while it is open.
func EventTypes() []string {
	return append([]string{
		"LOGIN", "LOGIN_ERROR", "UPDATE_CREDENTIAL", "UPDATE_PASSWORD", "RESET_PASSWORD", "UPDATE_PROFILE", "UPDATE_EMAIL", "UPDATE_TOTP",
		"REMOVE_CREDENTIAL", "REMOVE_TOTP", "SEND_RESET_PASSWORD",
	}, typesOfProviders()...)
}

// EventsKept is the least time in seconds for which events are kept.
const EventsKept = 30 * 24 * 60 * 60

// events are saved, long enough; where no end was said while they were off, that end is set.
func (p *planner) events() {
	if kept := p.s.Number("eventsExpiration"); kept > 0 && kept < EventsKept || kept == 0 && !p.s.On("eventsEnabled") {
		p.setting(ReasonEvents, "eventsExpiration", EventsKept)
	}
	saved, _ := p.s.Settings["enabledEventTypes"].([]any)
	if len(saved) > 0 { // none: all
		all := slices.Clone(saved)
		for _, t := range EventTypes() {
			if !slices.Contains(saved, any(t)) {
				all = append(all, t)
			}
		}
		p.setting(ReasonEvents, "enabledEventTypes", all)
	}
	p.setting(ReasonEvents, "eventsEnabled", true)
	if !p.s.On("adminEventsEnabled") { // where they are saved already, somebody decided what of them
		p.setting(ReasonEvents, "adminEventsDetailsEnabled", false)
	}
	p.setting(ReasonEvents, "adminEventsEnabled", true)
}

func (p *planner) guessing() {
	slack := p.s.slack()
	for _, name := range sortedKeys(slack) {
		p.setting(ReasonGuessing, name, slack[name])
	}
	p.setting(ReasonGuessing, "bruteForceProtected", true)
}

func (p *planner) levels() {
	here, _ := p.s.levels() // levelsWanted says it again
	wanted, err := p.s.levelsWanted(p.w)
	switch {
	case err != nil, p.s.level(p.w) <= noLevel: // what cannot be read is not overwritten, nor a number that flows and applications go by
		p.stop(ObstacleLevels, p.s.RealmAttribute(levelMap))
	case !same(value(here), value(wanted)):
		p.want(ReasonLevels, Change{Kind: KindAttribute, Name: levelMap}, string(value(wanted)))
	}
}

func (p *planner) roles() {
	for _, role := range p.w.ConsoleRoles {
		p.want(ReasonDesk, Change{Kind: KindRole, Name: role}, is)
	}
	p.want(ReasonGate, Change{Kind: KindRole, Name: Gate}, is)
}

// GateGroup is the path of the group that opens the gate: the one that the configuration names, or the one of that name.
func (s *State) GateGroup(w Wanted) string {
	if g := s.GroupByID(w.GateGroup); g != nil {
		return g.Path
	}
	return "/" + Gate
}

func (p *planner) groups() {
	gate := p.s.GateGroup(p.w)
	p.want(ReasonGate, Change{Kind: KindGroup, Name: gate}, is)
	p.want(ReasonGate, Change{Kind: KindGroupRole, Of: gate, Name: Gate}, is)
	for _, g := range ancestry(p.w.AllowedGroup) {
		p.want(ReasonGate, Change{Kind: KindGroup, Name: g}, is)
	}
}

// ancestry lists a group's path after those of the groups above it.
func ancestry(group string) (paths []string) {
	for i := 1; i < len(group); i++ {
		if group[i] == '/' {
			paths = append(paths, group[:i])
		}
	}
	return append(paths, group)
}

// scope: it is there, new clients do not get it, and no client has it but ours.
func (p *planner) scope() {
	name := p.w.RecoveryScope
	if s := p.s.Scope(name); s != nil && s.Protocol != "openid-connect" {
		p.explain(ObstacleName, Detail{"name_scope", [3]string{name, s.Protocol}})
	}
	p.want(ReasonScope, Change{Kind: KindScope, Name: name}, is)
	for _, how := range []string{defaultScope, optionalScope} {
		p.want(ReasonScope, Change{Kind: KindRealmScope, Of: how, Name: name}, nil)
		for _, c := range p.s.Clients {
			if c.ClientID != p.w.LoginClient {
				p.want(ReasonScope, Change{Kind: KindClientScope, Of: c.ClientID, Name: how + " " + name}, nil)
			}
		}
	}
}

// profile: what decides is for administrators to edit, and people set nothing that the profile does not know.
func (p *planner) profile() {
	if p.s.Unmanaged() == "ENABLED" {
		p.want(ReasonProfile, Change{Kind: KindUnmanaged}, "ADMIN_EDIT")
	}
	for _, d := range p.w.Deciding {
		p.want(ReasonProfile, Change{Kind: KindProfile, Name: d.Name}, p.attribute(d))
	}
}

func (p *planner) attribute(d Deciding) Object {
	here := named(p.s.Profile, d.Name)
	if here == nil {
		made := Object{
			"name": d.Name, "displayName": d.Name, "multivalued": d.Address || d.Several,
			"permissions": Object{"view": []string{"admin", "user"}, "edit": []string{"admin"}},
		}
		if d.Address {
			made["validations"] = Object{"email": Object{}}
		}
		return made
	}
	made := Object{}
	for name, v := range here {
		made[name] = v
	}
	a := findIn(p.s.Attributes(), func(a Attribute) bool { return a.Name == d.Name })
	if !a.UserEdits() {
		return made
	}
	view := []string{"admin", "user"}
	if a.Permissions != nil {
		view = a.Permissions.View
	}
	made["permissions"] = Object{"view": view, "edit": []string{"admin"}}
	return made
}

// lock: whatever was not pushed is refused at our client.
func (p *planner) lock() {
	const name = "otpbridge-par"
	loose := func(f bridge.Finding) bool { return f.ID == bridge.FindParPolicy }
	if !slices.ContainsFunc(findPolicy(p.s, Asked{Wanted: p.w}), loose) {
		return
	}
	p.want(ReasonLock, Change{Kind: KindClientProfile, Name: name}, Object{
		"name": name, "description": "only pushed parameters count", "executors": []Object{
			{"executor": "secure-par-content", "configuration": Object{}},
			{"executor": "pkce-enforcer", "configuration": Object{"auto-configure": true}},
		},
	})
	p.want(ReasonLock, Change{Kind: KindClientPolicy, Name: name}, Object{
		"name": name, "description": "", "enabled": true, "profiles": []string{name}, "conditions": []Object{{
			"condition": "client-attributes", "configuration": Object{"is-negative-logic": false, "attributes": `[{"key":"otpbridge","value":"login"}]`},
		}},
	})
}

// Replaces is the login theme in whose place the plan puts another one, "" for none.
func (p Plan) Replaces() string {
	for _, s := range p.Steps {
		var was string
		if s.Reason == ReasonTheme && s.Kind == KindSetting && json.Unmarshal(s.Was, &was) == nil {
			return was
		}
	}
	return ""
}

// theme puts the link on Keycloak's own page, where it is asked for.
func (p *planner) theme() {
	if p.w.Theme == "" {
		return
	}
	if len(p.w.Themes) > 0 && !slices.Contains(p.w.Themes, p.w.Theme) {
		p.stop(ObstacleTheme, p.w.Theme)
	}
	for _, language := range p.w.Languages {
		p.want(ReasonTheme, Change{Kind: KindText, Of: language, Name: "otpRecoveryUrl"}, p.w.BaseURL+"/")
	}
	p.setting(ReasonTheme, "loginTheme", p.w.Theme)
}
