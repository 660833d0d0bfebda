// Package kcsuite is the contract of bridge/keycloak with a Keycloak: the same tests run against the real server and against the fake one, so
// that what the fake says may be believed elsewhere.
package kcsuite

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/memory"
	"otpbridge/bridge/keycloak"
)

// Server is a Keycloak with a realm like the campus realm. Everything here is done as the realm's administrator; a failure fails the test.
type Server interface {
	Facts() Facts
	// Add adds a person and returns the id.
	Add(t *testing.T, p Person) string
	// User returns the whole representation of a person.
	User(t *testing.T, id string) map[string]any
	// Write changes fields of a person's representation; attributes are replaced as a whole, and what is not among the fields stays.
	Write(t *testing.T, id string, fields map[string]any)
	// SetRealm changes fields of the realm's representation, e.g. otpPolicyDigits.
	SetRealm(t *testing.T, fields map[string]any)
	// SetAttribute adds an attribute to the realm's user profile, or replaces it.
	SetAttribute(t *testing.T, a Attribute)
}

// Facts say how the server is reached. Keys, Secret, URL, Realm, ClientID, LoginClient and AllowedGroup of Config are set.
type Facts struct {
	Config         keycloak.Config
	GateGroup      string // id
	LoginSecret    string // of the login client, which pushes its requests
	LoginRedirect  string
	Portal         string // client id of an application that needs the second factor; public, with PKCE
	PortalRedirect string
	Scope          string // of a password-only sign-in
	AnyJoins       bool   // the server cannot limit who is put into the gate group: the look at the account alone keeps outsiders out
	Now            func() time.Time
}

// Person is somebody to add. The password is Password(Name), the names are Given and Family.
type Person struct {
	Name            string
	Email           string
	Attributes      map[string][]string
	OTPs            []OTP
	RequiredActions []string
	Disabled        bool
	NoFamilyName    bool
	Outside         bool     // not in the allowed group
	Groups          []string // names of further groups, made when they do not exist
	Administrator   Way      // how the person came by a right over the realm
}

// Way is how somebody holds a role of realm-management; the zero value: not at all.
type Way string

// The ways.
const (
	ByRole      Way = "role"      // mapped to the person
	ByGroup     Way = "group"     // mapped to a group of theirs
	ByComposite Way = "composite" // inside a realm role of theirs
)

// AdministratorName is the name of the group and of the realm role by which people become administrators.
const AdministratorName = "kcsuite-administrators"

// OTP is an authenticator that somebody has already: SHA1, six digits.
type OTP struct {
	Label, Secret string
	HOTP          bool
	Created       time.Time
}

// Password is the password of somebody who was added.
func Password(name string) string { return name + "-password" }

// Attribute is an attribute of the user profile.
type Attribute struct {
	Name       string
	RequiredOf []string // "user", "admin"; none = not required
	EditBy     []string
	Address    bool // it holds mail addresses
}

// Run runs the contract.
func Run(t *testing.T, s Server) {
	for _, tc := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"Rights", rights},
		{"ByName", byName},
		{"ByIDReadsTheWholeAccount", byID},
		{"ByIDSaysGone", gone},
		{"ObstaclesAreSeen", obstacles},
		{"ProfileGapIsWhatKeycloakAsksFor", profileGap},
		{"LockIsSeen", lock},
		{"AdministratorsAreSeen", administrators},
		{"GroupsOfPoliciesAreSeen", policyGroups},
		{"RealmFacts", realmFacts},
		{"ProfileSaysWhoMayEdit", profilePermissions},
		{"SwapLeavesOneAuthenticator", swaps},
		{"EveryPolicyAndEveryByteSignsIn", policies},
		{"ClashesAreToldApart", clashes},
		{"BadCredentialsAreNeverSent", traps},
		{"RecoveryCodesSignIn", recoveryCodes},
		{"TemporaryCodeSignsInOnce", temporaryCode},
		{"TheNewOneStandsBehindThePassword", behindThePassword},
		{"ProfileFaultNamesTheField", profileFault},
		{"AnAttributeIsWrittenAlone", attributesAlone},
		{"TwoWritersOfAttributesAreNoticed", attributesOfTwoWriters},
		{"AttributesThatAreRefused", attributesRefused},
		{"LabelsAndSignIns", labelsAndSignIns},
		{"RepeatsAndAbsence", repeats},
		{"SessionsEndAndNotBefore", sessions},
		{"HistoryCounts", history},
		{"GateOpensAndShuts", gateOpens},
		{"GateKeepsOutsidersOut", gateOutside},
		{"SweepShutsWhatNobodyHolds", gateSweep},
		{"FirstSignInShutsTheGate", watchSignIn},
		{"ChangesAtOurClientRaiseTheAlarm", watchAlarm},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(t, newWorld(t, s)) })
	}
}

