package realm

import (
	"encoding/json"
	"slices"
)

// Object is a part of the realm in Keycloak's own words: far wider than anything that we would describe with types.
type Object = map[string]any

// Part is a part of the realm that is read by itself, since an account may see one and not another.
type Part string

// Parts of a realm.
const (
	PartSettings    Part = "settings"
	PartFlows       Part = "flows"
	PartClients     Part = "clients" // with the account of the admin client
	PartScopes      Part = "client scopes"
	PartProviders   Part = "identity providers"
	PartProfile     Part = "user profile"
	PartPolicies    Part = "client policies"
	PartGroups      Part = "groups"
	PartRoles       Part = "roles"
	PartPermissions Part = "permissions"
	PartTexts       Part = "texts"
)

// Parts lists every part.
func Parts() []Part {
	return []Part{
		PartSettings, PartFlows, PartClients, PartScopes, PartProviders, PartProfile, PartPolicies, PartGroups, PartRoles, PartPermissions, PartTexts,
	}
}

// State is a realm as far as its safety is concerned. What stands in Unread was not shown, and what stands in Silent got no usable answer: it says nothing.
type State struct {
	Unread, Silent map[Part]error

	Settings Object // Keycloak's RealmRepresentation
	Flows    []Flow // those on top; the others are inside them
	// Authenticators are the steps that a flow can have on this server: what it lacks is not in its version.
	Authenticators []string

	Clients []Client // without their secrets
	Account *Account // the user behind the admin client, nil = none

	Scopes                        []Scope  // client scopes
	DefaultScopes, OptionalScopes []string // names of those that every new client gets

	Providers []Provider
	Profile   Object // the user profile; see Attributes

	ClientProfiles, ClientPolicies []Object // the realm's own

	Groups []Group // the gate group, the allowed group and those that policies name, as far as they exist
	Roles  []Role  // realm roles

	Permissions []Permission // fine-grained ones; none where they are off
	AccessRules []AccessRule // whom permissions are for

	Texts map[string]map[string]string // the realm's own, by language and key
}

// Flow is an authentication flow, or a part of one.
type Flow struct {
	ID          string // of the flow
	Alias       string
	Description string
	Provider    string // basic-flow, client-flow, form-flow
	BuiltIn     bool
	Steps       []Execution
}

// Execution is one line of a flow.
type Execution struct {
	ID          string
	Requirement string // REQUIRED, ALTERNATIVE, CONDITIONAL, DISABLED
	Provider    string // what is done; "" for a sub-flow without a form
	Sub         *Flow  // nil: no sub-flow
	ConfigID    string
	ConfigAlias string
	Config      map[string]string
	Priority    int
}

// Enabled reports whether the line counts at all.
func (e Execution) Enabled() bool { return e.Requirement != "DISABLED" }

// Client is an application, in Keycloak's words but without its secret.
type Client struct {
	ID                    string            `json:"id"`
	ClientID              string            `json:"clientId"`
	Name                  string            `json:"name"`
	Enabled               bool              `json:"enabled"`
	Protocol              string            `json:"protocol"`
	Public                bool              `json:"publicClient"`
	BearerOnly            bool              `json:"bearerOnly"`
	Authenticator         string            `json:"clientAuthenticatorType"`
	StandardFlow          bool              `json:"standardFlowEnabled"`
	ImplicitFlow          bool              `json:"implicitFlowEnabled"`
	DirectGrants          bool              `json:"directAccessGrantsEnabled"`
	ServiceAccounts       bool              `json:"serviceAccountsEnabled"`
	FullScope             bool              `json:"fullScopeAllowed"`
	ConsentRequired       bool              `json:"consentRequired"`
	FrontchannelLogout    bool              `json:"frontchannelLogout"`
	Redirects             []string          `json:"redirectUris"`
	WebOrigins            []string          `json:"webOrigins"`
	Attributes            map[string]string `json:"attributes"`
	Overrides             map[string]string `json:"authenticationFlowBindingOverrides"` // ids of flows, by "browser", "direct_grant"
	DefaultScopes         []string          `json:"defaultClientScopes"`
	OptionalScopes        []string          `json:"optionalClientScopes"`
	Mappers               []Mapper          `json:"protocolMappers"`
	AuthorizationServices bool              `json:"authorizationServicesEnabled"`
	RealmRoles            []string          `json:"-"` // roles that it was given for its tokens; read for our own two clients only
	TokenRoles            []string          `json:"-"` // realm roles that its tokens may carry, whatever gives them; read for the login client only
	ManagementRoles       []string          `json:"-"` // those of realm-management, likewise
	OtherRoles            bool              `json:"-"` // roles of other clients too
	OtherSecret           bool              `json:"-"` // it proves itself with another secret than the configuration has; likewise
}

// Mapper puts something into tokens.
type Mapper struct {
	ID       string            `json:"id,omitempty"`
	Name     string            `json:"name"`
	Protocol string            `json:"protocol"`
	Mapper   string            `json:"protocolMapper"`
	Config   map[string]string `json:"config"`
}

// Account is the user behind a client, and the roles that were given to it.
type Account struct {
	ID              string
	RealmRoles      []string
	ManagementRoles []string // of realm-management
	OtherRoles      []string // of other clients: "client role"
	Groups          []string // paths
}

// Scope is a client scope.
type Scope struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Protocol    string            `json:"protocol"`
	Attributes  map[string]string `json:"attributes"`
	Mappers     []Mapper          `json:"protocolMappers"`
	// OnlyFor are the realm roles of which somebody needs one for the mappers to count; nil: they count for everybody. Read where the login client's tokens depend on it.
	OnlyFor []string `json:"-"`
}

