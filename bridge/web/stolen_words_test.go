package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// saysNot wants words not to be on the page at hand.
func (p *person) saysNot(words string) {
	p.t.Helper()
	if strings.Contains(text(p.Body), words) {
		p.t.Errorf("%s (%d) says %q\n%s", p.URL, p.Status, words, text(p.Body))
	}
}

// leftLocked is somebody whose account was locked a day ago, and who had no new phone then.
func leftLocked(t *testing.T, c *campus.Campus, name string) string {
	t.Helper()
	p := newPerson(t, c)
	p.reports(robbed(c, name))
	p.redeem(name)
	p.send("/enrol", http.StatusOK, "do", "cancel")
	p.saysNot("Reference number") // the person left by themselves
	lockedUp(t, c, name)
	c.Clock.Add(25 * time.Hour)
	return c.KC.PersonID(name)
}

// WB-13: whoever comes back to an account that a tombstone keeps shut reads that it is locked and what lifts that, and may give any reason; nothing says that the old
// authenticator works.
func TestWhoComesBackReadsOfTheLock(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	leftLocked(t, c, "later")
	p := newPerson(t, c)
	p.signIn("later")
	p.at("/recovery")
	p.says("Your authenticator app is locked")
	p.says("the lock is lifted")
	p.says("Why does it no longer work?")
	p.saysNot("keeps working")
	p.saysNot("several authenticator apps")

	member(c, "somebody")
	p = newPerson(t, c)
	p.signIn("somebody")
	p.says("Until then the old one keeps working")
	p.saysNot("is locked")
}

// comebacks are the ways in which a recovery in a locked account ends without a new authenticator, each with words of its ordinary page.
var comebacks = map[string]struct {
	end   func(*testing.T, *campus.Campus, *person, string)
	words []string
}{
	"refused": {func(t *testing.T, c *campus.Campus, p *person, name string) {
		p.redeem(name)
		c.KC.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusBadRequest,
			Body: `{"field":"department","errorMessage":"error-user-attribute-required"}`})
		p.confirm(p.code(p.scan()), http.StatusOK)
		c.Wait(t, "the refusal", func() bool { return len(c.Events("swap.refused")) > 0 })
	}, []string{"You cannot re-register here", "Your account does not accept a new authenticator app at present", "contact the help desk"}},
	"stopped": {func(t *testing.T, c *campus.Campus, p *person, name string) {
		_, err := c.Flow.Administer(t.Context(), c.KC.PersonID(name), recovery(t, c, name).ID, bridge.AdminCancel)
		p.must(err)
	}, []string{"The request was stopped", "An administrator of the university stopped it"}},
	"vetoed": {func(t *testing.T, c *campus.Campus, _ *person, _ string) {
		mail, other := lastLink(t, c), newPerson(t, c)
		other.open("/veto/"+mail.Veto.Reveal(), http.StatusOK)
		other.send("/veto", http.StatusOK, "choice", "stop", "number", mail.Objection)
	}, []string{"The request was stopped", "in a mail"}},
	"expired": {func(_ *testing.T, c *campus.Campus, p *person, name string) {
		p.redeem(name)
		c.Clock.Add(11 * time.Minute)
	}, []string{"The time for this request is up"}},
}

// SWAP-07: a recovery in a locked account that ends without a new authenticator says why, with its reference number, beside the lock: else the person starts again and
// again.
func TestAComebackSaysHowItEnded(t *testing.T) {
	t.Parallel()
	for name, tc := range comebacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			leftLocked(t, c, name)
			p := newPerson(t, c)
			p.ask(name)
			tc.end(t, c, p, name)
			p.open("/recovery", http.StatusOK)
			p.says("Your authenticator app is locked")
			for _, words := range append(tc.words, "Reference number: "+recovery(t, c, name).Reference) {
				p.says(words)
			}
			p.saysNot("still works")
			p.saysNot("Nothing was changed")
		})
	}
}

