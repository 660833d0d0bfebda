// Package loginform signs in through Keycloak's own pages as a person would, over plain HTTP and without a browser: it keeps
// cookies, follows redirects, recognises pages and sends forms. It works on the real server and on package fakekc.
package loginform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Pages by data-page-id.
const (
	PagePassword = "login-login"
	PageCode     = "login-login-otp"
	PageRecovery = "login-login-recovery-authn-code-input"
	PageError    = "login-error"
	PageInfo     = "login-info"
	PageLogout   = "login-logout-confirm"
)

const (
	pageLimit = 4 << 20
	hops      = 20 // redirects in a row
	patience  = 60 * time.Second
)

// ErrPage says that the page at hand is not the one that was asked for.
var ErrPage = errors.New("another page")

// Browser is one browser: its cookies and the page it shows. It is not safe for use by several goroutines.
type Browser struct {
	// Stop lists prefixes of addresses that are not followed, such as a client's redirect URI: Left then holds the address.
	Stop     []string
	Language string // Accept-Language, "" = en
	From     string // client address that a proxy in front would report, "" = none

	Status int    // of the page
	URL    string // of the page
	Body   string
	Left   string // address at which a redirect left for the client, "" = none

	client *http.Client
	jar    cookies
	doc    *html.Node
}

// New makes a browser without cookies that does not follow redirects to the given addresses.
func New(stop ...string) *Browser {
	return &Browser{
		Stop: stop, jar: cookies{},
		client: &http.Client{
			Timeout:       patience,
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Get opens an address and follows redirects until a page is shown or Stop is reached.
func (b *Browser) Get(ctx context.Context, address string) error {
	return b.visit(ctx, http.MethodGet, address, nil)
}

// Post sends a form to an address and follows redirects.
func (b *Browser) Post(ctx context.Context, address string, form url.Values) error {
	return b.visit(ctx, http.MethodPost, address, form)
}

func (b *Browser) visit(ctx context.Context, method, address string, form url.Values) error {
	b.Left = ""
	for range hops {
		next, err := b.load(ctx, method, address, form)
		if err != nil || next == "" {
			return err
		}
		for _, stop := range b.Stop {
			if strings.HasPrefix(next, stop) {
				b.Left = next
				return nil
			}
		}
		method, address, form = http.MethodGet, next, nil
	}
	return fmt.Errorf("open %s: more than %d redirects", address, hops)
}

// load makes one request and returns where it is redirected to, "" when a page is shown.
func (b *Browser) load(ctx context.Context, method, address string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("open a page: %w", err)
	}
	language := b.Language
	if language == "" {
		language = "en"
	}
	req.Header.Set("Accept-Language", language)
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.From != "" {
		req.Header.Set("X-Forwarded-For", b.From)
	}
	b.jar.send(req)
	resp, err := b.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("open a page: %w", err)
	}
	defer resp.Body.Close()
	b.jar.take(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageLimit))
	if err != nil {
		return "", fmt.Errorf("open %s: %w", address, err)
	}
	b.Status, b.URL, b.Body = resp.StatusCode, address, string(body)
	if to, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		return to.String(), nil
	}
	b.doc, err = html.Parse(strings.NewReader(b.Body))
	return "", err
}

// Answer is the query of the redirect that left for the client: code and state, or error.
func (b *Browser) Answer() url.Values {
	u, err := url.Parse(b.Left)
	if err != nil {
		return nil
	}
	return u.Query()
}

// Cookie returns the value of a cookie by name, "" when there is none.
func (b *Browser) Cookie(name string) string {
	for key, value := range b.jar {
		if key.name == name {
			return value
		}
	}
	return ""
}

// Plant puts a cookie into the browser, as an attacker at a site's address would.
func (b *Browser) Plant(site, name, value string) {
	u, err := url.Parse(site)
	if err != nil {
		panic("loginform: " + err.Error())
	}
	b.jar[cookieKey{u.Host, "/", name}] = value
}

// Submit fills in the form of the page and sends it. Hidden fields and choices go along as the page has them.
func (b *Browser) Submit(ctx context.Context, fields url.Values) error {
	form := b.form()
	if form == nil {
		return fmt.Errorf("%w: %s has no form", ErrPage, b.describe())
	}
	to, err := url.Parse(b.URL)
	if err != nil {
		return fmt.Errorf("address of the page: %w", err)
	}
	action, err := to.Parse(attribute(form, "action"))
	if err != nil {
		return fmt.Errorf("address of the form: %w", err)
	}
	values := hidden(form)
	for name, list := range fields {
		values[name] = list
	}
	return b.Post(ctx, action.String(), values)
}

// Password fills in the password page.
func (b *Browser) Password(ctx context.Context, name, password string) error {
	if b.Page() != PagePassword {
		return fmt.Errorf("%w: wanted the password page, not %s", ErrPage, b.describe())
	}
	fields := url.Values{"password": {password}}
	if find(b.doc, func(n *html.Node) bool { return attribute(n, "name") == "username" }) != nil {
		fields.Set("username", name) // a re-authentication has no such field
	}
	return b.Submit(ctx, fields)
}

// Code fills in the page that asks for the second factor.
func (b *Browser) Code(ctx context.Context, code string) error {
	if b.Page() != PageCode {
		return fmt.Errorf("%w: wanted the page for the code, not %s", ErrPage, b.describe())
	}
	return b.Submit(ctx, url.Values{"otp": {code}})
}

// CodeFor chooses one of several credentials on that page and gives its code.
func (b *Browser) CodeFor(ctx context.Context, credential, code string) error {
	if b.Page() != PageCode {
		return fmt.Errorf("%w: wanted the page for the code, not %s", ErrPage, b.describe())
	}
	return b.Submit(ctx, url.Values{"otp": {code}, "selectedCredentialId": {credential}})
}

// SignIn opens an address and gives what the pages ask for, until a page asks for something else or the redirect leaves for
// the client. code is asked only when the page for the code is shown; nil stops there.
func (b *Browser) SignIn(ctx context.Context, address, name, password string, code func() string) error {
	if err := b.Get(ctx, address); err != nil {
		return err
	}
	if b.Left == "" && b.Page() == PagePassword {
		if err := b.Password(ctx, name, password); err != nil {
			return err
		}
	}
	if b.Left == "" && b.Page() == PageCode && code != nil {
		return b.Code(ctx, code())
	}
	return nil
}
