package web

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// permit serves GET /desk/permit.
func (s *Server) permit(w http.ResponseWriter, r *http.Request, v *visit, _ bridge.Operator) error {
	return s.showPermit(w, r, v, view.Permit{})
}

func (s *Server) showPermit(w http.ResponseWriter, r *http.Request, v *visit, p view.Permit) error {
	var until time.Time
	for _, f := range p.Faults {
		until = f.Until
	}
	return s.show(w, r, v, answerTo(w, p.Faults, until, v.now), func(f view.Frame) view.Page {
		f.Path = "/desk/permit"
		p.Frame = f
		return p
	})
}

// actPermit serves POST /desk/permit.
func (s *Server) actPermit(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error {
	p := view.Permit{
		Name: strings.TrimSpace(norm.NFKC.String(r.PostForm.Get("name"))), Check: r.PostForm.Get("check"), Ticket: ticketOf(r),
	}
	if p.Name == "" || utf8.RuneCountInString(p.Name) > maxName {
		p.Faults = []view.Fault{{Field: view.FieldName, Code: view.CodeMissingCaller}}
		return s.showPermit(w, r, v, p)
	}
	a, permit, err := s.Flow.PermitLook(r.Context(), o, p.Name)
	if code := bridge.CodeOf(err); code == bridge.CodeGone || code == bridge.CodeTooMany {
		p.Faults = []view.Fault{permitFault(err)}
		return s.showPermit(w, r, v, p)
	}
	if err != nil {
		return err
	}
	p.Found = &view.PermitPerson{Name: a.Name, Numbers: s.attributes(a, []PersonAttribute{s.Number}), Refused: bridge.CodeOf(s.Flow.Rules.Refusal(a))}
	if r.PostForm.Get("do") == "give" {
		given, err := s.Flow.GivePermit(r.Context(), o, a, p.Check, p.Ticket)
		switch fault := permitFault(err); {
		case err == nil:
			permit = given
		case fault.Field != "":
			p.Faults = []view.Fault{fault}
		default:
			return err
		}
	}
	fillPermit(&p, permit, o, v.now)
	return s.showPermit(w, r, v, p)
}

func permitFault(err error) view.Fault {
	f := view.Fault{Code: bridge.CodeOf(err)}
	if e, ok := errors.AsType[*bridge.Error](err); ok {
		f.Until = e.Until
	}
	switch f.Code {
	case bridge.CodeGone, bridge.CodeTooMany:
		f.Field = view.FieldName
	case bridge.CodeChecks:
		f.Field = view.FieldCheck
	case bridge.CodeTicket:
		f.Field = view.FieldTicket
	}
	return f
}

func fillPermit(p *view.Permit, permit bridge.Permit, o bridge.Operator, now time.Time) {
	if first := permit.First; first.Operator != "" && permit.Until.IsZero() && now.Before(permit.Ends()) {
		p.First = &view.CaseApproval{Name: first.Name, At: first.At, Checks: first.Checks, Ticket: first.Ticket}
		p.Mine, p.Ends = first.Operator == o.Person, permit.Ends()
	}
	if now.Before(permit.Until) {
		p.Until = permit.Until
	}
}
