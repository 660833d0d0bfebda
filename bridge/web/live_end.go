package web

import (
	"context"

	"otpbridge/bridge"
)

// gone is closed when the session is signed out in this process.
func (s *streams) gone(session string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil {
		s.ends = map[string]chan struct{}{}
	}
	if s.ends[session] == nil {
		s.ends[session] = make(chan struct{})
	}
	return s.ends[session]
}

// over ends the streams of a session that was signed out. Those that other processes hold tell nothing more, and end within minutes.
func (s *streams) over(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended := s.ends[session]; ended != nil {
		close(ended)
		delete(s.ends, session)
	}
}

// news tells the page another step than before, if its session may still hear of it.
func (l *live) news(ctx context.Context, step bridge.Step) error {
	if step == l.last {
		return nil
	}
	if l.last != "" {
		if err := l.touch(ctx); err != nil {
			return err
		}
	}
	l.last = step
	return l.line.send("event: step\ndata: " + string(step) + "\n\n")
}
