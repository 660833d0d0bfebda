package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// TOK-12, MAIL-01: an address is used once the number in its mail was typed back, wherever that mail was read; old addresses hear of it, and for 72 hours
// no link goes anywhere. Nothing else of the account changes.
func TestAnAddressIsSetByItsNumber(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "nina", func(p *fakekc.Person) { p.Attributes["room"] = []string{"R 12"} })
	before := accountOf(t, c, name)
	p := owner(t, c, name)
	p.wantsMailAt(" Ｎｉｎａ@Example.org ", http.StatusOK)
	if len(c.Events("address.added")) > 0 || len(addressesOf(t, c, name)) != 1 {
		t.Fatal("an address that nobody confirmed is used")
	}
	p.says("N•••@Example.org")
	other := newPerson(t, c) // another browser of the same person
	other.settings(name)
	other.open("/settings/address", http.StatusOK)
	other.confirmsAddress("Nina@Example.org")
	other.says("Notices are sent there from now on, and links from 72 hours")
	if got := addressesOf(t, c, name); !slices.Equal(got, []string{"nina@mail.example.org", "Nina@Example.org"}) {
		t.Errorf("addresses %q", got)
	}
	after := accountOf(t, c, name)
	marks := after.Attributes[campus.MarksAttribute]
	if len(marks) != 2 || !strings.HasSuffix(marks[0], "Z Nina@Example.org") {
		t.Errorf("marks %q", marks)
	}
	delete(after.Attributes, campus.MarksAttribute)
	delete(after.Attributes, campus.AddressAttribute)
	delete(before.Attributes, campus.AddressAttribute)
	if a, b := text2(before), text2(after); a != b {
		t.Errorf("before %s\nafter  %s", a, b)
	}
	tells(t, c, bridge.NoticeChanged, "nina@mail.example.org", "Nina@Example.org")
	if n := len(c.Mails(bridge.NoticeChanged)); n != 2 {
		t.Errorf("%d notices", n)
	}
	mailClosed(t, c, name, bridge.CodeAddressChanged)
	c.Clock.Add(bridge.HistorySpan)
	mailClosed(t, c, name, "")
}

// A right number that comes while another change is under way is no try: it is good afterwards, however often it was typed. A wrong one counts all the same.
func TestARightNumberDuringAnotherChangeIsNoTry(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "nora")
	p := owner(t, c, name)
	p.wantsMailAt("nora@example.org", http.StatusOK)
	code := number(t, c, "nora@example.org")
	c.StopWork()
	p.chooses("authenticator", p.listed("authenticator")[0])
	p.send("/settings/authenticator", http.StatusOK, "do", "rename", "label", "phone")
	p.says("The change is being made.")
	for range bridge.AddressTries + 1 {
		p.send("/settings/address", http.StatusConflict, "do", "confirm", "code", code)
	}
	p.send("/settings/address", http.StatusUnprocessableEntity, "do", "confirm", "code", otherNumber(code))
	p.says("4 more")
	c.Second(t)
	c.Wait(t, "the end of the change", func() bool { return changeOf(t, c, name).State != bridge.ChangeAsked })
	p.confirmsAddress("nora@example.org")
	if got := addressesOf(t, c, name); !slices.Contains(got, "nora@example.org") {
		t.Errorf("addresses %q", got)
	}
}

// otherNumber is a wrong one.
func otherNumber(code string) string {
	if code == "12345678" {
		return "87654321"
	}
	return "12345678"
}

// mailClosed wants this to stand against the mail way, "" for nothing.
func mailClosed(t *testing.T, c *campus.Campus, name string, want bridge.Code) {
	t.Helper()
	realm, err := c.Flow.Accounts.Realm(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = c.Flow.Rules.MailRefusal(accountOf(t, c, name), bridge.History{}, realm, c.Clock.Now())
	if bridge.CodeOf(err) != want {
		t.Errorf("against the mail way stands %v, want %q", err, want)
	}
}

// TOK-12: a removed address hears of it, once, however often the button is pressed; it is gone, and the desk alone helps for a while.
func TestARemovedAddressHearsOfIt(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "olga", func(p *fakekc.Person) {
		p.Attributes[campus.AddressAttribute] = []string{"olga@mail.example.org", "olga@example.net"}
	})
	p := owner(t, c, name)
	p.says("o•••@mail.example.org")
	remove := p.listed("address")
	p.chooses("address", remove[1])
	p.at("/settings/remove")
	press := post("/settings/remove", p.session(), p.token(), "do", "remove", "id", remove[1])
	together(t, c, times(rounds(10), press)...)
	p.open("/settings", http.StatusOK)
	p.awaitsChange()
	if got := addressesOf(t, c, name); !slices.Equal(got, []string{"olga@mail.example.org"}) {
		t.Errorf("addresses %q", got)
	}
	tells(t, c, bridge.NoticeChanged, "olga@mail.example.org", "olga@example.net")
	if n := countEvents(c, "address.removed"); n != 1 {
		t.Errorf("%d removals", n)
	}
	mailClosed(t, c, name, bridge.CodeAddressChanged)
}

