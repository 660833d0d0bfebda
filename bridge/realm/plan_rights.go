package realm

import (
	"slices"

	"otpbridge/bridge"
)

// Names of the fine-grained permissions, and of the policies that they share.
const (
	onlyUs            = "only otpbridge"
	onlyItsGroup      = "only otpbridge's group"
	onlyItsClient     = "only otpbridge's client"
	permitPeople      = "otpbridge: recoverable people"
	permitJoining     = "otpbridge: who joins the gate"
	permitGate        = "otpbridge: gate"
	permitGroups      = "otpbridge: groups that policies name"
	permitManagement  = "otpbridge: who has rights over the realm"
	permissionsSwitch = "adminPermissionsEnabled"
)

// usersKind is the kind of permissions that are about people.
const usersKind = "Users"

// joining is the scope of who may be put into other groups as a member of one. Servers that do not know it have anyJoining, about everybody.
const (
	joining    = "manage-membership-of-members"
	anyJoining = "manage-group-membership"
)

// coarse: the server does not tell a service account from others by a policy about a user, and does not know the scope joining. One whose version is
// not known counts as such: only 26.7 shows it to a client of the realm's own, and what the others need works there, too.
func (w Wanted) coarse() bool {
	return w.Version == "" || bridge.ParseRelease(w.Version).Before(bridge.FineRelease)
}

// SwitchesPermissionsOff reports whether a change takes fine-grained permissions away as a whole.
func (c Change) SwitchesPermissionsOff() bool {
	return c.Kind == KindSetting && c.Name == permissionsSwitch && string(c.Will) == "false"
}

// switchable: fine-grained permissions may be switched off again. Not so where the version is not known: it is not a new one then.
func (w Wanted) switchable() bool {
	return w.Version != "" && !bridge.ParseRelease(w.Version).Before(bridge.SwitchRelease)
}

// permissions limit the account to the people of the allowed group and to the gate. Where a policy about a user counts in lists only, two others
// take its place, of which a permission wants both: one about a group that the account is in, and one about its client, which does not count in lists,
// so that whoever else is put into that group gets no more than lists.
func (p *planner) permissions() {
	w := p.w
	p.setting(ReasonRights, permissionsSwitch, true)
	p.accessRules(w.coarse())
	all := []namedPermission{
		{permitGate, permissionValue{groupsKind, []string{p.s.GateGroup(w)}, []string{"view", "view-members", "manage-membership"}, nil}},
		{permitGroups, permissionValue{groupsKind, nil, []string{"view"}, nil}},
		{permitManagement, permissionValue{clientsKind, []string{management}, []string{"view"}, nil}},
		{permitPeople, permissionValue{groupsKind, []string{w.AllowedGroup}, []string{"view-members", "manage-members", joining}, nil}},
	}
	for _, v := range all {
		v.Rules = []string{onlyUs}
		if w.coarse() {
			v.coarse()
		}
		p.want(ReasonRights, Change{Kind: KindPermission, Name: v.name}, v.permissionValue)
	}
	var joins any
	if w.coarse() {
		joins = permissionValue{usersKind, nil, []string{anyJoining}, []string{onlyItsClient}}
	}
	p.want(ReasonRights, Change{Kind: KindPermission, Name: permitJoining}, joins)
	p.noAccessRules(!w.coarse())
}

type namedPermission struct {
	name string
	permissionValue
}

// coarse makes a permission one of those servers. One about all groups would let the account list everybody there, unless it does not count in lists.
func (v *namedPermission) coarse() {
	v.Rules = []string{onlyItsClient, onlyItsGroup}
	if len(v.Resources) == 0 {
		v.Rules = v.Rules[:1]
	}
	v.Scopes = slices.DeleteFunc(v.Scopes, func(s string) bool { return s == joining })
}

// accessRules say who the account is.
func (p *planner) accessRules(coarse bool) {
	us := p.w.AdminClient
	if !coarse {
		p.want(ReasonRights, Change{Kind: KindAccessRule, Of: us, Name: onlyUs}, ruleValue{Account: us})
		return
	}
	p.want(ReasonRights, Change{Kind: KindGroup, Name: AccountGroup}, is)
	p.want(ReasonRights, Change{Kind: KindAccountGroup, Of: us, Name: AccountGroup}, is)
	p.want(ReasonRights, Change{Kind: KindAccessRule, Of: us, Name: onlyItsGroup}, ruleValue{Groups: []string{AccountGroup}})
	p.want(ReasonRights, Change{Kind: KindAccessRule, Of: us, Name: onlyItsClient}, ruleValue{Clients: []string{us}})
}

// noAccessRules takes away what said who the account is on a server of the other sort, when no permission goes by it any more.
func (p *planner) noAccessRules(coarse bool) {
	us := p.w.AdminClient
	if !coarse {
		p.want(ReasonRights, Change{Kind: KindAccessRule, Of: us, Name: onlyUs}, nil)
		return
	}
	p.want(ReasonRights, Change{Kind: KindAccessRule, Of: us, Name: onlyItsGroup}, nil)
	p.want(ReasonRights, Change{Kind: KindAccessRule, Of: us, Name: onlyItsClient}, nil)
	p.want(ReasonRights, Change{Kind: KindAccountGroup, Of: us, Name: AccountGroup}, nil)
	p.want(ReasonRights, Change{Kind: KindGroup, Name: AccountGroup}, nil)
}
