package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"otpbridge/bridge"
	"otpbridge/oidc"
)

// loggedOut reports whether the campus ended this session's sign-in. Both times are the campus's, in whole seconds: ours may differ from it.
func (s *Server) loggedOut(ctx context.Context, st State) (bool, error) {
	if st.Person == "" {
		return false, nil
	}
	keys := []string{subKey(st.Person)}
	if st.SID != "" {
		keys = append(keys, sidKey(st.SID))
	}
	for _, key := range keys {
		at, err := s.Logouts.Get(ctx, key)
		if errors.Is(err, bridge.ErrAbsent) {
			continue
		}
		if err != nil {
			return false, err
		}
		if !at.Before(st.AuthTime) {
			return true, nil
		}
	}
	return false, nil
}

// backchannelLogout serves POST /oidc/backchannel-logout, for Keycloak: the one POST without a form token. No lock is held here, since
// Keycloak calls in the middle of our own calls to it.
func (s *Server) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	noteRoute(r)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	if err := s.takeLogout(r); err != nil {
		s.Log.WarnContext(r.Context(), "logout token refused", "err", err)
		code := http.StatusBadRequest
		if oidc.CodeOf(err) == oidc.CodeUnavailable || bridge.CodeOf(err) == bridge.CodeStoreAway {
			code = http.StatusServiceUnavailable
		}
		http.Error(w, "logout token refused", code)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Server) takeLogout(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	var seen string
	out, err := s.Party.Logout(r.Context(), r.PostForm.Get("logout_token"), func(ctx context.Context, jti string, until time.Time) (bool, error) {
		seen = jti
		return s.rememberJTI(ctx, jti, until)
	})
	if err != nil {
		return err
	}
	if err := s.endSignIns(r, out); err != nil {
		forgotten := s.JTIs.Delete(context.WithoutCancel(r.Context()), bridge.Secret(seen).Hash()) // so that the token may come again
		return errors.Join(err, forgotten)
	}
	return nil
}

// endSignIns notes that sign-ins until the logout are over, unless it was we who ended that campus session.
func (s *Server) endSignIns(r *http.Request, out oidc.Logout) error {
	if out.SID != "" {
		if _, err := s.OwnSIDs.Get(r.Context(), sidKey(out.SID)); err == nil {
			s.Log.DebugContext(r.Context(), "our own logout came back")
			return nil
		} else if !errors.Is(err, bridge.ErrAbsent) {
			return err
		}
	}
	key := subKey(out.Subject)
	if out.SID != "" {
		key = sidKey(out.SID)
	}
	s.Flow.LoggedOut(r.Context(), out.Subject)
	if err := put(r.Context(), s.Logouts, key, deskLife, out.IssuedAt); err != nil {
		return err
	}
	s.leaveLook(r.Context(), out)
	return nil
}

func (s *Server) rememberJTI(ctx context.Context, jti string, until time.Time) (isNew bool, err error) {
	ttl := max(time.Second, until.Sub(s.Now()))
	_, err = s.JTIs.Update(ctx, bridge.Secret(jti).Hash(), ttl, func(old time.Time, found bool) (time.Time, error) {
		isNew = !found
		if found {
			return old, nil
		}
		return until, nil
	})
	return isNew, err
}
