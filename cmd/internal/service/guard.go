package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
	"otpbridge/cmd/internal/config"
)

const (
	// guardLimit is the time limit of one check of the guard.
	guardLimit = 20 * time.Second
	// restEvery is how often the guard looks at what cannot stop recoveries and costs Keycloak more than all the rest: what the account may do with
	// people, and how many it sees. The start of a process has looked at the worst of it already.
	restEvery = 5 * time.Minute
	// seenTooLong is when what only an administrator's client may see should be looked at again.
	seenTooLong = 7 * 24 * time.Hour
)

// guard is the realm guard: it keeps looking at what a sign-in with the password only rests on, and says whether a recovery may begin.
type guard struct {
	mu       sync.Mutex
	at       time.Time                // of the last look
	results  map[string]doctor.Result // of each check, the last one that was an answer, and what was found without one
	silent   []doctor.Result          // checks that did not answer in the last look
	unknown  []string                 // watched checks that nothing ever answered
	saw      doctor.Report            // the doctor, with an administrator's client
	recalled bool                     // saw was looked for in the trail
	missing  int                      // watched checks that the last look did not answer
	looked   bool

	answered map[string]time.Time // when each watched check had its last answer
	refused  map[string]time.Time // since when a check finds that a client is refused
	lasts    time.Duration        // how long an answer counts: what nobody could see again for long may have changed
	now      func() time.Time

	hurry chan struct{}
	again chan struct{} // closed at the end of each look, and then another
	first chan struct{} // closed when every check of the realm was answered once; nil: nobody waits for that
}

// firstLook is how long a press waits for the first look, at the start of the process.
const firstLook = 10 * time.Second

// unsafe lists the deadly findings, and the checks of which nothing is known yet: on a guess nobody is let in.
func (g *guard) unsafe() (deadly []bridge.Finding, unknown []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.findings() {
		if f.Severity == bridge.Deadly {
			deadly = append(deadly, f)
		}
	}
	return deadly, slices.Clone(g.unknown)
}

// adopt takes over what the guard of the service before knows of the same realm: its verdict stands until this one has looked.
func (g *guard) adopt(before *guard) {
	before.mu.Lock()
	defer before.mu.Unlock()
	g.results, g.unknown, g.looked = maps.Clone(before.results), slices.Clone(before.unknown), before.looked
	g.at, g.silent, g.answered = before.at, slices.Clone(before.silent), maps.Clone(before.answered)
	g.saw, g.recalled = before.saw, before.recalled
}

// sameRealm reports whether two configurations lead to one realm and sign in there by one client, so that what was seen with one is true with the other.
func sameRealm(a, b config.Config) bool {
	return a.Keycloak.URL == b.Keycloak.URL && a.Keycloak.Realm == b.Keycloak.Realm && a.SignIn.Issuer == b.SignIn.Issuer && a.SignIn.ClientID == b.SignIn.ClientID
}

// known reports whether every check of the realm was answered at least once. Until then nobody is let in.
func (g *guard) known() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.looked && len(g.unknown) == 0
}

// verdict reports whether what the guard says is one: all is known, or enough to stop recoveries whatever the rest comes to.
func (g *guard) verdict() bool {
	deadly, _ := g.unsafe()
	return len(deadly) > 0 || g.known()
}

// findings are all of them. The caller holds mu.
func (g *guard) findings() (all []bridge.Finding) {
	for _, r := range g.results {
		all = append(all, r.Findings...)
	}
	return bridge.Distinct(all)
}

