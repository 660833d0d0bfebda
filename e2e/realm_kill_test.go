package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// unprepared is a site in a realm that nothing was done to yet.
func unprepared(t *testing.T, change ...func(*rig.Setup)) *site {
	t.Helper()
	setup := rig.Setup{Mailbox: rig.NewMailbox(t), Campus: rig.NewPlainCampus(t), Change: func(c map[string]any) {
		signIn, _ := c["sign_in"].(map[string]any)
		delete(signIn, "gate_group")
	}}
	for _, c := range change {
		c(&setup)
	}
	return &site{t: t, campus: setup.Campus, mailbox: setup.Mailbox, bridge: rig.PrepareBridge(t, setup)}
}

// writing matches the first call from now on that changes a realm and that is meant, by its method, path and body.
func writing(meant func(call string) bool) func(*http.Request) bool {
	return func(r *http.Request) bool {
		if r.Method == http.MethodGet || !strings.Contains(r.URL.Path, "/admin/realms/") {
			return false
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		return err == nil && meant(r.Method+" "+r.URL.Path+" "+string(body))
	}
}

// killedIn begins a command and kills it at the first write that is meant: before Keycloak hears of it or, with deliver, before the command hears of the
// answer. It reports whether the command came that far.
func (s *site) killedIn(proxy *rig.Proxy, deliver bool, meant func(call string) bool, args ...string) bool {
	s.t.Helper()
	cmd := s.realmProcess(args...)
	cmd.Env = append(cmd.Env, "OTPBRIDGE_KEYCLOAK_URL="+proxy.URL) // what serves has none of it: the issuer is another one there
	hold := proxy.Hold(deliver, writing(meant))
	defer proxy.Drop()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-hold.Held:
		if err := cmd.Process.Kill(); err != nil {
			s.t.Fatal(err)
		}
		if err := <-ended; err == nil {
			s.t.Fatal("killed, and it ended well")
		}
		return true
	case err := <-ended:
		if err != nil {
			s.t.Fatalf("realm %s: %v", strings.Join(args, " "), err)
		}
		return false
	}
}

// cut is a kill at a call that holds a text.
type cut struct {
	call    string
	deliver bool
}

// cuts are where a short run kills apply: inside a flow, between the removal of somebody's mapper and what takes its place, when fine-grained
// permissions are on and nothing rules them, and before and after each sort of what does.
func cuts() []cut {
	return []cut{
		{"/authentication/executions/", false}, {"DELETE /admin/realms/NAME/clients/ID/protocol-mappers/models/ID", true},
		{`{"adminPermissionsEnabled":true}`, true}, {"/authz/resource-server/policy/", false}, {"/authz/resource-server/permission/scope", true},
	}
}

// ids are what differs from one run to the next.
var ids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// counting administers the realm, too, and has a token that counts its uses: the next code comes without waiting.
const counting = "adminb"

// killedEverywhere kills a command at each of the cuts or, with FULL=1, at every write, whichever run comes to it: after each the password alone opens
// nothing, and an administrator gets in.
func (s *site) killedEverywhere(args ...string) {
	s.t.Helper()
	proxy, call, seen := rig.NewProxy(s.t), "", map[string]bool{}
	token := rig.NewToken(s.t, realm.Secret(counting))
	kills := func(deliver bool, meant func() bool) bool {
		killed := s.killedIn(proxy, deliver, func(c string) bool {
			call = ids.ReplaceAllString(strings.ReplaceAll(c, "/realms/"+s.campus.Name, "/realms/NAME"), "ID")
			return meant()
		}, args...)
		if holes := openHolesAt(s.t, s.campus.Realm, s.campus.Portal.URL+"/cb", s.alone()); len(holes) > 0 {
			s.t.Fatalf("killed at %s, and the password alone opened %s", call, strings.Join(holes, "; "))
		}
		if locked := s.administers(counting, token); locked != "" {
			s.t.Fatalf("killed at %s, and the administrator, with a code: %s", call, locked)
		}
		return killed
	}
	for full() && kills(len(seen)%2 == 1, func() bool { there := seen[call]; seen[call] = true; return !there }) {
		continue
	}
	if full() {
		s.t.Logf("realm %s: killed at %d writes", strings.Join(args, " "), len(seen))
		return
	}
	for _, at := range cuts() {
		if !kills(at.deliver, func() bool { return strings.Contains(call, at.call) }) {
			s.t.Fatalf("realm %s: no call with %s", strings.Join(args, " "), at.call)
		}
	}
}

