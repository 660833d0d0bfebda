package config

import (
	"fmt"
	"regexp"
	"testing"
)

// The pattern of a range matches each number in it and none beside it.
func TestRangePattern(t *testing.T) {
	t.Parallel()
	for _, r := range [][2]int64{{0, 0}, {0, 9}, {5, 10}, {1, 24}, {5, 1440}, {0, 4320}, {24, 720}, {1440, 43200}, {100, 199}, {97, 1203}} {
		re := regexp.MustCompile("^" + between(r[0], r[1]) + "$")
		for n := range int64(50000) {
			if got, want := re.MatchString(fmt.Sprint(n)), n >= r[0] && n <= r[1]; got != want {
				t.Fatalf("%v: %d matches: %v", r, n, got)
			}
		}
	}
}
