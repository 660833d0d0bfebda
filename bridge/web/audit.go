package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

const (
	auditPage = 50
	maxFind   = 100 // characters
)

// auditTrail serves GET /desk/audit?find=&before=&of=: the trail of the process that answers, the newest record first. Each process has one of its own, so
// a link to older records says whose they are.
func (s *Server) auditTrail(w http.ResponseWriter, r *http.Request, v *visit, _ bridge.Operator) error {
	q := r.URL.Query()
	p := view.Audit{Trail: s.TrailName, Find: strings.TrimSpace(q.Get("find"))}
	if find := []rune(p.Find); len(find) > maxFind {
		p.Find = string(find[:maxFind])
	}
	look := bridge.AuditLook{Find: p.Find, Most: auditPage}
	if n, err := strconv.ParseInt(q.Get("before"), 10, 64); err == nil && n > 0 {
		p.Other = q.Get("of") != s.TrailName
		if !p.Other {
			look.Before = n
		}
	}
	records, older, err := s.Trail.Look(r.Context(), look)
	if err != nil {
		return err
	}
	p.Records = records
	if older > 0 {
		p.Older = "/desk/audit?" + url.Values{"find": {p.Find}, "before": {strconv.FormatInt(older, 10)}, "of": {s.TrailName}}.Encode()
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		f.Path = "/desk/audit"
		p.Frame = f
		return p
	})
}
