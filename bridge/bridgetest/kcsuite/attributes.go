package kcsuite

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/keycloak"
)

// Attributes of the tests that write some.
const (
	ours  = "kcsuiteOurs"
	other = "kcsuiteOther" // somebody else's
)

// attributes are what a person has.
type attributes = map[string][]string

// sets asks for a value of ours, whatever there is.
func sets(values ...string) func(attributes) attributes {
	return func(attributes) attributes { return attributes{ours: values} }
}

// owner is somebody who has everything that a careless write takes away.
func (w *world) owner(t *testing.T) (id, name string) {
	t.Helper()
	w.SetAttribute(t, Attribute{Name: ours, EditBy: []string{"admin"}})
	w.SetAttribute(t, Attribute{Name: other, EditBy: []string{"admin"}})
	return w.person(t, Person{
		Email: strings.ToLower(bridge.NewReference()) + "@example.net", OTPs: oldPhone(), RequiredActions: []string{"CONFIGURE_TOTP"},
		Attributes: attributes{other: {"one", "two"}, "unmanaged": {"a", "b"}, "locale": {"ja"}},
	})
}

// A written attribute changes, and nothing else of the person does; what is so already is not written. WB-14
func attributesAlone(t *testing.T, w *world) {
	id, _ := w.owner(t)
	before := w.User(t, id)
	for _, step := range []struct {
		change func(attributes) attributes
		want   []any
	}{
		{sets("a@example.net", "髙﨑 ① ～"), []any{"a@example.net", "髙﨑 ① ～"}},
		{sets("b@example.net"), []any{"b@example.net"}},
		{sets("b@example.net"), []any{"b@example.net"}},
		{func(attributes) attributes { return nil }, []any{"b@example.net"}},
		{sets(), nil},
	} {
		moved, err := w.client.SetAttributes(t.Context(), id, step.change)
		if err != nil || len(moved) > 0 {
			t.Fatalf("moved %q, %v", moved, err)
		}
		after := w.User(t, id)
		now, ok := after["attributes"].(map[string]any)
		if got, _ := now[ours].([]any); !ok || !reflect.DeepEqual(got, step.want) {
			t.Errorf("%v, want %v", now[ours], step.want)
		}
		delete(now, ours)
		if !reflect.DeepEqual(before, after) {
			t.Errorf("the rest of the person changed:\nbefore %v\nafter  %v", before, after)
		}
	}
}

// meanwhile is a transport that does something after the first write was answered.
type meanwhile struct {
	http.RoundTripper
	writes int
	then   func()
}

func (m *meanwhile) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.RoundTripper.RoundTrip(r)
	if r.Method != http.MethodPut {
		return resp, err
	}
	m.writes++
	if m.writes == 1 && m.then != nil {
		m.then()
	}
	return resp, err
}

// watched is a client whose writes are counted, with something to do after the first.
func (w *world) watched(t *testing.T, then func()) (*keycloak.Client, *meanwhile) {
	t.Helper()
	seen := &meanwhile{RoundTripper: http.DefaultTransport, then: then}
	cfg := w.facts.Config
	cfg.Now, cfg.Transport = w.facts.Now, seen
	client, err := keycloak.New(cfg)
	must(t, err)
	return client, seen
}

// Somebody else who writes the same person at the same moment is noticed: before our write, when theirs is lost, and after it, when ours may be.
func attributesOfTwoWriters(t *testing.T, w *world) {
	write := func(id string, now attributes) { w.Write(t, id, map[string]any{"attributes": now}) }
	t.Run("theirs is overwritten", func(t *testing.T) {
		id, _ := w.owner(t)
		client, _ := w.watched(t, nil)
		moved, err := client.SetAttributes(t.Context(), id, func(attributes) attributes {
			write(id, attributes{other: {"three"}})
			return attributes{ours: {"mine"}}
		})
		if err != nil || !slices.Equal(moved, []string{bridge.MovedBySomebody}) {
			t.Errorf("moved %q, %v", moved, err)
		}
	})
	t.Run("theirs comes after", func(t *testing.T) {
		id, _ := w.owner(t)
		client, _ := w.watched(t, func() {
			<-time.After(2 * time.Millisecond) // events say no more than the millisecond
			write(id, attributes{ours: {"mine"}, other: {"three"}, "locale": {"ja"}})
		})
		moved, err := client.SetAttributes(t.Context(), id, sets("mine"))
		if err != nil || !slices.Equal(moved, []string{"attributes." + other, "attributes.unmanaged"}) {
			t.Errorf("moved %q, %v", moved, err)
		}
	})
	t.Run("ours is overwritten", func(t *testing.T) {
		id, _ := w.owner(t)
		client, _ := w.watched(t, func() { write(id, attributes{other: {"one", "two"}, "unmanaged": {"a", "b"}, "locale": {"ja"}}) })
		moved, err := client.SetAttributes(t.Context(), id, sets("mine"))
		wantCode(t, "a write that is gone", err, bridge.CodeRefusedByAccount)
		if len(moved) > 0 {
			t.Errorf("moved %q", moved)
		}
	})
	t.Run("nobody", func(t *testing.T) { attributesOfOneWriter(t, w) })
}

