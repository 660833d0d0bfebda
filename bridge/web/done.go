package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// done serves GET /done. The first look takes the sign-in away and keeps what the page says, so that a reload shows it again.
func (s *Server) done(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.state().Done == nil {
		step, rec, err := s.Flow.See(r.Context(), v.state().viewer())
		if err != nil {
			return err
		}
		if step != bridge.StepDone || r.Method == http.MethodHead {
			return see(w, r, "/recovery") // a look without a body forgets nothing
		}
		err = s.Sessions.Rotate(r, w, v.sess, func(old State) State { return State{Done: doneFacts(rec, old.Holder)} })
		if bridge.CodeOf(err) == bridge.CodeAbsent {
			return see(w, r, "/done") // another tab was first, and this browser has the session that it began
		}
		if err != nil {
			return err
		}
	}
	return s.showDone(w, r, v, http.StatusOK, nil)
}

// doneFacts is what the browser with this holder may know of the end. Whoever has the password can take part in an open recovery and reads
// that it is done; only the browser that enrolled reads what the new device is called and gets what leads to recovery codes, a second factor. INV-1
func doneFacts(rec bridge.Recovery, holder string) *DoneFacts {
	facts := &DoneFacts{First: rec.First, Noticed: len(rec.Snapshot.Others("")) > 0, Unset: rec.Snapshot.Unset()}
	if bridge.Equal(rec.Holder, holder) {
		facts.Label, facts.Beside = rec.Label, rec.Beside
		facts.Ref = bridge.DoneRef{Recovery: rec.ID, Person: rec.Person, Way: rec.Way, At: rec.DoneAt}
	}
	return facts
}

func (s *Server) showDone(w http.ResponseWriter, r *http.Request, v *visit, status int, faults []view.Fault) error {
	facts := *v.state().Done
	offer, err := s.Flow.CodesFor(r.Context(), facts.Ref)
	if err != nil {
		return err
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = "/done"
		return view.Done{
			Frame: f, Label: facts.Label, Beside: facts.Beside, First: facts.First, Noticed: facts.Noticed, SignedOut: true, Unset: s.Settings != nil && facts.Unset, Codes: codesPart(offer), Faults: faults,
		}
	})
}

// codesPart is what the page says about recovery codes, nil for nothing.
func codesPart(o bridge.CodesOffer) *view.RecoveryCodes {
	switch o.Set.State {
	case bridge.CodesAsked:
		return &view.RecoveryCodes{Writing: true}
	case bridge.CodesRefused:
		return &view.RecoveryCodes{Refused: true}
	case bridge.CodesWritten:
		return &view.RecoveryCodes{List: shownCodes(o.Set), Made: time.UnixMilli(o.Set.New.CreatedMillis), Until: o.Set.Until}
	case bridge.CodesSaved:
		return nil
	}
	if !o.Open {
		return nil
	}
	return &view.RecoveryCodes{Offer: true, Replaces: o.Replaces}
}

// shownCodes groups the signs of each code by four, as Keycloak's own page does; its form takes them with and without hyphens.
func shownCodes(set bridge.CodeSet) []string {
	const group = 4
	out := make([]string, 0, len(set.New.Codes))
	for _, c := range set.New.Codes {
		var parts []string
		for text := c.Reveal(); text != ""; text = text[min(group, len(text)):] {
			parts = append(parts, text[:min(group, len(text))])
		}
		out = append(out, strings.Join(parts, "-"))
	}
	return out
}

// actDone serves POST /done: to the browser that enrolled, and to no other that reads of the end, do=codes asks for recovery codes, do=saved says
// that they are kept. do=leave ends what any browser still knows of the end, for whoever sits there next.
func (s *Server) actDone(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.state().Done == nil {
		return bridge.Fault(view.CodeSession, "done", nil)
	}
	ref := v.state().Done.Ref
	switch r.PostForm.Get("do") {
	case "codes":
		if err := s.Flow.AskCodes(r.Context(), ref); err != nil && bridge.CodeOf(err) != bridge.CodeNotOpen {
			return err
		}
		if err := s.awaitCodes(r.Context(), ref); err != nil {
			return err
		}
		return see(w, r, "/done")
	case "saved":
		if r.PostForm.Get("saved") != "1" {
			return s.showDone(w, r, v, http.StatusUnprocessableEntity, []view.Fault{{Field: view.FieldSaved, Code: view.CodeNotSaved}})
		}
		if err := s.Flow.SaveCodes(r.Context(), ref); err != nil {
			return err
		}
		return see(w, r, "/done")
	case "leave":
		if err := s.endSession(w, r, v); err != nil {
			return err
		}
		return s.showSignedOut(w, r, v)
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}

// awaitCodes waits a moment for the codes, which another worker may write.
func (s *Server) awaitCodes(ctx context.Context, ref bridge.DoneRef) error {
	wait, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		offer, err := s.Flow.CodesFor(ctx, ref)
		if err != nil || offer.Set.State != bridge.CodesAsked {
			return err
		}
		select {
		case <-wait.Done():
			return nil
		case <-tick.C:
		}
	}
}

// codesFile serves GET /done/recovery-codes.txt: the codes as long as the page shows them.
func (s *Server) codesFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.state().Done == nil {
		return bridge.Fault(view.CodeNotFound, "recovery codes", nil)
	}
	offer, err := s.Flow.CodesFor(r.Context(), v.state().Done.Ref)
	if err != nil {
		return err
	}
	return s.sendCodes(w, r, v, codesPart(offer))
}

// sendCodes answers with recovery codes as a file.
func (s *Server) sendCodes(w http.ResponseWriter, r *http.Request, v *visit, part *view.RecoveryCodes) error {
	if part == nil || len(part.List) == 0 {
		return bridge.Fault(view.CodeNotFound, "recovery codes", nil)
	}
	text := s.View.CodesText(v.lang, *part)
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="recovery-codes.txt"`)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // the browser has gone if this fails
	}
	return nil
}
