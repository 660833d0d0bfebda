package loginform

import (
	"net/http"
	"strings"
)

// cookies sends Secure cookies over plain HTTP too: Keycloak marks its cookies so on loopback, where browsers do the same.
type cookies map[cookieKey]string

type cookieKey struct{ host, path, name string }

// take remembers the cookies of an answer, and forgets those it deletes.
func (j cookies) take(resp *http.Response) {
	for _, c := range resp.Cookies() {
		path := c.Path
		if path == "" {
			path = "/"
		}
		key := cookieKey{resp.Request.URL.Host, path, c.Name}
		if c.MaxAge < 0 {
			delete(j, key)
			continue
		}
		j[key] = c.Value
	}
}

// send adds the cookies that belong to a request.
func (j cookies) send(req *http.Request) {
	for key, value := range j {
		if key.host == req.URL.Host && strings.HasPrefix(req.URL.Path, key.path) {
			req.AddCookie(&http.Cookie{Name: key.name, Value: value})
		}
	}
}
