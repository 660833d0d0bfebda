package bridge

import (
	"slices"
	"strings"
	"time"
)

// ActionKind is what to do next in a swap.
type ActionKind string

// The actions of a swap, in the order in which they come.
const (
	ActionAdd         ActionKind = "add"          // write the new credential
	ActionMove        ActionKind = "move"         // put it right behind the password
	ActionRemove      ActionKind = "remove"       // remove one credential
	ActionEndSessions ActionKind = "end_sessions" // end every session of the person
	ActionFinish      ActionKind = "finish"       // nothing is left to do at Keycloak
	ActionAddCodes    ActionKind = "add_codes"    // write recovery codes; no part of a swap
)

// Action is one repeatable step. Add carries the whole new credential; the others need an id only.
type Action struct {
	Kind       ActionKind
	Credential string // id: of the new one (add, move) or of the one to remove
	After      string // move: id of the credential that it stands behind, "" = first
	New        *NewCredential
	Codes      *NewCodes // add_codes
	// Until, unless zero, is when it is too late to send it: whoever decided it may have stood still, and others have gone on since. It is held
	// against the clock on the wall, since a machine that sleeps counts no time.
	Until time.Time
}

// NewCredential is what Keycloak stores. The secret is the key in Base32.
type NewCredential struct {
	ID     string
	Label  string
	Secret Secret
	OTP    OTPPolicy
	// Temporary: a temporary code in place of an authenticator, usable once. OTP is then not looked at.
	Temporary bool `json:",omitempty"`
	// CreatedMillis is the creation time in milliseconds since 1970, fixed at intent so that a repeat writes the same.
	CreatedMillis int64
}

// Swap is what a recovery in Writing has to do, fixed before the first write.
type Swap struct {
	New           NewCredential
	Remove        []string // second factors that stood at intent: OTPs; every kind, after a theft whose lock was refused
	All           bool     `json:",omitempty"` // after a theft whose lock was refused: every other second factor goes, also one that is younger
	Sent          bool     `json:",omitempty"` // the new credential may be there: it was sent at least once, and not refused each time
	SessionsEnded bool
	Refused       Code      `json:",omitempty"` // how Keycloak has refused the new credential since RefusedAt, with nothing else in between
	RefusedAt     time.Time `json:",omitzero"`
	Gone          time.Time `json:",omitzero"` // since when the account is not to be seen, with nothing else in between
}

// NextAction decides the next step from the swap and the credentials seen just now. It never removes anything before the new
// credential is seen, and never a federated one. Temporary codes and unknown OTPs older than ours are removed, newer ones kept (SWAP-05).
func NextAction(s Swap, seen []Credential) Action {
	i := slices.IndexFunc(seen, func(c Credential) bool { return c.ID == s.New.ID })
	if i < 0 {
		return Action{Kind: ActionAdd, Credential: s.New.ID, New: &s.New}
	}
	if after, ok := misplaced(seen, i); ok {
		return Action{Kind: ActionMove, Credential: s.New.ID, After: after}
	}
	for _, c := range seen {
		if s.removes(c, seen[i]) {
			return Action{Kind: ActionRemove, Credential: c.ID}
		}
	}
	if !s.SessionsEnded {
		return Action{Kind: ActionEndSessions}
	}
	return Action{Kind: ActionFinish}
}

// Apply returns what the credentials are after a was done, as far as it can be reckoned; list stays as it is.
func (a Action) Apply(list []Credential) []Credential {
	own := slices.IndexFunc(list, func(c Credential) bool { return c.ID == a.Credential })
	if own < 0 || a.Kind != ActionMove && a.Kind != ActionRemove {
		return list
	}
	rest := slices.Delete(slices.Clone(list), own, own+1)
	if a.Kind == ActionRemove {
		return rest
	}
	behind := slices.IndexFunc(rest, func(c Credential) bool { return a.After != "" && c.ID == a.After }) + 1 // not there or none: first
	return slices.Insert(rest, behind, list[own])
}

// stands reports whether the new credential is among those seen.
func (s Swap) stands(seen []Credential) bool {
	return slices.ContainsFunc(seen, func(c Credential) bool { return c.ID == s.New.ID })
}

// beside says which OTPs stay beside the new one, in words for the trail: those of a directory, which cannot be removed, and those that came after it.
func (s Swap) beside(seen []Credential) (directory bool, kept string) {
	younger := false
	for _, c := range seen {
		if c.Type == TypeOTP && c.ID != s.New.ID && !c.Temporary() {
			directory, younger = directory || c.Federated, younger || !c.Federated
		}
	}
	var said []string
	if directory {
		said = append(said, "an authenticator of a directory cannot be removed")
	}
	if younger {
		said = append(said, "another authenticator was added meanwhile")
	}
	return directory, strings.Join(said, "; ")
}

// misplaced reports that the credential at i does not stand right behind the password (or first, without one), and behind what
// it should stand. The password of a directory has no place in the order: it comes last whatever is moved.
func misplaced(seen []Credential, i int) (after string, ok bool) {
	p := slices.IndexFunc(seen, func(c Credential) bool { return c.Type == TypePassword && !c.Federated })
	if p < 0 {
		return "", i != 0
	}
	return seen[p].ID, i != p+1
}

// removes reports whether c has to go: what the intent names, a temporary code, or an unknown OTP older than ours; with All whatever is a second factor.
func (s Swap) removes(c, ours Credential) bool {
	if !slices.Contains(factors, c.Type) || c.ID == s.New.ID || c.Federated {
		return false
	}
	return s.All || slices.Contains(s.Remove, c.ID) || c.Temporary() || c.Tombstone() || c.Type == TypeOTP && c.Created.Before(ours.Created)
}
