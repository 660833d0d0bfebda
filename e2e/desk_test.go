package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
	"otpbridge/templates"
)

// texts returns the catalogue of a language: what pages say, by key.
func texts(t *testing.T, lang string) map[string]string {
	t.Helper()
	data, err := templates.FS.ReadFile("locales/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// call is a person on the telephone with operators: each has a browser of their own at an address of their own.
type call struct {
	*journey
	say map[string]string
}

// newCall is a call to a help desk of two replicas on Redis.
func newCall(t *testing.T, look rig.Look) *call {
	t.Helper()
	return newCallOn(t, way{redis: true, look: look})
}

func newCallOn(t *testing.T, w way, change ...func(*rig.Setup)) *call {
	t.Helper()
	campus, look := rig.NewCampus(t), w.look
	setup := rig.Setup{Campus: campus, Mailbox: rig.NewMailbox(t), Change: rig.HelpDesk}
	if w.redis {
		setup.Redis, setup.Replicas = rig.NewRedis(t), 2
	}
	for _, c := range change {
		c(&setup)
	}
	c := &call{&journey{t: t, campus: campus, mailbox: setup.Mailbox, w: languages[look.Language]}, texts(t, look.Language)}
	c.numberOnRecord("alice", "+81 75-753-1234")
	c.bridge = rig.StartBridge(t, setup)
	look.Address = "192.0.2.7"
	c.page = rig.NewPage(t, look)
	return c
}

// numberOnRecord adds the attribute to the realm's profile, for administrators to edit, and gives it to somebody.
func (c *call) numberOnRecord(name, number string) {
	c.t.Helper()
	do := func(method string, body, out any) {
		if err := c.campus.Do(c.t.Context(), method, body, out); err != nil {
			c.t.Fatal(err)
		}
	}
	profile, user := map[string]any{}, map[string]any{}
	do("GET /users/profile", nil, &profile)
	list, _ := profile["attributes"].([]any)
	profile["attributes"] = append(list, map[string]any{
		"name": "phone", "permissions": map[string]any{"view": []string{"admin", "user"}, "edit": []string{"admin"}}, "validations": map[string]any{},
	})
	do("PUT /users/profile", profile, nil)
	path := "/users/" + c.campus.Users[name]
	do("GET "+path, nil, &user)
	attributes, _ := user["attributes"].(map[string]any)
	if attributes == nil {
		attributes = map[string]any{}
	}
	attributes["phone"] = []string{number}
	user["attributes"] = attributes
	do("PUT "+path, user, nil)
}

// phones goes from the start page to the call code.
func (c *call) phones(name string) {
	c.t.Helper()
	c.page.Go(c.bridge.URL).See(c.w.lost).Click(c.w.lost)
	c.page.See(c.w.id)
	c.signIn(name)
	c.page.See(c.say["request.title"])
	if strings.Contains(c.page.Text(), c.say["request.way.phone"]) && strings.Contains(c.page.Text(), c.say["request.way.mail"]) {
		c.page.Click("desk")
	}
	c.page.MustBeAccessible().Click(c.say["request.submit"])
	c.page.See(c.say["call.title"]).MustBeAccessible().Screenshot("10-call")
}

// code is the call code on the caller's page.
func (c *call) code() string {
	c.t.Helper()
	var code string
	rig.Eventually(c.t, "the caller's page shows a code", func() bool {
		c.page.Eval(`document.querySelector("dd.big span")?.textContent ?? ""`, &code)
		return code != ""
	})
	return code
}

// operator signs somebody in at the console with password and one-time password, in a browser with or without scripts as the caller's.
func (c *call) operator(name, address string, look rig.Look) *rig.Page {
	c.t.Helper()
	p := rig.NewPage(c.t, rig.Look{Language: look.Language, NoScript: look.NoScript, Address: address})
	phone := rig.NewPhone(c.t, realm.Secret(name))
	p.Go(c.bridge.URL+"/desk").See(c.w.signIn).Fill("username", name).Fill("password", realm.Password(name)).Click(c.w.signIn)
	p.Fill("otp", phone.Code()).Click(c.w.signIn)
	p.See(c.say["console.title"]).MustBeAccessible()
	return p
}

// opens types the pair that the caller reads out.
func (c *call) opens(operator *rig.Page, name, code string) {
	c.t.Helper()
	operator.Go(c.bridge.URL+"/desk").Fill("name", name).Fill("code", code).Click(c.say["console.open"])
	operator.See(c.say["case.check.legend"]).MustBeAccessible().Screenshot("11-case")
	if strings.Contains(operator.Text(), strings.ReplaceAll(code, " ", "")) || strings.Contains(operator.Text(), code) {
		c.t.Error("the console shows the call code")
	}
}

// moves brings the caller's page on: by itself, or with the button where no script runs.
func (c *call) moves(look rig.Look, want string) {
	c.t.Helper()
	if look.NoScript {
		c.page.Click(c.say["common.check_now"])
	}
	began := time.Now()
	c.page.See(want)
	if took := time.Since(began); took > prompt {
		c.t.Errorf("%q came after %s", want, took)
	}
}

// callsBack calls the number on record and picks the words that the caller's page shows.
func (c *call) callsBack(operator *rig.Page, look rig.Look) {
	c.t.Helper()
	operator.Click(c.say["case.callback.start"]).See(c.say["case.callback.pick"]).MustBeAccessible().Screenshot("12-words")
	c.moves(look, c.say["call.match.label"])
	c.page.MustBeAccessible().Screenshot("13-match")
	var shown, index string
	c.page.Eval(`document.querySelector("p.big.word").textContent.replace(/\s+/g, "")`, &shown)
	operator.Eval(offers(shown), &index)
	if index == "" {
		c.t.Fatalf("the console does not offer %q", shown)
	}
	operator.Click(index).Click(c.say["case.callback.confirm"])
	operator.See(c.say["case.callback.matched"]).MustBeAccessible()
}

// offers is the number of the choice at the console that says the words, as JavaScript.
func offers(words string) string {
	return `[...document.querySelectorAll("label.word")].find(l => l.textContent.replace(/\s+/g, "") === ` + quoted(words) + `)?.querySelector("input").value ?? ""`
}

// prompt tells a page that moves on by its stream, after a second on a quiet machine, from one that fell back to asking, after more than ten.
const prompt = 9 * time.Second

// reconnect is within what time a page that lost its server has to find one again.
const reconnect = 5 * time.Second

func quoted(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string
	}
	return string(out)
}

// approves ticks a check and approves.
func (c *call) approves(operator *rig.Page, check, want string) {
	c.t.Helper()
	if check != "" {
		operator.Click(check)
	}
	operator.Fill("ticket", "T-2026-1").Click(c.say["case.approve"])
	operator.See(want).MustBeAccessible().Screenshot("14-approved")
}

// HD-02…HD-14 on real parts: the caller's own page turns into the QR code when the operator approves, by itself, and by "check now" without a
// script; the new code opens the sample application. The other journeys by phone are on two replicas, these on one; FULL=1 has all combinations.
func TestJourneyByPhone(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		if w.redis && !full() {
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			look, c := w.look, newCallOn(t, w)
			c.phones("alice")
			carol := c.operator("carol", "198.51.100.3", look)
			c.opens(carol, "alice", c.code())
			c.moves(look, c.say["call.checking.title"])
			c.page.MustBeAccessible()
			c.callsBack(carol, look)
			c.approves(carol, "", c.say["case.approved.title"])
			c.moves(look, c.w.enrol)
			c.enrol()
			c.mustOpenPortalWithNewCodeOnly("alice")
		})
	}
}

