package campus

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
)

// Answer is one answer that the bridge gave to anybody.
type Answer struct {
	Method, Path string
	Status       int
	Header       http.Header
	Body         string
}

// Answers returns every answer so far, in the order in which they ended.
func (c *Campus) Answers() []Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.answers)
}

// StateBytes returns the store's files as somebody who copied them would see them.
func (c *Campus) StateBytes(t *testing.T) []byte {
	t.Helper()
	data := c.world.Dump(t)
	c.wait(t, "the store", func() bool { return c.Store.Ping(t.Context()) == nil })
	return []byte(data)
}

// listening keeps a copy of every answer.
func (c *Campus) listening(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		copied := &answerCopy{ResponseWriter: w}
		method, path := r.Method, r.URL.Path
		next.ServeHTTP(copied, r)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.answers = append(c.answers, Answer{method, path, copied.status, w.Header().Clone(), copied.body.String()})
	})
}

type answerCopy struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *answerCopy) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answerCopy) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.body.Write(p)
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answerCopy) Unwrap() http.ResponseWriter { return a.ResponseWriter }
