package realm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Person describes somebody to add. Only Name is required.
type Person struct {
	Name            string
	First, Last     string   // "" = the name, Example
	Email           string   // verified, unless Unverified
	Unverified      bool     // the address was never confirmed
	Notification    []string // notification addresses
	Attributes      map[string][]string
	Password        string    // "" = Password(Name)
	PasswordSet     time.Time // zero = as the people of the realm file
	OTPs            []string  // Base32 secrets, labelled "old phone", "old phone 2", …
	Codes           []string  // recovery codes
	Passkeys        []Passkey // as second factors, or alone
	Outside         bool      // not in the group of people who may recover
	Groups          []string  // paths of more groups, which must exist
	Roles           []string  // realm roles, which must exist
	RequiredActions []string  // e.g. CONFIGURE_TOTP
	Disabled        bool
}

// Add adds a person and returns the id.
func (r *Realm) Add(ctx context.Context, p Person) (string, error) {
	user, err := r.represent(p)
	if err != nil {
		return "", fmt.Errorf("add %s: %w", p.Name, err)
	}
	if err := r.do(ctx, "POST /users", user, nil); err != nil {
		return "", fmt.Errorf("add %s: %w", p.Name, err)
	}
	id, err := r.ID(ctx, p.Name)
	if err != nil {
		return "", fmt.Errorf("add %s: %w", p.Name, err)
	}
	for _, role := range p.Roles {
		if err := r.grant(ctx, id, role); err != nil {
			return "", fmt.Errorf("add %s: %w", p.Name, err)
		}
	}
	r.Users[p.Name] = id
	return id, nil
}

func (r *Realm) represent(p Person) (object, error) {
	if p.PasswordSet.IsZero() {
		p.PasswordSet = r.passwordSet
	}
	credentials, err := p.credentials()
	if err != nil {
		return nil, err
	}
	attributes := map[string][]string{}
	for name, values := range p.Attributes {
		attributes[name] = values
	}
	if len(p.Notification) > 0 {
		attributes[Notification] = p.Notification
	}
	groups := slices.Clone(p.Groups)
	if !p.Outside {
		groups = append(groups, "/"+Recoverable)
	}
	user := object{
		"username": p.Name, "firstName": or(p.First, p.Name), "lastName": or(p.Last, "Example"), "enabled": !p.Disabled,
		"credentials": credentials, "attributes": attributes, "groups": groups, "requiredActions": p.RequiredActions,
	}
	if p.Email != "" {
		user["email"], user["emailVerified"] = p.Email, !p.Unverified
	}
	return user, nil
}

// credentials are the person's, in the order in which Keycloak asks for them.
func (p Person) credentials() ([]credential, error) {
	var all []credential
	var faults []error
	add := func(c credential, err error) { all, faults = append(all, c), append(faults, err) }
	add(passwordCredential(or(p.Password, Password(p.Name)), p.PasswordSet))
	for i, secret := range p.OTPs {
		label := "old phone"
		if i > 0 {
			label = fmt.Sprintf("old phone %d", i+1)
		}
		add(otpCredential(label, secret))
	}
	if len(p.Codes) > 0 {
		add(codesCredential(p.Codes))
	}
	for _, key := range p.Passkeys {
		add(passkeyCredential(key))
	}
	return all, errors.Join(faults...)
}

func or(value, unset string) string {
	if value == "" {
		return unset
	}
	return value
}

// ID returns the id of a person by user name.
func (r *Realm) ID(ctx context.Context, name string) (string, error) {
	var users []struct{ ID string }
	if err := r.do(ctx, "GET /users?exact=true&username="+url.QueryEscape(name), nil, &users); err != nil {
		return "", err
	}
	if len(users) != 1 {
		return "", fmt.Errorf("person %s: %d found", name, len(users))
	}
	return users[0].ID, nil
}

func (r *Realm) grant(ctx context.Context, id, role string) error {
	var found object
	if err := r.do(ctx, "GET /roles/"+url.PathEscape(role), nil, &found); err != nil {
		return err
	}
	return r.do(ctx, "POST /users/"+id+"/role-mappings/realm", []object{found}, nil)
}

// SetAttribute sets the values of one attribute and keeps the rest of the person. Keycloak drops whatever such a request
// does not name, so the person is read and sent back whole.
func (r *Realm) SetAttribute(ctx context.Context, name, attribute string, values ...string) error {
	path := " /users/" + r.Users[name]
	var user object
	if err := r.do(ctx, "GET"+path, nil, &user); err != nil {
		return err
	}
	attributes, ok := user["attributes"].(object)
	if !ok {
		attributes = object{}
		user["attributes"] = attributes
	}
	attributes[attribute] = values
	return r.do(ctx, "PUT"+path, user, nil)
}

// OpenGate lets a person sign in with the password only, as the product does for minutes; ShutGate ends it.
func (r *Realm) OpenGate(ctx context.Context, name string) error {
	return r.do(ctx, "PUT /users/"+r.Users[name]+"/groups/"+r.GateGroup, nil, nil)
}

// ShutGate takes the membership back. Somebody who is no member is fine.
func (r *Realm) ShutGate(ctx context.Context, name string) error {
	return r.do(ctx, "DELETE /users/"+r.Users[name]+"/groups/"+r.GateGroup, nil, nil)
}

// Credential is what Keycloak tells of a credential: never the secret.
type Credential struct {
	ID          string `json:"id"`
	Type        string `json:"type"` // password, otp, recovery-authn-codes
	Label       string `json:"userLabel"`
	CreatedDate int64  `json:"createdDate"`
}

// Credentials lists a person's credentials in Keycloak's order: the first of a kind is asked for.
func (r *Realm) Credentials(ctx context.Context, name string) ([]Credential, error) {
	var found []Credential
	err := r.do(ctx, "GET /users/"+r.Users[name]+"/credentials", nil, &found)
	return found, err
}

// Lock makes Keycloak lock a person for a minute, with two wrong passwords in a row.
func (r *Realm) Lock(ctx context.Context, name string) error {
	const tries = 5 // two within a second are enough, on a busy machine five in any time
	for range tries {
		if err := r.fail(ctx, name); err != nil {
			return fmt.Errorf("lock %s: %w", name, err)
		}
	}
	var state struct{ Disabled bool }
	for deadline := time.Now().Add(10 * time.Second); !state.Disabled; <-time.After(50 * time.Millisecond) { // Keycloak counts them after it has answered
		if time.Now().After(deadline) {
			return fmt.Errorf("lock %s: still not locked after %d wrong passwords", name, tries)
		}
		if err := r.do(ctx, "GET /attack-detection/brute-force/users/"+r.Users[name], nil, &state); err != nil {
			return fmt.Errorf("lock %s: %w", name, err)
		}
	}
	return nil
}

// Unlock ends what Lock did, at once.
func (r *Realm) Unlock(ctx context.Context, name string) error {
	return r.do(ctx, "DELETE /attack-detection/brute-force/users/"+r.Users[name], nil, nil)
}

func (r *Realm) fail(ctx context.Context, name string) error {
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {name}, "password": {"wrong"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Issuer+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode/100 == 2 {
		return errors.New("a wrong password was accepted")
	}
	return nil
}
