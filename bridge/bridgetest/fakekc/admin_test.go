package fakekc_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
)

// admin calls the Admin REST API as a service account.
type admin struct {
	r     *rig
	token string
}

func (r *rig) admin(id, secret string) *admin {
	r.t.Helper()
	token, err := (&loginform.App{Issuer: r.s.Issuer, ID: id, Secret: secret}).Service(r.context())
	if err != nil {
		r.t.Fatal(err)
	}
	return &admin{r, token}
}

func (r *rig) fine() *admin { return r.admin(fakekc.ClientAdmin, "admin-secret-for-tests") }

// do makes a call: method and path below the realm. It returns status and body.
func (a *admin) do(call, body string) (int, string) {
	a.r.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	req, err := http.NewRequestWithContext(a.r.context(), method, a.r.s.URL+"/admin/realms/campus"+path, strings.NewReader(body))
	if err != nil {
		a.r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.r.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (a *admin) want(call, body string, status int, part string) {
	a.r.t.Helper()
	got, text := a.do(call, body)
	if got != status || !strings.Contains(text, part) {
		a.r.t.Errorf("%s %s: %d %s, want %d …%s…", call, body, got, text, status, part)
	}
}

func (a *admin) get(call string, out any) {
	a.r.t.Helper()
	status, text := a.do(call, "")
	if status != http.StatusOK {
		a.r.t.Fatalf("%s: %d %s", call, status, text)
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		a.r.t.Fatal(err)
	}
}

const goodData = `"{\"subType\":\"totp\",\"digits\":6,\"counter\":0,\"period\":30,\"algorithm\":\"HmacSHA1\",\"secretEncoding\":\"BASE32\"}"`

// put is the body of a credential PUT; more adds to or replaces the fields of the credential.
func put(id, label, more string) string {
	return fmt.Sprintf(`{"credentials":[{"id":%q,"type":"otp","userLabel":%q,"secretData":"{\"value\":\"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXZ\"}","credentialData":%s%s}]}`,
		id, label, goodData, more)
}

func TestCredentialPutHasTheTrapsOfTheRealServer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	erin, alice := r.s.PersonID("erin"), r.s.PersonID("alice")
	call := "PUT /users/" + erin
	const clash = "User exists with same username or email"
	for _, c := range []struct {
		body   string
		status int
		part   string
	}{
		{put("n1", "New 1", ""), 204, ""},
		{put("n1", "New 1", ""), 204, ""},
		{put("n1", "other label", ""), 204, ""},
		{put("n2", " new 1 ", ""), 409, clash},
		{put(r.s.Credentials(alice)[1].ID, "foreign", ""), 409, clash},
		{put("n3", "", ""), 204, ""},
		{put("n4", "", ""), 204, ""},
		{put(strings.Repeat("x", 37), "l", ""), 400, "Could not update user!"},
		{put("n5", strings.Repeat("x", 256), ""), 400, "Could not update user!"},
		{put("n6", "a", `,"credentialData":"{\"foo\":1}"`), 400, "Could not update user!"},
		{put("n6", "a", `,"secretData":"plain"`), 400, "Could not update user!"},
		{put("n6", "a", `,"credentialData":null`), 400, "Could not update user!"},
		{put("n6", "a", `,"bogus":1`), 400, "Unrecognized field"},
		{put("n7", "b", `,"type":"strange"`), 204, ""},
		{put("n8", "c", `,"value":"stolen"`), 204, ""},
		{put("n9", "d", `,"createdDate":1700000000000`), 204, ""},
		{"{bad", 400, "Cannot parse the JSON"},
	} {
		a.want(call, c.body, c.status, c.part)
	}
	var ids []string
	for _, c := range r.s.Credentials(erin) {
		ids = append(ids, c.ID)
	}
	if got := strings.Join(ids[1:], " "); got != "n1 n3 n4 n9" {
		t.Errorf("stored: %s", got)
	}
	r.openGate("erin")
	b := browser()
	address, err := r.login.Start(r.context(), recovery)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SignIn(r.context(), address, "erin", "stolen", nil); err != nil || b.Left == "" {
		t.Errorf("the trap did not replace the password: %v, page %q", err, b.Page())
	}
}

func TestCredentialsMoveAndGo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	alice := r.s.PersonID("alice")
	list := r.s.Credentials(alice)
	password, old := list[0].ID, list[1].ID
	a.want("PUT /users/"+alice, put("new", "New", ""), 204, "")
	a.want("POST /users/"+alice+"/credentials/new/moveAfter/"+password, "", 204, "")
	a.want("POST /users/"+alice+"/credentials/bogus/moveAfter/"+password, "", 404, "Credential not found")
	var shown []struct{ ID, Type, UserLabel, CredentialData, SecretData string }
	a.get("GET /users/"+alice+"/credentials", &shown)
	if len(shown) != 3 || shown[1].ID != "new" || shown[1].SecretData != "" {
		t.Errorf("order %+v", shown)
	}
	a.want("DELETE /users/"+alice+"/credentials/"+old, "", 204, "")
	a.want("DELETE /users/"+alice+"/credentials/"+old, "", 404, "Credential not found")
	a.want("POST /users/"+alice+"/logout", "", 204, "")
	var account struct{ NotBefore int64 }
	a.get("GET /users/"+alice, &account)
	if account.NotBefore != r.clock.Now().Unix() {
		t.Errorf("notBefore %d", account.NotBefore)
	}
}

func TestFineGrainedAccountReachesNobodyElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	zoe := r.s.AddPerson(fakekc.Person{Username: "zoe", Password: "zoe-password"})
	alice, gate, allow := r.s.PersonID("alice"), r.s.GroupID("otp-recovery-open"), r.s.GroupID("otp-recoverable")
	for _, call := range []string{
		"GET /users/" + zoe, "GET /users/" + zoe + "/credentials", "PUT /users/" + zoe, "POST /users/" + zoe + "/logout",
		"GET /attack-detection/brute-force/users/" + zoe, "PUT /users/" + zoe + "/groups/" + gate, "PUT /users/" + alice + "/groups/" + allow,
		"GET /groups", "GET /groups/" + allow, "GET /group-by-path/otp-recoverable", "DELETE /sessions/nope",
	} {
		a.want(call, "{}", 403, "HTTP 403 Forbidden")
	}
	a.want("GET /users?username=zoe&exact=true", "", 200, "[]")
	a.want("GET /users/nobody", "", 404, "User not found")
	a.want("GET /attack-detection/brute-force/users/nobody", "", 403, "HTTP 403 Forbidden")
	a.want("GET /roles/nope/users", "", 404, "Could not find role")
	a.want("GET /users?username=&exact=true", "", 200, "dave")
	a.want("PUT /users/"+alice+"/groups/"+gate, "", 204, "")
	a.want("PUT /users/"+alice+"/groups/"+gate, "", 204, "")
	a.want("PUT /users/"+alice+"/groups/nonsense", "", 404, "Group not found")
	a.want("GET /users/"+alice+"/groups", "", 200, "/otp-recovery-open")
	a.want("GET /groups/"+gate+"/members", "", 200, `"username":"alice"`)
	a.want("GET /groups/"+allow+"/members", "", 200, `"username":"bob"`)
	a.want("GET /users/"+alice+"/role-mappings/realm/composite", "", 200, `"otp-recovery-open"`)
	a.want("DELETE /users/"+alice+"/groups/"+gate, "", 204, "")
	a.want("DELETE /users/"+alice+"/groups/"+gate, "", 204, "")
	a.want("GET /group-by-path/otp-recovery-open", "", 200, gate)
	a.token = "stolen"
	a.want("GET /users/"+alice, "", 401, "HTTP 401 Unauthorized")
	r.clock.add(time.Hour)
	b := r.admin(fakekc.ClientBroad, "broad-secret-for-tests")
	b.want("GET /users/"+zoe, "", 200, `"username":"zoe"`)
	r.clock.add(6 * time.Minute)
	b.want("GET /users/"+zoe, "", 401, "HTTP 401 Unauthorized")
}

