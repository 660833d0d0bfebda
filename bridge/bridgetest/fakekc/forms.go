package fakekc

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
)

// Texts of the forms, in English; pages show them in the page's language.
const (
	textWrongPassword = "Invalid username or password."
	textWrongCode     = "Invalid authenticator code."
	textDisabled      = "Account is disabled, contact your administrator."
	textDenied        = "Access denied"
	textOtherUser     = "You are already authenticated as different user in this session. Please sign out first."
	textAgain         = "Please re-authenticate to continue"
	textExpired       = "Action expired. Please continue with login now."
	textNoCookie      = "Restart login cookie not found. It may have expired; it may have been deleted or cookies are disabled in your browser."
	textBroken        = "Unexpected error when handling authentication request to identity provider."
)

// tabOf finds the tab that a request is about; otherwise it answers with a page.
func (s *Server) tabOf(r *http.Request) (*tab, *reply) {
	t := s.tabs[r.URL.Query().Get("tab_id")]
	if t == nil || s.now().Sub(t.created) >= tabLife || cookieValue(r, cookieBrowser) != t.browser {
		out := s.errorPage(http.StatusBadRequest, chooseLanguage(r, ""), textNoCookie)
		return nil, &out
	}
	if t.done { // the page was left over: the sign-in starts again, and SSO may finish it at once
		out := s.begin(r, t.client, t.params)
		return nil, &out
	}
	return t, nil
}

// GET /realms/{realm}/login-actions/authenticate
func (s *Server) showPage(r *http.Request) reply {
	t, failed := s.tabOf(r)
	if failed != nil {
		return *failed
	}
	chosen := r.URL.Query().Get("kc_locale")
	if chosen != "" {
		t.language = supported(chosen)
	}
	out := s.current(r, t, "")
	if chosen != "" {
		out.cookies = append(out.cookies, s.cookie(cookieLanguage, t.language, 0))
	}
	return out
}

// current shows the form the tab is at, with a message; it never goes on by itself.
func (s *Server) current(r *http.Request, t *tab, message string) reply {
	switch {
	case t.action != "":
		return s.actionPage(t, t.action)
	case t.user == nil:
		return s.passwordPage(t, message)
	default:
		return s.askSecondFactor(r, t, message)
	}
}

// GET /realms/{realm}/login-actions/restart
func (s *Server) restartPage(r *http.Request) reply {
	t, failed := s.tabOf(r)
	if failed != nil {
		return *failed
	}
	*t = tab{id: t.id, browser: t.browser, client: t.client, params: t.params, language: t.language, created: t.created}
	return redirect(s.tabURL(t, "authenticate"))
}

// POST /realms/{realm}/login-actions/authenticate
func (s *Server) submitPage(r *http.Request) reply {
	t, failed := s.tabOf(r)
	if failed != nil {
		return *failed
	}
	if r.URL.Query().Get("session_code") != t.code {
		return s.current(r, t, textExpired)
	}
	form := postForm(r)
	switch {
	case t.action == configureTOTP:
		return s.submitEnrolment(r, t, form)
	case t.action != "":
		return s.actionPage(t, t.action)
	case t.user == nil:
		return s.submitPassword(r, t, form)
	case form.Has("recoveryCodeInput"):
		return s.submitRecovery(r, t, form.Get("recoveryCodeInput"))
	default:
		return s.submitCode(r, t, form)
	}
}

func (s *Server) submitPassword(r *http.Request, t *tab, form url.Values) reply {
	typed := form.Get("username")
	u := s.userByLogin(typed)
	if t.known != nil {
		if typed == "" {
			u = t.known
		} else if u != t.known {
			u = nil
		}
	} else {
		t.tried = typed
	}
	if u == nil || u.serviceOf != "" {
		s.record(r, t.event("LOGIN_ERROR", "user_not_found", map[string]string{"username": typed}))
		return s.passwordPage(t, textWrongPassword)
	}
	e := t.event("LOGIN_ERROR", "invalid_user_credentials", map[string]string{"username": u.username})
	e.UserID = u.id
	switch {
	case s.locked(u):
		e.Error = "user_temporarily_disabled"
		s.record(r, e)
		return s.passwordPage(t, textWrongPassword)
	case !u.passwordIs(form.Get("password")):
		s.record(r, e)
		s.fail(r, u, false)
		return s.passwordPage(t, textWrongPassword)
	case !u.enabled:
		e.Error = "user_disabled"
		s.record(r, e)
		return s.passwordPage(t, textDisabled)
	}
	t.user, t.typed = u, true
	return s.advance(r, t)
}

func (u *user) passwordIs(text string) bool {
	for _, c := range u.byType("password") {
		return subtle.ConstantTimeCompare([]byte(c.secret), []byte(text)) == 1
	}
	return false
}

func (s *Server) submitCode(r *http.Request, t *tab, form url.Values) reply {
	otps := t.user.byType("otp")
	if len(otps) == 0 {
		return s.askSecondFactor(r, t, "")
	}
	chosen := otps[0]
	if id := form.Get("selectedCredentialId"); id != "" {
		for _, c := range otps {
			if c.id == id {
				chosen = c
			}
		}
	}
	t.credential = chosen.id
	e := t.event("LOGIN_ERROR", "invalid_user_credentials", map[string]string{"selected_credential_id": chosen.id})
	e.UserID = t.user.id
	if s.locked(t.user) {
		e.Error = "user_temporarily_disabled"
		s.record(r, e)
		return s.otpPage(t, textWrongCode)
	}
	good, err := chosen.accept(strings.TrimSpace(form.Get("otp")), s.now())
	if err != nil {
		delete(s.tabs, t.id)
		return s.errorPage(http.StatusBadRequest, t.language, textBroken)
	}
	if !good {
		s.record(r, e)
		s.fail(r, t.user, true)
		return s.otpPage(t, textWrongCode)
	}
	t.second = true
	return s.advance(r, t)
}
