package web_test

import (
	"net/http"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/view"
	"otpbridge/bridge/web"
)

func unsafeReport(c *campus.Campus) view.Report {
	return view.Report{
		At: c.Clock.Now(), Stopped: true,
		Findings: []bridge.Finding{bridge.Found(bridge.FindScopeShared, "por<b>tal", "scope", "otp-recovery")},
		Unchecked: []view.UncheckedCheck{
			{Check: "clock", Why: bridge.UncheckedRefused, Needs: "otpbridge-admin: invalid_client"},
			{Check: "identity-providers", Why: bridge.UncheckedRights, Needs: "view-identity-providers"},
			{Check: "reach", Why: bridge.UncheckedRefused, Needs: "otpbridge-admin: invalid_client"},
		},
		Passed: []string{"browser-flow"},
	}
}

// OIDC-12, HD-04: the health report is read by administrators of otpbridge alone, after a full sign-in and for as long as Keycloak says that they are.
func TestOnlyAdministratorsReadTheHealthReport(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.Health.Show(unsafeReport(c))
	roles(c, member(c, "auditor"), with("otp-auditor"))
	roles(c, member(c, "admin"), with("otp-admin"))
	if a := get("/admin", "").to(t, c); a.header.Get("Location") != "/signin?to=admin" {
		t.Errorf("without a sign-in: %d %s", a.status, a.header.Get("Location"))
	}
	half := at(t, c, "admin")
	half.signIn("admin")
	if a := get("/admin", half.session()).to(t, c); a.header.Get("Location") != "/signin?to=admin" {
		t.Errorf("after a password-only sign-in: %d", a.status)
	}
	for _, name := range []string{"carol", "auditor"} {
		p := at(t, c, name)
		p.signInFully(name, "/desk")
		p.open("/admin", http.StatusForbidden)
		p.says("Your account does not read the health report.")
		if a := post("/admin", p.session(), p.token()).to(t, c); a.status != http.StatusForbidden || strings.Contains(a.body, "por&lt;b&gt;tal") {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	admin := at(t, c, "admin")
	admin.signInFully("admin", "/admin")
	admin.at("/admin")
	admin.says("Health report")
	for _, path := range []string{"/desk", "/desk/audit", "/desk/permit"} {
		admin.open(path, http.StatusForbidden)
	}
	if c.Health.Looks() != 0 {
		t.Error("somebody looked again")
	}
	roles(c, "admin", without("otp-admin"))
	c.Clock.Add(web.RoleLife)
	admin.open("/admin", http.StatusForbidden)
}

// OPS-09: what is wrong, what was not checked and what passed, in words; a press looks again, a GET does not.
func TestTheHealthReportSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	_, pause := switches(t, c)
	roles(c, member(c, "admin"), with("otp-admin"))
	admin := at(t, c, "admin")
	admin.signInFully("admin", "/admin")
	admin.says("Not checked yet.")
	c.Health.Show(unsafeReport(c))
	admin.open("/admin", http.StatusOK)
	for _, words := range []string{
		"1 deadly, 0 critical, 0 warnings, 0 infos; 3 not checked, 1 passed", "No new recovery begins until this is mended.", "por&lt;b&gt;tal", "Risk", "Remedy",
		"Identity providers", "needs view-identity-providers", "Clock, Reach of the service account", "Browser flow", "Each process of this service looks for itself.",
	} {
		admin.says(words)
	}
	if n := strings.Count(admin.Body, "gives no token to otpbridge-admin"); n != 1 {
		t.Errorf("%d lines say that there is no token", n)
	}
	if c.Health.Looks() != 0 {
		t.Error("a GET looked again")
	}
	admin.send("/admin", http.StatusOK)
	admin.at("/admin")
	if c.Health.Looks() != 1 {
		t.Errorf("%d looks", c.Health.Looks())
	}
	if strings.Contains(admin.Body, "paused: true") {
		t.Error("there is no pause")
	}
	pause(true)
	admin.open("/admin", http.StatusOK)
	admin.says("The configuration says paused: true: nobody can begin a recovery.")
}

// A campus without a help desk has the report all the same. Whoever comes without the second factor is led back to it, and not to a desk that is not there.
func TestTheHealthReportNeedsNoHelpDesk(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	h := twin(c, func(s *web.Server) { s.DeskRole, s.AuditorRole, s.Trail = "", "", nil })
	for path, want := range map[string]int{"/desk": http.StatusNotFound, "/signin?to=desk": http.StatusNotFound, "/signin?to=admin": http.StatusSeeOther, "/admin": http.StatusSeeOther} {
		if a := through(h, c, get(path, "")); a.status != want {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	roles(c, member(c, "admin"), with("otp-admin"))
	c.KC.SetRealm(map[string]any{"browserFlow": fakekc.FlowPasswordAlone})
	admin := at(t, c, "admin")
	admin.signInFully("admin", "/admin")
	admin.want(http.StatusForbidden)
	if !strings.Contains(admin.Body, `href="/signin?to=admin"`) || strings.Contains(admin.Body, `href="/desk"`) {
		t.Errorf("not led back to the report: %s", text(admin.Body))
	}
}
