package web

import (
	"net/http"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// recovery serves GET /recovery: the page that bridge.Next names, or the way to it.
func (s *Server) recovery(w http.ResponseWriter, r *http.Request, v *visit) error {
	state := v.state()
	if state.Done != nil {
		return see(w, r, "/done")
	}
	step, rec, err := s.Flow.See(r.Context(), state.viewer())
	if err != nil {
		return err
	}
	switch step {
	case bridge.StepSignIn:
		return s.toSignIn(w, r, v)
	case bridge.StepLink, bridge.StepConfirm, bridge.StepLinkInvalid:
		return see(w, r, "/link")
	case bridge.StepEnrol, bridge.StepStopped:
		return see(w, r, "/enrol")
	case bridge.StepDone:
		return see(w, r, "/done")
	case bridge.StepTemporary:
		return see(w, r, temporaryPath)
	case bridge.StepStart:
		return s.showRequest(w, r, v, http.StatusOK, view.Request{})
	}
	if step == bridge.StepEnded {
		return s.ended(w, r, v, rec)
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		f.Live, f.Revision = step, rec.Revision(step, f.Now)
		switch page := s.calling(f, r, step, seenBy(rec, state)).(type) {
		case nil:
		case view.Call:
			page.Mail = rec.Other && rec.NotBefore.IsZero()
			return page
		default:
			return page
		}
		page := s.waiting(f, r, step, rec, state)
		if sent, ok := page.(view.MailSent); ok {
			sent.Phone = rec.Other
			return sent
		}
		return page
	})
}

// ended says how the recovery ended that this browser took part in, and that the account is locked, by this recovery or since an earlier report of a theft, unless
// an administrator has lifted that.
func (s *Server) ended(w http.ResponseWriter, r *http.Request, v *visit, rec bridge.Recovery) error {
	rec = rec.At(v.now)
	shut, err := s.Flow.Shut(r.Context(), rec.Person)
	lifted := false
	if err == nil && shut.IsZero() && (rec.Locked() || rec.Shut) {
		lifted, err = s.Flow.Lifted(r.Context(), rec.Person)
	}
	if err != nil {
		return err
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		f.Live, f.Revision, f.Reference = bridge.StepEnded, rec.Revision(bridge.StepEnded, f.Now), rec.Reference
		mine := bridge.Equal(rec.Holder, v.state().Holder)
		switch page := (view.Locked{Frame: f, At: shut, How: rec.End, Code: rec.EndCode, Lifted: lifted}); {
		case rec.Locked():
			page.At = rec.Lock.At
			if mine {
				page.Kept = rec.Lock.Kept
			}
			if rec.End == bridge.EndCancelled { // by its holder, who has no new device yet
				page.How, page.Reference = "", ""
			}
			return page
		case !shut.IsZero() || rec.Shut: // no authenticator works
			return page
		}
		return view.Ended{Frame: f, How: rec.End, Code: rec.EndCode}
	})
}

// seenBy hides a call code that another browser shows.
func seenBy(rec bridge.Recovery, state State) bridge.Recovery {
	if rec.Call == nil || bridge.Equal(rec.Asker, state.Holder) {
		return rec
	}
	c := *rec.Call
	c.Code, c.Expires = "", time.Time{}
	rec.Call = &c
	return rec
}

// calling makes the pages of the desk's way; nil for another one's.
func (s *Server) calling(f view.Frame, r *http.Request, step bridge.Step, rec bridge.Recovery) view.Page {
	done := r.URL.Query().Get("done")
	extend := rec.Expires.Before(rec.StartedAt.Add(bridge.DeskMax))
	switch step {
	case bridge.StepCall, bridge.StepSecond:
		return view.Call{
			Frame: f, ID: rec.Username, Code: rec.Call.Code, CodeUntil: rec.Call.Expires, Until: rec.Expires,
			Extend: extend, Extended: done == "extended", Renewed: done == "renewed",
			Second: step == bridge.StepSecond, Reason: rec.Reason,
		}
	case bridge.StepChecking:
		return view.Checking{Frame: f, Today: rec.Today(), Until: rec.Expires, Extend: extend}
	case bridge.StepCallBack:
		return view.CallBack{Frame: f, Today: rec.Today(), Words: rec.Call.Case.CallBack.Right, Until: rec.Expires, Extend: extend}
	case bridge.StepDelay:
		return view.Delay{Frame: f, Way: rec.Way, NotBefore: rec.NotBefore, Until: rec.Expires, Noticed: len(rec.Snapshot.Others("")) > 0}
	}
	return nil
}

