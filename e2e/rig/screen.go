package rig

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// screens is how many tests may have browsers open at the same time, and atWork how many may be under way: more than a small machine can carry
// out, since they wait a lot for answers, but not so many that what has to be done within half a minute is not. While the machine is idle nevertheless,
// further ones begin (see watchLoad). A test that rests, until a clock has moved on, makes room meanwhile: far more tests may have begun.
const screens, atWork = 2, 4

var desks, turns = newPlaces(screens), newPlaces(atWork)

// places are what tests take turns at. A test takes one for itself and its subtests, so that nobody who has one waits for another.
type places struct {
	mu    sync.Mutex
	moved *sync.Cond
	free  int                // below zero: so many have to leave before anybody begins
	back  int                // how many want their place again, which come first
	tests map[string]*tenant // by name
}

// tenant is a test that has, or wants, a place.
type tenant struct {
	has         bool
	uses, rests int // how many parts of the test want the place, and how many of them rest
}

func newPlaces(free int) *places {
	p := &places{free: free, tests: map[string]*tenant{}}
	p.moved = sync.NewCond(&p.mu)
	return p
}

// take waits until the test of that name has a place; it keeps that until leave was called as often as take.
func (p *places) take(name string) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	test := p.test(name)
	test.uses++
	for !test.has && (p.free <= 0 || p.back > 0) {
		p.moved.Wait()
	}
	if !test.has {
		test.has = true
		p.free--
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		test.uses--
		if test.uses == 0 {
			test.has = false
			p.makeRoom()
		}
	}
}

// lend lets others have the test's place until the function that it returns is called.
func (p *places) lend(name string) (again func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	test := p.test(name)
	if !test.has {
		return func() {}
	}
	test.rests++
	if test.rests == 1 {
		p.makeRoom()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		test.rests--
		if test.rests > 0 {
			return
		}
		p.back++
		for p.free <= 0 {
			p.moved.Wait()
		}
		p.back--
		p.free--
		p.moved.Broadcast()
	}
}

// holds reports whether the test has a place.
func (p *places) holds(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.test(name).has
}

func (p *places) test(name string) *tenant {
	if p.tests[name] == nil {
		p.tests[name] = &tenant{}
	}
	return p.tests[name]
}

// add makes n more places, or n fewer when it is negative: nobody has to leave for that.
func (p *places) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free += n
	p.moved.Broadcast()
}

// full reports whether nobody else may begin.
func (p *places) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free <= 0
}

func (p *places) makeRoom() {
	p.free++
	p.moved.Broadcast()
}

// whole is the name of the test that t is, or is a part of.
func whole(t *testing.T) string {
	name, _, _ := strings.Cut(t.Name(), "/")
	return name
}

// Together runs parts of a test as its subtests, two at a time, on the test's own place. With t.Parallel they would wait until every test has begun, and
// a place that their test has with them.
func Together(t *testing.T, parts map[string]func(t *testing.T)) {
	t.Helper()
	var all sync.WaitGroup
	hands := make(chan struct{}, 2)
	for name, part := range parts {
		all.Go(func() {
			hands <- struct{}{}
			defer func() { <-hands }()
			t.Run(name, part)
		})
	}
	all.Wait()
}

// work waits for a turn. What everybody who needs a turn asks for calls it: Keycloak, and a page.
func work(t *testing.T) { t.Cleanup(turns.take(whole(t))) }

// sit waits for a turn and a desk with a screen; nobody who waits for a desk keeps a turn from others.
func sit(t *testing.T) {
	work(t)
	if !desks.holds(whole(t)) {
		defer turns.lend(whole(t))()
	}
	t.Cleanup(desks.take(whole(t)))
}

// Rest waits until a moment has come. Others may work meanwhile.
func Rest(t *testing.T, until time.Time) {
	t.Helper()
	defer turns.lend(whole(t))()
	<-time.After(time.Until(until))
}
