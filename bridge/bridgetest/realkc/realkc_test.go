package realkc_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realkc"
)

func TestFindSaysHowToInstallWhatIsMissing(t *testing.T) {
	t.Setenv("OTPBRIDGE_KEYCLOAK_HOME", "")
	t.Setenv("OTPBRIDGE_CACHE", t.TempDir())
	_, err := realkc.Find("26.7.4")
	if !errors.Is(err, realkc.ErrNotInstalled) {
		t.Fatalf("Find in an empty cache: %v, want ErrNotInstalled", err)
	}
	if !strings.Contains(err.Error(), "KEYCLOAK=26.7.4 .ci/setup keycloak") {
		t.Errorf("the message does not say what to do: %v", err)
	}
}

func TestStartReportsAServerThatEndsAtOnce(t *testing.T) {
	home := t.TempDir()
	writeScript(t, home, "#!/bin/sh\necho no database today\nexit 3\n")
	_, err := realkc.Start(t.Context(), realkc.Config{Home: home})
	if err == nil || !strings.Contains(err.Error(), "no database today") {
		t.Fatalf("Start: %v, want what the server printed", err)
	}
}

// Only a server that serves for long compiles its code to the end.
func TestAServerForLongIsCompiledToTheEnd(t *testing.T) {
	for _, long := range []bool{false, true} {
		home := t.TempDir()
		writeScript(t, home, "#!/bin/sh\necho options: $JAVA_OPTS_APPEND\nexit 3\n")
		_, err := realkc.Start(t.Context(), realkc.Config{Home: home, Long: long})
		if err == nil || !strings.Contains(err.Error(), "options: -Xmx") || strings.Contains(err.Error(), "TieredStopAtLevel=1") == long {
			t.Errorf("Long %v: %v", long, err)
		}
	}
}

// Whoever asks for it measures a server that hashes passwords as a campus's does.
func TestPasswordsAreHashedAsHardAsByDefaultWhenAskedFor(t *testing.T) {
	for _, hashing := range []bool{false, true} {
		home := t.TempDir()
		writeScript(t, home, "#!/bin/sh\necho \"$@\"\nexit 3\n")
		_, err := realkc.Start(t.Context(), realkc.Config{Home: home, Hashing: hashing})
		if err == nil || !strings.Contains(err.Error(), "--optimized") || strings.Contains(err.Error(), "argon2--iterations=1") == hashing {
			t.Errorf("Hashing %v: %v", hashing, err)
		}
	}
}

// Keycloak 26.4.7 answered 500 once while a test read a permission: what only reads is asked for again, a few times, and a change is made once.
func TestAdminReadsAgainWhatFailed(t *testing.T) {
	t.Parallel()
	for call, x := range map[string]struct {
		failures, calls int
		fails           bool
	}{"GET /a": {1, 2, false}, "GET /b": {9, 3, true}, "PUT /c": {1, 1, true}} {
		calls := 0
		kc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/admin/") {
				calls++
				if calls <= x.failures {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
			}
			_, _ = w.Write([]byte(`{"access_token":"a","expires_in":300}`))
		}))
		err := (&realkc.Server{URL: kc.URL}).Admin().Do(t.Context(), call, nil, nil)
		kc.Close()
		if calls != x.calls || realkc.IsStatus(err, http.StatusInternalServerError) != x.fails || (err != nil) != x.fails {
			t.Errorf("%s: %d calls, %v", call, calls, err)
		}
	}
}
