package bridge

import (
	"context"
	"time"
)

// MovedBySomebody is what Profiles.SetAttributes reports when somebody else wrote the person just before: what they changed may be lost.
const MovedBySomebody = "somebody else's change"

// Profiles changes what a person has beside credentials, and says how a person signed in.
type Profiles interface {
	// SetAttributes reads the person, writes what change returns (no values: the attribute goes; nothing that differs: nothing is written), and reads
	// the person again. moved names what else changed meanwhile, never its value. CodeRefusedByAccount, with Field: Keycloak did not take it, or it is gone
	// again. CodeKeycloakAway: it may stand.
	SetAttributes(ctx context.Context, person string, change func(now map[string][]string) map[string][]string) (moved []string, err error)
	// Takes says what Keycloak would take of a person's attributes, before anything is written.
	Takes(ctx context.Context, person string, names ...string) (AttributeRules, error)
	// Rename gives a credential another label. CodeGone: there is none.
	Rename(ctx context.Context, person, credential, label string) error
	// SignedInWith returns the id of the credential whose code opened a campus session since a time, "" when none is known.
	SignedInWith(ctx context.Context, person, session string, since time.Time) (credential string, err error)
}

// AttributeRules are what Keycloak says of some attributes of one person.
type AttributeRules struct {
	Fixed bool // one of them takes no change, as of people of a directory that is only read
	Plain bool // one of them takes no address but what its own rule calls one: no dots beside each other or at an end
}
