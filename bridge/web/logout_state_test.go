package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"otpbridge/bridge/bridgetest/campus"
)

// OIDC-16: the way out through the campus carries no state, since nothing is decided when the browser comes back: a value that nobody checks
// would only look like a protection.
func TestTheCampusLogoutCarriesNothingThatIsNotChecked(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.open("/start", http.StatusOK)
	a := post("/signout", p.session(), p.token()).to(t, c)
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || to.Query().Get("post_logout_redirect_uri") != c.URL+"/" || to.Query().Has("state") {
		t.Errorf("%d %s %v", a.status, to, err)
	}
}
