package mail_test

import (
	netmail "net/mail"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/mailsink"
	"otpbridge/bridge/mail"
)

// Phone companies in Japan have given out addresses with dots where RFC 5322 has none.
func TestAddressesWithOddDotsAreQuoted(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"a..b@docomo.example", "a.@docomo.example", ".a@docomo.example"} {
		h := settle(t, mailsink.Options{})
		m := message()
		m.To = to
		h.enqueue(t, m)
		h.work(t)
		got := h.sink.All()
		if len(got) != 1 {
			t.Fatalf("%s: %d mails: %s", to, len(got), h.log)
		}
		list, err := netmail.ParseAddressList(got[0].Header("To"))
		if err != nil || len(list) != 1 || list[0].Address != to || strings.ReplaceAll(got[0].To[0], `"`, "") != to {
			t.Errorf("%s: %v %v %q", to, list, err, got[0].To)
		}
	}
}

func TestNewRefusesAnUnsafeOrEmptyConfiguration(t *testing.T) {
	t.Parallel()
	good := mail.Config{Host: "smtp.example.ac.jp", Port: 465, Implicit: true, User: "u", Password: "p", From: &from}
	if _, err := mail.New(good); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]change{
		"no sender": func(c *mail.Config) { c.From = nil }, "sender": func(c *mail.Config) { c.From = &netmail.Address{Address: "x"} },
		"plain outside": func(c *mail.Config) { c.Implicit, c.Plain = false, true }, "both": func(c *mail.Config) { c.Plain, c.Host = true, "127.0.0.1" },
		"plain to a name": func(c *mail.Config) { c.Implicit, c.Plain, c.Host = false, true, "localhost.example" },
		"no host":         func(c *mail.Config) { c.Host = "" }, "port": func(c *mail.Config) { c.Port = 0 }, "no password": func(c *mail.Config) { c.Password = "" },
		"no user": func(c *mail.Config) { c.User = "" },
	} {
		c := good
		f(&c)
		if _, err := mail.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
