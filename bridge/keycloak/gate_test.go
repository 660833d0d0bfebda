package keycloak_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

const person = "person-1"

// hold stops the first call with a prefix at a barrier, before or after its effect.
type hold struct {
	prefix  string
	once    sync.Once
	arrived chan struct{}
	release chan struct{}
}

func newHold(prefix string) *hold {
	return &hold{prefix: prefix, arrived: make(chan struct{}), release: make(chan struct{})}
}

func (h *hold) hook(call string) *http.Response {
	if strings.HasPrefix(call, h.prefix) {
		h.once.Do(func() {
			close(h.arrived)
			<-h.release
		})
	}
	return nil
}

// A DELETE that is under way when somebody else opens the gate must not leave the new lease with a shut gate. OIDC-19
func TestOpenWhileTheLastLeaseIsGivenBackEndsOpen(t *testing.T) {
	for name, before := range map[string]bool{"held before its effect": true, "held after its effect": false} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			here, there := d.gate(t), d.gate(t)
			first, err := here.Open(t.Context(), person)
			must(t, err)
			h := newHold("DELETE ")
			if before {
				d.place.hook(h.hook, nil)
			} else {
				d.place.hook(nil, h.hook)
			}
			ended := make(chan error)
			go func() { ended <- here.End(t.Context(), person, first) }()
			<-h.arrived
			_, err = there.Open(t.Context(), person)
			must(t, err)
			close(h.release)
			must(t, <-ended)
			if !d.place.member(person) || d.leases(t, person) != 1 {
				t.Errorf("member %v with %d leases, want an open gate with one", d.place.member(person), d.leases(t, person))
			}
		})
	}
}

// A PUT that is under way when the gate is shut must not leave it open, and whoever waited for it is told. OIDC-19
func TestShutWhileTheGateIsOpenedEndsShut(t *testing.T) {
	for name, before := range map[string]bool{"held before its effect": true, "held after its effect": false} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			here, there := d.gate(t), d.gate(t)
			h := newHold("PUT ")
			if before {
				d.place.hook(h.hook, nil)
			} else {
				d.place.hook(nil, h.hook)
			}
			opened := make(chan error)
			go func() {
				_, err := here.Open(t.Context(), person)
				opened <- err
			}()
			<-h.arrived
			must(t, there.Shut(t.Context(), person))
			close(h.release)
			wantCode(t, "Open", <-opened, bridge.CodeKeycloakAway)
			if d.place.member(person) || d.leases(t, person) != 0 {
				t.Errorf("member %v with %d leases, want a shut gate without any", d.place.member(person), d.leases(t, person))
			}
		})
	}
}

