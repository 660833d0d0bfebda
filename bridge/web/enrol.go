package web

import (
	"context"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
	"otpbridge/bridge/totp"
	"otpbridge/bridge/view"
)

// enrol serves GET /enrol: the key, for the holder alone. Reloads, tabs and languages show the same key.
func (s *Server) enrol(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showEnrol(w, r, v, http.StatusOK, view.Enrol{Extended: r.URL.Query().Get("extended") == "1"})
}

func (s *Server) showEnrol(w http.ResponseWriter, r *http.Request, v *visit, status int, p view.Enrol) error {
	step, rec, err := s.Flow.See(r.Context(), v.state().viewer())
	if err != nil {
		return err
	}
	if step == bridge.StepStopped {
		return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
			f.Path = "/enrol"
			return view.EnrolStopped{Frame: f}
		})
	}
	if step == bridge.StepEnded && rec.End == bridge.EndExpired && !rec.Locked() {
		return bridge.Fault(bridge.CodeExpired, "enrol", nil)
	}
	if step != bridge.StepEnrol {
		return see(w, r, "/recovery")
	}
	ask := s.Flow.MayShow
	if r.Method == http.MethodPost {
		ask = s.Flow.Show
	}
	if err := ask(r.Context(), rec); err != nil {
		return err
	}
	if err := s.fillEnrol(&p, rec, v); err != nil {
		return err
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = "/enrol"
		p.Frame = f
		return p
	})
}

// fillEnrol puts the key onto the page, as QR code, link and text.
func (s *Server) fillEnrol(p *view.Enrol, rec bridge.Recovery, v *visit) error {
	uri, err := totp.URI(totp.Entry{Issuer: s.Issuer, Account: rec.Username, Secret: rec.Key.Secret, OTP: rec.Key.OTP})
	if err != nil {
		return err
	}
	svg, err := totp.SVG(uri)
	if err != nil {
		return err
	}
	p.QR = template.HTML(svg) //nolint:gosec // made of numbers by our own code
	p.URI = template.URL(uri) //nolint:gosec // built and escaped by our own code
	p.Key, p.Account = rec.Key.Secret.Reveal(), s.Issuer+": "+rec.Username
	p.Digits, p.Period, p.Algorithm = rec.Key.OTP.Digits, rec.Key.OTP.Period, rec.Key.OTP.Algorithm
	p.Until = rec.Expires
	p.Soon = rec.Expires.Sub(v.now) < 2*time.Minute
	if rec.Lock != nil {
		p.LockedAt, p.Kept, p.Unlocked = rec.Lock.At, rec.Lock.Kept, rec.Lock.Refused != ""
	}
	p.Verified = v.now.Sub(rec.ProvenAt) < 30*time.Second
	return nil
}

// actEnrol serves POST /enrol.
func (s *Server) actEnrol(w http.ResponseWriter, r *http.Request, v *visit) error {
	viewer := v.state().viewer()
	if viewer.Person == "" {
		return bridge.Fault(view.CodeSession, "enrol", nil)
	}
	switch r.PostForm.Get("do") {
	case "confirm":
		return s.confirm(w, r, v)
	case "new":
		if err := s.Flow.NewKey(r.Context(), viewer); err != nil {
			return err
		}
		return see(w, r, "/enrol")
	case "extend":
		if err := s.Flow.Extend(r.Context(), viewer); err != nil {
			return err
		}
		return see(w, r, "/enrol?extended=1")
	case "cancel":
		if err := s.Flow.Cancel(r.Context(), viewer); err != nil {
			return err
		}
		return see(w, r, "/recovery")
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}

const maxLabel = 100 // characters

// confirm takes the typed code. A fault of the code comes back on the same page with what was typed.
func (s *Server) confirm(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed, label := r.PostForm.Get("code"), strings.TrimSpace(norm.NFC.String(r.PostForm.Get("label")))
	page := view.Enrol{Code: typed, Label: label}
	if len([]rune(label)) > maxLabel {
		page.Faults = []view.Fault{{Field: view.FieldLabel, Code: view.CodeLabelTooLong}}
		return s.showEnrol(w, r, v, http.StatusUnprocessableEntity, page)
	}
	err := s.Flow.Confirm(r.Context(), s.caller(r, v.state()), typed, label)
	switch bridge.CodeOf(err) {
	case "":
		return s.finished(w, r, v)
	case bridge.CodeEmpty, bridge.CodeFormat, bridge.CodeWrongCode, bridge.CodeClock, bridge.CodeUsed, bridge.CodeOldKey, bridge.CodeSlowDown:
		page.Faults = []view.Fault{codeFault(err)}
		return s.showEnrol(w, r, v, http.StatusUnprocessableEntity, page)
	case bridge.CodeKeyStopped:
		return see(w, r, "/enrol")
	case bridge.CodeTooManyBad:
		return see(w, r, "/recovery")
	}
	return err
}

// finished waits a moment for the swap, which another worker may carry out, and goes on. An audit trail that cannot be written has taken
// the recovery back to where it was: nothing was changed.
func (s *Server) finished(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := s.pass(r, v, bridge.StepWriting); err != nil {
		return err
	}
	step, _, err := s.Flow.See(r.Context(), v.state().viewer())
	if err == nil && step == bridge.StepEnrol {
		err = bridge.Fault(bridge.CodeAuditFull, "confirm", nil)
	}
	if err != nil {
		return err
	}
	return see(w, r, "/recovery")
}

// pass waits a moment for a step that passes by itself.
func (s *Server) pass(r *http.Request, v *visit, passing bridge.Step) error {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		step, _, err := s.Flow.See(r.Context(), v.state().viewer())
		if err != nil || step != passing {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// digits takes a typed number: NFKC, without blanks and hyphens.
func digits(typed string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || c == '-' || c == '‐' || c == '−' {
			return -1
		}
		return c
	}, norm.NFKC.String(typed))
}
