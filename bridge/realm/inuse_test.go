package realm_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"otpbridge/bridge/realm"
)

// refusing answers like answers, of a realm with a browser flow, and removes nothing.
type refusing struct {
	answers

	browser string
	refusal answered
}

func (r refusing) Do(ctx context.Context, call string, body, out any) error {
	if strings.HasPrefix(call, "DELETE ") {
		return r.refusal
	}
	if call == "GET " {
		return json.Unmarshal([]byte(`{"browserFlow":"`+r.browser+`"}`), out)
	}
	return r.answers.Do(ctx, call, body, out)
}

// Issue 6: what undo leaves is told with what uses it.
func TestUndoSaysWhatUsesWhatItLeaves(t *testing.T) {
	t.Parallel()
	flow := objects{{"id": "f", "alias": "copy"}}
	copied := answers{"/authentication/flows": flow, "/flows/copy/executions": objects{
		{"providerId": "conditional-client-scope", "authenticationConfig": "c", "requirement": "REQUIRED"},
	}, "/authentication/config/c": map[string]any{"config": map[string]string{"client_scope": "otp-recovery"}}, "/client-scopes": objects{{"id": "s", "name": "otp-recovery"}}}
	for name, tc := range map[string]struct {
		left    realm.Change
		answers answers
		by      string
		browser string
	}{
		"scope in a copy": {realm.Change{Kind: realm.KindScope, Name: "otp-recovery"}, copied, "flow copy", ""},
		"role of a person": {
			realm.Change{Kind: realm.KindRole, Name: "desk"}, answers{"/roles/desk/users": objects{{"username": "carol"}}}, "user carol", "",
		},
		"bound flow": {
			realm.Change{Kind: realm.KindFlow, Name: "copy"}, answers{"/authentication/flows": flow}, "realm setting browserFlow", "copy",
		},
		"flow of a client": {
			realm.Change{Kind: realm.KindFlow, Name: "copy"},
			answers{"/authentication/flows": flow, "/clients": objects{{"clientId": "portal", "authenticationFlowBindingOverrides": map[string]string{"browser": "f"}}}},
			"client portal", "",
		},
		"flow of a provider": {
			realm.Change{Kind: realm.KindFlow, Name: "copy"},
			answers{"/authentication/flows": flow, "/identity-provider/instances": objects{{"alias": "partner", "postBrokerLoginFlowAlias": "copy"}}},
			"identity provider partner", "",
		},
		"flow of nobody": {realm.Change{Kind: realm.KindFlow, Name: "copy"}, answers{"/authentication/flows": flow}, "refusal answer 400", ""},
	} {
		tc.left.Was = []byte("true")
		refusal := answered(http.StatusBadRequest)
		if strings.HasPrefix(tc.by, "client ") {
			refusal = http.StatusInternalServerError // measured with 26.7.4
		}
		var kept []string
		run := realm.Run{
			Caller: refusing{tc.answers, tc.browser, refusal}, Note: func(realm.Change) error { return nil }, Made: func(c realm.Change) { t.Errorf("%s: %s went", name, c.Title()) },
			Kept: func(c, by realm.Change) { kept = append(kept, c.Title()+" by "+by.Title()) },
		}
		if err := run.Do(t.Context(), []realm.Change{tc.left}); err != nil || !slices.Equal(kept, []string{tc.left.Title() + " by " + tc.by}) {
			t.Errorf("%s: left %q, %v", name, kept, err)
		}
	}
}

// A server that fails is no reason to leave a flow, nor is a client that may not, or too often: undo stops there, and is repeated.
func TestUndoStopsAtAFailure(t *testing.T) {
	t.Parallel()
	nobody := answers{"/authentication/flows": objects{{"id": "f", "alias": "copy"}}}
	for _, answer := range []answered{http.StatusInternalServerError, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests} {
		run := realm.Run{
			Caller: refusing{nobody, "browser", answer}, Note: func(realm.Change) error { return nil },
			Made: func(c realm.Change) { t.Errorf("%v: %s went", answer, c.Title()) }, Kept: func(c, _ realm.Change) { t.Errorf("%v: %s was left", answer, c.Title()) },
		}
		if err := run.Do(t.Context(), []realm.Change{{Kind: realm.KindFlow, Name: "copy", Was: []byte("true")}}); !errors.Is(err, answer) {
			t.Errorf("%v passes: %v", answer, err)
		}
	}
}
