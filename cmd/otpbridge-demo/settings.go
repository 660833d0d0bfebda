package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"

	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/bridge/store"
	"otpbridge/oidc"
)

// keys are the key sets of the two clients. Their files and that of the sealing keys lie in the state directory.
type keys struct{ login, admin oidc.KeySet }

// openKeys reads the keys of an earlier run, or makes new ones.
func (d *demo) openKeys(context.Context) error {
	var err error
	if d.keys.login, err = clientKeys(d.file("login.jwk")); err != nil {
		return err
	}
	if d.keys.admin, err = clientKeys(d.file("admin.jwk")); err != nil {
		return err
	}
	_, err = orMade(d.file("keys"), func() ([]byte, error) {
		k, err := store.NewKey("demo")
		return []byte(k.Line() + "\n"), err
	})
	return err
}

func clientKeys(file string) (oidc.KeySet, error) {
	text, err := orMade(file, func() ([]byte, error) {
		set, err := oidc.NewKeySet()
		if err != nil {
			return nil, err
		}
		return set.PrivateFile()
	})
	if err != nil {
		return oidc.KeySet{}, err
	}
	return oidc.ParseKeySet(text)
}

// orMade reads a file, made first when there is none.
func orMade(file string, create func() ([]byte, error)) ([]byte, error) {
	text, err := os.ReadFile(file)
	if !errors.Is(err, os.ErrNotExist) {
		return text, err
	}
	if text, err = create(); err != nil {
		return nil, err
	}
	return text, os.WriteFile(file, text, 0o600)
}

// samePorts refuses to go on with a state whose realm knows other addresses, and notes the addresses of a new one.
func (d *demo) samePorts() error {
	now, err := json.Marshal([]string{d.Bridge, d.Portal, d.IDP})
	if err != nil {
		return fmt.Errorf("note the ports: %w", err)
	}
	file := d.file("addresses.json")
	kept, err := orMade(file, func() ([]byte, error) { return now, nil })
	if err != nil {
		return fmt.Errorf("note the ports: %w", err)
	}
	if !bytes.Equal(kept, now) {
		return fmt.Errorf("the state in %s was made for other ports, %s: choose the same ones, or another directory", d.dir, kept)
	}
	return nil
}

// settings is what the configuration template asks for.
type settings struct {
	addresses
	Listen, SMTP                               string
	Realm, GateGroup, LoginClient, AdminClient string
	Scope, Notification, Recoverable, Operator string
	Number                                     string // attribute
	File                                       struct{ Keys, Login, Admin, Store, Audit string }
}

// settings describes the running demo.
func (d *demo) settings() settings {
	s := settings{
		addresses: d.addresses, Listen: d.held.bridge.Addr().String(), SMTP: "smtp://" + d.mail.Addr,
		Realm: d.Issuer[strings.LastIndexByte(d.Issuer, '/')+1:], GateGroup: d.campus.gateGroup,
		LoginClient: realm.LoginClient, AdminClient: d.campus.adminClient,
		Scope: realm.Scope, Notification: realm.Notification, Recoverable: "/" + realm.Recoverable, Operator: realm.OperatorRole,
		Number: numberAttribute,
	}
	s.File.Keys, s.File.Login, s.File.Admin = d.file("keys"), d.file("login.jwk"), d.file("admin.jwk")
	s.File.Store, s.File.Audit = d.file("state.db"), d.file("audit.jsonl")
	return s
}

// writeConfig writes the configuration file that otpbridge is started with, as an administrator would.
func writeConfig(file string, s settings) error {
	text, err := template.New("settings.yaml").ParseFS(files, "settings.yaml")
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return errors.Join(text.Execute(out, s), out.Close())
}
