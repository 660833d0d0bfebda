package bridge

import "time"

// Theft is the report of a theft about which nothing was done yet: the account was not locked, and there is no new authenticator. A new start takes it over, so
// that neither an end nor another start, for which the password is enough, talks it down.
type Theft struct {
	At      time.Time
	Asker   string // the browser that reported it, which alone may withdraw that by a cancel
	Refused Code   `json:",omitempty"` // why a lock was given up since
}

// theft is the report that a recovery leaves to the next one, nil when there is none. One that its own person, by what was mailed, or an administrator calls
// wrong is none.
func (r Recovery) theft(now time.Time) *Theft {
	var t Theft
	switch {
	case r.State == Done, r.Locked(), r.End == EndVetoed, r.End == EndStopped:
		return nil
	case r.Theft != nil:
		t = *r.Theft
	case r.Reason != ReasonStolen, r.End == EndCancelled: // by whoever may
		return nil
	default:
		t = Theft{At: r.StartedAt, Asker: r.Asker}
	}
	if now.Sub(t.At) >= KeepEnded {
		return nil
	}
	if r.Lock != nil && r.Lock.Refused != "" {
		t.Refused = r.Lock.Refused
	}
	return &t
}

// ReportedBy reports that the theft which a recovery is about was reported in this browser: a cancel there withdraws that.
func (r Recovery) ReportedBy(holder string) bool {
	if r.Theft != nil {
		return Equal(r.Theft.Asker, holder)
	}
	return Equal(r.Asker, holder)
}

// cancelled ends a recovery in a browser. A report of a theft stands when it is another browser's.
func (r Recovery) cancelled(holder string, now time.Time) Recovery {
	t := r.theft(now)
	if t != nil && Equal(t.Asker, holder) {
		t = nil
	}
	r = r.ended(EndCancelled, "", now)
	r.Theft = t
	return r
}

// unlocked is why an account was not locked although a theft was reported, in this recovery or before it; "" when it was, or there was no try.
func (r Recovery) unlocked() Code {
	switch {
	case r.State == Done:
		return ""
	case r.Lock != nil:
		return r.Lock.Refused
	case r.Theft != nil:
		return r.Theft.Refused
	}
	return ""
}
