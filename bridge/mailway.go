package bridge

import (
	"context"
	"slices"
	"time"
)

// Asked is what the request page sends, with what the browser session knows.
type Asked struct {
	Viewer   Viewer
	Username string
	Name     string
	Language string
	Reason   Reason
	Way      Way
	Origin   Origin
	Snapshot Snapshot // taken before the sign-in
	From     string   // client address
	// OperatorBrowser: an operator was signed in with this browser before (HD-15).
	OperatorBrowser bool
	other           bool // the other way is open too
	shut            bool // the account is locked
}

// Offer is what the request page can offer to the signed-in person.
type Offer struct {
	Address string // where the link would go; empty: no mail way
	NoMail  Code   // why there is no mail way
	Desk    bool   // the desk way is open
	First   bool   // no authenticator yet: nothing will be replaced
	Several bool   // several authenticators: all of them will be removed
	Locked  bool   // a tombstone keeps the account shut: a new authenticator lifts that
	Delay   time.Duration
}

// Ways says which ways are open to the signed-in person; an error says why none is.
func (f *Flow) Ways(ctx context.Context, v Viewer, s Snapshot) (Offer, error) {
	a, err := f.fresh(ctx, v.Person, s, v.AuthTime)
	if err != nil {
		return Offer{}, err
	}
	n, policy, locked := len(a.Authenticators()), f.Rules.Policy(a), slices.ContainsFunc(a.OTPs(), Credential.Tombstone)
	o := Offer{First: n == 0 && !locked, Several: n > 1, Locked: locked, Desk: f.Rules.Allows(policy, WayDesk), Delay: policy.Delay}
	_, err = f.mailOpen(ctx, a)
	if to, ok := s.LinkAddress(); err == nil && ok {
		o.Address = to
	} else if err == nil {
		err = Fault(noAddressCode(s), "ways", nil)
	}
	if o.NoMail = CodeOf(err); o.Desk && (err == nil || refusesMail(o.NoMail)) {
		return o, nil
	}
	return o, err
}

// refusesMail reports whether a code speaks against the mail way only, so that the desk way remains.
func refusesMail(c Code) bool {
	switch c {
	case CodeDeskOnly, CodeNoAddress, CodeAddressUnproven, CodeAddressCampus, CodeAddressChanged, CodePasswordRecent, CodeTooManyBad, CodeRealmUnsafe, CodeWrongCodes:
		return true
	}
	return false
}

func noAddressCode(s Snapshot) Code {
	if len(s.Addresses) > 0 && s.Addresses[0].Code != "" {
		return s.Addresses[0].Code
	}
	return CodeNoAddress
}

