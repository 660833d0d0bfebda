package service

import (
	"maps"
	"slices"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
	"otpbridge/cmd/internal/config"
)

// guardHurry is how soon the guard looks again at what did not answer, and guardPatience how soon at the most while recoveries wait for it: each look
// asks for all the rest too.
const guardHurry, guardPatience = 2 * time.Second, 32 * time.Second

// verdictLasts is how long an answer counts where the guard looks every so often.
func verdictLasts(every time.Duration) time.Duration {
	return max(config.GuardMisses*every, config.GuardLasts)
}

// answers notes that a check was answered. The caller holds mu.
func (g *guard) answers(check string, at time.Time) {
	if g.answered == nil {
		g.answered = map[string]time.Time{}
	}
	g.answered[check] = at
}

// refusalLasts is how long Keycloak has to refuse the login client before the guard believes it: after a change of keys it asks for ours again within ten
// seconds, and at the start it may be unable to.
const refusalLasts = 25 * time.Second

// believes reports whether a check has found for long enough, and without anything else in between, that a client is refused. Until then that is no answer.
// The caller holds mu.
func (g *guard) believes(r doctor.Result, at time.Time) bool {
	if r.Unchecked == nil || r.Unchecked.Why != bridge.UncheckedRefused {
		delete(g.refused, r.Check)
		return false
	}
	if g.refused == nil {
		g.refused = map[string]time.Time{}
	}
	since, known := g.refused[r.Check]
	if !known {
		since, g.refused[r.Check] = at, at
	}
	return at.Sub(since) >= refusalLasts
}

// oldest is when the check that was not answered for longest had its answer; zero: none had one. The caller holds mu.
func (g *guard) oldest() (at time.Time) {
	for _, when := range g.answered {
		if at.IsZero() || when.Before(at) {
			at = when
		}
	}
	return at
}

// lapsed names the checks whose last answer counts no more, and says since when the first of them is silent.
func (g *guard) lapsed() (names []string, since time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(g.answered)) {
		if g.now().Sub(g.answered[name]) >= g.lasts {
			names = append(names, name)
		}
	}
	return names, g.oldest()
}

// age is how long ago every check of the realm was answered, 0 before the first answer.
func (g *guard) age() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.oldest()
	if at.IsZero() {
		return 0
	}
	return g.now().Sub(at)
}

// left is how long all that is known counts; 0 when something is not known, or counts no more.
func (g *guard) left() time.Duration {
	if !g.known() {
		return 0
	}
	return max(0, g.lasts-g.age())
}

// pending is what the next look waits by: how many checks of the realm the last one did not answer, and left.
func (g *guard) pending() (silent int, left time.Duration) {
	left = g.left()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.missing, left
}

// pauses are the waits between the looks of the guard.
type pauses struct {
	every time.Duration // when all was answered
	least int           // how few checks were silent since all was answered
	hurry time.Duration // the wait before
}

// next is the wait after a look that left checks of the realm silent: twice as long each time, but for when fewer are than ever. While recoveries
// wait for them it does not become long; before that it ends when what is known counts no more.
func (p *pauses) next(silent int, left time.Duration) time.Duration {
	if silent == 0 {
		p.least = 0
		return p.every
	}
	if p.least == 0 || silent < p.least {
		p.least, p.hurry = silent, guardHurry
	} else {
		p.hurry *= 2
	}
	p.hurry = min(p.hurry, p.every)
	if left == 0 {
		left = guardPatience
	}
	return min(p.hurry, left)
}
