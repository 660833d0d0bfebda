package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
	"otpbridge/oidc"
)

// statuses are the answers to codes; a code that is not listed refuses the person: 403.
var statuses = map[bridge.Code]int{
	bridge.CodeInternal:     http.StatusInternalServerError,
	bridge.CodeAbsent:       http.StatusForbidden, // the session ended between two steps
	bridge.CodeStoreAway:    http.StatusServiceUnavailable,
	bridge.CodeKeycloakAway: http.StatusServiceUnavailable,
	bridge.CodeMailAway:     http.StatusServiceUnavailable,
	bridge.CodeAuditFull:    http.StatusServiceUnavailable,
	bridge.CodePaused:       http.StatusServiceUnavailable,
	bridge.CodeRealmUnsafe:  http.StatusServiceUnavailable,
	bridge.CodeOTPPolicy:    http.StatusServiceUnavailable,
	view.CodeNotReady:       http.StatusServiceUnavailable,
	bridge.CodeTooMany:      http.StatusTooManyRequests,
	bridge.CodeSlowDown:     http.StatusTooManyRequests,
	bridge.CodeLinkInvalid:  http.StatusNotFound,
	view.CodeNotFound:       http.StatusNotFound,
	view.CodeMethod:         http.StatusMethodNotAllowed,
	view.CodeTooLarge:       http.StatusRequestEntityTooLarge,
	view.CodeMisdirected:    http.StatusMisdirectedRequest,
	view.CodeSignIn:         http.StatusBadRequest,
	bridge.CodeActive:       http.StatusConflict,
	bridge.CodeNotOpen:      http.StatusConflict,
	bridge.CodeTooLate:      http.StatusConflict,
	bridge.CodeExpired:      http.StatusGone,
	bridge.CodeKeyStopped:   http.StatusConflict,
	bridge.CodeChangeOpen:   http.StatusConflict,
}

// fail logs an error once and writes its page.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	code := codeOf(err)
	answer, ok := statuses[code]
	switch {
	case !ok:
		answer = http.StatusForbidden
	case code == bridge.CodeExpired && r.Method == http.MethodPost:
		answer = http.StatusConflict // a key that is gone is 410; a step that comes too late is a conflict (SES-08)
	}
	level := slog.LevelInfo
	if answer >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		level = slog.LevelDebug // the browser went away: nobody is waiting, and nothing is broken
	}
	s.Log.Log(r.Context(), level, "refused", "code", code, "status", answer, "err", err)
	if code == bridge.CodeAbsent {
		code = view.CodeSession
	}
	page := view.Failure{Frame: s.frame(r, v), Code: code, Owner: v.owner && code == bridge.CodeLinkInvalid}
	if !page.Frame.Until.IsZero() { // that the settings are open may be what it denies
		page.Frame.Until, page.Session = time.Time{}, view.SessionEnd{}
	}
	page.Console, page.Own = strings.HasPrefix(r.URL.Path, "/desk"), ofSettings(r, v)
	if code != bridge.CodeLinkInvalid { // the same body for every invalid token (TOK-11)
		page.Reference = bridge.RequestFrom(r.Context()).Reference
	}
	if r.Method == http.MethodPost {
		page.Again = again(r.URL.Path)
	}
	if e, ok := errors.AsType[*bridge.Error](err); ok && !e.Until.IsZero() {
		page.Until = e.Until
		w.Header().Set("Retry-After", retryAfter(e.Until.Sub(v.now)))
	}
	if code == bridge.CodePaused {
		page.Paused = s.PauseText[v.lang]
	}
	body, broken := s.View.Render(v.lang, page)
	if broken != nil {
		s.Log.ErrorContext(r.Context(), "error page", "err", broken)
		s.broken(w, r)
		return
	}
	write(w, r, answer, body)
}

// ofSettings reports whether a request belongs to the settings: one of their pages, or the answer of a sign-in for them.
func ofSettings(r *http.Request, v *visit) bool {
	return strings.HasPrefix(r.URL.Path, settingsPath) || r.URL.Path == callbackPath && v.state().Return == settingsPath
}

// retryAfter is a wait in whole seconds, rounded up: who comes back then is not refused again.
func retryAfter(wait time.Duration) string {
	return strconv.Itoa(int(max(1, (wait+time.Second-1)/time.Second)))
}

// again is the page to try again from after a failed POST.
func again(path string) string {
	switch path {
	case "/start", "/link", "/veto", "/enrol", "/desk/permit", temporaryPath:
		return path
	case "/desk", "/desk/case":
		return "/desk"
	}
	if strings.HasPrefix(path, settingsPath) {
		return settingsPath
	}
	return "/recovery"
}

// codeOf finds the code that a page has words for. Errors of the sign-in are of two kinds: the provider is away, or the sign-in failed.
func codeOf(err error) bridge.Code {
	if e, ok := errors.AsType[*oidc.Error](err); ok {
		switch e.Code {
		case oidc.CodeUnavailable, oidc.CodeConfig, oidc.CodePush:
			return bridge.CodeKeycloakAway
		}
		return view.CodeSignIn
	}
	if errors.Is(err, context.DeadlineExceeded) && bridge.CodeOf(err) == bridge.CodeInternal {
		return bridge.CodeKeycloakAway
	}
	return bridge.CodeOf(err)
}
