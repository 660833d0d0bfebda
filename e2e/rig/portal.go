package rig

import (
	"net"
	"net/http"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/portal"
)

// Portal is the sample application of package portal on a port of its own: it sends everybody to Keycloak and shows "Signed
// in as NAME" to whoever comes back.
type Portal struct {
	URL string // base URL

	t        *testing.T
	listener net.Listener
}

// NewPortal takes a port; Serve starts the application when the realm that needs to know the port exists.
func NewPortal(t *testing.T) *Portal {
	t.Helper()
	p := &Portal{t: t}
	p.listener, p.URL = listen(t)
	t.Cleanup(func() { closing(t, p.listener.Close) })
	return p
}

// Serve starts the application for a realm.
func (p *Portal) Serve(issuer string) {
	server := &http.Server{Handler: portal.New(portal.Options{Issuer: issuer, URL: p.URL}), ReadHeaderTimeout: 10 * time.Second}
	p.t.Cleanup(func() { closing(p.t, server.Close) })
	go server.Serve(p.listener) //nolint:errcheck // ends with the test, by Close
}
