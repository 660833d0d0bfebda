package realkc_test

import (
	"errors"
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
