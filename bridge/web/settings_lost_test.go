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

// changeIntent is what the audit trail holds of the change that was begun last.
func changeIntent(t *testing.T, c *campus.Campus) (i bridge.Intent) {
	t.Helper()
	for _, e := range c.Events("") {
		what, name, _ := strings.Cut(e.Event, ".")
		if name != "intended" {
			continue
		}
		i = bridge.Intent{
			What: bridge.Undertaking(what), Person: e.Target, Recovery: e.Recovery, Added: e.Added, Removed: e.Removed, Begun: c.Clock.Now(),
			Change: bridge.ChangeKind(e.Detail["change"]),
		}
		if i.Change.OfAddress() {
			var err error
			i.Marked, err = time.Parse(time.RFC3339, e.Detail["marked"])
			must2(t, err)
		}
	}
	return i
}

// endsOf are the ends on record of one undertaking.
func endsOf(c *campus.Campus, id string) []bridge.AuditEvent {
	return slices.DeleteFunc(c.Events(""), func(e bridge.AuditEvent) bool {
		_, name, _ := strings.Cut(e.Event, ".")
		return e.Recovery != id || bridge.EndOf(name) == ""
	})
}

// dies carries a change out up to its notices, or to its end on record, and then loses the store. It returns what the trail has.
func dies(t *testing.T, c *campus.Campus) bridge.Intent {
	t.Helper()
	breaks := func(err error) { c.Break("mail", err); c.Break("audit authenticator.renamed", err) }
	breaks(bridge.Fault(bridge.CodeStoreAway, "test", nil))
	defer breaks(nil)
	person := c.KC.PersonID("emil")
	if _, err := c.Web.Settings.RunChange(t.Context(), person); bridge.CodeOf(err) != bridge.CodeStoreAway {
		t.Fatal(err)
	}
	i := changeIntent(t, c)
	must2(t, c.Flow.FinishIntent(t.Context(), i))
	if known, err := c.Flow.Known(t.Context(), i); err != nil || !known || len(endsOf(c, i.Recovery)) > 0 {
		t.Errorf("%v, %v: what the store has is left to its job", known, err)
	}
	must2(t, c.Flow.Changes.Delete(t.Context(), person))
	if known, err := c.Flow.Known(t.Context(), i); err != nil || known {
		t.Errorf("%v, %v", known, err)
	}
	return i
}

// lostAs finishes a change from the trail, and wants one end of that name, told to these addresses.
func lostAs(t *testing.T, c *campus.Campus, i bridge.Intent, end string, told ...string) {
	t.Helper()
	must2(t, c.Flow.FinishIntent(t.Context(), i))
	if e := endsOf(c, i.Recovery); len(e) != 1 || e[0].Event != end || e[0].Detail["store"] != "lost" || e[0].Detail["change"] != string(i.Change) {
		t.Errorf("%+v, want %s", e, end)
	}
	var to []string
	for _, n := range c.Mails(bridge.NoticeChanged) {
		if n.ID == i.Recovery {
			to = append(to, n.To)
		}
	}
	slices.Sort(to)
	if !slices.Equal(to, told) {
		t.Errorf("told %q, want %q", to, told)
	}
}

// INV-8, WB-12: a change of addresses that stands when the store is lost is told and ended from the trail, and that nobody compared it is an alarm.
func TestALostStoreEndsAChangeOfAddresses(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := owner(t, c, member(c, "emil"))
	p.wantsMailAt("emil@example.org", http.StatusOK)
	c.StopWork()
	p.confirmsAddress("emil@example.org")
	lostAs(t, c, dies(t, c), "address.added", "emil@example.org", "emil@mail.example.org")
	if e := c.Events("alarm.account_moved"); len(e) != 1 || e[0].Detail["fields"] != "not compared" {
		t.Errorf("%+v", e)
	}
	c.Clock.Add(2 * time.Second)
	p.open("/settings", http.StatusOK)
	p.chooses("address", p.listed("address")[0])
	p.send("/settings/remove", http.StatusOK, "do", "remove")
	i := dies(t, c)
	if len(addressesOf(t, c, "emil")) != 1 {
		t.Fatalf("%q", addressesOf(t, c, "emil"))
	}
	lostAs(t, c, i, "address.removed", addressesOf(t, c, "emil")...) // whose the removed one was is on no record
}

