package web

import (
	"context"
	"net/http"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// Health is what the health page shows.
type Health interface {
	// Report is what the realm guard of this process last saw.
	Report() view.Report
	// Again makes it look again, unless it has just looked, and returns when it has, or when ctx ends.
	Again(ctx context.Context)
}

// health serves GET /admin: the findings of the realm guard in the process that answers.
func (s *Server) health(w http.ResponseWriter, r *http.Request, v *visit, _ bridge.Operator) error {
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		return view.Health{Frame: f, Process: s.TrailName, Paused: s.Flow.Rules.Paused, Report: s.Health.Report()}
	})
}

// checkAgain serves POST /admin.
func (s *Server) checkAgain(w http.ResponseWriter, r *http.Request, _ *visit, _ bridge.Operator) error {
	s.Health.Again(r.Context())
	return see(w, r, "/admin")
}
