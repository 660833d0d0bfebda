package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"otpbridge/bridge"
)

// rediser is what redis_rate needs of a client.
type rediser interface {
	Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd
	EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd
	ScriptExists(ctx context.Context, hashes ...string) *redis.BoolSliceCmd
	ScriptLoad(ctx context.Context, script string) *redis.StringCmd
	Del(ctx context.Context, keys ...string) *redis.IntCmd
	EvalRO(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd
	EvalShaRO(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd
}

// Limiter counts uses, shared by all replicas and kept over restarts. It is bridge.Limiter. An error is no decision: the caller
// refuses.
type Limiter struct {
	rate *redis_rate.Limiter
	keys *KeyRing
}

func newLimiter(r rediser, keys *KeyRing) *Limiter {
	return &Limiter{redis_rate.NewLimiter(r), keys}
}

// CheckLimit refuses a limit that would never or always refuse. Call it where limits are configured.
func CheckLimit(l bridge.Limit) error {
	if l.Name == "" || l.Count < 1 || l.Per < time.Millisecond {
		return fmt.Errorf("limit %q: name, a count of at least 1 and a time of at least 1 ms must be given", l.Name)
	}
	return nil
}

// Allow takes one use: Count at once, then one every Per/Count, so a span of Per sees at most 2·Count-1. retry is in whole seconds,
// rounded up.
func (l *Limiter) Allow(ctx context.Context, limit bridge.Limit, key string) (ok bool, retry time.Duration, err error) {
	return l.take(ctx, limit, key, redis_rate.Limit{Rate: limit.Count, Burst: limit.Count, Period: limit.Per})
}

// AllowAtMost takes one use: Count at once, then one every Per, so no span of Per ever sees more than Count.
func (l *Limiter) AllowAtMost(ctx context.Context, limit bridge.Limit, key string) (ok bool, retry time.Duration, err error) {
	return l.take(ctx, limit, key, redis_rate.Limit{Rate: 1, Burst: limit.Count, Period: limit.Per})
}

// Forget gives all uses of key back.
func (l *Limiter) Forget(ctx context.Context, limit bridge.Limit, key string) error {
	if err := l.rate.Reset(ctx, l.name(limit, key)); err != nil {
		return broken("forget limit "+limit.Name, err)
	}
	return nil
}

func (l *Limiter) take(ctx context.Context, limit bridge.Limit, key string, rate redis_rate.Limit) (bool, time.Duration, error) {
	if err := CheckLimit(limit); err != nil {
		return false, 0, err
	}
	res, err := l.rate.Allow(ctx, l.name(limit, key), rate)
	if err != nil {
		return false, 0, broken("limit "+limit.Name, err)
	}
	if res.Allowed > 0 {
		return true, 0, nil
	}
	if res.RetryAfter < 0 {
		return false, 0, broken("limit "+limit.Name, errors.New("refused without a time to retry"))
	}
	return false, max(time.Second, (res.RetryAfter + time.Second - 1).Truncate(time.Second)), nil
}

// name hides the key (an address, a user name) from whoever reads the store.
func (l *Limiter) name(limit bridge.Limit, key string) string {
	return limit.Name + "/" + l.keys.Index("limit "+limit.Name, key)
}
