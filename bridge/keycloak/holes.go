package keycloak

import (
	"strconv"
	"strings"

	"otpbridge/bridge"
)

// oldest is the first line of releases that this program was tried with.
var oldest = [2]int{26, 4}

// hole is a known weakness of Keycloak that gets past what this program rests on, and the first release without it in each line. A later
// line than the last one has the fix from its beginning, an earlier one than the first has none.
type hole struct {
	cve   string
	fixed [][3]int
}

// knownHoles is the table to keep up to date. CVE-2026-94218 concerns an executor of client profiles and is looked for there;
// CVE-2026-97176 is a matter of the applications, which have to check `acr` themselves: docs/doctor.md says so.
func knownHoles() []hole {
	return []hole{
		{"CVE-2026-18963", [][3]int{{26, 4, 15}, {26, 6, 6}, {26, 7, 2}, {26, 8, 0}}},
	}
}

// holes says what is known of a version. One that cannot be read is as bad as an old one.
func holes(version string) (found []bridge.Finding) {
	v := parseVersion(version)
	if v[0] < oldest[0] || v[0] == oldest[0] && v[1] < oldest[1] {
		found = append(found, bridge.Found(bridge.FindKeycloakOld, "", "version", version))
	}
	for _, h := range knownHoles() {
		if !h.fixedIn(v) {
			var lines []string
			for _, f := range h.fixed {
				lines = append(lines, strconv.Itoa(f[0])+"."+strconv.Itoa(f[1])+"."+strconv.Itoa(f[2]))
			}
			found = append(found, bridge.Found(bridge.FindKeycloakHole, h.cve, "version", version, "fixed", strings.Join(lines, ", ")))
		}
	}
	return found
}

func (h hole) fixedIn(v [3]int) bool {
	last := h.fixed[len(h.fixed)-1]
	if v[0] > last[0] || v[0] == last[0] && v[1] > last[1] {
		return true
	}
	for _, f := range h.fixed {
		if v[0] == f[0] && v[1] == f[1] {
			return v[2] >= f[2]
		}
	}
	return false
}

// parseVersion reads 26.7.4 and 26.7.4.Final; what is no number counts as 0.
func parseVersion(text string) (v [3]int) {
	for i, part := range strings.SplitN(text, ".", 4) {
		if i < len(v) {
			v[i], _ = strconv.Atoi(part) // 0 then
		}
	}
	return v
}
