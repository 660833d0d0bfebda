// Package bridge is the domain of otpbridge: recoveries and their transitions, the rules that govern them, the swap, and the
// small interfaces that the flow needs from the outside world. It imports the standard library only and does no input or output of
// its own; adapters beside it (store, keycloak, mail, audit, web) do.
package bridge
