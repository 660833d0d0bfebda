package mail_test

import (
	"context"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/mailsink"
	"otpbridge/bridge/mail"
)

// zone is a resolver with made-up records: "TXT name", "MX name", "A name".
type zone map[string][]string

func (z zone) look(kind, name string) ([]string, error) {
	if got := z[kind+" "+name]; len(got) > 0 {
		return got, nil
	}
	if len(z["down"]) > 0 {
		return nil, &net.DNSError{Name: name, IsTimeout: true}
	}
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error)  { return z.look("TXT", name) }
func (z zone) LookupHost(_ context.Context, name string) ([]string, error) { return z.look("A", name) }

func (z zone) LookupMX(_ context.Context, name string) (all []*net.MX, err error) {
	hosts, err := z.look("MX", name)
	for _, h := range hosts {
		all = append(all, &net.MX{Host: h})
	}
	return all, err
}

// examine runs one check by name.
func examine(t *testing.T, q *mail.Queue, z zone, name string) (ids []bridge.FindingID, unchecked *bridge.Unchecked) {
	t.Helper()
	for _, c := range q.Checks(z) {
		if c.Name == name {
			found, err := c.Run(t.Context())
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			return ids, bridge.UncheckedFrom(err)
		}
	}
	t.Fatal("no check", name)
	return nil, nil
}

// OPS-09: the mail server is tried up to the sign-in, and each fault has its name.
func TestCheckOfTheMailServer(t *testing.T) {
	t.Parallel()
	tls := mailsink.Options{Mode: mailsink.STARTTLS, Username: "otpbridge", Password: "secret"}
	for _, tc := range []struct {
		name string
		o    mailsink.Options
		f    mailsink.Fault
		c    change
		want []bridge.FindingID
	}{
		{"good", tls, mailsink.Fault{}, nil, nil},
		{"implicit", mailsink.Options{Mode: mailsink.TLS}, mailsink.Fault{}, nil, nil},
		{"no offer", tls, mailsink.Fault{NoSTARTTLS: true}, nil, []bridge.FindingID{bridge.FindMailPlain}},
		{"expired", tls, mailsink.Fault{Certificate: mailsink.Expired}, nil, []bridge.FindingID{bridge.FindMailCertificate}},
		{"wrong name", tls, mailsink.Fault{Certificate: mailsink.WrongName}, nil, []bridge.FindingID{bridge.FindMailCertificate}},
		{"wrong password", tls, mailsink.Fault{}, func(c *mail.Config) { c.Password = "other" }, []bridge.FindingID{bridge.FindMailSignIn}},
		{"away", tls, mailsink.Fault{Refuse: true}, nil, []bridge.FindingID{bridge.FindMailAway}},
	} {
		var changes []change
		if tc.c != nil {
			changes = append(changes, tc.c)
		}
		h := settle(t, tc.o, changes...)
		h.fault(t, tc.f)
		got, unchecked := examine(t, h.Queue, zone{}, "mail-server")
		if !slices.Equal(got, tc.want) || unchecked != nil {
			t.Errorf("%s: found %v, %v", tc.name, got, unchecked)
		}
	}
	h := settle(t, tls, func(c *mail.Config) { c.Timeout = 200 * time.Millisecond })
	h.fault(t, mailsink.Fault{Silent: true})
	if got, unchecked := examine(t, h.Queue, zone{}, "mail-server"); !slices.Equal(got, []bridge.FindingID{bridge.FindMailAway}) || unchecked != nil {
		t.Errorf("a black hole: found %v, %v", got, unchecked)
	}
}

// OPS-09: what the sender's domain says, by a resolver of the test; a resolver that does not answer is "not checked".
func TestCheckOfTheSendersDomain(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{})
	domain := "example.ac.jp"
	good := func() zone {
		return zone{"TXT " + domain: {"other", "v=spf1 mx -all"}, "TXT _dmarc." + domain: {"v=DMARC1; p=reject"}, "MX " + domain: {"mx." + domain}}
	}
	for name, tc := range map[string]struct {
		change func(zone)
		want   []bridge.FindingID
	}{
		"good":     {func(zone) {}, nil},
		"no SPF":   {func(z zone) { delete(z, "TXT "+domain) }, []bridge.FindingID{bridge.FindMailSPF}},
		"no DMARC": {func(z zone) { delete(z, "TXT _dmarc."+domain) }, []bridge.FindingID{bridge.FindMailDMARC}},
		"p=none":   {func(z zone) { z["TXT _dmarc."+domain] = []string{"v=DMARC1; p=none"} }, []bridge.FindingID{bridge.FindMailDMARC}},
		"parent": {func(z zone) {
			delete(z, "TXT _dmarc."+domain)
			z["TXT _dmarc.ac.jp"] = []string{"v=DMARC1; p=none; sp=quarantine"}
		}, nil},
		"no mail": {func(z zone) { z["MX "+domain] = []string{"."} }, []bridge.FindingID{bridge.FindMailDomain}},
		"no MX, an address": {func(z zone) {
			delete(z, "MX "+domain)
			z["A "+domain] = []string{"192.0.2.1"}
		}, nil},
		"nothing": {func(z zone) { delete(z, "MX "+domain) }, []bridge.FindingID{bridge.FindMailDomain}},
	} {
		z := good()
		tc.change(z)
		if got, unchecked := examine(t, h.Queue, z, "mail-domain"); !slices.Equal(got, tc.want) || unchecked != nil {
			t.Errorf("%s: found %v, %v", name, got, unchecked)
		}
	}
	if got, unchecked := examine(t, h.Queue, zone{"down": {"yes"}}, "mail-domain"); len(got) > 0 || unchecked == nil || unchecked.Why != bridge.UncheckedUnknown {
		t.Errorf("a resolver that is down: %v, %v", got, unchecked)
	}
	if _, unchecked := examine(t, h.Queue, zone{}, "mail-dkim"); unchecked == nil || unchecked.Why != bridge.UncheckedUnknown {
		t.Errorf("DKIM: %v", unchecked)
	}
}

// deaf is a resolver that says nothing.
type deaf struct{ zone }

func (deaf) LookupTXT(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// OPS-09: where nobody looks names up the hints are missing each time, which is no failed answer: the doctor's exit code stays what it is.
func TestNamesThatNobodyLooksUpAreNoFailedAnswer(t *testing.T) {
	t.Parallel()
	h := settle(t, mailsink.Options{Mode: mailsink.STARTTLS})
	synctest.Test(t, func(t *testing.T) {
		for _, c := range h.Checks(deaf{}) {
			if c.Name == "mail-server" {
				continue
			}
			begun := time.Now()
			found, err := c.Run(t.Context())
			if u := bridge.UncheckedFrom(err); u == nil || u.Why != bridge.UncheckedUnknown || len(found) > 0 || time.Since(begun) > 10*time.Second {
				t.Errorf("%s: %v, %v after %s", c.Name, found, err, time.Since(begun))
			}
		}
	})
}
