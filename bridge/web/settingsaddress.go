package web

import (
	"errors"
	"net/http"
	"strings"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

// ownAddress serves GET /settings/address: the form for an address, or for the number that confirms the one that waits.
func (s *Server) ownAddress(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	o, err := s.Settings.Look(r.Context(), m)
	if err != nil {
		return err
	}
	if o.Ask == nil {
		return s.showAddressAdd(w, r, v, view.AddressAdd{})
	}
	p := view.AddressCode{Resent: r.URL.Query().Get("sent") == "again"}
	if next := o.Ask.SentAt.Add(bridge.LimitAddressMinute.Per); r.URL.Query().Get("sent") == "early" && v.now.Before(next) {
		p.Next = next
	}
	return s.showAddressCode(w, r, v, *o.Ask, p)
}

func (s *Server) showAddressAdd(w http.ResponseWriter, r *http.Request, v *visit, p view.AddressAdd) error {
	status := http.StatusOK
	if len(p.Faults) > 0 {
		status = http.StatusUnprocessableEntity
	}
	if len(p.Faults) > 0 && p.Faults[0].Code == bridge.CodeTooMany {
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", retryAfter(p.Faults[0].Until.Sub(v.now)))
	}
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = "/settings/address"
		p.Frame, p.Domains = f, s.Settings.Rules.RefusedDomains
		return p
	})
}

func (s *Server) showAddressCode(w http.ResponseWriter, r *http.Request, v *visit, ask bridge.AddressAsk, p view.AddressCode) error {
	status := http.StatusOK
	if len(p.Faults) > 0 {
		status = http.StatusUnprocessableEntity
	}
	p.Address, p.Until, p.Sender, p.Stopped = ask.Address, ask.Expires, s.MailSender, ask.Tries >= bridge.AddressTries
	return s.show(w, r, v, status, func(f view.Frame) view.Page {
		f.Path = "/settings/address"
		p.Frame = f
		return p
	})
}

// actAddress serves POST /settings/address.
func (s *Server) actAddress(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	switch r.PostForm.Get("do") {
	case "ask":
		return s.askAddress(w, r, v, m)
	case "confirm":
		return s.confirmAddress(w, r, v, m)
	case "resend":
		err := s.Settings.ResendAddress(r.Context(), m)
		if bridge.CodeOf(err) == bridge.CodeNotOpen {
			return see(w, r, "/settings")
		}
		if _, ok := s.justAsked(r, v, m, err); ok {
			return see(w, r, "/settings/address?sent=early")
		}
		if err != nil {
			return err
		}
		return see(w, r, "/settings/address?sent=again")
	case "forget":
		if err := s.Settings.ForgetAddress(r.Context(), m); err != nil {
			return err
		}
		return see(w, r, "/settings")
	}
	return bridge.Fault(view.CodeNotFound, "do", nil)
}

// addressFaults are what can be wrong with a typed address.
var addressFaults = map[bridge.Code]bridge.Code{
	bridge.CodeEmpty: view.CodeNoAddressTyped, bridge.CodeAddressFormat: bridge.CodeAddressFormat, bridge.CodeAddressSame: bridge.CodeAddressSame,
	bridge.CodeAddressMax: bridge.CodeAddressMax, bridge.CodeAddressCampus: bridge.CodeAddressCampus, bridge.CodeAddressReset: bridge.CodeAddressReset,
	bridge.CodeTooMany: bridge.CodeTooMany, bridge.CodeAddressFixed: bridge.CodeAddressFixed, bridge.CodeAddressDots: bridge.CodeAddressDots,
}

func (s *Server) askAddress(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	typed := typedAddress(r)
	err := s.Settings.AskAddress(r.Context(), m, typed)
	if ask, ok := s.justAsked(r, v, m, err); ok && strings.EqualFold(ask.Address, typed) { // a second press
		return see(w, r, "/settings/address")
	}
	if code, ok := addressFaults[bridge.CodeOf(err)]; ok {
		fault := view.Fault{Field: view.FieldAddress, Code: code}
		if e, ok := errors.AsType[*bridge.Error](err); ok {
			fault.Until = e.Until
		}
		return s.showAddressAdd(w, r, v, view.AddressAdd{Address: typed, Faults: []view.Fault{fault}})
	}
	if err != nil {
		return err
	}
	return see(w, r, "/settings/address")
}

// justAsked returns the ask whose mail left within the minute that refused another one.
func (s *Server) justAsked(r *http.Request, v *visit, m bridge.Member, refused error) (ask bridge.AddressAsk, ok bool) {
	if bridge.CodeOf(refused) != bridge.CodeTooMany {
		return ask, false
	}
	ask, err := s.Settings.Asks.Get(r.Context(), m.Person)
	return ask, err == nil && v.now.Sub(ask.SentAt) < bridge.LimitAddressMinute.Per
}

func (s *Server) confirmAddress(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	typed := digits(r.PostForm.Get("code"))
	fault := view.Fault{Field: view.FieldCode, Code: view.CodeNumberEmpty}
	if isNumber(typed, bridge.AddressCodeDigits) {
		err := s.Settings.ConfirmAddress(r.Context(), m, typed)
		switch bridge.CodeOf(err) {
		case "":
			return s.changed(w, r, v, m)
		case bridge.CodeNotOpen, bridge.CodeAddressSame: // a second press, or forgotten in another tab
			return see(w, r, "/settings")
		case bridge.CodeKeyStopped:
			return see(w, r, "/settings/address") // which says so
		case bridge.CodeWrongCode:
			fault = codeFault(err)
			fault.Code = view.CodeNumberWrong
		default:
			return err
		}
	}
	ask, err := s.Settings.Asks.Get(r.Context(), m.Person)
	if errors.Is(err, bridge.ErrAbsent) {
		return see(w, r, "/settings")
	}
	if err != nil {
		return err
	}
	return s.showAddressCode(w, r, v, ask, view.AddressCode{Code: r.PostForm.Get("code"), Faults: []view.Fault{fault}})
}

// removal serves GET /settings/remove.
func (s *Server) removal(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	if _, err := s.Settings.Enter(r.Context(), m); err != nil {
		return err
	}
	address := v.state().Chosen.Address
	if address == "" {
		return see(w, r, "/settings")
	}
	return s.show(w, r, v, http.StatusOK, func(f view.Frame) view.Page {
		f.Path = "/settings/remove"
		return view.AddressRemove{Frame: f, ID: addressID(address), Address: address}
	})
}

// actRemoval serves POST /settings/remove. The page of an earlier choice, left open, removes nothing.
func (s *Server) actRemoval(w http.ResponseWriter, r *http.Request, v *visit, m bridge.Member) error {
	address := v.state().Chosen.Address
	if address == "" || r.PostForm.Get("id") != addressID(address) || r.PostForm.Get("do") != "remove" {
		return see(w, r, "/settings")
	}
	err := s.Settings.RemoveAddress(r.Context(), m, address)
	if err != nil && bridge.CodeOf(err) != bridge.CodeAbsent {
		return err
	}
	return s.changed(w, r, v, m)
}
