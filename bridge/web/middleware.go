package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

const maxBody = 64 << 10

// recorder remembers what was answered, and which route answered, for the log.
type recorder struct {
	http.ResponseWriter
	status int
	route  *atomic.Value
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Hijack gives the connection to a live page, which answers 200 by itself.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.status = http.StatusOK
	}
	return conn, buffers, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type routeKey struct{}

// observed gives the request its reference number, logs it by its route (never its path, which may hold a token), and counts it.
func (s *Server) observed(next http.Handler) http.Handler {
	buckets := []float64{.001, .005, .01, .05, .1, .5, 1, 5}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		route := &atomic.Value{}
		route.Store("unmatched")
		addr := clientAddress(r, s.TrustedProxies)
		ctx := bridge.WithRequest(r.Context(), bridge.Request{Reference: bridge.NewReference(), Address: addr.String()})
		ctx = context.WithValue(ctx, routeKey{}, route)
		rec := &recorder{ResponseWriter: w, route: route}
		next.ServeHTTP(rec, r.WithContext(ctx))
		took := s.Now().Sub(began)
		name, _ := route.Load().(string)
		s.Figures.GetOrCreatePrometheusHistogramExt(fmt.Sprintf("otpbridge_http_request_duration_seconds{route=%q,method=%q,status=\"%d\"}",
			name, method(r.Method), rec.status), buckets).Update(took.Seconds())
		level := slog.LevelInfo
		if strings.HasPrefix(name, "/static/") {
			level = slog.LevelDebug
		}
		s.Log.Log(ctx, level, "request", "route", name, "method", method(r.Method), "status", rec.status, "ms", took.Milliseconds())
	})
}

// method keeps foreign words out of labels and log lines.
func method(m string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost}, m) {
		return m
	}
	return "other"
}

// noteRoute remembers the pattern of the matched route for the log.
func noteRoute(r *http.Request) {
	route, ok := r.Context().Value(routeKey{}).(*atomic.Value)
	if !ok || mux.CurrentRoute(r) == nil {
		return
	}
	if pattern, err := mux.CurrentRoute(r).GetPathTemplate(); err == nil {
		route.Store(pattern)
	}
}

// headers sets what every answer carries, static files and errors included (WEB-01…03).
func (s *Server) headers(next http.Handler) http.Handler {
	csp := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; object-src 'none'; " +
		"frame-ancestors 'none'; form-action " + strings.Join(append([]string{"'self'"}, s.FormTargets...), " ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("Strict-Transport-Security", "max-age=63072000")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic into the broken page; the process lives on.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // the request carries its context
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.Log.ErrorContext(r.Context(), "panic", "err", p, "stack", string(debug.Stack()))
			s.crashed(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}

// crashed writes the page after a panic: nothing of the session is touched, since nobody knows what is broken.
func (s *Server) crashed(w http.ResponseWriter, r *http.Request) {
	lang := s.languageOf(r, "")
	body, err := s.View.Render(lang, view.Failure{
		Frame: view.Frame{Now: s.Now(), Reference: bridge.RequestFrom(r.Context()).Reference}, Code: bridge.CodeInternal, Again: "/",
	})
	if err != nil {
		s.broken(w, r)
		return
	}
	write(w, r, http.StatusInternalServerError, body)
}

// broken writes the page that was rendered at start-up.
func (s *Server) broken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	if _, err := w.Write(s.View.Broken(s.languageOf(r, ""))); err != nil {
		s.Log.DebugContext(r.Context(), "answer not delivered", "err", err)
	}
}

// guard refuses what no route should see: another host's name (421), a method that changes things by surprise, a huge body.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.Host, s.BaseURL.Host) {
			s.refuse(w, r, bridge.Fault(view.CodeMisdirected, "host", nil))
			return
		}
		if r.ContentLength > maxBody {
			s.refuse(w, r, bridge.Fault(view.CodeTooLarge, "body", nil))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// refuse writes an error page outside any session.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	v := &visit{now: s.Now(), lang: s.languageOf(r, "")}
	s.fail(w, r, v, err)
}

// wrongMethod answers 405 with the methods that the path knows.
func (s *Server) wrongMethod(routes *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			probe := r.Clone(r.Context())
			probe.Method = m
			var match mux.RouteMatch
			if routes.Match(probe, &match) && match.MatchErr == nil && match.Route != nil {
				allowed = append(allowed, m)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.refuse(w, r, bridge.Fault(view.CodeMethod, "method", nil))
	})
}

// withinTime bounds a handler's work; the answer is small and written at once.
func withinTime(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	return r.WithContext(ctx), cancel
}