// counter makes names that no other test of the process uses.
var counter atomic.Int64

// world is what one test has.
type world struct {
	Server
	facts  Facts
	client *keycloak.Client
}

func newWorld(t *testing.T, s Server) *world {
	t.Helper()
	w := &world{Server: s, facts: s.Facts()}
	w.renew(t)
	return w
}

// renew takes a client that remembers nothing of the realm.
func (w *world) renew(t *testing.T) {
	t.Helper()
	cfg := w.facts.Config
	cfg.Now = w.facts.Now
	client, err := keycloak.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.client = client
}

// person adds somebody with a fresh name.
func (w *world) person(t *testing.T, p Person) (id, name string) {
	t.Helper()
	if p.Name == "" {
		p.Name = fmt.Sprintf("kc%d-%d", counter.Add(1), w.facts.Now().UnixNano()%1e6)
	}
	return w.Add(t, p), p.Name
}

// oldPhone is one authenticator that somebody has already.
func oldPhone() []OTP { return []OTP{{Label: "old phone", Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXA"}} }

// account reads a person.
func (w *world) account(t *testing.T, id string) bridge.Account {
	t.Helper()
	a, err := w.client.ByID(t.Context(), id)
	if err != nil {
		t.Fatalf("ByID: %v", err)
	}
	return a
}

// setRealm changes the realm for the rest of one test. back holds the values as they were.
func (w *world) setRealm(t *testing.T, fields, back map[string]any) {
	t.Helper()
	w.SetRealm(t, fields)
	t.Cleanup(func() { w.SetRealm(t, back) })
	w.renew(t)
}

// gate is a gate of its own records.
type gate struct {
	*keycloak.RealmGate
	records *memory.Records[keycloak.GateRecord]
	jobs    *memory.Jobs
	audit   *memory.Audit
}

func (w *world) gate(t *testing.T) gate {
	t.Helper()
	return w.gateAt(t, w.facts.Now, &memory.Records[keycloak.GateRecord]{Now: w.facts.Now})
}

// gateAt is a gate whose clock is another one.
func (w *world) gateAt(t *testing.T, now func() time.Time, records *memory.Records[keycloak.GateRecord]) gate {
	t.Helper()
	g := gate{records: records, jobs: &memory.Jobs{}, audit: &memory.Audit{}}
	made, err := keycloak.NewGate(keycloak.GateConfig{
		Client: w.client, GroupID: w.facts.GateGroup, Leases: g.records, Jobs: g.jobs, Audit: g.audit, Now: now, Open: g.open,
	})
	if err != nil {
		t.Fatal(err)
	}
	g.RealmGate = made
	return g
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode fails the test unless err has the code.
func wantCode(t *testing.T, what string, err error, code bridge.Code) {
	t.Helper()
	if bridge.CodeOf(err) != code {
		t.Errorf("%s: %v, want code %s", what, err, code)
	}
}

// upper and padded are other ways to type a name.
func upper(name string) string  { return strings.ToUpper(name) }
func padded(name string) string { return "  " + name + "\u3000" }

// background is a context that lives through clean-ups, too.
func background(t *testing.T) context.Context {
	t.Helper()
	return context.WithoutCancel(t.Context())
}
