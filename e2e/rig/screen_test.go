package rig

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

// Places that are taken away are not filled again, and who has one keeps it; those that are added are filled at once.
func TestRigPlacesComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(2)
		first, second := p.take("first"), p.take("second")
		if !p.full() {
			t.Error("two have both places, and there is another one")
		}
		p.add(-1)
		var third func()
		go func() { third = p.take("third") }()
		synctest.Wait()
		first()
		synctest.Wait()
		if third != nil || !p.holds("second") {
			t.Fatalf("one place is left, and the third has one: %v, the second: %v", third != nil, p.holds("second"))
		}
		p.add(1)
		synctest.Wait()
		if third == nil {
			t.Fatal("a place was added, and nobody has it")
		}
		second()
		third()
	})
}

// The parts of a test run at once, though no test may begin beside it, but never more than two of them.
func TestRigTogether(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var once sync.Once
	now, most, both := 0, 0, make(chan struct{})
	part := func(*testing.T) {
		mu.Lock()
		now++
		most = max(most, now)
		if now == 2 {
			once.Do(func() { close(both) })
		}
		mu.Unlock()
		<-both
		<-time.After(20 * time.Millisecond) // for a third one that were let in
		mu.Lock()
		now--
		mu.Unlock()
	}
	Together(t, map[string]func(t *testing.T){"one": part, "two": part, "three": part, "four": part})
	if most != 2 {
		t.Errorf("%d parts ran at once", most)
	}
}

// More tests begin while the machine has little to do, one at a time and up to a bound, and fewer when it has enough.
func TestRigRoom(t *testing.T) {
	t.Parallel()
	var got []int
	more := 0
	for _, busy := range []int{100, 30, 30, 70, 30, 30, 30, 90, 100, 80, 95, 100, 100} {
		more = room(more, busy, true)
		got = append(got, more)
	}
	if n := room(1, 30, false); n != 1 {
		t.Errorf("%d more, though there is a place", n)
	}
	if want := []int{0, 1, 2, 2, 3, 4, 4, 3, 2, 2, 1, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if busy, all := jiffies("cpu  100 2 30 4000 500 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n"); busy != 153 || all != 4653 {
		t.Errorf("busy for %d of %d", busy, all)
	}
}
