package realm_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/flows"
	"otpbridge/bridge/realm"
)

// plain is the state of a realm made by hand, as a real Keycloak 26.7.4 tells it to an administrator.
func plain(t *testing.T) (*realm.State, realm.Wanted) {
	t.Helper()
	text, err := os.ReadFile("testdata/plain-state.json")
	if err != nil {
		t.Fatal(err)
	}
	s := &realm.State{}
	if err := json.Unmarshal(text, s); err != nil {
		t.Fatal(err)
	}
	return s, realm.Wanted{
		Version: "26.7.4", Realm: "campus", BaseURL: "https://otp.example.ac.jp", LoginClient: "otpbridge-login", RecoveryScope: "otp-recovery", FullACR: "mfa",
		AdminClient: "otpbridge-admin", AdminKeys: `{"keys":[]}`, AllowedGroup: "/otp-recoverable", ConsoleRoles: []string{"otp-helpdesk", "otp-auditor"},
		Deciding: []realm.Deciding{{Name: "notificationEmail", Address: true}, {Name: "email", Address: true}}, Languages: []string{"ja", "en"},
		Theme: "otp-recovery",
	}
}

// at is the place of a step in a plan, -1 when it is not there.
func at(p realm.Plan, title string) int {
	return slices.IndexFunc(p.Steps, func(s realm.Step) bool { return s.Title() == title })
}

// flowOf is a flow that a plan makes, as people read it.
func flowOf(t *testing.T, p realm.Plan, alias string) string {
	t.Helper()
	i := at(p, "flow "+alias)
	if i < 0 {
		t.Fatalf("the plan makes no flow %s: %+v", alias, p.Obstacles)
	}
	return strings.Join(p.Steps[i].Lines(), "\n")
}

// Issue 6: the plan's order is safe at every moment: what is new is complete before anything leads to it, the lock stands before the client that it
// locks, rights come last.
func TestPlanStandsInASafeOrder(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	p := s.Plan(w)
	if len(p.Obstacles) > 0 {
		t.Fatal(p.Obstacles)
	}
	last := -1
	for _, title := range []string{
		"realm setting eventsEnabled", "role otp-recovery-open", "group /otp-recovery-open", "role of group /otp-recovery-open otp-recovery-open",
		"client scope otp-recovery", "user attribute notificationEmail", "flow otpbridge-browser", "flow otpbridge-post-broker",
		"identity provider partner", "realm setting browserFlow", "client profile otpbridge-par", "client policy otpbridge-par", "client otpbridge-login",
		"client otpbridge-admin", "permission policy otpbridge-admin only otpbridge", "permission otpbridge: recoverable people", "realm setting loginTheme",
	} {
		i := at(p, title)
		if i <= last {
			t.Errorf("%s is step %d, after step %d", title, i, last)
		}
		last = i
	}
	if !p.LocksOut || !slices.Equal(p.SecondFactors, []string{"otp"}) {
		t.Errorf("locks out %v, second factors %v", p.LocksOut, p.SecondFactors)
	}
	for _, step := range p.Steps {
		if !slices.Contains(realm.Reasons(), step.Reason) || len(step.Lines()) == 0 || !step.Kind.Known() {
			t.Errorf("step %s: reason %s, lines %v", step.Title(), step.Reason, step.Lines())
		}
	}
}

// Issue 6: what people sign in with stays: the split of name and password, Kerberos, passkeys, other second factors.
func TestPlanKeepsWhatTheFlowHas(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	s.Flow("browser").Walk(true, func(e *realm.Execution) {
		switch e.Provider {
		case "auth-spnego", "webauthn-authenticator", "auth-recovery-authn-code-form":
			e.Requirement = "ALTERNATIVE"
		case "auth-username-password-form":
			e.Requirement, e.Provider, e.Sub = "REQUIRED", "", &realm.Flow{Alias: "split", Steps: []realm.Execution{
				{Requirement: "REQUIRED", Provider: "auth-username-form"},
				{Requirement: "REQUIRED", Sub: &realm.Flow{Alias: "key or password", Steps: []realm.Execution{
					{Requirement: "ALTERNATIVE", Provider: "webauthn-authenticator-passwordless"}, {Requirement: "ALTERNATIVE", Provider: "auth-password-form"},
				}}},
			}}
		}
	})
	got := flowOf(t, s.Plan(w), "otpbridge-browser")
	for _, want := range []string{
		ticketLines, "auth-username-form REQUIRED", "auth-password-form ALTERNATIVE", "webauthn-authenticator-passwordless ALTERNATIVE",
		"otpbridge-browser-passkey CONDITIONAL", "conditional-credential REQUIRED credentials=webauthn-passwordless included=true",
		"auth-otp-form ALTERNATIVE", "webauthn-authenticator ALTERNATIVE", "auth-recovery-authn-code-form ALTERNATIVE",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the flow lacks %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "conditional-user-configured REQUIRED\n+       auth-otp-form") {
		t.Errorf("the second factor is for those only who have one:\n%s", got)
	}
}

