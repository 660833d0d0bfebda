package fakekc

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
)

// bodyLimit bounds what is read of a request.
const bodyLimit = 1 << 20

// reply is a whole answer, made while the realm is locked and sent when it is not.
type reply struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    []byte
	logouts []notice // back-channel logouts to be delivered before the answer, as Keycloak does
}

// answer turns a function that works on the locked realm into a handler.
func (s *Server) answer(work func(*http.Request) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // all there already: whoever stands before has read it
		if err != nil {
			http.Error(w, "request cut", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.fetchClientKeys(r, body)
		s.mu.Lock()
		out := work(r)
		s.mu.Unlock()
		for _, n := range out.logouts {
			s.deliver(r.Context(), n)
		}
		out.send(w)
	}
}

// dated gives answers the server's own time: callers measure by it how far clocks are apart.
func (s *Server) dated(work http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		work.ServeHTTP(w, r)
	})
}

func (o reply) send(w http.ResponseWriter) {
	for name, values := range o.header {
		w.Header()[name] = values
	}
	for _, c := range o.cookies {
		http.SetCookie(w, c)
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(o.status)
	_, _ = w.Write(o.body) // the reader may be gone
}

func jsonReply(status int, value any) reply {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // our own types
	}
	return reply{status: status, header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}, body: body}
}

// oauthError is an error answer of RFC 6749.
func oauthError(status int, code, description string) reply {
	return jsonReply(status, map[string]string{"error": code, "error_description": description})
}

func redirect(to string) reply {
	return reply{status: http.StatusFound, header: http.Header{"Location": {to}, "Cache-Control": {"no-store, must-revalidate, max-age=0"}}}
}

// newID makes an id in the form of a UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// clientAddress is the address a request came from.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