// TOK-12: addresses that cannot be used are refused at once, with the reason and an example, and no mail goes there.
func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.Rules(func(r *bridge.Rules) { r.Reset, r.ResetAttribute = bridge.ResetMail, "email" })
	p := owner(t, c, member(c, "pia"))
	for typed, why := range map[string]string{
		"":                       "Type a mail address",
		"pia":                    "This is not a mail address. Example: name@example.com",
		"pia@例え.jp":              "This is not a mail address",
		"pia@example.org\nBcc:x": "This is not a mail address",
		"pia@example.ac.jp":      "to read that mail you need the one-time password itself. Type a private address, for example name@example.com",
		"pia@st.EXAMPLE.ac.jp":   "to read that mail you need the one-time password itself",
		"pia@ｅxample．ａc.jp":      "to read that mail you need the one-time password itself",
		"PIA@mail.example.org":   "This address is already registered",
		"pia@Example.net":        "your new passwords are sent there",
		"pia..x@mail.example":    "takes no address with two dots in a row",
		"pia.@mail.example":      "right before the @",
	} {
		p.wantsMailAt(typed, http.StatusUnprocessableEntity)
		p.says(why)
	}
	if n := len(c.Mails("")); n > 0 {
		t.Errorf("%d mails", n)
	}
	c.KC.Change(c.KC.PersonID("pia"), func(a *fakekc.Account) {
		a.Attributes[campus.AddressAttribute] = []string{"a@example.org", "b@example.org", "c@example.org"}
	})
	p.wantsMailAt("d@example.org", http.StatusUnprocessableEntity)
	p.says("You cannot register more addresses")
}

// TOK-12: whose attributes Keycloak only reads from a directory is told so before any mail, and whom to ask; nothing is offered that cannot be.
func TestAddressesOfADirectoryAreNotChangedHere(t *testing.T) {
	t.Parallel()
	for _, readOnly := range []bool{true, false} {
		c := campus.Open(t)
		name := member(c, "pia", func(p *fakekc.Person) { p.Federation, p.ReadOnly = "directory", readOnly })
		before := text2(accountOf(t, c, name))
		p := owner(t, c, name)
		own := addressesOf(t, c, name)[0]
		if buttons := p.listed("address"); readOnly != (len(buttons) == 0) || readOnly != strings.Contains(text(p.Body), "cannot be changed here") {
			t.Errorf("read-only %v: %d buttons, %s", readOnly, len(buttons), text(p.Body))
		}
		err := c.Web.Settings.RemoveAddress(t.Context(), memberOf(c, name), own)
		if !readOnly {
			must2(t, err)
			p.wantsMailAt("pia@example.org", http.StatusOK)
			continue
		}
		p.wantsMailAt("pia@example.org", http.StatusUnprocessableEntity)
		p.says("keeps the notification addresses of your account in its directory")
		if bridge.CodeOf(err) != bridge.CodeAddressFixed || len(c.Mails("")) > 0 || countEvents(c, "address.intended") > 0 {
			t.Errorf("%v, %d mails, events %v", err, len(c.Mails("")), names(c))
		}
		if after := text2(accountOf(t, c, name)); after != before {
			t.Errorf("before %s\nafter %s", before, after)
		}
	}
}

// ENR-08, RL-02: five wrong numbers end a confirmation, also when they come all at once; another mail begins a new one, and the number before is dead.
// Nobody gets mails without end.
func TestNumbersThatDoNotConfirm(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "quim", unaddressed)
	p := owner(t, c, name)
	p.says("Please set a notification address")
	p.wantsMailAt("quim@example.org", http.StatusOK)
	right := number(t, c, "quim@example.org")
	wrong := "00000000"
	if right == wrong {
		wrong = "11111111"
	}
	p.send("/settings/address", http.StatusUnprocessableEntity, "do", "confirm", "code", "12345")
	p.says("Type the 8 digits")
	p.send("/settings/address", http.StatusUnprocessableEntity, "do", "confirm", "code", wrong)
	p.says("You can try 4 more times")
	together(t, c, times(20, post("/settings/address", p.session(), p.token(), "do", "confirm", "code", wrong))...)
	p.open("/settings/address", http.StatusOK)
	p.says("The confirmation number was wrong 5 times")
	p.send("/settings/address", http.StatusOK, "do", "confirm", "code", right)
	p.send("/settings/address", http.StatusOK, "do", "resend")
	p.says("You can send it again from")
	c.Clock.Add(time.Minute)
	p.open("/settings/address", http.StatusOK)
	p.send("/settings/address", http.StatusOK, "do", "resend")
	p.says("Another mail is on its way")
	p.send("/settings/address", http.StatusUnprocessableEntity, "do", "confirm", "code", right)
	if len(addressesOf(t, c, name)) > 0 {
		t.Fatal("a number that counts no more confirmed an address")
	}
	p.confirmsAddress("quim@example.org")
	if got := addressesOf(t, c, name); !slices.Equal(got, []string{"quim@example.org"}) {
		t.Errorf("addresses %q", got)
	}
}

