package fakekc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

type signingKey struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

func newSigningKey(asRSA bool) signingKey {
	if asRSA {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // no randomness
		}
		return signingKey{id: newID(), algorithm: jose.RS256, private: key}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // no randomness
	}
	return signingKey{id: newID(), algorithm: jose.ES256, private: key}
}

// RotateKeys makes a new signing key. With keepOld the old public key stays in the key set, otherwise tokens signed so far
// cannot be checked any more.
func (s *Server) RotateKeys(keepOld bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := []signingKey{newSigningKey(s.opts.RSA)}
	if keepOld {
		fresh = append(fresh, s.keys...)
	}
	s.keys = fresh
}

// Sign signs claims with the realm's key: tokens that the realm would never make, for tests of those who check them.
func (s *Server) Sign(typ string, claims map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sign(typ, claims)
}

func (s *Server) sign(typ string, claims map[string]any) string {
	key := s.keys[0]
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", key.id)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.algorithm, Key: key.private}, options)
	if err != nil {
		panic(err) // our own key
	}
	signed, err := signer.Sign([]byte(compact(claims)))
	if err != nil {
		panic(err) // our own key
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic(err) // our own token
	}
	return text
}

// verify returns the claims of a token that the realm signed, whatever its age; ok is false for anything else.
func (s *Server) verify(token string) (claims map[string]any, ok bool) {
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		return nil, false
	}
	for _, key := range s.keys {
		payload, err := signed.Verify(key.private.Public())
		if err == nil {
			return claims, json.Unmarshal(payload, &claims) == nil
		}
	}
	return nil, false
}

// GET /realms/{realm}/protocol/openid-connect/certs
func (s *Server) certs(*http.Request) reply {
	var set jose.JSONWebKeySet
	for _, key := range s.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.private.Public(), KeyID: key.id, Algorithm: string(key.algorithm), Use: "sig"})
	}
	return jsonReply(http.StatusOK, set)
}

// GET /realms/{realm}/.well-known/openid-configuration
func (s *Server) discovery(*http.Request) reply {
	oidc := s.Issuer + "/protocol/openid-connect"
	algorithms := []string{"ES256", "RS256"}
	methods := []string{"private_key_jwt", "client_secret_basic", "client_secret_post"}
	return jsonReply(http.StatusOK, map[string]any{
		"issuer": s.Issuer, "authorization_endpoint": oidc + "/auth", "token_endpoint": oidc + "/token",
		"userinfo_endpoint": oidc + "/userinfo", "end_session_endpoint": oidc + "/logout", "jwks_uri": oidc + "/certs",
		"pushed_authorization_request_endpoint": oidc + "/ext/par/request", "require_pushed_authorization_requests": false,
		"grant_types_supported":    []string{"authorization_code", "client_credentials", "refresh_token"},
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"},
		"subject_types_supported": []string{"public"}, "prompt_values_supported": []string{"none", "login"},
		"acr_values_supported":                             []string{"pwd", "mfa", "0", "2"},
		"id_token_signing_alg_values_supported":            algorithms,
		"token_endpoint_auth_methods_supported":            methods,
		"token_endpoint_auth_signing_alg_values_supported": algorithms,
		"scopes_supported":                                 s.scopes(),
		"code_challenge_methods_supported":                 []string{"plain", "S256"},
		"claims_parameter_supported":                       true, "request_uri_parameter_supported": true,
		"backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
		"authorization_response_iss_parameter_supported": true,
	})
}
