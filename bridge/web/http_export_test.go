package web

import (
	"net/http"
	"net/netip"

	"github.com/gorilla/mux"
)

// Route is one path of the public listener and the methods that it takes.
type Route struct {
	Path    string
	Methods []string
}

// Routes lists every route, so that no test forgets one.
func Routes(s *Server) []Route {
	var out []Route
	router, ok := s.routes().(*mux.Router)
	if !ok {
		panic("the routes are no longer a mux.Router")
	}
	err := router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := r.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := r.GetMethods()
		out = append(out, Route{path, methods})
		return err
	})
	if err != nil {
		panic(err)
	}
	return out
}

// ClientAddress and Bucket are who a request comes from, and how limits count that.
func ClientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	return clientAddress(r, trusted)
}

// Bucket is the address as limits count it.
func Bucket(a netip.Addr) string { return bucket(a) }

// Names of the cookies.
const (
	SessionCookie  = cookieName
	LanguageCookie = languageCookie
)

// RoleLife is how old Keycloak's answer about an operator's role may be.
const RoleLife = roleLife