// toSignIn leads to the ID page, and says so when it is because the session ended.
func (s *Server) toSignIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, expired := v.sess.Values[expiredKey]; expired || v.state().Former != nil {
		return bridge.Fault(view.CodeSession, "session", nil)
	}
	return see(w, r, "/start")
}

// waiting makes the pages on which the person waits for something, or learns how it ended.
func (s *Server) waiting(f view.Frame, r *http.Request, step bridge.Step, rec bridge.Recovery, state State) view.Page {
	switch step {
	case bridge.StepActive:
		return view.RequestActive{
			Frame: f, Started: rec.StartedAt, Way: rec.Way, Proven: rec.State == bridge.Proven, Expires: rec.Expires,
		}
	case bridge.StepElsewhere:
		return view.Elsewhere{Frame: f}
	case bridge.StepWriting:
		p := view.Writing{Frame: f, Slow: rec.Slow(step, f.Now), Stuck: rec.Stuck != "", Locked: rec.Locked() || rec.Shut}
		if p.Stuck && state.Recovery == rec.ID {
			p.Reference = rec.Reference
		}
		return p
	case bridge.StepLocking:
		p := view.Locking{Frame: f, Slow: rec.Slow(step, f.Now), Stuck: rec.LockStuck != ""}
		if p.Stuck && state.Recovery == rec.ID {
			p.Reference = rec.Reference
		}
		return p
	}
	if state.Recovery != rec.ID && state.Holder != rec.Asker {
		return view.RequestActive{Frame: f, Started: rec.StartedAt, Way: rec.Way}
	}
	p := view.MailSent{
		Frame: f, Address: rec.Link.To, Sender: s.MailSender, Sent: rec.Link.SentAt, Expires: rec.Link.Expires,
		ResendFrom: rec.Link.SentAt.Add(bridge.LimitLinkMinute.Per), Left: -1, Delayed: rec.Link.Mail == bridge.MailDelayed,
	}
	p.Unsent = rec.Link.Unsent
	if p.Delayed || p.Unsent {
		p.Sent = time.Time{}
	}
	switch r.URL.Query().Get("sent") {
	case "again":
		p.Resent = true
	case "early":
		p.TooEarly = true
	}
	return p
}

// showRequest shows what will happen and the ways that are open; without any it says why.
func (s *Server) showRequest(w http.ResponseWriter, r *http.Request, v *visit, status int, p view.Request) error {
	state := v.state()
	offer, err := s.Flow.Ways(r.Context(), state.viewer(), state.Snapshot)
	if err != nil {
		return err
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = "/recovery"
		p.Frame, p.Address, p.First, p.Several = f, offer.Address, offer.First, offer.Several
		p.Desk, p.NoMail, p.Locked = offer.Desk, offer.NoMail, offer.Locked
		return p
	})
}

// actRecovery serves POST /recovery.
func (s *Server) actRecovery(w http.ResponseWriter, r *http.Request, v *visit) error {
	state := v.state()
	if state.Person == "" {
		return s.toSignIn(w, r, v)
	}
	switch r.PostForm.Get("do") {
	case "start":
		return s.startRecovery(w, r, v)
	case "restart":
		if err := s.Flow.Cancel(r.Context(), state.viewer()); err != nil && bridge.CodeOf(err) != bridge.CodeNotOpen {
			return err
		}
	case "cancel":
		if err := s.Flow.Cancel(r.Context(), state.viewer()); err != nil {
			return err
		}
	case "resend":
		return s.resend(w, r, v)
	case "renew":
		if err := s.Flow.RenewCode(r.Context(), s.caller(r, state)); err != nil {
			return err
		}
		if err := s.joins(r, v); err != nil {
			return err
		}
		return see(w, r, "/recovery?done=renewed")
	case "cutoff":
		if err := s.Flow.CutOff(r.Context(), s.caller(r, state)); err != nil {
			return err
		}
		return see(w, r, "/recovery?done=renewed")
	case "extendcall":
		if err := s.Flow.ExtendCall(r.Context(), s.caller(r, state)); err != nil {
			return err
		}
		return see(w, r, "/recovery?done=extended")
	case "deskinstead":
		return s.switchWay(w, r, v, bridge.WayDesk)
	case "mailinstead":
		return s.switchWay(w, r, v, bridge.WayMail)
	case "check":
		if err := s.joins(r, v); err != nil {
			return err
		}
	default:
		return bridge.Fault(view.CodeNotFound, "do", nil)
	}
	return see(w, r, "/recovery")
}

