package keycloak

import (
	"context"
	"strconv"
	"strings"

	"otpbridge/bridge"
)

// hole is a known weakness of Keycloak that gets past what this program rests on, and the first release without it in each line. A later
// line than the last one has the fix from its beginning, an earlier one than the first has none. Without any release it is up to the applications.
type hole struct {
	cve   string
	fixed []bridge.Release
}

// knownHoles is the table to keep up to date. CVE-2026-94218 concerns an executor of client profiles and is looked for there.
func knownHoles() []hole {
	return []hole{
		{"CVE-2026-18963", []bridge.Release{{26, 4, 15}, {26, 6, 6}, {26, 7, 2}, {26, 8, 0}}},
		{"CVE-2026-97176", nil}, // they have to check `acr` in the ID token themselves
	}
}

// holes says what is known of a version. One that cannot be read is as bad as an old one.
func holes(version string) (found []bridge.Finding) {
	v := bridge.ParseRelease(version)
	if v.Before(bridge.Oldest) {
		found = append(found, bridge.Found(bridge.FindKeycloakOld, "", "version", version))
	}
	if bridge.Newest.Before(v) {
		found = append(found, bridge.Found(bridge.FindKeycloakNew, "", "version", version, "newest", bridge.Newest.String()))
	}
	for _, h := range knownHoles() {
		if len(h.fixed) > 0 && !h.fixedIn(v) {
			var lines []string
			for _, f := range h.fixed {
				lines = append(lines, strconv.Itoa(f[0])+"."+strconv.Itoa(f[1])+"."+strconv.Itoa(f[2]))
			}
			found = append(found, bridge.Found(bridge.FindKeycloakHole, h.cve, "version", version, "fixed", strings.Join(lines, ", ")))
		}
	}
	return found
}

// checkApplications names what only the applications can close: whether they do cannot be seen from here.
func checkApplications(context.Context) ([]bridge.Finding, error) {
	var names []string
	for _, h := range knownHoles() {
		if len(h.fixed) == 0 {
			names = append(names, h.cve)
		}
	}
	return nil, bridge.NotChecked(bridge.UncheckedUnknown, strings.Join(names, ", "))
}

func (h hole) fixedIn(v bridge.Release) bool {
	if h.fixed[len(h.fixed)-1].Before(v) {
		return true
	}
	for _, f := range h.fixed {
		if v[0] == f[0] && v[1] == f[1] {
			return v[2] >= f[2]
		}
	}
	return false
}
