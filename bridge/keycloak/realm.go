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

// realmParts is what is kept of the realm for a minute, each part from when it was read.
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
	facts := p.facts()
	facts.AdminOnly, facts.UserEmail = p.Profile.adminOnly(), p.Profile.userEdits("email")
	return facts, nil
}

// Settings is Realm without what the user profile says, AdminOnly and UserEmail: one short answer in the place of three.
func (c *Client) Settings(ctx context.Context) (bridge.RealmFacts, error) {
	s, err := c.realmSettings(ctx)
	if err != nil {
		return bridge.RealmFacts{}, away("read realm", err)
	}
	return s.facts(), nil
}

func (s realmSettings) facts() bridge.RealmFacts {
	return bridge.RealmFacts{
		OTP:         bridge.OTPPolicy{Algorithm: strings.TrimPrefix(s.OTPAlgorithm, "Hmac"), Digits: s.OTPDigits, Period: s.OTPPeriod},
		HOTP:        s.OTPType != "totp",
		EventsSaved: s.eventsSaved(),
		EmailLogin:  s.LoginWithEmail,
	}
}

// eventsSaved reports whether the events that we count and watch are kept. An empty list of types means all. Those of identity providers are looked at with
// the providers.
func (s realmSettings) eventsSaved() bool {
	if !s.EventsEnabled {
		return false
	}
	for _, want := range slices.Concat(historyTypes, watchedTypes, failedTypes) {
		if len(s.EnabledEventTypes) > 0 && !slices.Contains(s.EnabledEventTypes, want) {
			return false
		}
	}
	return true
}

func (c *Client) realmParts(ctx context.Context) (p realmParts, err error) {
	err = together(ctx,
		func(ctx context.Context) (err error) { p.realmSettings, err = c.realmSettings(ctx); return err },
		func(ctx context.Context) (err error) { p.Profile, err = c.profile(ctx); return err },
		func(ctx context.Context) (err error) { p.Management, err = c.managementClient(ctx); return err },
	)
	if err != nil {
		return realmParts{}, away("read realm", err)
	}
	return p, nil
}

func (c *Client) realmSettings(ctx context.Context) (realmSettings, error) {
	return remembered(c, &c.settings, func() (s realmSettings, err error) {
		err = c.do(ctx, get("read realm", &s))
		if err == nil && s.OTPType == "" {
			err = errors.New("the answer holds no settings; the service account lacks view-realm")
		}
		return s, err
	})
}

func (c *Client) profile(ctx context.Context) (profile, error) {
	return remembered(c, &c.profiles, func() (p profile, err error) {
		return p, c.do(ctx, get("read profile", &p, "users", "profile"))
	})
}

// remembered is what was read less than a minute ago, or is read now.
func remembered[T any](c *Client, where *cache[T], read func() (T, error)) (T, error) {
	if value, ok := where.get(c.cfg.Now()); ok {
		return value, nil
	}
	value, err := read()
	if err == nil {
		where.set(value, c.cfg.Now().Add(realmAge))
	}
	return value, err
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
