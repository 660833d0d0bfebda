// Package oidc is the relying party: it signs people in at one OpenID Provider with the authorization code flow, and
// knows nothing of what they sign in for.
//
// It owns discovery with retry, pushed authorization requests (PAR, never anything else), PKCE, client authentication,
// the checks of the callback and of the ID token, the guard around the provider's keys, the end of a session at the
// provider, and back-channel logout tokens. It does not own browser sessions: what has to be remembered between
// [RelyingParty.Begin] and [RelyingParty.Finish] is a [Flow], which the caller keeps on the server side of the browser's
// session and removes from there before it calls Finish, so that no answer can be used twice.
//
// There are two kinds of sign-in, and a [Request] can express nothing else. A recovery sign-in carries the recovery
// scope and never prompt or max_age: the provider would refresh a full session left in the browser, and lend its level
// to whoever knows the password. A full sign-in carries prompt=login and never the recovery scope.
//
// Every failure is an [*Error] with a stable [Code]. No error, log line or printed value holds a token, a key or a body.
package oidc
