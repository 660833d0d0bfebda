package web

import (
	"context"
	"slices"

	"otpbridge/bridge"
)

// place is that of one live page.
type place struct {
	tab  string        // tells the pages of a session apart; "": the page did not say
	gone chan struct{} // closed when the line is over: left, signed out, or the same page has another one
}

const maxTab = 32

// enter takes one of a session's places; leave gives it back. A page that comes again takes the place of its earlier line, which may be dead without
// a word: a phone changes networks, and none of the sides of the old connection learns of it.
func (s *streams) enter(session, tab string) (here *place, leave func(), ok bool) {
	if len(tab) > maxTab {
		tab = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(session, func(p *place) bool { return tab != "" && p.tab == tab })
	if len(s.open[session]) >= maxStreams {
		return nil, nil, false
	}
	here = &place{tab, make(chan struct{})}
	s.open[session] = append(s.open[session], here)
	return here, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.end(session, func(p *place) bool { return p == here })
	}, true
}

// over ends the streams of a session that was signed out. Those that other processes hold tell nothing more, and end within minutes.
func (s *streams) over(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(session, func(*place) bool { return true })
}

// end frees places; the caller holds mu.
func (s *streams) end(session string, which func(*place) bool) {
	left := slices.DeleteFunc(s.open[session], func(p *place) bool {
		if which(p) {
			close(p.gone)
			return true
		}
		return false
	})
	if s.open[session] = left; len(left) == 0 {
		delete(s.open, session)
	}
}

// news tells the page another step or revision than before, if its session may still hear of it.
func (l *live) news(ctx context.Context, step bridge.Step, revision string) error {
	text := "event: step\nid: " + revision + "\ndata: " + string(step) + "\n\n"
	if text == l.last {
		return nil
	}
	if l.last != "" {
		if err := l.touch(ctx); err != nil {
			return err
		}
	}
	l.last = text
	return l.line.send(text)
}