// Issue 6: apply that is killed at any call, again and again, comes to the same end, and all of it is undone, which is killed, too; a mapper that somebody
// had made comes back. Nobody gets in meanwhile who did not before: alice's password alone opens nothing at any step. No administrator is locked out.
// Then the right to manage every user is given in the place of fine-grained permissions, and serves a recovery: an account that has it works as before.
func TestRealmApplyIsKilledAtEachStep(t *testing.T) {
	t.Parallel()
	s := unprepared(t)
	s.clientsByHand()
	s.add(realm.Person{Name: counting, Outside: true, Roles: []string{realm.AdministratorRole}, OTPs: []string{}})
	s.keycloak("PUT "+s.path(counting), map[string]any{"credentials": []any{counter(realm.Secret(counting))}}, nil)
	before := export(t, s.campus.Realm)
	apply := []string{"apply", "--undo-file", "undo.jsonl"}
	s.killedEverywhere(apply...)
	s.writeGate(s.must(0, apply...).err)
	s.must(0, "plan")
	if full() {
		s.bridge.Replicas[0].Start()
		s.bridge.Replicas[0].WaitReady()
		s.hand("alice").recovers()
		s.bridge.Replicas[0].Stop()
	}
	mapperGone := func(call string) bool {
		return strings.HasPrefix(call, "DELETE ") && strings.Contains(call, "/protocol-mappers/")
	}
	if !s.killedIn(rig.NewProxy(t), true, mapperGone, "undo", "undo.jsonl", "--yes") {
		t.Error("undo removed no mapper")
	}
	s.undoes(before)
	s.mustServeWithManageUsers()
}

// mustServeWithManageUsers prepares a realm by --manage-users: it is warned of, leaves nothing to do, and is all that the account has, and needs, for a recovery.
func (s *site) mustServeWithManageUsers() {
	t := s.t
	t.Helper()
	const warning = "can change every user, administrators included"
	applied := s.must(0, "apply", "--manage-users", "--undo-file", "manage-users.jsonl")
	if !strings.Contains(applied.err, warning) || !strings.Contains(applied.out, warning) {
		t.Errorf("no warning of --manage-users:\n%s\n%s", applied.out, applied.err)
	}
	s.writeGate(applied.err)
	if plan := s.planJSON(0, "--manage-users"); !plan.Safe {
		t.Errorf("of the prepared realm: %+v", plan)
	}
	var settings struct{ AdminPermissionsEnabled bool }
	s.keycloak("GET ", nil, &settings)
	if settings.AdminPermissionsEnabled != switchStays(t) {
		t.Errorf("fine-grained permissions are switched on: %v", settings.AdminPermissionsEnabled)
	}
	s.bridge.Replicas[0].Start()
	s.bridge.Replicas[0].WaitReady()
	s.mustHaveOnly("erin", s.hand("erin").recovers())
	s.bridge.MustHaveLogged(t, "the service account may manage every user")
	s.bridge.Replicas[0].Stop()
}

// administers says what keeps an administrator of the realm out of the admin console, and of what it shows; "" = nothing.
func (s *site) administers(name string, phone *rig.Phone) string {
	s.t.Helper()
	server, _, _ := strings.Cut(s.campus.Issuer, "/realms/")
	console := rig.NewClient(s.t, s.campus.Realm, "security-admin-console", server+"/admin/"+s.campus.Name+"/console/")
	b := rig.NewBrowser(s.t)
	got := console.SignIn(b, name, phone)
	if !got.Signed || !got.Typed {
		return b.Describe()
	}
	call := "GET " + s.path("alice")
	if status := rig.Bearer(s.t, s.campus.Realm, got.Access).Status(call); status != http.StatusOK {
		return fmt.Sprintf("%s: %d", call, status)
	}
	return ""
}

// alone is a browser in which alice's password was typed at the portal, and nothing else.
func (s *site) alone() *rig.Browser {
	s.t.Helper()
	b := rig.NewBrowser(s.t)
	portal := rig.NewClient(s.t, s.campus.Realm, "portal", s.campus.Portal.URL+"/cb")
	if got := portal.SignIn(b, "alice", nil); got.Signed || got.Page != "login-login-otp" {
		s.t.Fatalf("the portal with the password only: %+v", got)
	}
	return b
}
