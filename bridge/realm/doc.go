// Package realm is about the Keycloak realm beside us: what a safe one looks like, how this one differs, which calls change it, and how the
// change is undone. It knows the Admin REST API's words and no HTTP: whoever uses it brings a Caller.
package realm
