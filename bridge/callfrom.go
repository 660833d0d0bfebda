package bridge

import (
	"slices"
	"time"
)

const maxFrom = 32

// came adds a client address of the caller's browser to those of c; of very many the oldest go.
func (r Recovery) came(c Call, address string) []string {
	if address == "" || address == r.From || slices.Contains(c.From, address) {
		return c.From
	}
	all := append(slices.Clone(c.From), address)
	return all[max(0, len(all)-maxFrom):]
}

// shares reports whether the caller came from this client address at any time (HD-15).
func (r Recovery) shares(address string) bool {
	return slices.ContainsFunc(append([]string{r.From}, callOf(r).From...), func(from string) bool { return Equal(from, address) })
}

// Met notes that the holder confirms the new code from the client address of an operator who approved: two have to (HD-15).
func (r Recovery) Met(address string) Recovery {
	if !slices.ContainsFunc(callOf(r).Approvals, func(a Approval) bool { return Equal(a.From, address) }) {
		return r
	}
	c := *r.Call
	c.Shared, c.Needed = true, max(c.Needed, 2)
	return r.with(c)
}

// CutOff gives up the call at hand: the case is closed to its operator, and the caller's page shows another call code. Wrong codes and words stay
// counted.
func (r Recovery) CutOff(v Viewer, code string, now time.Time) (Recovery, error) {
	r, err := r.RenewCode(v, code, now)
	if err != nil {
		return r, err
	}
	c := *r.Call
	c.Case = nil
	return r.with(c), nil
}

// again is what a waiting period leaves of a desk's part: whoever calls after it starts over, and what was counted stays counted.
func (c Call) again() *Call {
	return &Call{Serial: c.Serial, Wrong: c.Wrong, WrongWords: c.WrongWords, Risky: c.Risky, Shared: c.Shared, CallBacks: c.CallBacks, From: c.From}
}
