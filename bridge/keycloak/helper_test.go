package keycloak_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/memory"
	"otpbridge/bridge/keycloak"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, time.November, 25, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// place is a Keycloak that lives in the transport: a gate group, events, credentials, and a handle on every call.
type place struct {
	mu      sync.Mutex
	members map[string]bool
	events  []map[string]any
	otps    map[string][]map[string]any
	calls   []string
	// before, unless nil, sees each call before it has an effect, after when it had: the answer waits for it. Both run without a lock.
	// An answer other than nil replaces what the place would do or say.
	before, after func(call string) *http.Response
	roles         []string         // of the token, at realm-management
	realmRoles    []string         // of the token
	others        map[string]any   // more clients of the token, with their roles
	date          func() time.Time // of the server; nil = it does not tell
	version       string           // that is shown
	newest        bool             // events come newest first, whatever is asked for
	from          time.Time        // of the last query for events
}

func newPlace() *place {
	return &place{
		members: map[string]bool{}, otps: map[string][]map[string]any{}, roles: []string{"view-realm", "view-events", "query-users"},
	}
}

// RoundTrip implements http.RoundTripper.
func (p *place) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if strings.HasSuffix(req.URL.Path, "/token") {
		return answer(http.StatusOK, map[string]any{"access_token": p.token(), "expires_in": 300}), nil
	}
	call := req.Method + " " + strings.TrimPrefix(req.URL.EscapedPath(), "/admin/realms/campus")
	p.mu.Lock()
	p.calls = append(p.calls, call)
	before, after := p.before, p.after
	p.mu.Unlock()
	if before != nil {
		said := before(call)
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		if said != nil {
			return said, nil
		}
	}
	out := p.act(call, req)
	if p.date != nil {
		out.Header.Set("Date", p.date().UTC().Format(http.TimeFormat))
	}
	if after != nil {
		if said := after(call); said != nil {
			return said, nil
		}
	}
	return out, nil
}

func (p *place) token() string {
	clients := map[string]any{"realm-management": map[string]any{"roles": p.roles}}
	maps.Copy(clients, p.others)
	claims, _ := json.Marshal(map[string]any{"resource_access": clients, "realm_access": map[string]any{"roles": p.realmRoles}})
	return "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".c2ln"
}

func (p *place) act(call string, req *http.Request) *http.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	if call == "GET /admin/serverinfo" { // the version is for those who manage the realm
		return answer(http.StatusOK, map[string]any{"systemInfo": map[string]any{"version": p.version}})
	}
	part := strings.Split(strings.Trim(req.URL.Path, "/"), "/")[3:] // behind admin/realms/campus
	switch {
	case call == "GET ":
		return answer(http.StatusOK, map[string]any{"otpPolicyType": "totp", "eventsEnabled": true})
	case call == "GET /users/profile":
		return answer(http.StatusOK, map[string]any{})
	case strings.HasSuffix(call, "/groups/gate"):
		p.members[part[1]] = req.Method == http.MethodPut
		return answer(http.StatusNoContent, nil)
	case call == "GET /groups/gate/members":
		list := []map[string]any{}
		for id, in := range p.members {
			if in {
				list = append(list, map[string]any{"id": id})
			}
		}
		return answer(http.StatusOK, list)
	case call == "GET /clients":
		return answer(http.StatusOK, []map[string]any{{"id": "other", "clientId": "realm-management-too"}, {"id": "management", "clientId": "realm-management"}})
	case strings.HasSuffix(call, "/role-mappings/clients/management/composite"):
		return answer(http.StatusOK, []any{})
	case call == "GET /events":
		return answer(http.StatusOK, p.page(req))
	case strings.HasSuffix(call, "/credentials"):
		return answer(http.StatusOK, p.otps[part[1]])
	case strings.HasPrefix(call, "DELETE ") && part[2] == "credentials":
		delete(p.otps, part[1])
		return answer(http.StatusNoContent, nil)
	case strings.HasSuffix(call, "/logout"):
		return answer(http.StatusNoContent, nil)
	}
	return answer(http.StatusNotFound, map[string]any{"error": "HTTP 404 Not Found"})
}

