package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"otpbridge/bridge/realm"
	"otpbridge/cmd/internal/adminapi"
	"otpbridge/cmd/internal/config"
)

// Issue 6: what Keycloak answers, and how somebody called a client, moves no cursor and changes no title of the terminal that an error is read on. Lines stay
// lines, and Japanese is Japanese.
func TestErrorsAreHarmlessForATerminal(t *testing.T) {
	t.Parallel()
	kc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, `{"access_token":"a","expires_in":300}`) // it went away
			return
		}
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"errorMessage":"Client \u001b]0;owned\u0007\u001b[2J \u202e exists"}`) // likewise
	}))
	t.Cleanup(kc.Close)
	c := &adminapi.Client{URL: kc.URL, Realm: "campus", ID: "x", Secret: "y", AdminRealm: "master", Limit: time.Minute, Now: time.Now}
	stopped := realm.Run{Caller: c, Note: func(realm.Change) error { return errors.New("disk full") }}
	change := realm.Change{Kind: realm.KindClientSetting, Of: "app\x1b[2J\x1b]52;c;ZXZpbA==\x07"}
	for want, err := range map[string]error{
		`otpbridge: Keycloak answers 409 Client \x1b]0;owned\a\x1b[2J \u202e exists` + "\n": c.Do(t.Context(), "PUT /clients/1", nil, nil),
		`otpbridge: settings of client app\x1b[2J\x1b]52;c;ZXZpbA==\a: disk full` + "\n":    stopped.Do(t.Context(), []realm.Change{change}),
		"otpbridge: 一行目 \"a\"\n二行目 \\x1b[2J\n":                                              refused{config.Say("", "一行目 \"a\"\n二行目 \x1b[2J")},
		"otpbridge: \\x1b[2J\n":               usageError{errors.New("\x1b[2J")},
		`otpbridge: like ^\d{7}$ \xff` + "\n": errors.New("like ^\\d{7}$ \xff"), // a pattern is shown as it has to be typed
	} {
		var said bytes.Buffer
		report(process{err: &said, lang: "ja"}, err)
		if said.String() != want {
			t.Errorf("said %q, want %q", said.String(), want)
		}
	}
}
