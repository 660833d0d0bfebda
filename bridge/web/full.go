package web

import (
	"context"
	"net/http"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/oidc"
)

// deskCookie marks a browser with which an operator was signed in (HD-15). It says no more than that.
const deskCookie = "__Host-otpbridge-desk"

// fullTargets are the pages that a full sign-in leads to.
var fullTargets = map[string]string{"desk": "/desk", "permit": "/desk/permit", "audit": "/desk/audit", "admin": "/admin", "settings": settingsPath}

const (
	settingsPath = "/settings"
	callbackPath = "/oidc/callback"
)

// fullSignIn serves GET /signin?to=NAME: a full sign-in, always anew. It changes nothing but this browser's own session, in which it takes the place
// of a sign-in under way; the callback gives back that one's lease.
func (s *Server) fullSignIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	to, ok := fullTargets[r.URL.Query().Get("to")]
	served := s.roleOf(to) != ""
	if to == settingsPath {
		served = s.Settings != nil
	}
	if !ok || !served {
		return bridge.Fault(view.CodeNotFound, "sign-in", nil)
	}
	if r.Method == http.MethodHead {
		return see(w, r, to) // a look without a body begins nothing
	}
	if err := s.Party.Ready(); err != nil {
		return bridge.Fault(view.CodeNotReady, "sign-in", err)
	}
	if err := s.Flow.Admit(r.Context(), s.address(r)); err != nil {
		return err
	}
	started, err := s.Party.Begin(r.Context(), oidc.Request{Full: true, UILocales: v.lang})
	if err != nil {
		return err
	}
	err = s.Sessions.Keep(r, w, v.sess, func(st *State) error {
		st.Flow, st.Return = &started.Flow, to
		return nil
	})
	if err != nil {
		return err
	}
	return see(w, r, started.URL)
}

// fullBack takes the answer of a full sign-in. One that came back without the second factor, or older than the request, is ended: Keycloak
// raises no error for it.
func (s *Server) fullBack(w http.ResponseWriter, r *http.Request, v *visit, id oidc.Identity, err error) error {
	ctx := context.WithoutCancel(r.Context())
	s.Flow.Leave(ctx, v.state().Entry) // of a recovery sign-in that was given up for this one
	if code := oidc.CodeOf(err); code == oidc.CodeLevel || code == oidc.CodeStale {
		if err := s.endCampusSession(ctx, id); err != nil {
			return err
		}
		s.Log.InfoContext(ctx, "no full sign-in", "err", err)
		if v.state().Return == settingsPath {
			return bridge.Fault(view.CodeNoFactor, "callback", nil)
		}
		return s.notOperator(w, r, v, view.MissingFactor)
	}
	if err != nil {
		return err
	}
	to := v.state().Return
	if to == settingsPath {
		return s.settingsBack(w, r, v, id)
	}
	err = s.Sessions.Rotate(r, w, v.sess, func(State) State {
		return State{
			Desk: true, Person: id.Subject, Username: id.Username, Name: id.Name, Locale: id.Locale, Full: true, SignedInAt: id.AuthTime, AuthTime: id.AuthTime,
			SID: id.SID, Roles: id.Roles, IDToken: bridge.Secret(id.IDToken.Reveal()), Holder: bridge.NewUUID(),
		}
	})
	if err != nil {
		return err
	}
	if contains(id.Roles, s.DeskRole) {
		http.SetCookie(w, &http.Cookie{
			Name: deskCookie, Value: "1", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 400 * 24 * 3600,
		})
	}
	if to == "" {
		to = "/desk"
	}
	return see(w, r, to)
}

// operatorBrowser reports whether an operator was signed in with this browser before.
func operatorBrowser(r *http.Request) bool {
	_, err := r.Cookie(deskCookie)
	return err == nil
}

