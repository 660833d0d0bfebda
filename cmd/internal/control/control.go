// Package control is how an administrator on the service's machine talks to a running `serve`: HTTP over a Unix socket that only the service's
// own user can open.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
)

// Recovery is what an administrator sees of one recovery: never a key, a link, a code or an address. --json prints it; it is stable.
type Recovery struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference,omitzero"` // the number on the person's pages and mails
	User      string    `json:"user"`
	Person    string    `json:"person"`
	State     string    `json:"state"`
	Way       string    `json:"way"`
	Reason    string    `json:"reason,omitzero"`
	Started   time.Time `json:"started"`
	Expires   time.Time `json:"expires,omitzero"`    // waiting, proven
	Writing   time.Time `json:"writing,omitzero"`    // since when the swap runs, or began
	End       string    `json:"end,omitempty"`       // ended: how
	Attention string    `json:"attention,omitzero"`  // code: why an administrator has to act
	Step      string    `json:"step,omitzero"`       // of Attention: what could not be done
	Field     string    `json:"field,omitzero"`      // profile fields that Keycloak named when it refused
	Locking   bool      `json:"locking,omitzero"`    // a lock after a theft has not come to its end
	Unlocked  bool      `json:"unlocked,omitzero"`   // a lock after a theft was refused
	Locked    time.Time `json:"locked,omitzero"`     // since when the account is locked, whatever the state
	Tombstone []string  `json:"tombstone,omitempty"` // show: ids of the credentials that keep it so
	Objected  bool      `json:"objected,omitzero"`   // somebody objected after the end, and the sessions are not ended yet
	Parked    bool      `json:"parked,omitzero"`     // the swap or lock was given up after ten tries
	Tries     int       `json:"tries,omitzero"`      // of its job
	Next      time.Time `json:"next,omitzero"`       // when it is tried again, or its lease ends
	Asked     bool      `json:"cancel_asked,omitzero"`
	Lost      string    `json:"lost,omitzero"` // state lost: what the audit trail knows to have begun and the store knows nothing of
	Swap      *Swap     `json:"swap,omitempty"`
}

// Meant reports whether an id, a person's id or a user name means this recovery.
func (r Recovery) Meant(by string) bool {
	return r.ID == by || r.Person == by || strings.EqualFold(r.User, by)
}

// TemporaryCode is the state of what is no recovery, but a temporary code that cannot be taken away.
const TemporaryCode = "temporary_code"

// Locked is the state of an account that was locked after a theft and has no new authenticator; nothing is under way for it.
const Locked = "locked"

// Swap is how far a swap has come.
type Swap struct {
	Added         string   `json:"added"`   // id of the new credential
	Removed       []string `json:"removed"` // ids of the old ones
	Sent          bool     `json:"sent"`    // the new credential was sent to Keycloak at least once
	SessionsEnded bool     `json:"sessions_ended"`
}

// Failure is the answer to a request that was not carried out.
type Failure struct {
	Code bridge.Code `json:"code"`
}

// ErrInUse says that another running otpbridge answers on the socket.
var ErrInUse = errors.New("another otpbridge serves on this socket")

// Listen opens the socket, with mode 0600 from its first moment: it is made in a directory of our own and then moved to its place. One that a
// process left behind is replaced; one that a running process answers on is ErrInUse, and what is no socket is left alone.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if err := replaceable(ctx, path); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	l, err := listen(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return l, nil
}

func listen(ctx context.Context, path string) (l net.Listener, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var lc net.ListenConfig
	made := filepath.Join(dir, "s")
	name, done, err := short(made)
	if err != nil {
		return nil, err
	}
	l, err = lc.Listen(ctx, "unix", name)
	if err := errors.Join(err, done()); err != nil {
		return nil, err
	}
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // it is moved: Close would look for it under its first name
	}
	if err = errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// replaceable says whether the path is free, or holds a socket that nobody answers on.
func replaceable(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("is something else than a socket, and left as it is")
	}
	conn, err := dial(ctx, path)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(ErrInUse, conn.Close())
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	name, done, err := short(path)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", name)
	return conn, errors.Join(err, done())
}

// maxName is below what the kernel takes as the name of a socket.
const maxName = 100

// short gives a long path a shorter name, through an open descriptor of its directory, until done is called.
func short(path string) (name string, done func() error, err error) {
	if len(path) <= maxName {
		return path, func() error { return nil }, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), dir.Close, nil
}

// Client talks to the process that serves on a socket.
type Client struct{ http *http.Client }

// NewClient returns a client for the socket at path. It makes no call.
func NewClient(path string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, path)
		},
	}}}
}

// List returns the recoveries that are open, and those that need an administrator.
func (c *Client) List(ctx context.Context) (all []Recovery, err error) {
	return c.ListWith(ctx, "")
}

// ListWith is List with that of one person, by id or user name, though no work of it is planned.
func (c *Client) ListWith(ctx context.Context, whose string) (all []Recovery, err error) {
	return all, c.call(ctx, "GET /recoveries?"+ofWhom(whose), nil, &all)
}

// Do carries out an action on one recovery and returns how it stands afterwards.
func (c *Client) Do(ctx context.Context, r Recovery, do bridge.ActionName) (after Recovery, err error) {
	return after, c.call(ctx, "POST /recoveries/"+url.PathEscape(r.ID)+"/"+string(do)+"?"+ofWhom(r.Person), nil, &after)
}

// Whose is the parameter of a request that names a person, by id or user name.
const Whose = "whose"

func ofWhom(whose string) string { return url.Values{Whose: {whose}}.Encode() }

// Check carries out one check of what only the service can look at: its store, and the gates that it opened.
func (c *Client) Check(ctx context.Context, name string) (r doctor.Report, err error) {
	return r, c.call(ctx, "GET /checks/"+url.PathEscape(name), nil, &r)
}

// Of is the parameter of a request that names a realm, by the address of its server and its name.
const Of = "of"

// Remember hands over what an administrator's client saw in a realm, and makes the service look again at once.
func (c *Client) Remember(ctx context.Context, realm string, r doctor.Report) error {
	return c.call(ctx, "POST /checks?"+url.Values{Of: {realm}}.Encode(), r, &struct{}{})
}

// Look makes the realm guard of the service look again at once.
func (c *Client) Look(ctx context.Context) error {
	return c.call(ctx, "POST /looks", nil, &struct{}{})
}

// maxAnswer is far more than ten thousand recoveries.
const maxAnswer = 32 << 20

// call returns a bridge.Error with the code that the service answered, or what the connection said.
func (c *Client) call(ctx context.Context, what string, body, into any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	method, path, _ := strings.Cut(what, " ")
	req, err := http.NewRequestWithContext(ctx, method, "http://otpbridge"+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read below
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK {
		return json.Unmarshal(answer, into)
	}
	var f Failure
	if json.Unmarshal(answer, &f) != nil || f.Code == "" {
		return fmt.Errorf("the service answered %s", resp.Status)
	}
	return bridge.Fault(f.Code, "", nil)
}
