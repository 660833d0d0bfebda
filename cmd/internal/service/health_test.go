package service

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/cmd/internal/config"
)

// INV-6: whose group cannot be seen would be ruled by a weaker policy, so the service does not become ready.
func TestPolicyGroupsHaveToBeSeen(t *testing.T) {
	t.Parallel()
	kc := fakekc.Start(fakekc.Options{})
	t.Cleanup(kc.Close)
	kc.AddPerson(fakekc.Person{Username: "clerk", Groups: []string{"staff"}})
	with := func(client, secret string, groups ...string) *service {
		s := &service{cfg: config.Config{
			Keycloak: config.Keycloak{
				URL: kc.URL, Realm: "campus", ClientID: client, Auth: config.ClientAuth{Secret: bridge.Secret(secret)}, AllowedGroup: "/otp-recoverable",
			},
			SignIn:   config.SignIn{Issuer: kc.Issuer, ClientID: fakekc.ClientLogin},
			Policies: []config.PolicyConfig{{Match: config.MatchConfig{Groups: groups}}, {}},
		}}
		var err error
		if s.kc, err = Keycloak(s.cfg, time.Now, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	if err := with(fakekc.ClientBroad, "broad-secret-for-tests", "/staff").seesPolicyGroups(t.Context()); err != nil {
		t.Error(err)
	}
	for _, s := range []*service{
		with(fakekc.ClientAdmin, "admin-secret-for-tests", "/otp-recoverable", "/staff"), with(fakekc.ClientBroad, "broad-secret-for-tests", "/staff", "/typo"),
	} {
		if err := s.seesPolicyGroups(t.Context()); err == nil || !strings.Contains(err.Error(), "may not view: /") || strings.Contains(err.Error(), "recoverable") {
			t.Errorf("got %v", err)
		}
	}
	kc.Down()
	if err := with(fakekc.ClientBroad, "broad-secret-for-tests", "/staff").seesPolicyGroups(t.Context()); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
		t.Errorf("away: %v", err)
	}
}
