package keycloak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"otpbridge/bridge"
)

// person is Keycloak's whole UserRepresentation, so that nothing of it can be overlooked.
type person map[string]json.RawMessage

// attributes returns the attributes of a person, never nil.
func (p person) attributes() (map[string][]string, error) {
	out := map[string][]string{}
	if p["attributes"] == nil {
		return out, nil
	}
	if err := json.Unmarshal(p["attributes"], &out); err != nil {
		return nil, errors.New("the attributes are not as expected")
	}
	return out, nil
}

// rootFields are taken away by a write of attributes that does not hold them.
var rootFields = []string{"email", "firstName", "lastName"}

// SetAttributes implements bridge.Profiles. Keycloak replaces all attributes, and three fields beside them, and knows no condition: what is written is
// what was read a moment before, with nothing but the asked change, it is sent once, and then the person is read again and compared.
func (c *Client) SetAttributes(ctx context.Context, id string, change func(map[string][]string) map[string][]string) (moved []string, err error) {
	const op = "write attributes"
	begun := c.cfg.Now()
	var before person
	if err := c.do(ctx, get(op, &before, "users", id)); err != nil {
		return nil, writeFault(op, err)
	}
	all, err := before.attributes()
	if err != nil {
		return nil, away(op, err)
	}
	wanted := maps.Clone(all)
	for name, values := range change(maps.Clone(all)) {
		if wanted[name] = values; len(values) == 0 {
			delete(wanted, name)
		}
	}
	if maps.EqualFunc(all, wanted, slices.Equal) {
		return nil, nil
	}
	body := map[string]any{"attributes": wanted}
	for _, name := range rootFields {
		if value, ok := before[name]; ok {
			body[name] = value
		}
	}
	err = c.do(ctx, call{op: op, method: http.MethodPut, path: []string{"users", id}, body: body})
	if err != nil {
		return nil, writeFault(op, err)
	}
	took := c.cfg.Now().Sub(begun)
	moved, err = c.compare(ctx, id, before, wanted, all)
	if err != nil {
		return moved, err
	}
	other, err := c.otherWriter(ctx, id, took)
	if other {
		moved = append(moved, bridge.MovedBySomebody)
	}
	return moved, err
}

// compare reads a person again and names what is neither as it was nor as it was wanted. CodeRefusedByAccount: what was wanted does not stand.
func (c *Client) compare(ctx context.Context, id string, before person, wanted, old map[string][]string) (moved []string, err error) {
	const op = "compare attributes"
	var after person
	if err := c.do(ctx, get(op, &after, "users", id)); err != nil {
		return nil, writeFault(op, err)
	}
	now, err := after.attributes()
	if err != nil {
		return nil, away(op, err)
	}
	var lost []string
	for _, name := range slices.Sorted(maps.Keys(union(now, wanted))) {
		asked := !slices.Equal(wanted[name], old[name])
		switch {
		case slices.Equal(now[name], wanted[name]):
		case asked:
			lost = append(lost, name)
		default:
			moved = append(moved, "attributes."+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(union(before, after))) {
		if name != "attributes" && name != "totp" && !bytes.Equal(before[name], after[name]) {
			moved = append(moved, name)
		}
	}
	if len(lost) > 0 {
		return moved, &bridge.Error{Code: bridge.CodeRefusedByAccount, Op: op, Err: errors.New("not kept"), Field: strings.Join(lost, ", ")}
	}
	return moved, nil
}

// union has the keys of both.
func union[V any](a, b map[string]V) map[string]V {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]V{}
	}
	maps.Copy(out, b)
	return out
}

// adminEvent is Keycloak's AdminEventRepresentation as far as it is needed.
type adminEvent struct {
	Time int64  `json:"time"` // milliseconds
	Path string `json:"resourcePath"`
	Auth struct {
		UserID string `json:"userId"`
	} `json:"authDetails"`
}

