package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/phone"
	"otpbridge/bridge/store"
)

const adminUser = "/admin/realms/*/users/*"

// steps are the calls of a swap with one old authenticator.
var steps = []struct{ name, method, path string }{
	{"look", http.MethodGet, adminUser + "/credentials"},
	{"add", http.MethodPut, adminUser},
	{"move", http.MethodPost, adminUser + "/credentials/*/moveAfter/*"},
	{"remove", http.MethodDelete, adminUser + "/credentials/*"},
	{"sessions", http.MethodPost, adminUser + "/logout"},
}

// withOTPs adds old authenticators; hotp makes the last one count uses.
func withOTPs(c *campus.Campus, name string, more int, hotp bool) {
	id := c.KC.PersonID(name)
	for i := range more {
		kind := `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1","secretEncoding":"BASE32"}`
		if hotp && i == more-1 {
			kind = strings.Replace(kind, "totp", "hotp", 1)
		}
		c.KC.AddCredential(id, fakekc.Credential{
			Type: bridge.TypeOTP, Label: fmt.Sprint("old ", i), Created: c.Clock.Now().AddDate(0, -1, 0), Data: kind, SecretData: `{"value":"` + oldSecret + `"}`,
		})
	}
}

// WB-02, WB-09, kc#8753 and kc#39355: whatever was there before, exactly the new one is there afterwards, and no session of before is left.
func TestPeer_KC8753_Duplicates(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	for _, old := range []int{1, 3, 4} {
		name := member(c, fmt.Sprintf("had-%d", old))
		withOTPs(c, name, old-1, old == 4)
		if !newPerson(t, c).portal(name, func() string { return oldKey(t).Code(c.Clock.Now()) }) {
			t.Fatal("no session before")
		}
		p := newPerson(t, c)
		p.signIn(name)
		if old > 1 {
			p.says("You have several authenticator apps")
		}
		p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
		p.redeem(name)
		key := p.scan()
		p.confirm(p.code(key), http.StatusOK)
		p.at("/done")
		if n := c.KC.Sessions(c.KC.PersonID(name)); n != 0 {
			t.Errorf("%d sessions left", n)
		}
		newOnly(t, c, name, key)
	}
}

// WB-02, kc#32479: a person without an authenticator registers the first one, with the same proof.
func TestPeer_KC32479_NoOTP(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := newPerson(t, c)
	p.signIn("erin")
	p.says("Register your one-time password")
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	p.redeem("erin")
	key := p.scan()
	p.finish()
	newOnly(t, c, "erin", key)
}

// WB-01, INV-2, kc#38593: who gives up at any page keeps the old authenticator, and no sign-in of ours is left.
func TestPeer_KC38593_Abandoned(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "undecided")
	p, opened := newPerson(t, c), 0
	at := func(page string) {
		t.Helper()
		if n := c.KC.Sessions(c.KC.PersonID(name)); n != opened {
			t.Errorf("%s: %d sessions left", page, n-opened)
		}
		opened++
		if !opensPortal(t, c, name, oldKey(t)) {
			t.Errorf("%s: the old code does not open the portal", page)
		}
		c.Clock.Add(31 * time.Second) // the next code
		if len(otps(c, name)) != 1 {
			t.Errorf("%s: %d authenticators", page, len(otps(c, name)))
		}
	}
	p.signIn(name)
	at("request")
	p.send("/recovery", http.StatusOK, "do", "start", "reason", "lost", "way", "mail")
	at("mail sent")
	p.comesBack(name, lastLink(t, c).Link.Reveal())
	at("link")
	p.send("/link", http.StatusOK, "do", "redeem")
	at("key")
	p.confirm("000000", http.StatusUnprocessableEntity)
	at("wrong code")
	p.send("/enrol", http.StatusOK, "do", "cancel")
	at("cancelled")
}

// kc#39411, kc#28220: of the account nothing but its authenticators changes, and the one write holds nothing else.
func TestPeer_KC39411_Attributes(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "whole", func(m *fakekc.Person) {
		m.Attributes["phone"], m.Attributes["unmanaged"] = []string{"1", "2"}, []string{"髙𠮷"}
	})
	id := c.KC.PersonID(name)
	see := func() (out string) {
		c.KC.Change(id, func(a *fakekc.Account) { out = fmt.Sprintf("%+v", *a) })
		for _, k := range c.KC.Credentials(id) {
			if k.Type != bridge.TypeOTP {
				out += fmt.Sprintf("%+v", k)
			}
		}
		return out
	}
	before := see()
	p := proven(t, c, name)
	p.finish()
	if now := see(); now != before {
		t.Errorf("was %s\nis  %s", before, now)
	}
}

