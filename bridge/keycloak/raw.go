package keycloak

import (
	"context"
	"fmt"
	"strings"
)

// RealmCalls reads the realm's settings with the service account: it is a realm.Caller that changes nothing.
type RealmCalls struct{ Client *Client }

// Do makes one call; anything but a GET is refused.
func (r RealmCalls) Do(ctx context.Context, request string, _, out any) error {
	method, path, _ := strings.Cut(request, " ")
	if method != "GET" {
		return fmt.Errorf("%s: the service account reads the realm only", method)
	}
	return r.Client.do(ctx, call{op: "read realm", method: method, raw: path, out: out, repeat: true, slow: true})
}
