package view

import (
	"time"

	"otpbridge/bridge"
)

// Call is GET /recovery while the help desk is to be called: StepCall, and StepSecond with Second set. User name and call code are there to be
// read out. Its forms post do=renew, do=extendcall, do=cancel and, with Mail, do=mailinstead to /recovery.
type Call struct {
	Frame
	ID        string    // user name to read out
	Code      string    // eight digits
	CodeUntil time.Time // end of the code; when it has passed, the page asks for a new one
	Until     time.Time // the request stays open until then
	Extend    bool      // that can be put off
	Extended  bool      // do=extendcall was pressed a moment ago
	Renewed   bool      // do=renew was pressed a moment ago
	Second    bool      // one operator has approved, another must speak with the person
	Mail      bool      // the mail way is open too
	Reason    bridge.Reason
}

// Today is Case's.
func (p Call) Today() bool { return p.Reason == bridge.ReasonToday }

// Stolen reports that the complete proof locks the account.
func (p Call) Stolen() bool { return p.Reason == bridge.ReasonStolen }

// Checking is GET /recovery while an operator has the case open (StepChecking). Its forms post do=extendcall, do=cutoff (the line broke: another call
// code) and do=cancel.
type Checking struct {
	Frame
	Today  bool      // a temporary code is asked for
	Until  time.Time // the request stays open until then
	Extend bool      // that can be put off
}

// CallBack is GET /recovery while an operator calls the number on record (StepCallBack): the person there reads the match words out. Its forms
// post what Checking's do.
type CallBack struct {
	Frame
	Today  bool // a temporary code is asked for
	Words  int  // index of the pair, see MatchWords
	Until  time.Time
	Extend bool
}

// Delay is GET /recovery while a waiting period runs (StepDelay). Its form posts do=cancel.
type Delay struct {
	Frame
	Way       bridge.Way // how the proof is made again after NotBefore
	NotBefore time.Time
	Until     time.Time // the request stays open until then
	Noticed   bool      // a notice was queued for at least one address
}

func (Call) template() string     { return "call" }
func (Checking) template() string { return "checking" }
func (CallBack) template() string { return "callback" }
func (Delay) template() string    { return "delay" }

// soon is how long before the end of a request its page offers to keep it open.
const soon = 10 * time.Minute

// renewAhead is how long before the end of a call code a page with a script asks for the next one.
const renewAhead = 20 * time.Second

// Expired says that the code no longer works.
func (p Call) Expired() bool { return !p.Now.Before(p.CodeUntil) }

// Soon says that the end of the request is near.
func (p Call) Soon() bool { return !p.Until.After(p.Now.Add(soon)) }

// RenewIn is the number of seconds after which a page with a script asks for another code.
func (p Call) RenewIn() int { return seconds(p.CodeUntil.Sub(p.Now) - renewAhead) }

// CodeEndsIn is the number of seconds after which a page with a script shows the code no more.
func (p Call) CodeEndsIn() int { return seconds(p.CodeUntil.Sub(p.Now)) }

// WarnIn is the number of seconds after which a page with a script says that the request is about to end.
func (p Call) WarnIn() int { return seconds(p.Until.Sub(p.Now) - soon) }

// WarnIn is Call's.
func (p Checking) WarnIn() int { return seconds(p.Until.Sub(p.Now) - soon) }

// WarnIn is Call's.
func (p CallBack) WarnIn() int { return seconds(p.Until.Sub(p.Now) - soon) }

func seconds(d time.Duration) int { return max(0, int(d/time.Second)) }

// Closed says that nobody answers the phone now.
func (p Call) Closed() bool { return p.Desk.Known && !p.Desk.Open }