// Whatever races: when all is done, membership is what the record says, and every lease that was given and not taken back stands. OIDC-19
func TestMembershipFollowsTheRecordUnderAnyRace(t *testing.T) {
	const rounds, browsers = 60, 20
	for range rounds {
		d := newDesk()
		yield := func(string) *http.Response {
			for range rand.IntN(8) {
				runtime.Gosched()
			}
			return nil
		}
		d.place.hook(yield, yield)
		replicas := []*keycloak.RealmGate{d.gate(t), d.gate(t)}
		var wait sync.WaitGroup
		kept := make(chan string, browsers)
		for i := range browsers {
			wait.Go(func() {
				g := replicas[i%len(replicas)]
				lease, err := g.Open(t.Context(), person)
				if err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					kept <- lease
					return
				}
				if err := g.End(t.Context(), person, lease); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		close(kept)
		if !d.place.member(person) || d.leases(t, person) != len(kept) {
			t.Fatalf("member %v with %d leases, want an open gate with %d", d.place.member(person), d.leases(t, person), len(kept))
		}
		for lease := range kept {
			wait.Go(func() {
				if err := replicas[0].End(t.Context(), person, lease); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if d.place.member(person) || d.leases(t, person) != 0 {
			t.Fatalf("member %v with %d leases after all were given back", d.place.member(person), d.leases(t, person))
		}
	}
}

// Nothing is opened that could not be shut again: audit record, job and lease come before the membership. OIDC-19
func TestOpenStoresEverythingBeforeTheMembership(t *testing.T) {
	d := newDesk()
	g := d.gate(t)
	d.place.hook(func(call string) *http.Response {
		if strings.HasPrefix(call, "PUT ") {
			jobs := d.jobs.List(bridge.JobGate)
			if len(jobs) != 1 || !jobs[0].At.Equal(d.clock.now().Add(3*time.Minute)) || d.leases(t, person) != 1 || len(d.audit.Events("gate.opened")) != 1 {
				t.Errorf("at the PUT: jobs %v, %d leases, audit %v", jobs, d.leases(t, person), d.audit.Events(""))
			}
		}
		return nil
	}, nil)
	_, err := g.Open(t.Context(), person)
	must(t, err)

	d = newDesk()
	d.audit.Break(errors.New("disk full"))
	if _, err := d.gate(t).Open(t.Context(), person); err == nil || d.place.member(person) {
		t.Errorf("audit broken: %v, member %v, want an error and a shut gate", err, d.place.member(person))
	}
	d = newDesk()
	d.records.Break(bridge.ErrStoreAway)
	_, err = d.gate(t).Open(t.Context(), person)
	wantCode(t, "store broken", err, bridge.CodeStoreAway)
	if d.place.seen("PUT /users/"+person+"/groups/gate") > 0 {
		t.Error("store broken: the gate was opened")
	}
}

// A membership that cannot be had leaves no lease, and a job to look after what may have happened all the same. OIDC-19
func TestOpenTakesTheLeaseBackWhenKeycloakFails(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		code   bridge.Code
	}{
		"away":         {http.StatusServiceUnavailable, bridge.CodeKeycloakAway},
		"out of reach": {http.StatusForbidden, bridge.CodeGone},
		"gone":         {http.StatusNotFound, bridge.CodeGone},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			// The PUT has its effect although the answer says otherwise.
			d.place.hook(nil, func(call string) *http.Response {
				if strings.HasPrefix(call, "PUT ") {
					return answer(tc.status, nil)
				}
				return nil
			})
			_, err := d.gate(t).Open(t.Context(), person)
			wantCode(t, "Open", err, tc.code)
			if d.leases(t, person) != 0 || d.place.member(person) || len(d.jobs.IDs(bridge.JobGate)) != 1 {
				t.Errorf("%d leases, member %v, jobs %v", d.leases(t, person), d.place.member(person), d.jobs.IDs(bridge.JobGate))
			}
		})
	}
}

// The job shuts the gate when the last lease is over, not before, and also when the store knows of none. OIDC-19
func TestExpireWaitsForTheLastLease(t *testing.T) {
	d := newDesk()
	g := d.gate(t)
	_, err := g.Open(t.Context(), person)
	must(t, err)
	d.clock.move(2 * time.Minute)
	_, err = g.Open(t.Context(), person)
	must(t, err)
	last := d.clock.now().Add(3 * time.Minute)
	d.clock.move(90 * time.Second) // the first is over
	must(t, g.Expire(t.Context(), person))
	jobs := d.jobs.List(bridge.JobGate)
	if !d.place.member(person) || d.leases(t, person) != 1 || len(jobs) != 1 || !jobs[0].At.Equal(last) {
		t.Errorf("member %v, %d leases, jobs %v, want the second lease and its job", d.place.member(person), d.leases(t, person), jobs)
	}
	d.clock.move(90 * time.Second)
	must(t, g.Expire(t.Context(), person))
	if d.place.member(person) || d.leases(t, person) != 0 {
		t.Errorf("member %v, %d leases after the last was over", d.place.member(person), d.leases(t, person))
	}
	d.place.put("stranger")
	must(t, g.Expire(t.Context(), "stranger"))
	if d.place.member("stranger") {
		t.Error("a gate without a record was left open")
	}
}

// partly is records of which one cannot be read.
type partly struct {
	bridge.Records[keycloak.GateRecord]
	broken string
}

func (p partly) Get(ctx context.Context, key string) (keycloak.GateRecord, error) {
	if key == p.broken {
		return keycloak.GateRecord{}, bridge.Fault(bridge.CodeStoreAway, "read", nil)
	}
	return p.Records.Get(ctx, key)
}

// Sweep repairs both ways, and leaves alone whom it cannot judge. OIDC-19
func TestSweepRepairsAndLeavesTheUnreadableAlone(t *testing.T) {
	d := newDesk()
	g := d.gateWith(t, partly{d.records, "unreadable"})
	for _, id := range []string{"unreadable", "left-over"} {
		d.place.put(id)
	}
	_, err := g.Open(t.Context(), "live")
	must(t, err)
	_, err = g.Open(t.Context(), "lost")
	must(t, err)
	d.place.mu.Lock()
	d.place.members["lost"] = false
	d.place.mu.Unlock()

	err = g.Sweep(t.Context())
	if err == nil || !strings.Contains(err.Error(), "unreadable") {
		t.Errorf("Sweep: %v, want the unreadable record reported", err)
	}
	for id, want := range map[string]bool{"unreadable": true, "left-over": false, "live": true, "lost": true} {
		if d.place.member(id) != want {
			t.Errorf("%s: member %v, want %v", id, !want, want)
		}
	}
	if swept := d.audit.Events("gate.shut"); len(swept) != 1 || swept[0].Target != "left-over" {
		t.Errorf("audit: %+v, want left-over swept", swept)
	}
}

// WB-11: a member without a live lease is counted, whether there is no record, an empty one, or one whose lease is over; a live lease counts nothing, and a
// record that cannot be read is not taken for either.
func TestMembersWithoutALeaseAreCounted(t *testing.T) {
	d := newDesk()
	look := func(g *keycloak.RealmGate) ([]bridge.Finding, error) { return g.Check().Run(t.Context()) }
	want := func(what, count string) {
		t.Helper()
		found, err := look(d.gate(t))
		switch {
		case err != nil || len(found) > 1:
			t.Errorf("%s: %+v, %v", what, found, err)
		case len(found) == 0 && count == "":
		case len(found) == 0 || found[0].ID != bridge.FindGateMembers || found[0].Values["count"] != count:
			t.Errorf("%s: %+v, want %q", what, found, count)
		}
	}
	want("nobody", "")
	_, err := d.gate(t).Open(t.Context(), "live")
	must(t, err)
	want("a live lease", "")
	d.place.put("stranger")
	want("one without a record", "1")
	lease, err := d.gate(t).Open(t.Context(), "back")
	must(t, err)
	must(t, d.gate(t).End(t.Context(), "back", lease))
	d.place.put("back") // by somebody else
	want("one whose lease was returned, too", "2")
	if found, err := look(d.gateWith(t, partly{d.records, "stranger"})); err == nil || len(found) > 0 {
		t.Errorf("unreadable: %+v, %v", found, err)
	}
	d.clock.move(4 * time.Minute)
	want("all leases are over", "3")
}
