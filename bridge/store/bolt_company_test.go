package store

import (
	"testing"
	"time"
)

// A writer that is alone waits for nobody; those who meet, and for a moment after, share their waits for the disk.
func TestWritersThatMeetShare(t *testing.T) {
	t.Parallel()
	var c company
	now := time.Unix(1_800_000_000, 0)
	for _, alone := range []string{"the first", "one after its end"} {
		if c.enter(now) {
			t.Errorf("%s: has company", alone)
		}
		c.leave()
	}
	c.enter(now)
	if !c.enter(now) {
		t.Error("the second of two is alone")
	}
	c.leave()
	c.leave()
	if !c.enter(now.Add(sideBySide - 1)) {
		t.Error("a moment after they met one is alone")
	}
	c.leave()
	if c.enter(now.Add(sideBySide)) {
		t.Error("a while after they met one has company")
	}
}
