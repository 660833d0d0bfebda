package keycloak

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"otpbridge/bridge"
)

// realmAge is how old what we know of the realm may get.
const realmAge = time.Minute

// realmParts is what is kept of the realm for a minute.
type realmParts struct {
	realmSettings
	Profile    profile
	Management string // id of the client whose roles are the rights over the realm, "" when we may not see it
}

// realmSettings is Keycloak's RealmRepresentation as far as it is needed.
type realmSettings struct {
	EventsEnabled     bool     `json:"eventsEnabled"`
	EnabledEventTypes []string `json:"enabledEventTypes"`
	LoginWithEmail    bool     `json:"loginWithEmailAllowed"`
	DuplicateEmails   bool     `json:"duplicateEmailsAllowed"`
	NotBefore         int64    `json:"notBefore"`
	OTPType           string   `json:"otpPolicyType"`
	OTPAlgorithm      string   `json:"otpPolicyAlgorithm"`
	OTPDigits         int      `json:"otpPolicyDigits"`
	OTPPeriod         int      `json:"otpPolicyPeriod"`
	BrowserFlow       string   `json:"browserFlow"`
}

// Realm implements bridge.Accounts.
func (c *Client) Realm(ctx context.Context) (bridge.RealmFacts, error) {
	p, err := c.realmParts(ctx)
	if err != nil {
		return bridge.RealmFacts{}, err
	}
	return bridge.RealmFacts{
		OTP:         bridge.OTPPolicy{Algorithm: strings.TrimPrefix(p.OTPAlgorithm, "Hmac"), Digits: p.OTPDigits, Period: p.OTPPeriod},
		HOTP:        p.OTPType != "totp",
		EventsSaved: p.eventsSaved(),
		EmailLogin:  p.LoginWithEmail,
		AdminOnly:   p.Profile.adminOnly(),
		UserEmail:   p.Profile.userEdits("email"),
	}, nil
}

// eventsSaved reports whether the events that we count and watch are kept. An empty list of types means all.
func (p realmParts) eventsSaved() bool {
	if !p.EventsEnabled {
		return false
	}
	for _, want := range slices.Concat(historyTypes, watchedTypes) {
		if len(p.EnabledEventTypes) > 0 && !slices.Contains(p.EnabledEventTypes, want) {
			return false
		}
	}
	return true
}

func (c *Client) realmParts(ctx context.Context) (realmParts, error) {
	if p, ok := c.realm.get(c.cfg.Now()); ok {
		return p, nil
	}
	var p realmParts
	err := together(ctx,
		func(ctx context.Context) error { return c.do(ctx, get("read realm", &p.realmSettings)) },
		func(ctx context.Context) error { return c.do(ctx, get("read profile", &p.Profile, "users", "profile")) },
		func(ctx context.Context) (err error) {
			p.Management, err = c.managementClient(ctx)
			return err
		},
	)
	if err == nil && p.OTPType == "" {
		err = errors.New("the answer holds no settings; the service account lacks view-realm")
	}
	if err != nil {
		return realmParts{}, away("read realm", err)
	}
	c.realm.set(p, c.cfg.Now().Add(realmAge))
	return p, nil
}

// ServedPolicy reports whether new authenticators can be made for a realm's OTP policy: nil, or CodeOTPPolicy with the reason for the log.
func ServedPolicy(f bridge.RealmFacts) error {
	const op = "OTP policy"
	if f.HOTP {
		return bridge.Fault(bridge.CodeOTPPolicy, op, errors.New("counter-based codes are not served"))
	}
	return policyFault(op, f.OTP)
}

func policyFault(op string, p bridge.OTPPolicy) error {
	switch {
	case p.Algorithm != "SHA1" && p.Algorithm != "SHA256" && p.Algorithm != "SHA512":
		return bridge.Fault(bridge.CodeOTPPolicy, op, errors.New("unknown algorithm"))
	case p.Digits != 6 && p.Digits != 8:
		return bridge.Fault(bridge.CodeOTPPolicy, op, fmt.Errorf("%d digits", p.Digits))
	case p.Period <= 0:
		return bridge.Fault(bridge.CodeOTPPolicy, op, fmt.Errorf("a period of %d s", p.Period))
	}
	return nil
}