// take replaces what is known by what a look came to. A check that got no answer keeps what it said before; one for which rights are missing
// says what the doctor saw with an administrator's client. What is watched may come to something deadly.
func (g *guard) take(report, seen doctor.Report, watched []bridge.Check) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.results == nil {
		g.results = map[string]doctor.Result{}
	}
	g.at, g.silent, g.unknown, g.missing, g.looked = report.At, nil, nil, 0, true
	for _, r := range report.Results {
		counts := slices.ContainsFunc(watched, func(c bridge.Check) bool { return c.Name == r.Check })
		if counts && !r.Unanswered() {
			g.answers(r.Check, report.At)
		}
		refused := g.believes(r, report.At)
		switch {
		case r.Unchecked == nil:
			g.results[r.Check] = r
		case !r.Unanswered():
			if i := slices.IndexFunc(seen.Results, func(s doctor.Result) bool { return s.Check == r.Check }); i >= 0 {
				was := seen.Results[i]
				r.Findings = append(r.Findings, was.Findings...)
				if was.Unchecked == nil && was.At.IsZero() {
					was.At = seen.At
				}
				r.At = was.At
			}
			g.results[r.Check] = r
		default:
			if !refused {
				r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f bridge.Finding) bool { return f.ID == bridge.FindLoginRefused })
			}
			g.silent = append(g.silent, r)
			if counts {
				g.missing++
			}
			if _, known := g.answered[r.Check]; !known && counts { // what half a look found is no answer
				g.unknown = append(g.unknown, r.Check)
			}
			if was, found := g.results[r.Check]; found {
				g.results[r.Check] = r.Beside(was)
			} else if len(r.Findings) > 0 {
				g.results[r.Check] = r
			}
		}
	}
	if g.again != nil {
		close(g.again)
		g.again = nil
	}
	g.end()
}

// end ends the wait for the first look once everything is known. The caller holds mu.
func (g *guard) end() {
	if g.first != nil && g.looked && len(g.unknown) == 0 {
		close(g.first)
		g.first = nil
	}
}

// objectsSaid is how many objects of one finding the verdict names: a realm may have thousands of clients.
const objectsSaid = 10

// says is the verdict in one line, "" when all is well. It names each deadly finding, and the first of the objects that have it.
func (g *guard) says() string {
	deadly, unknown := g.unsafe()
	var words []string
	named := map[bridge.FindingID]int{}
	for i, f := range deadly {
		named[f.ID]++
		if named[f.ID] <= objectsSaid {
			words = append(words, strings.TrimSpace(string(f.ID)+" "+f.Object))
		}
		last := i == len(deadly)-1 || deadly[i+1].ID != f.ID
		if more := named[f.ID] - objectsSaid; last && more > 0 {
			words = append(words, fmt.Sprintf("and %d more of %s", more, f.ID))
		}
	}
	for _, name := range unknown {
		words = append(words, "not checked: "+name)
	}
	if names, since := g.lapsed(); len(names) > 0 {
		words = append(words, "no answer since "+since.UTC().Format(time.RFC3339)+": "+strings.Join(names, " "))
	}
	if len(words) == 0 && !g.known() {
		return errNotYet.Error()
	}
	return strings.Join(words, ", ")
}

// closed is bridge.Flow's Unsafe. A part of the realm that was never seen, or not for too long, is no finding: Keycloak did not answer.
func (g *guard) closed() error {
	said := g.says()
	if said == "" {
		return nil
	}
	if deadly, _ := g.unsafe(); len(deadly) == 0 {
		return bridge.Fault(bridge.CodeKeycloakAway, "realm guard", errors.New(said))
	}
	return errors.New(said)
}

// await is bridge.Flow's Looked: in the first seconds of a process, which is ready before the guard has looked, a press waits for that look.
func (g *guard) await(ctx context.Context) {
	g.mu.Lock()
	first := g.first
	g.mu.Unlock()
	if first == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	select {
	case <-first:
	case <-ctx.Done():
	}
}

// wake makes the guard look again at once.
func (g *guard) wake() {
	select {
	case g.hurry <- struct{}{}:
	default:
	}
}

// openGuard makes the guard. It knows nothing before watchRealm has looked.
func (s *service) openGuard(context.Context) error {
	s.guard.hurry, s.guard.first = make(chan struct{}, 1), make(chan struct{})
	s.guard.now, s.guard.lasts = s.opts.Now, verdictLasts(s.cfg.GuardEvery)
	s.guard.mu.Lock()
	defer s.guard.mu.Unlock()
	s.guard.end() // the service before may know all of it
	s.guard.figures(s.figures)
	return nil
}

