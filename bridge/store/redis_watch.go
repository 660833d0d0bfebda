package store

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	listenPing = 3 * time.Second // silence after which the connection is tested, and again after which it is given up
	relisten   = 250 * time.Millisecond
)

// channel is the one channel over which all processes tell each other which key changed.
func (s *redisStore) channel() string { return s.prefix + "changed" }

// listen hands what comes over the channel to the waiters of this process, until ctx ends. After every (re)connection all of them
// are woken: what was said meanwhile is lost.
func (s *redisStore) listen(ctx context.Context) {
	lost := false
	for ctx.Err() == nil {
		err := s.listenOnce(ctx, func() {
			if lost {
				s.log.Info("listening for changes again")
			}
			lost = false
		})
		if ctx.Err() != nil {
			return
		}
		if !lost {
			s.log.Warn("no longer listening for changes", slog.Any("err", err))
		}
		lost = true
		if sleep(ctx, relisten) != nil {
			return
		}
	}
}

// listenOnce serves one connection.
func (s *redisStore) listenOnce(ctx context.Context, connected func()) error {
	sub := s.client.Subscribe(ctx) // connects with the first channel
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	defer func() { _ = sub.Close() }()
	subscribe, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	if err := sub.Subscribe(subscribe, s.channel()); err != nil {
		return err
	}
	silent := false
	for {
		msg, err := sub.ReceiveTimeout(ctx, listenPing)
		if err != nil {
			if silent || !isTimeout(err) {
				return err
			}
			if err := sub.Ping(ctx); err != nil {
				return err
			}
			silent = true
			continue
		}
		silent = false
		s.heard(msg, connected)
	}
}

func (s *redisStore) heard(msg any, connected func()) {
	switch m := msg.(type) {
	case *redis.Subscription:
		connected()
		s.hub.signalAll()
	case *redis.Message:
		s.hub.signal(strings.Clone(m.Payload))
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
