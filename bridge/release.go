package bridge

import (
	"strconv"
	"strings"
)

// Release is a release of Keycloak, such as 26.7.4.
type Release [3]int

// Lines of releases: what came before Oldest lacks something that the sign-in rests on; what comes after Newest has not been tried. Before FineRelease
// a fine-grained permission can neither name a service account nor limit whose membership of groups is changed. Before SwitchRelease fine-grained
// permissions that are switched off again leave accounts that may manage or view users, and nothing more, an answer of 500 about each of them.
var (
	Oldest        = Release{26, 4}
	SwitchRelease = Release{26, 5}
	FineRelease   = Release{26, 7}
	Newest        = Release{26, 7}
)

// ParseRelease reads 26.7.4 and 26.7.4.Final; what is no number counts as 0.
func ParseRelease(text string) (r Release) {
	for i, part := range strings.SplitN(text, ".", 4) {
		if i < len(r) {
			r[i], _ = strconv.Atoi(part) // 0 then
		}
	}
	return r
}

// String names the line of a release, such as 26.7.
func (r Release) String() string { return strconv.Itoa(r[0]) + "." + strconv.Itoa(r[1]) }

// Before reports whether a release is of an earlier line than another one.
func (r Release) Before(other Release) bool {
	return r[0] < other[0] || r[0] == other[0] && r[1] < other[1]
}
