// Package portal is the sample application of tests and the local run: an ordinary campus application that knows nothing of
// lost authenticators. It sends everybody to the realm's sign-in as the public client "portal" (code flow, PKCE), and shows
// who came back and at which level.
//
// It is a demonstration, not an example to copy: it keeps everything in memory, and believes the ID token because it fetched
// it from the server itself.
package portal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// ClientID is the name of the application in the realm.
const ClientID = "portal"

// Limits of what an application that forgets nothing by itself keeps.
const (
	pendingLife = 30 * time.Minute
	callLimit   = 10 * time.Second
)

const cookieSession, cookieBrowser = "portal-session", "portal-browser"

// Options say where the application stands. Issuer and URL are required.
type Options struct {
	Issuer string // of the realm
	URL    string // base URL of the application, without a slash at the end
	Banner string // a line over every page, e.g. "Demo"; "" = none
	Now    func() time.Time
}

// app is the running application.
type app struct {
	o      Options
	client *http.Client

	mu       sync.Mutex
	pending  map[string]attempt // by state
	sessions map[string]signedIn
}

// attempt is a sign-in that was begun in one browser.
type attempt struct {
	browser, verifier, nonce string
	began                    time.Time
}

// signedIn is who came back.
type signedIn struct {
	Username, Name, Level string
	token                 string // the ID token, for the sign-out
}

// New returns the handler of the application: the page at /, the redirect URI at /cb, the sign-out at /signout.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &app{o: o, client: &http.Client{Timeout: callLimit}, pending: map[string]attempt{}, sessions: map[string]signedIn{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /cb", a.callback)
	mux.HandleFunc("POST /signout", a.signOut)
	mux.HandleFunc("GET /bye", a.bye)
	mux.HandleFunc("GET /style.css", style)
	return a.headers(http.NewCrossOriginProtection().Handler(mux))
}

// headers lets a page load our style sheet and send its form to us, and from there on to the sign-out of the realm.
func (a *app) headers(next http.Handler) http.Handler {
	realm, err := url.Parse(a.o.Issuer)
	if err != nil {
		realm = &url.URL{}
	}
	policy := "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' " + realm.Scheme + "://" + realm.Host
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// GET / shows who is signed in, and sends everybody else to the realm.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	if who, ok := a.session(r); ok {
		a.show(w, http.StatusOK, page{Title: "Campus portal", In: true, Who: who})
		return
	}
	state, one := rand.Text(), attempt{browser: rand.Text(), verifier: rand.Text() + rand.Text(), nonce: rand.Text(), began: a.o.Now()}
	if c, err := r.Cookie(cookieBrowser); err == nil && c.Value != "" {
		one.browser = c.Value // sign-ins in several tabs of one browser live side by side
	}
	a.remember(state, one)
	http.SetCookie(w, cookie(cookieBrowser, one.browser))
	challenge := sha256.Sum256([]byte(one.verifier))
	http.Redirect(w, r, a.endpoint("auth")+"?"+url.Values{
		"client_id": {ClientID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {a.o.URL + "/cb"}, "state": {state},
		"nonce": {one.nonce}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}.Encode(), http.StatusSeeOther)
}

// remember keeps a sign-in that was begun, and drops those that nobody came back from.
func (a *app) remember(state string, one attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for old, other := range a.pending {
		if one.began.Sub(other.began) > pendingLife {
			delete(a.pending, old)
		}
	}
	a.pending[state] = one
}

// GET /cb takes what the realm answers. It changes what we know of the browser, as every redirect URI does.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	one, known := a.take(r, q.Get("state"))
	if !known {
		a.show(w, http.StatusBadRequest, page{Title: "Sign-in failed", Fault: "This sign-in was not begun here, or is too old."})
		return
	}
	if q.Get("code") == "" {
		a.show(w, http.StatusForbidden, page{Title: "Sign-in failed", Fault: "The sign-in service answered: " + q.Get("error")})
		return
	}
	who, err := a.redeem(r.Context(), q.Get("code"), one)
	if err != nil {
		a.show(w, http.StatusBadGateway, page{Title: "Sign-in failed", Fault: err.Error()})
		return
	}
	id := rand.Text()
	a.mu.Lock()
	a.sessions[id] = who
	a.mu.Unlock()
	http.SetCookie(w, cookie(cookieSession, id))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// take returns the sign-in that an answer belongs to, once, and only to the browser that began it.
func (a *app) take(r *http.Request, state string) (attempt, bool) {
	c, err := r.Cookie(cookieBrowser)
	if err != nil {
		return attempt{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	one, known := a.pending[state]
	if !known || one.browser != c.Value || a.o.Now().Sub(one.began) > pendingLife {
		return attempt{}, false
	}
	delete(a.pending, state)
	return one, true
}

// POST /signout ends the session here and at the realm.
func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	who, ok := a.session(r)
	if !ok {
		http.Redirect(w, r, "/bye", http.StatusSeeOther)
		return
	}
	if c, err := r.Cookie(cookieSession); err == nil {
		a.mu.Lock()
		delete(a.sessions, c.Value)
		a.mu.Unlock()
	}
	http.Redirect(w, r, a.endpoint("logout")+"?"+url.Values{
		"id_token_hint": {who.token}, "post_logout_redirect_uri": {a.o.URL + "/bye"},
	}.Encode(), http.StatusSeeOther)
}

// GET /bye
func (a *app) bye(w http.ResponseWriter, _ *http.Request) {
	a.show(w, http.StatusOK, page{Title: "Signed out", Out: true})
}

func (a *app) session(r *http.Request) (signedIn, bool) {
	c, err := r.Cookie(cookieSession)
	if err != nil {
		return signedIn{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	who, ok := a.sessions[c.Value]
	return who, ok
}

func (a *app) endpoint(name string) string {
	return strings.TrimSuffix(a.o.Issuer, "/") + "/protocol/openid-connect/" + name
}

// cookie makes a session cookie for plain HTTP on loopback, where the application runs.
func cookie(name, value string) *http.Cookie {
	// Not Secure: there is no TLS on loopback.
	return &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

var errToken = errors.New("the sign-in service sent no ID token for this application")