// operator is who acts at the desk, or reads there. The role must be in the ID token of a full sign-in, and Keycloak must still say so; its answer is
// at most a minute old. missing says what is lacking.
func (s *Server) operator(r *http.Request, v *visit, role string) (o bridge.Operator, missing view.Missing, err error) {
	state := v.state()
	switch {
	case !state.Desk:
		return o, view.MissingSignIn, nil
	case !state.Full:
		return o, view.MissingFactor, nil
	case !contains(state.Roles, role):
		return o, s.missingRole(role), nil
	}
	if err := s.Flow.NoTemporary(r.Context(), state.Person, state.SignedInAt); err != nil {
		return o, "", err
	}
	has, err := s.HasRole(r.Context(), Role{Person: state.Person, Name: role, SignedInAt: state.SignedInAt})
	if err != nil {
		return o, "", err
	}
	if !has {
		return o, s.missingRole(role), nil
	}
	name := state.Name
	if name == "" {
		name = state.Username
	}
	return bridge.Operator{Person: state.Person, Name: name, Address: s.address(r), Look: state.CaseID}, "", nil
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

func (s *Server) missingRole(role string) view.Missing {
	switch role {
	case s.AuditorRole:
		return view.MissingAuditor
	case s.AdminRole:
		return view.MissingAdmin
	}
	return view.MissingRole
}

// roleOf is the role that a page of the console needs, "" when there is no such page here.
func (s *Server) roleOf(target string) string {
	switch target {
	case "/desk/audit":
		return s.AuditorRole
	case "/admin":
		return s.AdminRole
	}
	return s.DeskRole
}

// deskHandler serves a route of the console for somebody who is an operator now.
type deskHandler func(w http.ResponseWriter, r *http.Request, v *visit, o bridge.Operator) error

// desk is console for operators.
func (s *Server) desk(h deskHandler) handler { return s.console(s.DeskRole, h) }

// console adapts a route of the console: whoever has not the role gets the page that says what is missing.
func (s *Server) console(role string, h deskHandler) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		o, missing, err := s.operator(r, v, role)
		if err != nil {
			return err
		}
		if missing == view.MissingSignIn && r.Method != http.MethodPost {
			return see(w, r, "/signin?to="+deskTarget(r.URL.Path))
		}
		if missing != "" {
			s.Log.InfoContext(r.Context(), "not an operator", "missing", missing)
			if r.Method == http.MethodPost {
				s.leaveCase(r.Context(), v.state())
			}
			return s.notOperator(w, r, v, missing)
		}
		if r.Method == http.MethodPost {
			if err := s.Flow.Press(r.Context(), o); err != nil {
				return err
			}
		}
		return h(w, r, v, o)
	}
}

// notOperator says what is missing, at a page or on the way to it.
func (s *Server) notOperator(w http.ResponseWriter, r *http.Request, v *visit, missing view.Missing) error {
	to := deskTarget(r.URL.Path)
	if r.URL.Path == callbackPath {
		to = deskTarget(v.state().Return)
	}
	return s.show(w, r, v, http.StatusForbidden, func(f view.Frame) view.Page {
		f.Path = fullTargets[to]
		return view.NotOperator{Frame: f, Missing: missing, SignIn: "/signin?to=" + to}
	})
}

func deskTarget(path string) string {
	for name, target := range fullTargets {
		if target == path {
			return name
		}
	}
	return "desk"
}

// RoleCache answers whether a person holds a role, asking Keycloak at most once a minute for each pair. Errors are not kept.
type RoleCache struct {
	Accounts bridge.Accounts
	Seen     bridge.Records[RoleSeen]
	Now      func() time.Time
}

// RoleSeen is an answer about a person's roles.
type RoleSeen struct {
	At    time.Time
	Roles []string
	Fit   bool      // the account is enabled
	Code  bool      // the account holds a temporary code
	Since time.Time // sign-ins up to this do not count: logged out at the campus, or another password
}

// Role is what is asked: whether a person who signed in then holds a role now.
type Role struct {
	Person, Name string
	SignedInAt   time.Time
}

const roleLife = time.Minute

// Has reports whether the person holds the role, and has not been logged out or given another password since signing in. An account that is
// locked for wrong passwords keeps its console: anybody could lock it. One that holds a temporary code has no role: CodeTemporary (TMP-02).
func (c *RoleCache) Has(ctx context.Context, role Role) (bool, error) {
	person := role.Person
	seen, err := c.Seen.Get(ctx, person)
	if err != nil && bridge.CodeOf(err) != bridge.CodeAbsent {
		return false, err
	}
	if err != nil || c.Now().Sub(seen.At) >= roleLife {
		a, err := c.Accounts.ByID(ctx, person)
		if bridge.CodeOf(err) == bridge.CodeGone {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		seen = RoleSeen{At: c.Now(), Roles: a.Roles, Fit: a.Enabled, Since: a.NotBefore}
		_, seen.Code = a.TemporaryCode()
		if p, ok := a.Password(); ok && p.Created.After(seen.Since) {
			seen.Since = p.Created
		}
		_, err = c.Seen.Update(ctx, person, roleLife, func(RoleSeen, bool) (RoleSeen, error) { return seen, nil })
		if err != nil {
			return false, err
		}
	}
	if seen.Code {
		return false, bridge.Fault(bridge.CodeTemporary, "role", nil)
	}
	return seen.Fit && contains(seen.Roles, role.Name) && seen.Since.Before(role.SignedInAt), nil
}