// ticketLines let a Kerberos ticket stand for the password in every request but one with the recovery scope.
const ticketLines = `
+   otpbridge-browser-kerberos ALTERNATIVE
+     otpbridge-browser-kerberos-unless CONDITIONAL
+       conditional-client-scope REQUIRED client_scope=otp-recovery negate=true
+       otpbridge-browser-kerberos-way REQUIRED
+         auth-spnego ALTERNATIVE
+   identity-provider-redirector ALTERNATIVE`

// INV-1: a flow of ours that somebody broke is built anew, and Kerberos is in it as it was.
func TestPlanKeepsKerberosOfItsOwnFlow(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	for _, want := range []string{"otpbridge-browser", "otpbridge-browser-2", "otpbridge-browser"} {
		s.Flow(s.Setting("browserFlow")).Walk(true, func(e *realm.Execution) {
			switch {
			case e.Provider == "auth-spnego":
				e.Requirement = "ALTERNATIVE"
			case e.Sub != nil && strings.HasSuffix(e.Sub.Alias, "-2fa"):
				e.Requirement = "DISABLED"
			}
		})
		p := s.Plan(w)
		if got := flowOf(t, p, want); !strings.Contains(got, strings.ReplaceAll(ticketLines, "otpbridge-browser-k", want+"-k")) || strings.Count(got, "auth-spnego") != 1 {
			t.Errorf("out of %s:\n%s", s.Setting("browserFlow"), got)
		}
		i := at(p, "flow "+want)
		s.Flows = slices.DeleteFunc(s.Flows, func(f realm.Flow) bool { return f.Alias == want })
		s.Flows = append(s.Flows, readText(t, want, p.Steps[i].Will))
		s.Settings["browserFlow"] = want
	}
}

// INV-1: Kerberos in a sub-flow of its own, with a second factor after the ticket or without, becomes the line that a recovery passes over; where a ticket is all
// that there is, or something else stands beside it, people decide.
func TestPlanKeepsKerberosInASubFlow(t *testing.T) {
	t.Parallel()
	const refused = "auth-spnego is required in "
	for name, tc := range map[string]struct{ lines, ways, obstacle string }{
		"required":            {"auth-spnego REQUIRED", "otp", ""},
		"alternative":         {"auth-spnego ALTERNATIVE", "otp", ""},
		"and a code":          {"auth-spnego REQUIRED\nauth-otp-form REQUIRED", "otp", ""},
		"and one of two":      {"auth-spnego REQUIRED\n+code REQUIRED\n  auth-otp-form ALTERNATIVE\n  webauthn-authenticator ALTERNATIVE", "otp webauthn", ""},
		"and a code if any":   {"auth-spnego REQUIRED\n+code CONDITIONAL\n  conditional-user-configured REQUIRED\n  webauthn-authenticator REQUIRED", "otp webauthn", ""},
		"deeper":              {"+deeper REQUIRED\n  auth-spnego REQUIRED\n  auth-otp-form DISABLED", "otp", ""},
		"and a code by role":  {"auth-spnego REQUIRED\n+code CONDITIONAL\n  conditional-user-role REQUIRED\n  auth-otp-form REQUIRED", "", "the second factor in krb-code depends on conditional-user-role"},
		"and something else":  {"auth-spnego REQUIRED\nallow-access-authenticator REQUIRED", "", refused},
		"on a condition":      {"+deeper CONDITIONAL\n  conditional-user-attribute REQUIRED\n  auth-spnego REQUIRED", "", refused},
		"never":               {"+deeper CONDITIONAL\n  auth-spnego REQUIRED", "", refused},
		"twice":               {"auth-spnego REQUIRED\n+deeper REQUIRED\n  auth-spnego REQUIRED", "", refused},
		"nothing else at all": {"auth-spnego REQUIRED", "", "browser: takes a Kerberos ticket and nothing else"},
	} {
		s, w := plain(t)
		f := s.Flow("browser")
		krb := read(t, flows.Shape{Lines: tc.lines}.Tree("krb"))
		line := realm.Execution{Requirement: "ALTERNATIVE", Sub: &krb}
		f.Steps = slices.DeleteFunc(f.Steps, func(e realm.Execution) bool {
			return e.Provider == "auth-spnego" || strings.HasPrefix(name, "nothing") && e.Provider != "auth-cookie"
		})
		f.Steps = slices.Insert(f.Steps, 1, line)
		p := s.Plan(w)
		if tc.obstacle != "" {
			if !slices.ContainsFunc(p.Obstacles, func(o realm.Obstacle) bool {
				return o.Kind == realm.ObstacleFlow && strings.Contains(o.What, tc.obstacle)
			}) {
				t.Errorf("%s: obstacles %+v, want %q", name, p.Obstacles, tc.obstacle)
			}
			continue
		}
		if got := flowOf(t, p, "otpbridge-browser"); !strings.Contains(got, ticketLines) || strings.Count(got, "auth-spnego") != 1 {
			t.Errorf("%s:\n%s", name, got)
		}
		if got := strings.Join(slices.Sorted(slices.Values(p.SecondFactors)), " "); got != tc.ways {
			t.Errorf("%s: second factors %q, want %q", name, got, tc.ways)
		}
	}
}