// handWork claims the swap as a worker does that will never report: a process that is killed.
func handWork(t *testing.T, c *campus.Campus) {
	t.Helper()
	c.Wait(t, "the job", func() bool {
		_, err := c.Store.Jobs.Claim(t.Context(), []string{bridge.JobSwap}, c.Clock.Now(), store.WorkLease)
		return err == nil
	})
}

// cutTarget ends the world before or after its n-th action.
type cutTarget struct {
	bridge.SwapTarget
	left  int
	after bool
	twice bool // every action is done twice
	seen  func()
	dead  bool
}

var errKilled = errors.New("killed")

func (k *cutTarget) Do(ctx context.Context, person string, a bridge.Action) error {
	k.left--
	if k.dead = k.dead || k.left == 0 && !k.after; k.dead {
		return errKilled
	}
	err := k.SwapTarget.Do(ctx, person, a)
	if k.twice && err == nil {
		err = k.SwapTarget.Do(ctx, person, a)
	}
	if k.seen != nil {
		k.seen()
	}
	if k.left == 0 && err == nil {
		k.dead = true
		return errKilled
	}
	return err
}

func flowOn(c *campus.Campus, k *cutTarget) *bridge.Flow {
	f := *c.Flow
	k.SwapTarget = f.Target
	f.Target = k
	return &f
}

// writing is somebody whose right code was taken while no worker is there.
func writing(t *testing.T, c *campus.Campus, name string) (p *person, key phone.Key) {
	t.Helper()
	p = proven(t, c, name)
	key = p.scan()
	c.StopWork()
	p.confirm(p.code(key), http.StatusOK)
	p.at("/recovery")
	p.says("Registering")
	return p, key
}

// SWAP-02, SWAP-09, WB-05: a process killed before or after any action of the swap is followed by another replica, within the lease and
// two seconds; until then the person reads that it goes on, and has an authenticator at every moment.
func TestAnotherReplicaFinishesTheSwapOfAKilledOne(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 4; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s after=%v", steps[n].name, after), func(t *testing.T) {
				t.Parallel()
				c := campus.Open(t)
				name := member(c, "somebody")
				p, key := writing(t, c, name)
				handWork(t, c)
				k := &cutTarget{left: n, after: after, seen: func() {
					if len(otps(c, name)) == 0 {
						t.Error("no authenticator at all")
					}
				}}
				if _, err := flowOn(c, k).RunSwap(t.Context(), c.KC.PersonID(name)); !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				p.open("/recovery", http.StatusOK)
				p.says("Registering")
				c.Second(t)
				if n > 2 {
					c.Clock.Add(store.WorkLease) // the others wait for a real lease
				}
				began := time.Now()
				c.Wait(t, "the end of the swap", func() bool { return recovery(t, c, name).State == bridge.Done })
				if took := time.Since(began); took > 50*time.Second { // ten on a quiet machine
					t.Errorf("resumed after %v", took)
				}
				p.open("/recovery", http.StatusOK)
				p.at("/done")
				newOnly(t, c, name, key)
				if len(c.Events("swap.intended")) != 1 || len(c.Events("swap.done")) == 0 || len(c.Mails(bridge.NoticeCompleted)) == 0 {
					t.Error("audit or notice is missing")
				}
			})
		}
	}
}

// SWAP-03, SWAP-04: every action twice, and two workers that both think the job is theirs, do what one does.
func TestRepeatedAndConcurrentWorkDoesNoHarm(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	withOTPs(c, name, 2, false)
	p, key := writing(t, c, name)
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() {
			_, err := flowOn(c, &cutTarget{twice: true}).RunSwap(t.Context(), c.KC.PersonID(name))
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil && bridge.CodeOf(err) != bridge.CodeNotOpen && bridge.CodeOf(err) != bridge.CodeKeycloakAway {
			t.Error(err)
		}
	}
	c.Second(t)
	c.Wait(t, "the end of the swap", func() bool { return recovery(t, c, name).State == bridge.Done })
	p.open("/recovery", http.StatusOK)
	p.at("/done")
	newOnly(t, c, name, key)
}