// HD-05, HD-15: bob has no address: two operators, the second one with a fresh code, and the supervisor is told. HD-10: the caller's machine sleeps
// at the first approval, and another tab is before the caller's page at the second one.
func TestJourneyByPhoneWithTwoOperators(t *testing.T) {
	t.Parallel()
	look := rig.Look{Language: "en"}
	c := newCall(t, look)
	c.phones("bob")
	carol, dave := c.operator("carol", "198.51.100.3", look), c.operator("dave", "198.51.100.4", look)
	first := c.code()
	c.opens(carol, "bob", first)
	c.moves(look, c.say["call.checking.title"])
	wake := c.sleeps()
	c.approves(carol, c.say["case.check.photo"], c.say["case.second.title"])
	wake()
	c.page.See(c.say["call.second.title"]).MustBeAccessible().Screenshot("15-second")
	second := c.code()
	if second == first {
		t.Fatal("the second operator would get the first code")
	}
	c.covered()
	c.opens(dave, "bob", second)
	c.moves(look, c.say["call.checking.title"])
	c.approves(dave, c.say["case.check.photo"], c.say["case.approved.title"])
	c.moves(look, c.w.enrol)
	c.page.Front()
	c.enrol()
	c.mustOpenPortalWithNewCodeOnly("bob")
	c.mailbox.Wait("supervisor@example.ac.jp", 2)
	c.mailbox.Wait("helpdesk@example.ac.jp", 1)
}