func attributesOfOneWriter(t *testing.T, w *world) {
	id, _ := w.owner(t)
	w.Write(t, id, map[string]any{"attributes": attributes{other: {"three"}}})
	written := time.Now()
	client, seen := w.watched(t, nil)
	value, tries := "", 0
	for near := true; near; { // theirs came before ours as soon as that is longer ago than ours takes
		begun := time.Now()
		tries++
		value = fmt.Sprint("mine ", tries)
		moved, err := client.SetAttributes(t.Context(), id, sets(value))
		near = begun.Sub(written) < time.Since(begun)+2*time.Millisecond && slices.Equal(moved, []string{bridge.MovedBySomebody})
		if !near && (err != nil || len(moved) > 0) {
			t.Errorf("moved %q, %v", moved, err)
		}
	}
	if moved, err := client.SetAttributes(t.Context(), id, sets(value)); err != nil || len(moved) > 0 {
		t.Errorf("the same again: moved %q, %v", moved, err)
	}
	if seen.writes != tries {
		t.Errorf("%d writes for %d changes", seen.writes, tries)
	}
}

// What Keycloak refuses, or keeps from us, is not written.
func attributesRefused(t *testing.T, w *world) {
	id, _ := w.owner(t)
	w.SetAttribute(t, Attribute{Name: ours, EditBy: []string{"admin"}, Address: true})
	before := w.User(t, id)
	_, err := w.client.SetAttributes(t.Context(), id, sets("no address"))
	wantCode(t, "no address", err, bridge.CodeRefusedByAccount)
	if e, ok := err.(*bridge.Error); !ok || e.Field != ours { //nolint:errorlint // the outermost
		t.Errorf("%v does not name %s", err, ours)
	}
	if after := w.User(t, id); !reflect.DeepEqual(before, after) {
		t.Errorf("before %v\nafter  %v", before, after)
	}
	outside, _ := w.person(t, Person{Outside: true})
	_, err = w.client.SetAttributes(t.Context(), outside, sets("a@example.net"))
	wantCode(t, "somebody out of reach", err, bridge.CodeRefusedByAccount)
}

// A label changes, and only to one that is free; the sign-in says whose code opened it.
func labelsAndSignIns(t *testing.T, w *world) {
	second := OTP{Label: "second", Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXB"}
	id, name := w.person(t, Person{OTPs: append(oldPhone(), second)})
	otps := w.account(t, id).OTPs()
	must(t, w.client.Rename(t.Context(), id, otps[1].ID, "髙﨑さんのノート"))
	if got := w.account(t, id).OTPs()[1].Label; got != "髙﨑さんのノート" {
		t.Errorf("the label is %q", got)
	}
	err := w.client.Rename(t.Context(), id, "7c0e6a2e-3f0b-4a55-9d43-52c1a6a3d0b1", "x")
	wantCode(t, "a credential that there is not", err, bridge.CodeGone)
	since := w.facts.Now().Add(-time.Minute)
	for _, c := range otps {
		secret := map[string]string{otps[0].ID: oldPhone()[0].Secret, otps[1].ID: second.Secret}[c.ID]
		b := w.login(t, name, "openid", url.Values{"prompt": {"login"}}, nil)
		must(t, b.CodeFor(t.Context(), c.ID, w.codes(t, key(t, secret))()))
		session := b.Answer().Get("session_state")
		if session == "" {
			t.Fatalf("no sign-in: %s", b.Page())
		}
		with, err := w.client.SignedInWith(t.Context(), id, session, since)
		if err != nil || with != c.ID {
			t.Errorf("signed in with %q, %v, want %q", with, err, c.ID)
		}
		for credential, want := range map[string]bool{c.ID: true, "another": false} {
			if got, err := w.client.OpenedBy(t.Context(), id, credential, since); err != nil || got != want {
				t.Errorf("%s opened a sign-in: %v, %v", credential, got, err)
			}
		}
	}
	if with, err := w.client.SignedInWith(t.Context(), id, "another", since); err != nil || with != "" {
		t.Errorf("another session: %q, %v", with, err)
	}
}