// watchRealm looks at once, and then every so often, until ctx ends. One comes after the other, since Keycloak may be busy; and before Keycloak has said where
// people sign in, half a look would have no answer, and all of it would be made again.
func (s *service) watchRealm(ctx context.Context) {
	for waiting := true; waiting && (s.health.rights.Load() == nil || !s.party.Tried()); {
		waiting = sleep(ctx, 20*time.Millisecond)
	}
	said := ""
	if s.guard.verdict() {
		said = s.guard.says() // is on record already
	}
	rest, in := s.opts.Now().Add(restEvery), pauses{every: s.cfg.GuardEvery}
	for ctx.Err() == nil {
		whole := !s.opts.Now().Before(rest)
		if whole {
			rest = s.opts.Now().Add(restEvery)
		}
		s.look(ctx, whole)
		if ctx.Err() != nil {
			break
		}
		said = s.tell(ctx, said)
		s.announce(ctx)
		timer := time.NewTimer(in.next(s.guard.pending()))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.guard.hurry:
		}
		timer.Stop()
	}
}

// look carries out the checks of the guard: those that can stop recoveries and those that cost nothing, or all.
func (s *service) look(ctx context.Context, whole bool) {
	p := parts{cfg: s.cfg, kc: s.kc, admin: s.kc, party: s.party, look: func(context.Context) error { return s.party.Ready() }, now: s.opts.Now}
	p.state = p.reading()
	ofRealm := slices.Concat(p.realmChecks(), p.peopleCheck("gate-role"), p.lockChecks())
	checks := slices.Concat(ofRealm, p.fileChecks(), []bridge.Check{s.store.Check(), {Name: "doctor", Run: s.checkSeen}})
	if whole {
		checks = slices.Concat(checks, p.kc.Checks(p.asked()), p.peopleCheck("required-actions", "directories"), []bridge.Check{s.gate.Check()})
	}
	watched := slices.DeleteFunc(ofRealm, func(c bridge.Check) bool { return !c.Deadly })
	seen := s.doctorSaw(ctx)
	report := doctor.Run(ctx, checks, guardLimit, s.opts.Now)
	if ctx.Err() == nil {
		s.guard.take(report, seen, watched)
	}
}

// tell logs the findings when they are others than before, and puts on record when recoveries stop and when they go on.
func (s *service) tell(ctx context.Context, before string) (now string) {
	now = s.guard.says()
	if now == before || !s.guard.verdict() {
		return before // nobody was let in yet: there is nothing to stop
	}
	e := bridge.AuditEvent{Event: "guard.resumed", Outcome: "ok", Actor: "system", Detail: map[string]string{"issuer": s.cfg.SignIn.Issuer}}
	if now != "" {
		e.Event, e.Outcome, e.Detail["findings"] = "guard.stopped", "failed", now
		s.log.ErrorContext(ctx, "realm guard: no new recovery begins", "findings", now)
	} else {
		s.log.InfoContext(ctx, "realm guard: recoveries may begin again")
	}
	if err := s.counted.Record(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "audit event lost", "event", e.Event, "err", err)
	}
	return now
}

// peopleCheck are some of the people's checks; not all of them cost little in a large realm.
func (p parts) peopleCheck(names ...string) []bridge.Check {
	return slices.DeleteFunc(p.peopleChecks(), func(c bridge.Check) bool { return !slices.Contains(names, c.Name) })
}

// figures tell Prometheus what the guard knows, without a word about people.
func (g *guard) figures(set *metrics.Set) {
	for _, severity := range bridge.Severities() {
		set.NewGauge(fmt.Sprintf("otpbridge_findings{severity=%q}", severity), func() float64 { return float64(g.count(severity)) })
	}
	set.NewGauge("otpbridge_guard_stopped", func() float64 { return oneIf(g.says() != "") })
	set.NewGauge("otpbridge_guard_age_seconds", func() float64 { return g.age().Seconds() })
}

// count counts the findings of one severity.
func (g *guard) count(severity bridge.Severity) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, one := range g.findings() {
		if one.Severity == severity {
			n++
		}
	}
	return n
}