// A client certificate stays as it is, with the configuration of its line, also where people built by hand that a recovery passes it over; where something else
// depends on the recovery beside it they decide.
func TestPlanKeepsCertificates(t *testing.T) {
	t.Parallel()
	const card, scope = "auth-x509-client-username-form ALTERNATIVE x509-cert-auth.confirmation-page-disallowed=true", "conditional-client-scope REQUIRED client_scope=otp-recovery negate="
	unless := func(negate, line string) string {
		return "+card ALTERNATIVE\n  +passed CONDITIONAL\n    " + scope + negate + "\n    " + line
	}
	const hand = `
+   otpbridge-browser-certificate ALTERNATIVE
+     otpbridge-browser-certificate-unless CONDITIONAL
+       conditional-client-scope REQUIRED client_scope=otp-recovery negate=true
+       otpbridge-browser-certificate-way REQUIRED
+         ` + card + "\n+   otpbridge-browser-"
	for name, tc := range map[string]struct{ lines, want, obstacle string }{
		"as it is":                 {card, "\n+   " + card + "\n+   otpbridge-browser-", ""},
		"but at a recovery":        {unless("true", "+way REQUIRED\n      "+card), hand, ""},
		"that, said in short":      {unless("true", strings.Replace(card, "ALTERNATIVE", "REQUIRED", 1)), hand, ""},
		"outside of the condition": {"+card ALTERNATIVE\n  +passed CONDITIONAL\n    " + scope + "true\n  " + card, "", "card-card"},
		"for a recovery only":      {unless("false", card), "", "card-passed"},
		"with a ticket":            {unless("true", "auth-spnego ALTERNATIVE\n    "+card), "", "card-passed"},
	} {
		s, w := plain(t)
		f := s.Flow("browser")
		f.Steps = slices.DeleteFunc(f.Steps, func(e realm.Execution) bool { return e.Sub == nil && e.Provider != "auth-cookie" })
		f.Steps = slices.Insert(f.Steps, 1, read(t, flows.Shape{Lines: tc.lines}.Tree("card")).Steps...)
		p := s.Plan(w)
		if tc.obstacle != "" {
			want := realm.Detail{Name: "flow_scoped", About: [3]string{"browser", tc.obstacle, "auth-x509-client-username-form"}}
			if !slices.ContainsFunc(p.Obstacles, func(o realm.Obstacle) bool { return o.Kind == realm.ObstacleFlow && o.Say == want }) {
				t.Errorf("%s: obstacles %+v, want %q", name, p.Obstacles, tc.obstacle)
			}
		} else if got := flowOf(t, p, "otpbridge-browser"); !strings.Contains(got, tc.want) || strings.Count(got, "x509-client") != 1 {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// Issue 6: a second factor that hangs on a condition of the administrators' own is not understood, and nothing is changed.
func TestPlanRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*realm.State)
		kind   realm.ObstacleKind
	}{
		"by role": {func(s *realm.State) {
			s.Flow("browser").Walk(true, func(e *realm.Execution) {
				if e.Provider == "conditional-user-configured" {
					e.Provider = "conditional-user-role"
				}
			})
		}, realm.ObstacleFlow},
		"step-up": {func(s *realm.State) {
			f := s.Flow("browser")
			f.Steps = append(f.Steps, realm.Execution{Requirement: "REQUIRED", Provider: "conditional-level-of-authentication"})
		}, realm.ObstacleFlow},
		"old Keycloak":    {func(s *realm.State) { s.Authenticators = nil }, realm.ObstacleVersion},
		"post-login flow": {func(s *realm.State) { s.Providers[0].PostFlow = "theirs" }, realm.ObstaclePostFlow},
		"unread":          {func(s *realm.State) { s.Unread = map[realm.Part]error{realm.PartClients: os.ErrPermission} }, realm.ObstacleUnread},
	} {
		s, w := plain(t)
		tc.change(s)
		p := s.Plan(w)
		if !slices.ContainsFunc(p.Obstacles, func(o realm.Obstacle) bool {
			return o.Kind == tc.kind && o.What != "" && (o.Say.Name != "") == (tc.kind == realm.ObstacleFlow)
		}) {
			t.Errorf("%s: obstacles %+v, want %s", name, p.Obstacles, tc.kind)
		}
	}
}

