package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/audit"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/bridge/keycloak"
	"otpbridge/bridge/store"
	"otpbridge/e2e/rig"
)

const swaps = 25 // of each

// swap is what lies between a right code and a finished recovery: the product's way with its store on disk and its audit trail, and in turns the
// calls that it cannot do without, sent by a plain client of the same service account on the same Keycloak.
func swap(t *testing.T) []figure {
	t.Helper()
	campus := rig.NewCampus(t)
	flow, _ := newFlow(t, campus)
	plain := newPlain(t, campus)
	var ours, theirs []time.Duration
	for i := range swaps + 1 {
		mine, other := addPerson(t, campus, fmt.Sprintf("mine%d", i)), addPerson(t, campus, fmt.Sprintf("other%d", i))
		before(t, flow, mine)
		began := time.Now()
		_, err := flow.RunSwap(t.Context(), mine.id)
		took := time.Since(began)
		must(t, err)
		if r, err := flow.Recoveries.Get(t.Context(), mine.id); err != nil || r.State != bridge.Done {
			t.Fatalf("the swap ended in %s: %v", r.State, err)
		}
		began = time.Now()
		must(t, plain.swap(t.Context(), other))
		if i > 0 { // the first ones fetch tokens and make Keycloak warm
			ours, theirs = append(ours, took), append(theirs, time.Since(began))
		}
	}
	a, b := millis(quantile(ours, .5)), millis(quantile(theirs, .5))
	return []figure{
		{name: "swap-ratio", value: a / b, unit: "of the bare calls", goal: "1.2"},
		{name: "swap", value: a, unit: "ms", peer: "bare calls", other: b},
	}
}

// account is somebody whose old authenticator is to be replaced.
type account struct{ id, password, old string }

func addPerson(t *testing.T, campus *rig.Campus, name string) (a account) {
	t.Helper()
	var err error
	a.id, err = campus.Add(t.Context(), realm.Person{Name: name, Email: name + "@example.net", OTPs: []string{realm.Secret("alice")}})
	must(t, err)
	list, err := campus.Credentials(t.Context(), name)
	must(t, err)
	for _, c := range list {
		if c.Type == bridge.TypePassword {
			a.password = c.ID
		} else {
			a.old = c.ID
		}
	}
	return a
}

// before writes a recovery whose code was right.
func before(t *testing.T, flow *bridge.Flow, a account) {
	t.Helper()
	now := time.Now()
	_, err := flow.Recoveries.Update(t.Context(), a.id, 0, func(bridge.Recovery, bool) (bridge.Recovery, error) {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: bridge.NewUUID(), Person: a.id, State: bridge.Writing, Way: bridge.WayMail, Reason: bridge.ReasonLost,
			StartedAt: now, WritingAt: now, Label: newLabel, Swap: &bridge.Swap{
				New: bridge.NewCredential{
					ID: bridge.NewUUID(), Label: newLabel, Secret: newSecret, CreatedMillis: now.UnixMilli(),
					OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30},
				},
				Remove: []string{a.old},
			},
		}, nil
	})
	must(t, err)
}

const (
	newLabel  = "new phone"
	newSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

// noMail takes notices: nobody in these accounts' records has an address.
type noMail struct{}

func (noMail) Send(context.Context, bridge.Notice) error { return nil }

// newFlow is the product's flow as far as a swap needs it, on a store of its own.
func newFlow(t *testing.T, campus *rig.Campus) (*bridge.Flow, *store.Store) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "admin.jwk")
	campus.Admin.Write(file)
	keys, err := os.ReadFile(file)
	must(t, err)
	kc, err := keycloak.New(keycloak.Config{
		URL: campus.Keycloak, Realm: campus.Name, Issuer: campus.Issuer, ClientID: campus.AdminClient, Keys: keys, LoginClient: realm.LoginClient,
		AllowedGroup: "/" + realm.Recoverable, Now: time.Now,
	})
	must(t, err)
	sealing, err := store.NewKey("bench")
	must(t, err)
	ring, err := store.NewKeyRing(sealing)
	must(t, err)
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "state.db"), Keys: ring, Now: time.Now})
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	trail, err := audit.Open(audit.Config{Path: filepath.Join(dir, "audit.jsonl"), Version: "bench", Now: time.Now, Log: log})
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(trail.Close(), s.Close())) })
	return &bridge.Flow{
		Accounts: kc, Target: kc, Jobs: s.Jobs, Audit: trail, Mail: noMail{}, Limits: s.Limiter, Now: time.Now, Log: log,
		Recoveries: store.NewTyped[bridge.Recovery](s.KV, store.Kind{Name: "recovery", Version: bridge.RecoveryVersion}),
		Watches:    store.NewTyped[bridge.Watch](s.KV, store.Kind{Name: "watch", Version: 1}),
	}, s
}

// plain sends calls and looks at nothing but their status.
type plain struct {
	base, token string
	client      *http.Client
}

func newPlain(t *testing.T, campus *rig.Campus) *plain {
	t.Helper()
	p := &plain{base: campus.Keycloak + "/admin/realms/" + campus.Name + "/users/", client: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: burst},
	}}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {campus.AdminClient},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {campus.Admin.Assertion(campus.AdminClient, campus.Issuer)},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, campus.Issuer+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.client.Do(req)
	must(t, err)
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	must(t, json.NewDecoder(resp.Body).Decode(&answer))
	p.token = answer.Token
	return p
}

// swap reads what is there, writes the new credential, sees it, moves it to its place, removes the old one and ends the sessions.
func (p *plain) swap(ctx context.Context, a account) error {
	id := bridge.NewUUID()
	body, err := json.Marshal(map[string]any{"credentials": []map[string]any{{
		"id": id, "type": "otp", "userLabel": newLabel, "createdDate": time.Now().UnixMilli(), "secretData": `{"value":"` + newSecret + `"}`,
		"credentialData": `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1","secretEncoding":"BASE32"}`,
	}}})
	if err != nil {
		return err
	}
	for _, c := range []struct {
		method, path string
		body         []byte
	}{
		{http.MethodGet, "/credentials", nil},
		{http.MethodPut, "", body},
		{http.MethodGet, "/credentials", nil},
		{http.MethodPost, "/credentials/" + id + "/moveAfter/" + a.password, nil},
		{http.MethodDelete, "/credentials/" + a.old, nil},
		{http.MethodPost, "/logout", nil},
	} {
		if err := p.call(ctx, c.method, a.id+c.path, c.body); err != nil {
			return err
		}
	}
	return nil
}

func (p *plain) call(ctx context.Context, method, path string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", method, resp.Status)
	}
	return err
}
