package main

import (
	"strings"
	"testing"

	"otpbridge/bridge/realm"
	"otpbridge/cmd/internal/adminapi"
)

// Issue 6: obstacles of one kind stand below one heading.
func TestObstaclesOfAKindHaveOneHeading(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := session{process: process{out: &out, lang: "en"}, state: &realm.State{}}
	s.wanted.Realm = "campus"
	unread := func(p realm.Part) realm.Obstacle { return realm.Obstacle{Kind: realm.ObstacleUnread, What: string(p)} }
	plan := realm.Plan{Obstacles: []realm.Obstacle{unread(realm.PartFlows), unread(realm.PartRoles), {Kind: realm.ObstacleVersion, What: "Keycloak 26.0"}}}
	s.client = &adminapi.Client{URL: "https://sso.example.ac.jp"}
	if err := s.show(plan); err != nil {
		t.Fatal(err)
	}
	const heading = "The client may not see this part of the realm; give it the role realm-admin:\n  "
	if text := out.String(); strings.Count(text, heading) != 1 || !strings.Contains(text, "\n  roles\nThis Keycloak is too old") {
		t.Errorf("%s", text)
	}
}