// sleeps shuts the lid of the caller's machine; the line breaks meanwhile without a sign. The machine wakes two minutes later, as it sees it.
func (c *call) sleeps() (wake func()) {
	c.t.Helper()
	c.follows()
	c.page.Freeze()
	c.bridge.Front.Deafen()
	return func() {
		c.t.Helper()
		later(c.page, 2*time.Minute)
		c.page.Thaw()
	}
}

// follows waits until the caller's page as it is now has its stream.
func (c *call) follows() {
	c.t.Helper()
	var loaded float64 // milliseconds
	c.page.Eval(`performance.timeOrigin`, &loaded)
	rig.Eventually(c.t, "the page follows", func() bool {
		return slices.ContainsFunc(c.bridge.Replicas, func(r *rig.Replica) bool { return c.bridge.Front.Followed(r).UnixMilli() > int64(loaded) })
	})
}

// covered puts another tab before the caller's page.
func (c *call) covered() {
	c.t.Helper()
	c.page.Tab().Front()
	rig.Eventually(c.t, "the caller's page is in the background", func() bool {
		var hidden bool
		c.page.Eval(`document.hidden`, &hidden)
		return hidden
	})
}

// HD-10: the replica that holds the page is killed, and the page goes on with the other one within five seconds; nothing is typed again.
func TestJourneyByPhoneSurvivesAReplica(t *testing.T) {
	look := rig.Look{Language: "en"}
	c := newCall(t, look)
	first, second := c.bridge.Replicas[0], c.bridge.Replicas[1]
	c.bridge.Front.Only(first)
	c.phones("alice")
	carol := c.operator("carol", "198.51.100.3", look)
	code := c.code()
	c.follows()
	c.bridge.Front.Only(second)
	killed := time.Now()
	first.Kill()
	rig.Eventually(t, "the page follows at the other replica", func() bool { return !c.bridge.Front.Followed(second).IsZero() })
	took := c.bridge.Front.Followed(second).Sub(killed)
	t.Logf("%s after the kill the page follows at the other replica", took)
	if took > reconnect {
		t.Errorf("the page came back %s after the kill", took)
	}
	c.opens(carol, "alice", code)
	c.moves(look, c.say["call.checking.title"])
	c.approves(carol, c.say["case.check.photo"], c.say["case.approved.title"])
	c.moves(look, c.w.enrol)
	c.enrol()
}

// HD-10: a proxy that buffers and compresses in between holds nothing up.
func TestJourneyByPhoneThroughNginx(t *testing.T) {
	t.Parallel()
	look := rig.Look{Language: "en"}
	c := newCall(t, look)
	c.bridge.Front.Via(rig.NewNginx(t, c.bridge.Replicas))
	c.phones("alice")
	carol := c.operator("carol", "198.51.100.3", look)
	c.opens(carol, "alice", c.code())
	c.moves(look, c.say["call.checking.title"])
	c.approves(carol, c.say["case.check.photo"], c.say["case.approved.title"])
	c.moves(look, c.w.enrol)
	c.enrol()
}

// HD-06: what an operator's sign-in gives opens nothing at the Admin API, and the operator holds no right there.
func TestRealmAttackOperatorToken(t *testing.T) {
	t.Parallel()
	r := rig.NewRealm(t, realm.Options{})
	portal := rig.NewClient(t, r, "portal", rig.PortalRedirect)
	login := rig.NewClient(t, r, realm.LoginClient, rig.AppRedirect)
	login.PAR, login.Secret = true, realm.LoginSecret
	phone := rig.NewPhone(t, realm.Secret("carol"))
	for name, client := range map[string]*rig.Client{"portal": portal, "login": login} {
		signed := client.SignIn(rig.NewBrowser(t), "carol", phone)
		if !signed.Signed {
			t.Fatalf("%s: %+v", name, signed)
		}
		account := rig.Bearer(t, r, signed.Access)
		alice := "/users/" + r.Users["alice"]
		for _, call := range []string{
			"GET /users", "GET " + alice, "GET " + alice + "/credentials", "PUT " + alice, "DELETE " + alice + "/credentials/" + r.Users["bob"],
			"PUT " + alice + "/groups/" + r.GateGroup, "GET /groups/" + r.GateGroup + "/members", "GET /events", "PUT " + alice + "/reset-password", "GET /clients",
		} {
			if got := account.Status(call); got != http.StatusForbidden {
				t.Errorf("%s: %s answered %d", name, call, got)
			}
		}
	}
}
