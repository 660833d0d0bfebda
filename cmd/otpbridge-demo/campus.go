package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/realm"
)

// campus is the sign-in service and its realm.
type campus struct {
	adminClient string
	gateGroup   string // id
}

func (d *demo) startCampus(ctx context.Context) error {
	if d.keycloak != "" {
		return d.startReal(ctx)
	}
	return d.startFake()
}

// passwordsSet is when everybody's password was set: long enough ago for every rule about young passwords.
func passwordsSet() time.Time { return time.Date(2024, time.April, 1, 9, 0, 0, 0, time.UTC) }

// startFake starts the Keycloak-shaped server with the clients as in production: the login client's keys are fetched from
// otpbridge, the admin client's are stored.
func (d *demo) startFake() error {
	accounts, err := d.readAccounts()
	if err != nil {
		return err
	}
	kc := fakekc.Start(fakekc.Options{
		Listener: d.held.idp, URL: d.IDP, RSA: true, Empty: true, Banner: banner, Recovery: d.Bridge + "/", Log: d.log, Now: d.now,
	})
	d.atEnd(func() error { kc.Close(); return nil })
	var admin jose.JSONWebKeySet
	if err := json.Unmarshal(d.keys.admin.PublicJWKS(), &admin); err != nil {
		return fmt.Errorf("keys of the admin client: %w", err)
	}
	kc.ChangeClient(fakekc.ClientLogin, func(c *fakekc.Client) {
		c.Secret, c.JWKSURL, c.Redirects = "", d.Bridge+"/.well-known/jwks.json", []string{d.Bridge + "/oidc/callback"}
		c.AfterLogout, c.Backchannel = []string{d.Bridge + "/*"}, d.Bridge+"/oidc/backchannel-logout"
	})
	kc.ChangeClient(fakekc.ClientAdmin, func(c *fakekc.Client) {
		c.JWKSURL, c.Keys, c.Service = "", &admin, fakekc.Rights{
			ViewRealm: true, ViewEvents: true, QueryUsers: true, Members: true, Administrators: true, Providers: true,
		}
	})
	kc.ChangeClient(fakekc.ClientPortal, func(c *fakekc.Client) {
		c.Redirects, c.AfterLogout = []string{d.Portal + "/*"}, []string{d.Portal + "/*"}
	})
	adminOnly := fakekc.ProfileRights{View: []string{"admin", "user"}, Edit: []string{"admin"}}
	kc.SetProfileAttribute(fakekc.ProfileAttribute{Name: realm.Notification, Multivalued: true, Permissions: adminOnly})
	kc.SetProfileAttribute(fakekc.ProfileAttribute{Name: numberAttribute, Permissions: adminOnly})
	kc.SetProfileAttribute(fakekc.ProfileAttribute{Name: marksAttribute, Multivalued: true, Permissions: adminOnly})
	for _, p := range d.people {
		settle(kc, p, accounts[p.Username])
	}
	d.Issuer, d.campus = kc.Issuer, &campus{adminClient: fakekc.ClientAdmin, gateGroup: kc.GroupID(realm.Gate)}
	if d.state != "" {
		d.atEnd(func() error { return d.keepAccounts(kc) })
	}
	return nil
}

// settle gives a person an account: as in the realm file, or as an earlier run left it.
func settle(kc *fakekc.Server, p person, kept *account) {
	one := fakekc.Person{
		Username: p.Username, First: p.First, Last: "Example", Email: p.Address, Password: p.Password, OTP: p.Old,
		Groups: []string{realm.Recoverable}, Roles: []string{"default-roles-campus"},
	}
	one.Attributes = map[string][]string{}
	if p.Address != "" && !p.operator {
		one.Attributes[realm.Notification] = []string{p.Address}
	}
	if p.Number != "" {
		one.Attributes[numberAttribute] = []string{p.Number}
	}
	if p.operator {
		one.Roles = append(one.Roles, realm.OperatorRole)
	}
	if kept != nil {
		one.ID, one.OTP = kept.ID, ""
	}
	id := kc.AddPerson(one)
	kc.SetPassword(id, p.Password, passwordsSet())
	if kept == nil {
		return
	}
	for _, c := range kept.Credentials {
		kc.AddCredential(id, c)
	}
}

// account is what is kept of a person of the built-in server: everything but the password, which nobody changes here.
type account struct {
	ID          string
	Credentials []fakekc.Credential
}

// readAccounts reads what an earlier run kept; nothing is fine.
func (d *demo) readAccounts() (map[string]*account, error) {
	text, err := os.ReadFile(d.file("accounts.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	kept := map[string]*account{}
	if err := json.Unmarshal(text, &kept); err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	return kept, nil
}

func (d *demo) keepAccounts(kc *fakekc.Server) error {
	kept := map[string]*account{}
	for _, p := range d.people {
		one := &account{ID: kc.PersonID(p.Username)}
		for _, c := range kc.Credentials(one.ID) {
			if c.Type != "password" {
				one.Credentials = append(one.Credentials, c)
			}
		}
		kept[p.Username] = one
	}
	text, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the accounts: %w", err)
	}
	if err := os.WriteFile(d.file("accounts.json"), text, 0o600); err != nil {
		return fmt.Errorf("keep the accounts: %w", err)
	}
	return nil
}
