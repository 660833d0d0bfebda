package rig

import (
	"strings"
	"sync"
	"testing"
)

// screens is how many tests may have browsers open at the same time. Browsers are what keeps a small machine busy: most tests
// without one wait for clocks, and can do so beside these.
const screens = 2

// desks are the places in front of a screen. A test takes one for all its browsers and those of its subtests, so that nobody who
// has one waits for another.
var desks = struct {
	free  chan struct{}
	mu    sync.Mutex
	pages map[string]int // by the name of the test
}{free: make(chan struct{}, screens), pages: map[string]int{}}

// sit waits until the test has a place, and gives it back with its last browser.
func sit(t *testing.T) {
	test, _, _ := strings.Cut(t.Name(), "/")
	if count(test, 1) == 1 {
		desks.free <- struct{}{}
	}
	t.Cleanup(func() {
		if count(test, -1) == 0 {
			<-desks.free
		}
	})
}

func count(test string, change int) int {
	desks.mu.Lock()
	defer desks.mu.Unlock()
	desks.pages[test] += change
	return desks.pages[test]
}
