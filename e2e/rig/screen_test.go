package rig

import (
	"testing"
	"testing/synctest"
)

// Whoever rests makes room, comes back before those who have not begun, and never beside more than there is room for.
func TestRigTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1)
		var order []string
		leave := p.take("rests")
		part := p.take("rests") // the same test's place
		begin := func(name string, take func(string) func()) (end chan struct{}) {
			end = make(chan struct{})
			go func() {
				leave := take(name)
				order = append(order, name)
				<-end
				leave()
			}()
			synctest.Wait()
			return end
		}
		first := begin("first", p.take)
		if len(order) > 0 {
			t.Fatalf("%v work beside one who is at work", order)
		}
		again := p.lend("rests")
		synctest.Wait()
		second := begin("second", p.take)
		back := begin("comes back", func(string) func() { again(); return leave })
		third := begin("third", p.take)
		close(first)
		synctest.Wait()
		close(back)
		synctest.Wait()
		if len(order) != 2 || !p.holds("rests") {
			t.Fatalf("%v, and the part that is left has a place: %v", order, p.holds("rests"))
		}
		part()
		synctest.Wait()
		close(second)
		close(third)
		synctest.Wait()
		if len(order) != 4 || order[0] != "first" || order[1] != "comes back" || p.free != 1 {
			t.Errorf("%v, and %d places are free", order, p.free)
		}
	})
}
