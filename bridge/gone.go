package bridge

import "time"

// goneForGood is how long an account has to stay out of sight until it counts as deleted.
const goneForGood = time.Hour

// gone is what a fault at an account means that was wanted since a time. One that is not to be seen is away until that has lasted: whatever stands before
// Keycloak says so, too, for a while.
func (f *Flow) gone(err error, since time.Time) error {
	if CodeOf(err) != CodeGone || f.Now().Sub(since) >= goneForGood {
		return err
	}
	return Fault(CodeKeycloakAway, "an account that is not to be seen", err)
}