// mailOpen says why the mail way is not open to the account as it is now. Without an error just tells what it read of its past.
func (f *Flow) mailOpen(ctx context.Context, a Account) (just pastReader, err error) {
	if err := f.undisputed(ctx, a.ID); err != nil {
		return nil, err
	}
	realm, h, err := f.past(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	if err := realm.Served(); err != nil {
		return nil, err
	}
	if n, err := f.failures(ctx, a.ID); err != nil || n >= maxFailures {
		return nil, firstError(err, Fault(CodeTooManyBad, "mail way", nil))
	}
	just = func(context.Context, string) (RealmFacts, History, error) { return realm, h, nil }
	return just, f.Rules.MailRefusal(a, h, realm, f.Now())
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Start begins a recovery by the way that was chosen: the link is sent, or the call code is drawn. An open one without a proof or approval
// is superseded.
func (f *Flow) Start(ctx context.Context, a Asked) (Recovery, error) {
	if err := f.Closed("start"); err != nil {
		return Recovery{}, err
	}
	if f.Now().Sub(a.Viewer.SignedInAt) > SignInLife {
		return Recovery{}, Fault(CodeStaleSignIn, "start", nil)
	}
	offer, err := f.Ways(ctx, a.Viewer, a.Snapshot)
	if err != nil {
		return Recovery{}, err
	}
	open := map[Way]bool{WayMail: offer.Address != "", WayDesk: offer.Desk}
	if !a.Reason.Valid() || !open[a.Way] {
		return Recovery{}, Fault(CodeNotOpen, "start", nil)
	}
	if err := f.mayStart(ctx, a.Viewer.Person); err != nil {
		return Recovery{}, err
	}
	a.other, a.shut = a.Way == WayMail && offer.Desk || a.Way == WayDesk && offer.Address != "", offer.Locked
	if a.Way == WayDesk {
		return f.startCall(ctx, a)
	}
	w, err := f.newLink(ctx, a.Viewer.Person, offer.Address)
	if err != nil {
		return Recovery{}, err
	}
	r, err := f.begin(ctx, a, w.link, nil)
	if err != nil {
		return Recovery{}, err
	}
	_ = f.tellOthers(ctx, r) // logged; without them the link proves nothing, and it is tried again then
	return r, f.post(ctx, r, w)
}

// startCall begins a recovery by desk. Every address on record is told, and may veto.
func (f *Flow) startCall(ctx context.Context, a Asked) (Recovery, error) {
	if ok, retry, err := f.Limits.AllowAtMost(ctx, LimitCallHour, a.Viewer.Person); err != nil || !ok {
		return Recovery{}, f.limited(ctx, a.Viewer.Person, LimitCallHour, retry, err)
	}
	w, err := f.newTokens(ctx, a.Viewer.Person, "")
	if err != nil {
		return Recovery{}, err
	}
	w.link.Hash = "" // there is no link, only a way to object
	r, err := f.begin(ctx, a, w.link, newCall(f.Now(), a.OperatorBrowser))
	if err != nil {
		return Recovery{}, err
	}
	_ = f.tellOthers(ctx, r) // logged; they are told of each approval too
	if f.Rules.AnnounceCalls && f.Rules.DeskMailbox != "" {
		f.announceCall(ctx, r)
	}
	return r, nil
}

// announceCall tells the help desk that somebody is about to call, without a name or a code.
func (f *Flow) announceCall(ctx context.Context, r Recovery) {
	n := Notice{Kind: NoticeCall, To: f.Rules.DeskMailbox, Language: r.Language, At: r.StartedAt, Expires: r.Expires, Today: r.Today()}
	if err := f.Mail.Send(ctx, n); err != nil {
		f.Log.ErrorContext(ctx, "notice lost", "kind", n.Kind, "recovery", r.ID, "err", err)
	}
}

// mayStart refuses before a link is counted or made: an open proof stands. Of an objection that a new start would make forgotten others hear first.
func (f *Flow) mayStart(ctx context.Context, person string) error {
	r, found, err := f.read(ctx, person)
	switch {
	case err != nil:
		return err
	case found && r.State == Proven:
		return Fault(CodeActive, "start", nil)
	case found && (r.State == Writing || r.Locking()):
		return firstError(f.resume(ctx, r), Fault(CodeTooLate, "start", nil))
	case found && len(r.Unsaid) > 0:
		return f.objectionFirst(ctx, r)
	}
	return nil
}

// begin stores the new recovery; what it replaces goes on record.
func (f *Flow) begin(ctx context.Context, a Asked, l Link, c *Call) (Recovery, error) {
	s := Start{
		ID: NewUUID(), Person: a.Viewer.Person, Username: a.Username, Name: a.Name, Language: a.Language, Way: a.Way, Reason: a.Reason,
		Origin: a.Origin, Asker: a.Viewer.Holder, SignedInAt: a.Viewer.SignedInAt, AuthTime: a.Viewer.AuthTime,
		Snapshot: a.Snapshot, Link: l, KeyLife: f.Rules.KeyLife, Call: c, From: a.From, Other: a.other, Shut: a.shut,
		Reference: RequestFrom(ctx).Reference,
	}
	if err := f.keepUntil(ctx, s, l); err != nil {
		return Recovery{}, err
	}
	var superseded Recovery
	r, err := f.Recoveries.Update(ctx, s.Person, f.life(), func(old Recovery, found bool) (Recovery, error) {
		superseded = Recovery{}
		if found && old.At(f.Now()).Open() {
			superseded = old
		}
		return Begin(old, found, s, f.Now())
	})
	if err != nil {
		return r, err
	}
	if a.Way != WayDesk {
		f.hangUp(ctx, Recovery{Person: r.Person, Way: WayDesk}) // one that was superseded
	}
	if superseded.ID != "" {
		f.record(ctx, event("recovery.superseded", superseded))
	}
	f.record(ctx, event("recovery.started", r))
	return r, nil
}

// keepUntil adds the job that ends the new recovery, before the record exists.
func (f *Flow) keepUntil(ctx context.Context, s Start, l Link) error {
	if s.Way == WayDesk {
		return f.waitAt(ctx, s.Person, f.Now(), f.Now().Add(DeskLife))
	}
	return f.expireAt(ctx, s.Person, l.Expires.Add(WaitAfterLink))
}

// expireAt keeps the job that ends the recovery when nobody comes back. The job is added before the record that it belongs to.
func (f *Flow) expireAt(ctx context.Context, person string, at time.Time) error {
	return f.Jobs.Add(ctx, Job{Kind: JobExpiry, ID: person, At: at})
}

// post queues the link mail. The recovery was stored before and says until then that no mail is under way.
func (f *Flow) post(ctx context.Context, r Recovery, w letter) error {
	n := Notice{
		Kind: NoticeLink, To: w.link.To, Person: r.Person, Language: r.Language, Name: r.Name, At: r.StartedAt, Expires: w.link.Expires, Way: r.Way,
		Origin: r.Origin, Link: w.token, Veto: w.vetoSecret, Objection: w.link.Objection,
	}
	if err := f.Mail.Send(ctx, n); err != nil {
		return err
	}
	f.record(ctx, event("link.sent", r))
	_, err := f.change(ctx, r.Person, func(old Recovery) (Recovery, error) { return old.Sent(w.link.Hash) })
	if err != nil && CodeOf(err) != CodeNotOpen {
		f.Log.WarnContext(ctx, "a mail is under way of which the page says that it is not", "recovery", r.ID, "err", err)
	}
	return nil
}

// Mailed notes what became of the mail with a link: the waiting page says it, on every replica. CodeNotOpen: nobody waits for it any more.
func (f *Flow) Mailed(ctx context.Context, person, hash string, o MailOutcome) error {
	_, err := f.change(ctx, person, func(old Recovery) (Recovery, error) { return old.Mailed(hash, o) })
	return err
}

// Resend sends a new link for a waiting recovery; the earlier one no longer works.
func (f *Flow) Resend(ctx context.Context, v Viewer) (Recovery, error) {
	r, found, err := f.read(ctx, v.Person)
	if err != nil {
		return r, err
	}
	if !found || r.State != Waiting {
		return r, Fault(CodeNotOpen, "resend", nil)
	}
	if _, err := f.still(ctx, r, v.AuthTime); err != nil {
		return r, f.refuse(ctx, r, err)
	}
	w, err := f.newLink(ctx, v.Person, r.Link.To)
	if err != nil {
		return r, err
	}
	if err := f.expireAt(ctx, r.Person, w.link.Expires.Add(WaitAfterLink)); err != nil {
		return r, err
	}
	r, err = f.change(ctx, v.Person, func(old Recovery) (Recovery, error) { return old.Resend(w.link, f.Now()) })
	if err != nil {
		return r, err
	}
	_ = f.tellOthers(ctx, r)
	return r, f.post(ctx, r, w)
}

// Cancel ends the viewer's own recovery.
func (f *Flow) Cancel(ctx context.Context, v Viewer) error {
	r, err := f.change(ctx, v.Person, func(old Recovery) (Recovery, error) { return old.Cancel(v.Holder, f.Now()) })
	if err == nil {
		f.hangUp(ctx, r)
		f.record(ctx, event("recovery.cancelled", r))
	}
	return err
}

// EndDelay goes on after the waiting period: by mail a new link is sent, which has to be proven like the first. next is when to look again.
func (f *Flow) EndDelay(ctx context.Context, person string) (next time.Time, err error) {
	r, found, err := f.read(ctx, person)
	if err != nil || !found || r.State != Waiting || r.NotBefore.IsZero() || r.Way != WayMail || (r.Link.Hash != "" && !r.Link.Unsent) {
		return time.Time{}, err
	}
	if f.Now().Before(r.NotBefore) {
		return r.NotBefore, nil
	}
	ctx = onBehalf(ctx, r.Reference)
	w, err := f.newTokens(ctx, person, r.Link.To)
	if err != nil {
		return time.Time{}, err
	}
	r, err = f.change(ctx, person, func(old Recovery) (Recovery, error) { return old.Resend(w.link, f.Now()) })
	if CodeOf(err) == CodeNotOpen {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Time{}, f.post(ctx, r, w)
}