func TestWritingAttributesHasTheTrapOfTheRealServer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	call := "/users/" + r.s.PersonID("alice")
	a.want("PUT "+call, `{"attributes":{"notificationEmail":["no address"]}}`, 400, "error-invalid-email")
	a.want("PUT "+call, `{"email":"alice@example.net","firstName":"Alice","lastName":"Example","attributes":{"notificationEmail":["a@example.org"]}}`, 204, "")
	a.want("GET "+call, "", 200, `"email":"alice@example.net"`)
	a.want("PUT "+call, `{"attributes":{"notificationEmail":["b@example.org"]}}`, 204, "")
	if _, text := a.do("GET "+call, ""); strings.Contains(text, "alice@example.net") || strings.Contains(text, "firstName") {
		t.Errorf("address and name should be gone: %s", text)
	}
	a.want("GET /users/profile", "", 200, `"unmanagedAttributePolicy":"ADMIN_EDIT"`)
}

func TestEventsTellTheStory(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	alice := r.s.PersonID("alice")
	start := r.clock.Now().UnixMilli()
	r.signIn(browser(), r.login, recovery, "alice", nil) // denied: nobody is named by id
	r.openGate("alice")
	r.clock.add(2 * time.Second)
	b := browser()
	r.signIn(b, r.portal, nil, "alice", func() string { return "000000" })
	r.clock.add(2 * time.Second)
	b = browser()
	r.signIn(b, r.login, recovery, "alice", nil)
	sid, _ := r.claims(b, r.login)["sid"].(string)
	var events []fakekc.Event
	a.get(fmt.Sprintf("GET /events?user=%s&dateFrom=%d&type=LOGIN&type=LOGIN_ERROR", alice, start), &events)
	if len(events) != 2 || events[0].Type != "LOGIN" || events[0].SessionID != sid || events[1].Details["selected_credential_id"] == "" {
		t.Errorf("events %+v", events)
	}
	var denied []fakekc.Event
	a.get("GET /events?client=otpbridge-login&type=LOGIN_ERROR&max=1", &denied)
	if len(denied) != 1 || denied[0].Error != "access_denied" || denied[0].UserID != "" || denied[0].Details["username"] != "alice" {
		t.Errorf("denied: %+v", denied)
	}
	a.want(fmt.Sprintf("GET /events?dateFrom=%d", r.clock.Now().UnixMilli()+1), "", 200, "[]")
	a.want("GET /events?dateFrom=foo", "", 400, "Invalid value for 'dateFrom'")
}

func TestGuessingLocks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.fine()
	alice := r.s.PersonID("alice")
	lock := "/attack-detection/brute-force/users/" + alice
	guess := func(wait time.Duration) {
		r.clock.add(wait)
		r.signIn(browser(), r.portal, nil, "alice", func() string { return "000000" })
	}
	for range 5 {
		guess(2 * time.Second)
	}
	a.want("GET "+lock, "", 200, `"disabled":true`)
	a.want("GET "+lock, "", 200, `"numSecondaryAuthFailures":5`)
	b := browser()
	r.signIn(b, r.portal, nil, "alice", r.code("A"))
	r.wantPage(b, 200, loginform.PagePassword, "Invalid username or password.")
	r.clock.add(61 * time.Second)
	r.openGate("alice")
	r.signIn(browser(), r.login, recovery, "alice", nil) // takes the counters back, not the events
	a.want("GET "+lock, "", 200, `"numFailures":0`)
	guess(2 * time.Second)
	guess(500 * time.Millisecond)
	a.want("GET "+lock, "", 200, `"disabled":true`)
	a.want("DELETE "+lock, "", 204, "")
	a.want("GET "+lock, "", 200, `"disabled":false`)
}