// SWAP-01, WB-05: whatever goes wrong with any call of the swap, the end is the new authenticator alone, the person reads the truth meanwhile.
func TestFaultsOfAnyCallOfTheSwapPass(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		for what, fault := range map[string]fakekc.Fault{
			"500":             {Status: http.StatusInternalServerError, Times: 4}, // more than one call tries
			"500, had effect": {Status: http.StatusInternalServerError, AfterEffect: true, Times: 1},
			"answer lost":     {Kind: fakekc.Reset, AfterEffect: true, Times: 1},
			"half an answer":  {Kind: fakekc.Truncate, Times: 1},
			"401":             {Status: http.StatusUnauthorized, Times: 1},
		} {
			t.Run(step.name+" "+what, func(t *testing.T) {
				t.Parallel()
				c := campus.Open(t)
				name := member(c, "somebody")
				p := proven(t, c, name)
				key := p.scan()
				fault.Method, fault.Path = step.method, step.path
				defer c.KC.Inject(fault)()
				c.Wait(t, "the end of the swap", func() bool {
					if len(otps(c, name)) == 0 {
						t.Fatal("no authenticator at all")
					}
					r := recovery(t, c, name)
					if r.State == bridge.Proven { // the account could not be read: nothing was changed
						p.must(p.Post(t.Context(), c.URL+"/enrol", url.Values{"csrf": {p.token()}, "do": {"confirm"}, "code": {p.code(key)}}))
						if p.Status == http.StatusServiceUnavailable {
							p.says("Nothing was changed")
							p.must(p.Get(t.Context(), c.URL+"/"))
						}
					}
					c.Clock.Add(50 * time.Millisecond)
					return r.State == bridge.Done
				})
				newOnly(t, c, name, key)
				if e := c.Events("swap.intended"); otps(c, name)[0] != e[len(e)-1].Added { // SWAP-01
					t.Errorf("intents %+v, then there is %q", e, otps(c, name))
				}
			})
			if testing.Short() {
				break // one of them, whichever comes first today
			}
		}
	}
}

// A removal that Keycloak refuses in the midst ends nothing: both authenticators work until somebody mends it, and then the swap ends.
func TestARemovalThatIsRefusedIsMadeUpFor(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "somebody")
	p := proven(t, c, name)
	key := p.scan()
	mend := c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/*", Status: http.StatusForbidden})
	p.confirm(p.code(key), http.StatusOK)
	c.Wait(t, "the page to say so", func() bool {
		p.open("/recovery", http.StatusOK)
		return strings.Contains(p.Body, "could not be finished yet")
	})
	for range 2 * store.MaxTries {
		c.Clock.Add(31 * time.Second)
		c.KC.ForgetCalls()
		c.Wait(t, "another look", func() bool { return len(c.KC.Calls()) > 1 })
	}
	if n := len(otps(c, name)); n != 2 {
		t.Fatalf("%d authenticators", n)
	}
	mend()
	c.Clock.Add(31 * time.Second)
	c.Wait(t, "the end of the swap", func() bool { return recovery(t, c, name).State == bridge.Done })
	newOnly(t, c, name, key)
}

// INV-8: what is older is told by one clock, Keycloak's: an authenticator that the person adds there right after the swap has begun stays, though our
// clock is ahead.
func TestAClockAheadTakesNothingAway(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	behind := func() time.Time { return c.Clock.Now().Add(-25 * time.Second) }
	c.Flow.Theirs = behind
	name := member(c, "added")
	writing(t, c, name)
	c.Clock.Add(5 * time.Second)
	added := c.KC.AddCredential(c.KC.PersonID(name), fakekc.Credential{ID: "added", Type: bridge.TypeOTP, Label: "mine", Created: behind(), Data: "{}", SecretData: "{}"})
	if next, err := c.Flow.RunSwap(t.Context(), c.KC.PersonID(name)); err != nil || !next.IsZero() {
		t.Fatal(next, err)
	}
	if got := otps(c, name); len(got) != 2 || !slices.Contains(got, added) {
		t.Errorf("authenticators %v", got)
	}
}
