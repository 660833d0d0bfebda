package realm

import "fmt"

// What stands in the way of a plan, and the sentences that say more about it than names can.

// Obstacle says why a realm cannot be made safe as it stands.
type Obstacle struct {
	Kind ObstacleKind `json:"kind"`
	What string       `json:"what"` // names and details, the same in every language; a sentence is in English
	Say  Detail       `json:"-"`    // that sentence; its name is "" where What is names only
}

// ObstacleKind is what stands in the way; people read its words, which are not ours.
type ObstacleKind string

// What can stand in the way.
const (
	ObstacleUnread         ObstacleKind = "unread"         // the client may not see a part of the realm
	ObstacleVersion        ObstacleKind = "version"        // Keycloak is too old
	ObstacleFlow           ObstacleKind = "flow"           // a flow whose shape is not understood
	ObstaclePostFlow       ObstacleKind = "post_flow"      // an identity provider has a flow of its own after the sign-in
	ObstacleName           ObstacleKind = "name"           // a name of ours is something else in this realm
	ObstacleScope          ObstacleKind = "built_in_scope" // a client scope of Keycloak's own is missing
	ObstacleSecret         ObstacleKind = "secret"         // a client has another secret than the configuration
	ObstacleTheme          ObstacleKind = "theme"          // the server has no such login theme
	ObstacleAdministrators ObstacleKind = "administrators" // no administrator would get in afterwards
	ObstacleLevels         ObstacleKind = "levels"         // the names of levels cannot be read, or a password-only sign-in has the full one
	ObstacleFinding        ObstacleKind = "finding"        // the doctor finds what no change of a plan mends
)

// Obstacles lists every kind.
func Obstacles() []ObstacleKind {
	return []ObstacleKind{
		ObstacleUnread, ObstacleVersion, ObstacleFlow, ObstaclePostFlow, ObstacleName, ObstacleScope, ObstacleSecret, ObstacleTheme,
		ObstacleAdministrators, ObstacleLevels, ObstacleFinding,
	}
}

// Detail is a sentence about names in the realm, up to three; people read it in their own language, in words that are not ours.
type Detail struct {
	Name  string
	About [3]string
}

// Details are the names of all sentences, and their English: a format of what they are about, %[1]s to %[3]s.
func Details() map[string]string {
	return map[string]string{
		"flow_absent":  "%[1]s: not found",
		"flow_nobody":  "%[1]s: asks nobody who they are",
		"flow_ticket":  "%[1]s: takes a Kerberos ticket and nothing else",
		"flow_typed":   "%[1]s: no way in asks everybody for the password",
		"flow_untyped": "%[1]s: %[2]s lets people in who typed no password",
		"flow_tickets": "%[1]s: %[2]s is required in %[3]s: who has no ticket gets no further",
		"flow_parts":   "%[1]s: %[2]s is a form of several parts",
		"flow_beside":  "%[1]s: %[2]s stands in %[3]s beside something else",
		"flow_depends": "%[1]s: the second factor in %[2]s depends on %[3]s",
		"flow_scoped":  "%[1]s: %[2]s makes %[3]s depend on the client scope of a recovery, otherwise than plan understands",
		"name_client":  "client %[1]s: %[2]s",
		"name_scope":   "client scope %[1]s: %[2]s",
	}
}

// In fills in what the sentence is about.
func (d Detail) In(format string) string {
	return fmt.Sprintf(format, d.About[0], d.About[1], d.About[2])
}
