package web

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"otpbridge/bridge"
)

// line is where the events of a live page go.
type line interface {
	send(text string) error
}

// answerLine is the answer to a request whose handler is still at work: HTTP/2.
type answerLine struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func newAnswerLine(w http.ResponseWriter) answerLine {
	w.WriteHeader(http.StatusOK)
	return answerLine{w, http.NewResponseController(w)}
}

func (l answerLine) send(text string) error {
	if err := l.rc.SetWriteDeadline(writeBy()); err != nil {
		return err
	}
	if _, err := l.w.Write([]byte(text)); err != nil {
		return err
	}
	return l.rc.Flush()
}

// connLine is a connection taken over from the server. The server's buffers and the stack of its handler are several times as large as all
// that a page needs while it waits, and ten thousand may wait.
type connLine struct{ conn net.Conn }

func (l connLine) send(text string) error {
	if err := l.conn.SetWriteDeadline(writeBy()); err != nil {
		return err
	}
	_, err := l.conn.Write([]byte(text))
	return err
}

func writeBy() time.Time {
	return time.Now().Add(writeLimit) //nolint:forbidigo // the connection's own clock
}

// takeOver takes the connection and writes the head of the answer, whose end is the end of the connection. ok is false when the connection
// carries more than this request, or is not to be had: nothing is written then.
func (s *Server) takeOver(w http.ResponseWriter, r *http.Request) (l connLine, ok bool) {
	if r.ProtoMajor != 1 {
		return connLine{}, false
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return connLine{}, false
	}
	h := w.Header().Clone()
	h.Set("Connection", "close")
	h.Set("Date", s.Now().UTC().Format(http.TimeFormat))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // a buffer takes everything
	head.WriteString("\r\n")
	l = connLine{conn}
	if err := l.send(head.String()); err != nil {
		s.Log.DebugContext(r.Context(), "live page is gone", "err", err)
		_ = conn.Close()
	}
	return l, true
}

// alone serves a live page on a connection of its own until ctx ends or the browser goes away.
func (l *live) alone(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() { _ = conn.Close() }() // it is over either way
	go func() {
		defer cancel()
		_, _ = conn.Read(make([]byte, 1)) // nothing is expected but the end
	}()
	if err := l.run(ctx); err != nil && ctx.Err() == nil {
		l.s.Log.DebugContext(ctx, "live page ended", "err", err)
	}
}

// apart does work on a stack that is gone afterwards, so that the one on which a page waits for hours stays small. What is thrown ends this
// page and no other.
func (l *live) apart(ctx context.Context, work func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				l.s.Log.ErrorContext(ctx, "panic", "err", p, "stack", string(debug.Stack()))
				done <- bridge.Fault(bridge.CodeInternal, "live page", fmt.Errorf("panic: %v", p))
			}
		}()
		done <- work()
	}()
	return <-done
}