// Provider is an identity provider.
type Provider struct {
	Alias      string `json:"alias"`
	Kind       string `json:"providerId"`
	Enabled    bool   `json:"enabled"`
	TrustEmail bool   `json:"trustEmail"`
	LinkOnly   bool   `json:"linkOnly"`
	FirstFlow  string `json:"firstBrokerLoginFlowAlias"` // "" = the realm's
	PostFlow   string `json:"postBrokerLoginFlowAlias"`  // "" = none
	Config     struct {
		Sync       string `json:"syncMode"`
		Prompt     string `json:"prompt"`     // what the provider is to do; "" = what the application asks for, and a recovery asks for nothing
		ForceAuthn string `json:"forceAuthn"` // the same of SAML: true or false
	} `json:"config"`
	Mappers []ProviderMapper `json:"mappers"` // of one that is enabled
}

// ProviderMapper writes something of what a provider says into the account.
type ProviderMapper struct {
	Name   string            `json:"name"`
	Config map[string]string `json:"config"`
}

// Group is a group with what its members get from it.
type Group struct {
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	Path        string              `json:"path"`
	Parent      string              `json:"parentId"`
	RealmRoles  []string            `json:"realmRoles"`
	ClientRoles map[string][]string `json:"clientRoles"`
	Attributes  map[string][]string `json:"attributes"`
	Below       int                 `json:"subGroupCount"` // groups in it
}

// Role is a realm role.
type Role struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Composite bool   `json:"composite"`
}

// Permission is a fine-grained permission.
type Permission struct {
	ID        string
	Name      string
	Kind      string   // Groups, Users, Clients, Roles
	Resources []string // ids; none = all
	Scopes    []string
	Rules     []string // ids of access rules
}

// AccessRule says whom a permission is for.
type AccessRule struct {
	ID    string
	Name  string
	Type  string // user, role, group …
	Logic string // POSITIVE, NEGATIVE

	Users, Groups, Clients []string // ids, for the types user, group and client; a group's ends in below when the groups below it count
}

// below marks a group together with those below it.
const below = "/*"

// Attribute is an attribute of the user profile.
type Attribute struct {
	Name        string `json:"name"`
	Permissions *struct {
		View []string `json:"view"`
		Edit []string `json:"edit"`
	} `json:"permissions"`
}

// UserEdits reports whether people may edit the attribute themselves. One without permissions counts as open.
func (a Attribute) UserEdits() bool {
	return a.Permissions == nil || slices.Contains(a.Permissions.Edit, "user")
}

// Attributes lists the attributes of the user profile.
func (s *State) Attributes() []Attribute {
	var p struct {
		Attributes []Attribute `json:"attributes"`
	}
	if err := remake(s.Profile, &p); err != nil {
		return nil
	}
	return p.Attributes
}

// Unmanaged says what happens to attributes that the profile does not know: "" none, ENABLED, ADMIN_EDIT, ADMIN_VIEW.
func (s *State) Unmanaged() string {
	text, _ := s.Profile["unmanagedAttributePolicy"].(string)
	return text
}

// Setting is a setting of the realm as text, "" when there is none.
func (s *State) Setting(name string) string {
	text, _ := s.Settings[name].(string)
	return text
}

// On reports whether a setting of the realm is on.
func (s *State) On(name string) bool {
	on, _ := s.Settings[name].(bool)
	return on
}

// Number is a setting of the realm as a number.
func (s *State) Number(name string) int {
	n, _ := s.Settings[name].(float64)
	return int(n)
}

// RealmAttribute is an attribute of the realm, "" when there is none.
func (s *State) RealmAttribute(name string) string {
	attributes, _ := s.Settings["attributes"].(Object)
	text, _ := attributes[name].(string)
	return text
}

// Flow finds a flow on top by its alias; nil when there is none.
func (s *State) Flow(alias string) *Flow {
	return findIn(s.Flows, func(f Flow) bool { return f.Alias == alias })
}

// FlowByID finds a flow on top by its id; nil when there is none.
func (s *State) FlowByID(id string) *Flow {
	return findIn(s.Flows, func(f Flow) bool { return f.ID == id })
}

// Client finds a client by the id that people give to it; nil when there is none.
func (s *State) Client(clientID string) *Client {
	return findIn(s.Clients, func(c Client) bool { return c.ClientID == clientID })
}

// Scope finds a client scope by name; nil when there is none.
func (s *State) Scope(name string) *Scope {
	return findIn(s.Scopes, func(c Scope) bool { return c.Name == name })
}

// Group finds a group that was read by its path; nil when there is none.
func (s *State) Group(path string) *Group {
	return findIn(s.Groups, func(g Group) bool { return g.Path == path })
}

// GroupByID finds a group that was read by its id; nil when there is none.
func (s *State) GroupByID(id string) *Group {
	return findIn(s.Groups, func(g Group) bool { return g.ID == id })
}

// Role finds a realm role; nil when there is none.
func (s *State) Role(name string) *Role {
	return findIn(s.Roles, func(r Role) bool { return r.Name == name })
}

// findIn returns the first of a list that is meant, nil for none.
func findIn[T any](list []T, meant func(T) bool) *T {
	if i := slices.IndexFunc(list, meant); i >= 0 {
		return &list[i]
	}
	return nil
}

// remake turns one shape of a JSON value into another.
func remake(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// Walk visits every line of a flow, those of its sub-flows after the sub-flow itself, and leaves out what is switched off unless all.
func (f *Flow) Walk(all bool, visit func(e *Execution)) {
	for i := range f.Steps {
		e := &f.Steps[i]
		if !all && !e.Enabled() {
			continue
		}
		visit(e)
		if e.Sub != nil {
			e.Sub.Walk(all, visit)
		}
	}
}
