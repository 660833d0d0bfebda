package service

import (
	"time"

	"otpbridge/bridge/view"
	"otpbridge/cmd/internal/config"
)

// site is the configuration as pages show it.
func site(c config.Config, demo bool) view.Site {
	desk := c.HelpDesk
	s := view.Site{
		BaseURL: c.BaseURL.String(), Languages: c.Languages, Zone: c.TimeZone, Org: c.Organisation.Name, AccountName: c.SignIn.AccountName,
		Accent: c.Organisation.Accent, Links: view.Links(c.Organisation.Links), Demo: demo, CampusKnown: len(c.CampusNetworks) > 0,
		Contact: view.Contact{
			Phone: desk.Phone, Extension: desk.Extension, Hours: desk.Hours, Holidays: len(desk.Holidays) > 0, Counter: desk.Counter,
		},
	}
	for _, c := range desk.Checks {
		s.Checks = append(s.Checks, view.Check{ID: c.ID, Label: c.Label})
	}
	for _, line := range desk.Contacts {
		s.Contact.Contacts = append(s.Contact.Contacts, view.ContactLine{Label: line.Label, URL: line.URL})
	}
	return s
}

// deskHours says whether somebody answers the phone, from the configured hours, holidays and zone.
func (s *service) deskHours() (func(time.Time) view.Desk, error) {
	desk := s.cfg.HelpDesk
	w, err := newWeek(desk.Hours, desk.Holidays, s.cfg.TimeZone)
	return w.at, err
}