// otherWriter reports whether somebody else wrote the person between the read before our write, which took so long, and the write itself: their change
// is overwritten, and no look at the person shows it. Known where the realm keeps such events; our own write is the clock.
func (c *Client) otherWriter(ctx context.Context, id string, took time.Duration) (bool, error) {
	const (
		op   = "read writers"
		look = time.Minute
	)
	own, err := c.rights(ctx)
	if err != nil {
		return false, away(op, err)
	}
	var events []adminEvent
	k := get(op, &events, "admin-events")
	k.query = url.Values{
		"resourcePath": {"users/" + id}, "operationTypes": {"UPDATE"}, "max": {"100"},
		"dateFrom": {strconv.FormatInt(c.ServerNow().Add(-look-took).UnixMilli(), 10)},
	}
	if err := c.do(ctx, k); err != nil {
		return false, away(op, err)
	}
	i := slices.IndexFunc(events, func(e adminEvent) bool { return e.Auth.UserID == own.Subject })
	if i < 0 {
		return false, nil
	}
	ours := events[i].Time                                                                  // the newest one comes first
	within := func(at int64) bool { return at >= ours-took.Milliseconds()-1 && at <= ours } // all three are cut down to milliseconds
	if slices.ContainsFunc(events, func(e adminEvent) bool { return e.Auth.UserID != own.Subject && within(e.Time) }) {
		return true, nil
	}
	saved, err := c.events(ctx, op, time.UnixMilli(ours).Add(-took), url.Values{"user": {id}, "type": {"UPDATE_EMAIL", "UPDATE_PROFILE"}})
	return slices.ContainsFunc(saved, func(e savedEvent) bool { return e.UserID == id && within(e.Time) }), away(op, err)
}

// Takes implements bridge.Profiles.
func (c *Client) Takes(ctx context.Context, id string, names ...string) (r bridge.AttributeRules, err error) {
	const op = "read rules of attributes"
	var p struct {
		Metadata struct {
			Attributes []struct {
				Name       string
				ReadOnly   bool
				Validators map[string]any
			}
		} `json:"userProfileMetadata"`
	}
	k := get(op, &p, "users", id)
	k.query = url.Values{"userProfileMetadata": {"true"}}
	if err := c.do(ctx, k); err != nil {
		return r, writeFault(op, err)
	}
	for _, a := range p.Metadata.Attributes {
		if slices.Contains(names, a.Name) {
			_, plain := a.Validators["email"]
			r.Fixed, r.Plain = r.Fixed || a.ReadOnly, r.Plain || plain
		}
	}
	return r, nil
}

// Rename implements bridge.Profiles.
func (c *Client) Rename(ctx context.Context, id, credential, label string) error {
	const op = "rename credential"
	err := c.do(ctx, call{
		op: op, method: http.MethodPut, path: []string{"users", id, "credentials", credential, "userLabel"}, text: label, repeat: true,
	})
	if status(err) == http.StatusConflict {
		return &bridge.Error{Code: bridge.CodeRefusedByAccount, Op: op, Err: err, Field: "userLabel"}
	}
	return writeFault(op, err)
}

// OpenedBy implements bridge.Visits.
func (c *Client) OpenedBy(ctx context.Context, id, credential string, since time.Time) (bool, error) {
	const op = "read sign-ins"
	if id == "" || credential == "" { // would be anybody's
		return false, bridge.Fault(bridge.CodeGone, op, errPath)
	}
	saved, err := c.events(ctx, op, since, url.Values{"user": {id}, "type": {"LOGIN"}})
	if err != nil {
		return false, unreadable(op, err)
	}
	return slices.ContainsFunc(saved, func(e savedEvent) bool { return e.UserID == id && e.event().Credential == credential }), nil
}

// SignedInWith implements bridge.Profiles.
func (c *Client) SignedInWith(ctx context.Context, id, session string, since time.Time) (credential string, err error) {
	const op = "read sign-in"
	if id == "" || session == "" { // would be anybody's
		return "", bridge.Fault(bridge.CodeGone, op, errPath)
	}
	saved, err := c.events(ctx, op, since, url.Values{"user": {id}, "type": {"LOGIN"}, "client": {c.cfg.LoginClient}})
	if err != nil {
		return "", unreadable(op, err)
	}
	for _, e := range slices.Backward(saved) {
		if e.UserID == id && e.SessionID == session {
			return e.event().Credential, nil
		}
	}
	return "", nil
}