// A number is good for one day, one person and one address.
func TestANumberBelongsToItsAddress(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	one, two := member(c, "rosa", unaddressed), member(c, "sven", unaddressed)
	p, q := owner(t, c, one), owner(t, c, two)
	p.wantsMailAt("rosa@example.org", http.StatusOK)
	q.wantsMailAt("sven@example.org", http.StatusOK)
	of := number(t, c, "rosa@example.org")
	q.send("/settings/address", http.StatusUnprocessableEntity, "do", "confirm", "code", of)
	c.Clock.Add(time.Minute)
	p.send("/settings/address", http.StatusOK, "do", "forget")
	p.wantsMailAt("another@example.org", http.StatusOK)
	p.send("/settings/address", http.StatusUnprocessableEntity, "do", "confirm", "code", of)
	c.Clock.Add(bridge.AddressAskLife)
	p.settings(one)
	p.open("/settings/address", http.StatusOK)
	p.send("/settings/address", http.StatusOK, "do", "confirm", "code", number(t, c, "another@example.org"))
	if len(addressesOf(t, c, one))+len(addressesOf(t, c, two)) > 0 {
		t.Error("an address was confirmed")
	}
}

// WB-14: where people could edit the addresses, or take away that they were changed, none is set.
func TestNoAddressIsSetWherePeopleCouldEditIt(t *testing.T) {
	t.Parallel()
	for _, attribute := range []string{campus.AddressAttribute, campus.MarksAttribute} {
		c := campus.Open(t)
		name := member(c, "tora", unaddressed)
		c.KC.SetProfileAttribute(fakekc.ProfileAttribute{Name: attribute, Permissions: fakekc.ProfileRights{Edit: []string{"admin", "user"}}})
		p := owner(t, c, name)
		c.Clock.Add(time.Minute) // what is known of the realm may be so old
		p.wantsMailAt("tora@example.org", http.StatusServiceUnavailable)
		if n := len(c.Mails("")); n > 0 {
			t.Errorf("%s: %d mails", attribute, n)
		}
	}
}

// campusMailbox gives somebody the one address that nobody without an authenticator can read.
func campusMailbox(p *fakekc.Person) {
	p.Attributes = map[string][]string{campus.AddressAttribute: {p.Username + "@example.ac.jp"}}
}

// TOK-12: a mailbox that leads nowhere is no address: its owner is asked for one as well.
func TestWhoHasACampusMailboxOnlyIsAskedForAnAddress(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	const asked = "Please set a notification address"
	p := owner(t, c, member(c, "una", campusMailbox))
	p.says(asked)
	p.says("@example.ac.jp")
	p = owner(t, c, member(c, "vera"))
	if strings.Contains(p.Body, asked) {
		t.Error("somebody with an address is asked for one")
	}
}

// After a recovery somebody without a notification address that leads anywhere is led to the settings.
func TestTheLastPageLeadsToTheSettings(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	c.KC.Change(c.KC.PersonID("bob"), func(a *fakekc.Account) { a.Attributes[campus.AddressAttribute] = []string{"bob@example.ac.jp"} })
	p := caller(t, c, "bob")
	code := p.reads()
	for _, name := range []string{"carol", "dave"} {
		if name == "dave" {
			code = p.reads()
		}
		o := operator(t, c, name)
		o.looksUp("bob", code)
		o.approves()
	}
	p.open("/enrol", http.StatusOK)
	p.finish()
	p.says("There is none yet that a link can be sent to")
	if !strings.Contains(p.Body, `href="/settings"`) {
		t.Error("no way to the settings")
	}
}

// WB-11: a confirmation pressed twice, or one whose address was forgotten in another tab, leads back to the settings.
func TestAConfirmationPressedTwiceSaysNothingElse(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	name := member(c, "paul", unaddressed)
	p := owner(t, c, name)
	p.wantsMailAt("paul@example.org", http.StatusOK)
	press := post("/settings/address", p.session(), p.token(), "do", "confirm", "code", number(t, c, "paul@example.org"))
	for answer := range together(t, c, times(4, press)...) {
		if answer != "303 /settings" {
			t.Errorf("a press is answered by %s", answer)
		}
	}
	p.open("/settings", http.StatusOK)
	p.awaitsChange()
	for _, typed := range []string{"1234", number(t, c, "paul@example.org")} {
		if a := post("/settings/address", p.session(), p.token(), "do", "confirm", "code", typed).to(t, c); a.header.Get("Location") != "/settings" {
			t.Errorf("%s after the end: %d %s", typed, a.status, a.header.Get("Location"))
		}
	}
}