// INV-8: likewise of authenticators; of a new name nobody hears.
func TestALostStoreEndsAChangeOfAuthenticators(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	p := owner(t, c, member(c, "emil"))
	c.StopWork()
	key := p.adds("Laptop")
	lostAs(t, c, dies(t, c), "authenticator.added", "emil@mail.example.org")
	if mails := c.Mails(bridge.NoticeChanged); len(mails) != 1 || !strings.HasPrefix(mails[0].Label, "Laptop") {
		t.Errorf("%+v", mails)
	}
	ids := p.listed("authenticator")
	p.chooses("authenticator", ids[0])
	p.send("/settings/authenticator", http.StatusOK, "do", "rename", "label", "Old phone")
	lostAs(t, c, dies(t, c), "authenticator.renamed")
	c.Clock.Add(30 * time.Second)
	p.must(p.SignIn(t.Context(), c.URL+"/signin?to=settings", "emil", "emil-password", nil))
	p.must(p.CodeFor(t.Context(), ids[1], key.Code(c.Clock.Now())))
	p.chooses("authenticator", ids[0])
	p.send("/settings/authenticator", http.StatusOK, "do", "remove")
	lostAs(t, c, dies(t, c), "authenticator.removed", "emil@mail.example.org")
	if left := otps(c, "emil"); !slices.Equal(left, ids[1:]) {
		t.Errorf("left %q", left)
	}
}

// INV-8: what does not stand is waited for, since Keycloak may be slow with it, and then on record as refused. Nobody is told of it.
func TestALostStoreRefusesAChangeThatDoesNotStand(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	u := &unlucky{Profiles: c.Web.Settings.Profiles, before: true, err: bridge.Fault(bridge.CodeStoreAway, "test", nil)}
	u.left.Store(1)
	c.Web.Settings.Profiles = u
	p := owner(t, c, member(c, "emil"))
	p.wantsMailAt("emil@example.org", http.StatusOK)
	c.StopWork()
	p.confirmsAddress("emil@example.org")
	address := dies(t, c)
	app := address
	app.What, app.Change, app.Added, app.Recovery, app.Marked = bridge.UndertakingAuthenticator, bridge.ChangeAddOTP, "never", "of the app", time.Time{}
	for _, i := range []bridge.Intent{address, app} {
		must2(t, c.Flow.FinishIntent(t.Context(), i))
		if e := endsOf(c, i.Recovery); len(e) > 0 {
			t.Errorf("%+v at once", e)
		}
	}
	c.Clock.Add(6 * time.Minute)
	lostAs(t, c, address, "address.refused")
	lostAs(t, c, app, "authenticator.refused")
	if e := c.Events("alarm.account_moved"); len(e) > 0 {
		t.Errorf("%+v", e)
	}
}

// INV-8: a store that comes back old repeats no change that its trail knows to be over: the person may have undone it since.
func TestAStoreThatComesBackOldRepeatsNoChange(t *testing.T) {
	t.Parallel()
	c, p := unluckyCampus(t, &unlucky{})
	c.StopWork()
	p.confirmsAddress("emil@example.org")
	id := c.KC.PersonID("emil")
	c.Break("mail", bridge.Fault(bridge.CodeStoreAway, "test", nil))
	if _, err := c.Web.Settings.RunChange(t.Context(), id); err == nil {
		t.Fatal("it ended without a notice")
	}
	c.Break("mail", nil)
	old := changeOf(t, c, "emil")
	_, err := c.Web.Settings.RunChange(t.Context(), id)
	must2(t, err)
	c.KC.Change(id, func(a *fakekc.Account) { a.Attributes = nil }) // and removed since
	_, err = c.Flow.Changes.Update(t.Context(), id, time.Hour, func(bridge.Change, bool) (bridge.Change, error) { return old, nil })
	must2(t, err)
	_, err = c.Web.Settings.RunChange(t.Context(), id)
	must2(t, err)
	if got := addressesOf(t, c, "emil"); len(got) > 0 || changeOf(t, c, "emil").State != bridge.ChangeDone || len(endsOf(c, old.ID)) != 1 {
		t.Errorf("addresses %q, %d ends", got, len(endsOf(c, old.ID)))
	}
	tells(t, c, bridge.NoticeChanged, "emil@example.org")
}
