package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
)

// inDirectory is a Keycloak that shows an authenticator of a directory beside those of its own.
type inDirectory struct{ bridge.SwapTarget }

func (d inDirectory) Credentials(ctx context.Context, person string) ([]bridge.Credential, error) {
	all, err := d.SwapTarget.Credentials(ctx, person)
	return append(all, bridge.Credential{ID: "directory", Type: bridge.TypeOTP, Federated: true, Created: time.Unix(0, 0)}), err
}

// SWAP-05: an authenticator of a directory, which cannot be removed, is on record as that, and not as one that came meanwhile; whoever enrolled is told.
func TestAnAuthenticatorOfADirectoryIsSaid(t *testing.T) {
	t.Parallel()
	for _, there := range []bool{true, false} {
		t.Run(fmt.Sprint(there), func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			p, _ := writing(t, c, member(c, "somebody"))
			f := *c.Flow
			if there {
				f.Target = inDirectory{f.Target}
			}
			if next, err := f.RunSwap(t.Context(), c.KC.PersonID("somebody")); err != nil || !next.IsZero() {
				t.Fatal(next, err)
			}
			p.open("/recovery", http.StatusOK)
			p.at("/done")
			e := c.Events("swap.done")
			if said := strings.Contains(text(p.Body), "kept in a directory of the university"); said != there || len(e) != 1 {
				t.Fatalf("the page says so: %t\n%+v\n%s", said, e, text(p.Body))
			}
			if kept := e[0].Detail["kept"]; (kept == "an authenticator of a directory cannot be removed") != there || !there && kept != "" {
				t.Errorf("on record as %q", kept)
			}
		})
	}
}