// HD-11, WB-13: so it is at the help desk, also where nothing watches the account: a tombstone may stand for another reason than a theft.
func TestACallerWhoseAccountIsLockedReadsThatTheyWereDenied(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	id := leftLocked(t, c, "later")
	c.StopWork() // a look at the account would begin the watch again
	if err := c.Flow.Watches.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	p, carol := caller(t, c, "later"), operator(t, c, "carol")
	carol.looksUp("later", p.reads())
	carol.decides(http.StatusOK, "deny", "T-9")
	p.open("/recovery", http.StatusOK)
	p.says("Your authenticator app is locked")
	p.says("The identity check could not be completed")
	p.says("photo ID")
	p.saysNot("still works")
	p.saysNot("Locked ")
}

// WB-13: a theft whose recovery the account refuses after the lock says so, too.
func TestARobbedPersonReadsThatTheAccountRefuses(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := robbed(c, "robbed")
	p := newPerson(t, c)
	p.reports(name)
	p.redeem(name)
	p.open("/enrol", http.StatusOK)
	c.KC.Inject(fakekc.Fault{Method: http.MethodPut, Path: adminUser, Status: http.StatusBadRequest,
		Body: `{"field":"department","errorMessage":"error-user-attribute-required"}`})
	p.confirm(p.code(p.scan()), http.StatusOK)
	c.Wait(t, "the refusal", func() bool { return len(c.Events("swap.refused")) > 0 })
	p.open("/recovery", http.StatusOK)
	p.says("Your authenticator app is locked")
	p.says("Your account does not accept a new authenticator app at present")
	p.says("Reference number: " + recovery(t, c, name).Reference)
	p.saysNot("still works")
}

// SWAP-07: a swap that does not go on names its reference number, to whoever takes part in it, and an old authenticator to try only where that was not locked.
func TestAStuckSwapNamesNoLockedAuthenticator(t *testing.T) {
	t.Parallel()
	for _, locked := range []bool{false, true} {
		name := map[bool]string{false: "ordinary", true: "locked"}[locked]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			if locked {
				leftLocked(t, c, name)
			} else {
				member(c, name)
			}
			p := proven(t, c, name)
			c.KC.Inject(fakekc.Fault{Method: http.MethodDelete, Path: adminUser + "/credentials/*", Status: http.StatusForbidden})
			p.confirm(p.code(p.scan()), http.StatusOK)
			p.saysNot("do not close")
			c.Wait(t, "the page to say that it is stuck", func() bool {
				p.open("/recovery", http.StatusOK)
				return strings.Contains(p.Body, "could not be finished yet")
			})
			ref := "Reference number: " + recovery(t, c, name).Reference
			p.says(ref)
			p.says("your new authenticator app")
			if strings.Contains(text(p.Body), "the old one is locked") != locked {
				t.Error(text(p.Body))
			}
			if thief := newPerson(t, c); !locked {
				thief.signIn(name)
				thief.says("could not be finished yet")
				thief.saysNot(ref)
			}
		})
	}
}

// WB-13: the page of a recovery that locked the account, or that began in a locked one, says so while the account is watched, since a tombstone that goes comes back,
// and for as long as one stands; when an administrator has ended the watch and taken it away the page does not speak of a lock any more. What cannot be seen counts as locked.
func TestALockThatWasLiftedIsNotSaid(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"its own": false, "a later one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const locked = "Your authenticator app is locked"
			c := campus.Open(t)
			p, id := lockedBy(t, c, "owner")
			p.send("/enrol", http.StatusOK, "do", "cancel")
			if again {
				p = startsAgain(t, c, "owner", bridge.ReasonLost)
				p.send("/recovery", http.StatusOK, "do", "cancel")
			}
			stone := takeStone(t, c, "owner")
			p.open("/recovery", http.StatusOK)
			p.says(locked)
			watchOnce(t, c, id)
			if now := otps(c, "owner"); len(now) != 1 || now[0] == stone {
				t.Fatalf("OTPs %v", now)
			}
			if err := c.Flow.EndWatch(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			p.open("/recovery", http.StatusOK)
			p.says(locked)
			takeStone(t, c, "owner")
			p.open("/recovery", http.StatusOK)
			p.says("The lock on your account was lifted")
			p.saysNot(locked)
			p.saysNot("you cannot sign in")
			p.saysNot("still works")
			c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: adminCredentials, Status: http.StatusBadGateway})
			p.open("/recovery", http.StatusOK)
			p.says(locked)
		})
	}
}