// OIDC-22: where the mailbox was the only word on linking an account, nobody is linked.
func TestPlanRefusesLinkingWhereTheMailboxWasAll(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	s.Flow("first broker login").Walk(true, func(e *realm.Execution) {
		if e.Sub != nil && e.Sub.Alias == "Account verification options" {
			e.Sub.Steps = []realm.Execution{{Requirement: "REQUIRED", Provider: "idp-email-verification"}}
		}
	})
	got := flowOf(t, s.Plan(w), "otpbridge-first-broker-login")
	if strings.Contains(got, "idp-email-verification") || !strings.Contains(got, "account-verification-options REQUIRED\n+       deny-access-authenticator REQUIRED") {
		t.Errorf("flow:\n%s", got)
	}
}

// Issue 6: the safe realm of the tests lacks only what it was never given.
func TestPlanLeavesASafeRealmAlone(t *testing.T) {
	t.Parallel()
	s, a := campus(t)
	s.Authenticators = []string{"conditional-client-scope"} // of the server that it was recorded on
	w := a.Wanted
	w.LoginSecret, w.AdminSecret, w.Deciding = "kept elsewhere", "kept elsewhere", w.Deciding[:1]
	p := s.Plan(w)
	for _, step := range p.Steps {
		if step.Kind == realm.KindFlow || step.Reason == realm.ReasonFlow || step.Reason == realm.ReasonLock || step.Reason == realm.ReasonScope || step.Reason == realm.ReasonGate {
			t.Errorf("%s: %v", step.Title(), step.Lines())
		}
	}
	if p.LocksOut || len(p.Obstacles) > 0 {
		t.Errorf("locks out %v, obstacles %v", p.LocksOut, p.Obstacles)
	}
}

// The sign-in says the roles of the help desk and of the auditors: without them nobody gets in there.
func TestPlanGivesTheLoginClientTheRolesOfTheDesk(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	p := s.Plan(w)
	for _, role := range w.ConsoleRoles {
		if made, given := at(p, "role "+role), at(p, "role in tokens of client otpbridge-login "+role); made < 0 || given <= made {
			t.Errorf("%s is made in step %d and given in step %d", role, made, given)
		}
	}
}

// A login theme that the server lacks, a mistyped one, replaces none; one that takes the place of another is said.
func TestPlanPutsNoUnknownTheme(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	s.Settings["loginTheme"] = "campus"
	in := func(themes ...string) bool {
		w.Themes = themes
		return slices.ContainsFunc(s.Plan(w).Obstacles, func(o realm.Obstacle) bool { return o.Kind == realm.ObstacleTheme && o.What == w.Theme })
	}
	if !in("campus", "keycloak") || in("campus", w.Theme) || in() {
		t.Error("the plan goes by another list of themes")
	}
	if got := s.Plan(w).Replaces(); got != "campus" {
		t.Errorf("replaces %q", got)
	}
	if s.Settings["loginTheme"] = ""; s.Plan(w).Replaces() != "" {
		t.Error("replaces what is not there")
	}
}
