package bridge

import (
	"fmt"
	"time"
)

// Viewer is what a browser session has proven about the person in front of it.
type Viewer struct {
	Person     string // signed in as, "" if not
	Full       bool
	SignedInAt time.Time // how old the sign-in is, by our clock
	AuthTime   time.Time // the same moment by the campus's own clock, in whole seconds: what its notBefore is held against
	Holder     string    // this browser's holder id
	Recovery   string    // id of the recovery that this browser last took part in
	LinkHash   string    // a link was opened in this browser
	From       string    // client address; at a caller's presses, and at the confirmation
	// OperatorBrowser: an operator was signed in with this browser before (HD-15); with From.
	OperatorBrowser bool
}

// Step is the page that a browser sees.
type Step string

// The steps. Each is one page.
const (
	StepSignIn      Step = "sign_in"      // not signed in, or too long ago
	StepStart       Step = "start"        // nothing is open: what will happen, reason, way
	StepWait        Step = "wait"         // mail sent
	StepLink        Step = "link"         // a link was opened; a fresh sign-in is needed
	StepConfirm     Step = "confirm"      // signed in afresh: what was asked
	StepLinkInvalid Step = "link_invalid" // unknown, used, expired, foreign
	StepActive      Step = "active"       // a proven recovery of this person is held by another browser
	StepDelay       Step = "delay"        // proven once; to be proven again later
	StepCall        Step = "call"         // the call code to read out
	StepChecking    Step = "checking"     // an operator has opened the case
	StepCallBack    Step = "call_back"    // match words to read out
	StepSecond      Step = "second"       // a second operator is needed
	StepElsewhere   Step = "elsewhere"    // it went on elsewhere, and this browser had asked
	StepEnrol       Step = "enrol"
	StepStopped     Step = "stopped" // five wrong codes: a new key is needed
	StepLocking     Step = "locking" // after a theft: the old authenticators are being made useless
	StepWriting     Step = "writing"
	StepDone        Step = "done"
	StepTemporary   Step = "temporary" // the help desk approved a temporary code
	StepEnded       Step = "ended"
)

// Next decides which page a browser sees. It is the one place that does. found says whether r exists; r is the signed-in person's.
func Next(r Recovery, found bool, v Viewer, now time.Time) Step {
	fresh := v.Person != "" && now.Sub(v.SignedInAt) <= SignInLife
	if v.LinkHash != "" {
		if step, ok := nextOfLink(r, found, v, now); ok {
			return step
		}
	}
	if v.Person == "" {
		return StepSignIn
	}
	if !found || r.Person != v.Person {
		return orSignIn(fresh, StepStart)
	}
	r = r.At(now)
	switch r.State {
	case Waiting:
		return nextOfWaiting(r, v, fresh, now) // shows no key: stays while the session lives
	case Proven:
		return nextOfProven(r, v, fresh)
	case Writing:
		return StepWriting
	case Done, Ended:
		if v.Recovery == r.ID && r.End != EndTemporary { // the code has a page of its own
			return nextOfEnd(r)
		}
	}
	return orSignIn(fresh, StepStart)
}

func orSignIn(fresh bool, s Step) Step {
	if fresh {
		return s
	}
	return StepSignIn
}

// nextOfLink handles a browser that opened a link; ok is false when the link has done its work here.
func nextOfLink(r Recovery, found bool, v Viewer, now time.Time) (s Step, ok bool) {
	fresh := v.Person != "" && now.Sub(v.SignedInAt) <= SignInLife
	r = r.At(now)
	mine := found && r.Person == v.Person && r.Link != nil && Equal(r.Link.Hash, v.LinkHash)
	switch {
	case !mine && found && r.Person == v.Person && (r.State == Waiting && !fresh || r.enrolling(v)):
		return "", false // a link that somebody planted, or an older one, does not hide the page on which the person waits or enrols
	case !fresh:
		return StepLink, true
	case !mine:
		return StepLinkInvalid, true
	case r.State == Waiting && !now.Before(r.Link.Expires):
		return StepLinkInvalid, true
	case r.State == Waiting && !v.SignedInAt.After(r.Link.SentAt):
		return StepLink, true
	case r.State == Waiting:
		return StepConfirm, true
	case r.State == Proven && Equal(r.Holder, v.Holder), v.Recovery == r.ID:
		return "", false
	}
	return StepLinkInvalid, true
}

