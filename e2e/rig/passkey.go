package rig

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"otpbridge/bridge/bridgetest/realm"
)

// Passkey is one that lives in a browser and signs for localhost.
type Passkey struct {
	realm.Passkey // what Keycloak knows of it

	private string
}

// NewPasskey makes one.
func NewPasskey(t *testing.T) *Passkey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := &Passkey{realm.Passkey{ID: make([]byte, 16), Public: &key.PublicKey}, base64.StdEncoding.EncodeToString(text)}
	if _, err := rand.Read(p.ID); err != nil {
		t.Fatal(err)
	}
	return p
}

// Holds gives the browser a passkey; whoever sits there says yes when it is asked for.
func (p *Page) Holds(key *Passkey) *Page {
	p.t.Helper()
	p.run("hold a passkey", webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		id, err := webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		if err != nil {
			return err
		}
		return webauthn.AddCredential(id, &webauthn.Credential{
			CredentialID: base64.StdEncoding.EncodeToString(key.ID), RpID: "localhost", PrivateKey: key.private, SignCount: 1,
		}).Do(ctx)
	}))
	return p
}