// page answers a query for events as Keycloak does: the newest first.
func (p *place) page(req *http.Request) []map[string]any {
	q := req.URL.Query()
	first, _ := strconv.Atoi(q.Get("first"))
	most, _ := strconv.Atoi(q.Get("max"))
	from, _ := strconv.ParseInt(q.Get("dateFrom"), 10, 64)
	p.from = time.UnixMilli(from)
	found := []map[string]any{}
	for _, e := range p.events {
		whose := q.Get("user") == "" || q.Get("user") == e["userId"]
		if at, _ := e["time"].(int64); at >= from && whose && slices.Contains(q["type"], fmt.Sprint(e["type"])) {
			found = append(found, e)
		}
	}
	at := func(e map[string]any) int64 { n, _ := e["time"].(int64); return n }
	slices.SortStableFunc(found, func(a, b map[string]any) int { return int(at(a) - at(b)) })
	if q.Get("direction") != "asc" || p.newest {
		slices.Reverse(found)
	}
	found = found[min(first, len(found)):]
	return found[:min(most, len(found))]
}

// happens adds an event.
func (p *place) happens(at time.Time, kind, person string, details map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, map[string]any{
		"id": fmt.Sprintf("event-%d", len(p.events)), "time": at.UnixMilli(), "type": kind, "userId": person, "details": details,
	})
}

func (p *place) member(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members[id]
}

func (p *place) put(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members[id] = true
}

func (p *place) seen(call string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (p *place) hook(before, after func(call string) *http.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.after = before, after
}

// answer is Keycloak's; a refusal without a body says why in its own way.
func answer(status int, body any) *http.Response {
	var content []byte
	switch {
	case body == nil && status >= http.StatusBadRequest:
		content = []byte(own)
	case body != nil:
		content, _ = json.Marshal(body)
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(content))}
}

func clientConfig(transport http.RoundTripper, c *clock) keycloak.Config {
	return keycloak.Config{
		URL: "http://localhost:1", Realm: "campus", ClientID: "otpbridge-admin", Secret: "secret", LoginClient: "otpbridge-login",
		AllowedGroup: "/otp-recoverable", Transport: transport, Now: c.now,
	}
}

func newClient(t *testing.T, transport http.RoundTripper, c *clock) *keycloak.Client {
	t.Helper()
	client, err := keycloak.New(clientConfig(transport, c))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// desk is one store with a place behind it, and as many gates on both as replicas.
type desk struct {
	place   *place
	clock   *clock
	records *memory.Records[keycloak.GateRecord]
	jobs    *memory.Jobs
	audit   *memory.Audit
}

func newDesk() *desk {
	d := &desk{place: newPlace(), clock: newClock(), jobs: &memory.Jobs{}, audit: &memory.Audit{}}
	d.records = &memory.Records[keycloak.GateRecord]{Now: d.clock.now}
	return d
}

func (d *desk) gate(t *testing.T) *keycloak.RealmGate { return d.gateWith(t, d.records) }

func (d *desk) gateWith(t *testing.T, records bridge.Records[keycloak.GateRecord]) *keycloak.RealmGate {
	t.Helper()
	g, err := keycloak.NewGate(keycloak.GateConfig{
		Client: newClient(t, d.place, d.clock), GroupID: "gate", Leases: records, Jobs: d.jobs, Audit: d.audit, Now: d.clock.now,
		Open: func(context.Context) ([]string, error) { return d.jobs.IDs(bridge.JobGate), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// leases returns how many leases a person has.
func (d *desk) leases(t *testing.T, person string) int {
	t.Helper()
	r, err := d.records.Get(t.Context(), person)
	if err != nil && bridge.CodeOf(err) != bridge.CodeAbsent {
		t.Fatal(err)
	}
	return len(r.Leases)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, code bridge.Code) {
	t.Helper()
	if bridge.CodeOf(err) != code {
		t.Errorf("%s: %v, want code %s", what, err, code)
	}
}