// caller is the viewer with what HD-15 looks at.
func (s *Server) caller(r *http.Request, state State) bridge.Viewer {
	v := state.viewer()
	v.From, v.OperatorBrowser = s.address(r), operatorBrowser(r)
	return v
}

// joins makes this browser one that takes part in the open recovery, so that it sees where that stands. What is over is joined by nobody: the
// password alone would read how it ended. INV-1
func (s *Server) joins(r *http.Request, v *visit) error {
	_, rec, err := s.Flow.See(r.Context(), v.state().viewer())
	if err != nil || !rec.Open() {
		return err
	}
	return s.takesPart(r, v, rec.ID)
}

func (s *Server) takesPart(r *http.Request, v *visit, recovery string) error {
	return s.Sessions.Change(r.Context(), v.sess, func(st *State) error {
		st.Recovery = recovery
		return nil
	})
}

// switchWay begins again by the other way, for the same reason.
func (s *Server) switchWay(w http.ResponseWriter, r *http.Request, v *visit, way bridge.Way) error {
	_, rec, err := s.Flow.See(r.Context(), v.state().viewer())
	if err != nil {
		return err
	}
	if rec.ID == "" || rec.State != bridge.Waiting {
		return see(w, r, "/recovery")
	}
	return s.beginRecovery(w, r, v, rec.Reason, way)
}

// startRecovery reads the request form.
func (s *Server) startRecovery(w http.ResponseWriter, r *http.Request, v *visit) error {
	reason, way := bridge.Reason(r.PostForm.Get("reason")), bridge.Way(r.PostForm.Get("way"))
	var faults []view.Fault
	if !reason.Valid() {
		faults = append(faults, view.Fault{Field: view.FieldReason, Code: view.CodeMissingReason})
	}
	if way != bridge.WayMail && way != bridge.WayDesk {
		faults = append(faults, view.Fault{Field: view.FieldWay, Code: view.CodeMissingWay})
	}
	if len(faults) > 0 {
		return s.showRequest(w, r, v, http.StatusUnprocessableEntity, view.Request{Reason: reason, Way: way, Faults: faults})
	}
	return s.beginRecovery(w, r, v, reason, way)
}

// asked is who asks for a recovery, and from where.
func (s *Server) asked(r *http.Request, v *visit) bridge.Asked {
	state := v.state()
	return bridge.Asked{
		Viewer: state.viewer(), Username: state.Username, Name: state.Name, Language: v.lang,
		Origin: origin(r, clientAddress(r, s.TrustedProxies), s.Campus), Snapshot: state.Snapshot,
		From: s.address(r), OperatorBrowser: operatorBrowser(r),
	}
}

func (s *Server) beginRecovery(w http.ResponseWriter, r *http.Request, v *visit, reason bridge.Reason, way bridge.Way) error {
	a := s.asked(r, v)
	a.Reason, a.Way = reason, way
	rec, err := s.Flow.Start(r.Context(), a)
	if rec.ID != "" {
		if err := s.takesPart(r, v, rec.ID); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return see(w, r, "/recovery")
}

// resend answers a press that comes too early on the page itself.
func (s *Server) resend(w http.ResponseWriter, r *http.Request, v *visit) error {
	rec, err := s.Flow.Resend(r.Context(), v.state().viewer())
	if bridge.CodeOf(err) == bridge.CodeTooMany && rec.Link != nil && v.now.Sub(rec.Link.SentAt) < bridge.LimitLinkMinute.Per {
		return see(w, r, "/recovery?sent=early")
	}
	if err == nil {
		err = s.takesPart(r, v, rec.ID)
	}
	if err != nil {
		return err
	}
	return see(w, r, "/recovery?sent=again")
}
