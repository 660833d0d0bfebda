package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
)

// administrator writes people over the Admin REST API as somebody else than us.
type administrator struct {
	c     *campus.Campus
	token string
}

func newAdministrator(t *testing.T, c *campus.Campus) administrator {
	t.Helper()
	app := loginform.App{Issuer: c.KC.Issuer, ID: fakekc.ClientBroad, Secret: "broad-secret-for-tests"}
	token, err := app.Service(t.Context())
	must2(t, err)
	return administrator{c, token}
}

func (a administrator) call(t *testing.T, method, id string, body, out any) {
	t.Helper()
	text, err := json.Marshal(body)
	must2(t, err)
	address := strings.Replace(a.c.KC.Issuer, "/realms/", "/admin/realms/", 1) + "/users/" + id
	r, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(text))
	must2(t, err)
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	must2(t, err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d", method, id, resp.StatusCode)
	}
	if out != nil {
		must2(t, json.NewDecoder(resp.Body).Decode(out))
	}
}

// renames gives somebody another family name and another room, as a form of Keycloak's console does: with all that was read.
func (a administrator) renames(t *testing.T, id string) {
	t.Helper()
	user := map[string]any{}
	a.call(t, http.MethodGet, id, nil, &user)
	attributes, _ := user["attributes"].(map[string]any)
	user["lastName"], attributes["room"] = "Hopper", []string{"0043"}
	a.call(t, http.MethodPut, id, user, nil)
}

// meanwhile lets somebody write after our read and before our write, once.
type meanwhile struct {
	bridge.Profiles
	write func()
}

func (b *meanwhile) SetAttributes(ctx context.Context, id string, change func(map[string][]string) map[string][]string) ([]string, error) {
	return b.Profiles.SetAttributes(ctx, id, func(now map[string][]string) map[string][]string {
		if write := b.write; write != nil {
			b.write = nil
			write()
		}
		return change(now)
	})
}

// WB-12: Keycloak knows no version of a person. An administrator who writes one while we write an address of theirs is noticed, whoever of both is
// overwritten: what was read again is compared, Keycloak's own events are asked, and the alarm says what else moved.
func TestAnAdministratorInBetweenIsAnAlarm(t *testing.T) {
	t.Parallel()
	for when, fields := range map[string]string{"before our write": bridge.MovedBySomebody, "after it": "attributes.room, email"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			name := member(c, "grace")
			id, admin := c.KC.PersonID(name), newAdministrator(t, c)
			p := owner(t, c, name)
			p.wantsMailAt("new@example.org", http.StatusOK)
			press := post("/settings/address", p.session(), p.token(), "do", "confirm", "code", number(t, c, "new@example.org"))
			if when == "before our write" {
				c.Web.Settings.Profiles = &meanwhile{c.Web.Settings.Profiles, func() { admin.renames(t, id) }}
				press.to(t, c)
			} else {
				hold := c.KC.Hold(http.MethodPut, adminUser, true)
				over := make(chan struct{})
				go func() {
					defer close(over)
					press.to(t, c)
				}()
				_, err := hold.Arrived(t.Context())
				must2(t, err)
				c.KC.Change(id, func(a *fakekc.Account) {
					a.Email = "other@example.net"
					a.Attributes["room"] = []string{"0043"}
				})
				hold.Release()
				<-over
			}
			c.Wait(t, "the address", func() bool { return countEvents(c, "address.added") > 0 })
			if got := addressesOf(t, c, name); !slices.Equal(got, []string{name + "@mail.example.org", "new@example.org"}) {
				t.Errorf("addresses %q", got)
			}
			if e := c.Events("alarm.account_moved"); len(e) != 1 || e[0].Detail["fields"] != fields || e[0].Target != id {
				t.Errorf("alarms %+v, want %s", e, fields)
			}
		})
	}
}
