package store

import (
	"context"
	"sync"
)

// hub hands signals to the waiters of this process. A waiter that does not read holds nobody up.
type hub struct {
	mu      sync.Mutex
	closed  bool
	waiters map[string]map[chan struct{}]struct{}
}

func newHub() *hub {
	return &hub{waiters: map[string]map[chan struct{}]struct{}{}}
}

// watch returns a channel of signals for key, closed when ctx ends or the hub is closed.
func (h *hub) watch(ctx context.Context, key string) (<-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, broken("watch "+kindOf(key), errClosed)
	}
	ch := make(chan struct{}, 1)
	if h.waiters[key] == nil {
		h.waiters[key] = map[chan struct{}]struct{}{}
	}
	h.waiters[key][ch] = struct{}{}
	context.AfterFunc(ctx, func() { h.drop(key, ch) })
	return ch, nil
}

func (h *hub) drop(key string, ch chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.waiters[key][ch]; !ok {
		return
	}
	delete(h.waiters[key], ch)
	if len(h.waiters[key]) == 0 {
		delete(h.waiters, key)
	}
	close(ch)
}

// signal wakes the waiters of one key.
func (h *hub) signal(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wake(h.waiters[key])
}

// signalAll wakes everybody: changes may have been missed.
func (h *hub) signalAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, set := range h.waiters {
		wake(set)
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, set := range h.waiters {
		for ch := range set {
			close(ch)
		}
	}
	h.waiters = map[string]map[chan struct{}]struct{}{}
}

func wake(set map[chan struct{}]struct{}) {
	for ch := range set {
		select {
		case ch <- struct{}{}:
		default: // an unread signal is waiting there already
		}
	}
}
