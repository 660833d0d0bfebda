package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"otpbridge/e2e/rig"
)

// OIDC-16: an administrator signs an operator out at Keycloak, which tells one of two replicas: both ask to sign in again, and it is on record.
func TestJourneySignedOutByAnAdministrator(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoOnRedis(t), func(s *rig.Setup) { s.Change = rig.HelpDesk })
	carol := s.console("carol")
	seen := func() (signedIn int) {
		for range s.bridge.Replicas { // the front gives each request to the next one
			carol.Get(s.bridge.URL + "/desk")
			if carol.Status == http.StatusOK {
				signedIn++
			}
		}
		return signedIn
	}
	if n := seen(); n != 2 {
		t.Fatalf("signed in at %d replicas", n)
	}
	s.keycloak("POST "+s.path("carol")+"/logout", nil, nil)
	rig.Eventually(t, "both replicas ask to sign in", func() bool { return seen() == 0 })
	s.bridge.MustHaveLogged(t, `"logout.received"`)
}

// mustHaveEndedItsOwnSessions wants Keycloak's answer to that in the log: each logout came back as our own, and none was refused. OIDC-16
func (j *journey) mustHaveEndedItsOwnSessions() {
	j.t.Helper()
	own, refused := 0, 0
	for _, r := range j.bridge.Replicas {
		own += strings.Count(r.LogText(), "our own logout came back")
		refused += strings.Count(r.LogText(), "logout token refused")
	}
	if own < 2 || refused > 0 {
		j.t.Errorf("%d logouts of ours came back, %d were refused", own, refused)
	}
}
