package web

import (
	"io"
	"net/http"
	"regexp"

	"github.com/gorilla/mux"
)

// ProbePath is where a doctor asks whether the store behind an address is the one that it knows; what it put there follows. ProbeHeld and ProbeNot are
// the answers.
const (
	ProbePath = "/.well-known/otpbridge-store/"
	ProbeHeld = "held"
	ProbeNot  = "not held"
)

var probeForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// probe serves GET /.well-known/otpbridge-store/{probe}. Nobody but who wrote a probe knows it, so everybody else is always told the same.
func (s *Server) probe(w http.ResponseWriter, r *http.Request) {
	noteRoute(r)
	probe := mux.Vars(r)["probe"]
	if !probeForm.MatchString(probe) {
		http.NotFound(w, r)
		return
	}
	held, err := s.Holds(r.Context(), probe)
	if err != nil {
		s.Log.WarnContext(r.Context(), "a doctor was not answered", "err", err)
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	said := ProbeNot
	if held {
		said = ProbeHeld
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := io.WriteString(w, said+"\n"); err != nil {
		s.Log.DebugContext(r.Context(), "answer not delivered", "err", err)
	}
}