// enrolling reports that the viewer's browser holds the proof of a recovery that goes on.
func (r Recovery) enrolling(v Viewer) bool {
	return (r.State == Proven || r.State == Writing) && Equal(r.Holder, v.Holder)
}

func nextOfWaiting(r Recovery, v Viewer, fresh bool, now time.Time) Step {
	switch {
	case now.Before(r.NotBefore):
		return StepDelay
	case r.Way != WayDesk:
		return StepWait
	case !Equal(r.Asker, v.Holder) && r.anew(now):
		return orSignIn(fresh, StepCall)
	case !Equal(r.Asker, v.Holder) || r.Call == nil:
		return StepActive
	case r.Call.Case != nil && now.Sub(r.Call.Case.Seen) < CaseIdle:
		if b := r.Call.Case.CallBack; b != nil && !b.Matched {
			return StepCallBack
		}
		return StepChecking
	case len(r.Call.Approvals) > 0:
		return StepSecond
	}
	return StepCall
}

func nextOfProven(r Recovery, v Viewer, fresh bool) Step {
	switch {
	case !Equal(r.Holder, v.Holder) && Equal(r.Asker, v.Holder):
		return StepElsewhere
	case !Equal(r.Holder, v.Holder):
		return orSignIn(fresh, StepActive)
	case !fresh:
		return StepSignIn // no key is shown to an old sign-in
	case r.Locking():
		return StepLocking
	case r.Today():
		return StepTemporary
	case r.Key == nil || r.Key.Stopped:
		return StepStopped
	}
	return StepEnrol
}

func nextOfEnd(r Recovery) Step {
	switch {
	case r.State == Done:
		return StepDone
	case r.Locking():
		return StepLocking
	}
	return StepEnded
}

// slowAfter is when a swap or a lock takes longer than usual, and its page says so.
const slowAfter = 10 * time.Second

// Slow reports that what the person waits for takes longer than usual.
func (r Recovery) Slow(s Step, now time.Time) bool {
	switch s {
	case StepWriting:
		return now.Sub(r.WritingAt) >= slowAfter
	case StepLocking:
		return now.Sub(r.ProvenAt) >= slowAfter
	}
	return false
}

// Revision tells two pages of one step apart: that of another recovery, of a mail that is delayed or was given up, of another call code, of other
// match words, of a swap or a lock that takes longer, or needs help.
func (r Recovery) Revision(s Step, now time.Time) string {
	n := 0
	switch s {
	case StepWait:
		n = mailOf(r)
	case StepWriting, StepLocking:
		if r.Slow(s, now) {
			n = 1
		}
		if r.Stuck != "" || s == StepLocking && r.LockStuck != "" {
			n = 2
		}
	case StepCall, StepSecond:
		n = callOf(r).Serial
	case StepCallBack:
		n = callOf(r).CallBacks
	}
	return fmt.Sprintf("%.8s.%d", r.ID, n)
}

// mailOf counts what the waiting page says of its mail: that it was queued and that a server took it are one, so that a mail that goes well moves no page.
func mailOf(r Recovery) int {
	const kinds = 3
	switch {
	case r.Link == nil:
		return 0
	case r.Link.Unsent:
		return kinds*r.Link.Resent + 2
	case r.Link.Mail == MailDelayed:
		return kinds*r.Link.Resent + 1
	}
	return kinds * r.Link.Resent
}

// NextChange is when time alone may change what a viewer sees of the recovery: a far time when nothing is due.
func (r Recovery) NextChange(now time.Time) time.Time {
	next := now.Add(KeepEnded)
	consider := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	if r.State == Waiting || r.State == Proven {
		consider(r.Expires)
		consider(r.NotBefore)
	}
	if r.State == Writing {
		consider(r.WritingAt.Add(slowAfter))
	}
	if r.Locking() {
		consider(r.ProvenAt.Add(slowAfter))
	}
	if r.Link != nil && r.State == Waiting {
		consider(r.Link.Expires)
	}
	if r.Call != nil && r.Call.Case != nil {
		consider(r.Call.Case.Seen.Add(CaseIdle))
	}
	return next
}
