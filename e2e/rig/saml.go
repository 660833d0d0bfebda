package rig

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/realm"
)

// OpenSAML sends a browser to Keycloak with a sign-in request of saml-app, an application without any settings, and
// reports whether it got a successful answer without anything being typed.
func OpenSAML(t *testing.T, r *realm.Realm, b *Browser) bool {
	t.Helper()
	b.Get(r.Issuer + "/protocol/saml?SAMLRequest=" + url.QueryEscape(samlRequest(t))).Follow(SAMLRedirect)
	answer, err := base64.StdEncoding.DecodeString(b.Value("SAMLResponse"))
	return err == nil && strings.Contains(string(answer), "urn:oasis:names:tc:SAML:2.0:status:Success")
}

// samlRequest is a request as the redirect binding carries it.
func samlRequest(t *testing.T) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(w, `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" `+
		`ID="_%s" Version="2.0" IssueInstant="%s" AssertionConsumerServiceURL="%ssaml"><saml:Issuer>saml-app</saml:Issuer></samlp:AuthnRequest>`,
		rand.Text(), time.Now().UTC().Format(time.RFC3339), SAMLRedirect)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes())
}
