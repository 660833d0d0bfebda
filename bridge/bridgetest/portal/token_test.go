package portal

import (
	"encoding/base64"
	"errors"
	"testing"
)

func TestIDTokenMustBeForThisSignIn(t *testing.T) {
	t.Parallel()
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
	}
	good := token(`{"aud":"portal","nonce":"n","acr":"mfa","preferred_username":"alice","name":"Alice Example"}`)
	if who, err := read(good, "n"); err != nil || who != (signedIn{"alice", "Alice Example", "mfa", good}) {
		t.Errorf("a good token: %+v, %v", who, err)
	}
	for name, bad := range map[string]string{
		"other nonce":    token(`{"aud":"portal","nonce":"m","preferred_username":"alice"}`),
		"other audience": token(`{"aud":"legacy-app","nonce":"n","preferred_username":"alice"}`),
		"nobody":         token(`{"aud":"portal","nonce":"n"}`),
		"no JSON":        token(`{`),
		"no token":       "",
		"no Base64":      "a.!.c",
	} {
		if _, err := read(bad, "n"); !errors.Is(err, errToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
