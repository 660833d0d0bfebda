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
	raw  rater
	rate *redis_rate.Limiter
	keys *KeyRing
}

// rater is what each backend brings for limits.
type rater interface {
	rates() rediser
	// ratesAtOnce lets f count; where the backend can, all that it counts is one write, and f may run more than once.
	ratesAtOnce(ctx context.Context, f func(rediser) error) error
}

func newLimiter(raw rater, keys *KeyRing) *Limiter {
	return &Limiter{raw, redis_rate.NewLimiter(raw.rates()), keys}
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
	return l.take(ctx, l.rate, bridge.Use{Limit: limit, Key: key})
}

// AllowAtMost takes one use: Count at once, then one every Per, so no span of Per ever sees more than Count.
func (l *Limiter) AllowAtMost(ctx context.Context, limit bridge.Limit, key string) (ok bool, retry time.Duration, err error) {
	return l.take(ctx, l.rate, bridge.Use{Limit: limit, Key: key, AtMost: true})
}

// AllowEach implements bridge.Limiter.
func (l *Limiter) AllowEach(ctx context.Context, uses []bridge.Use) (taken int, retry time.Duration, err error) {
	err = l.raw.ratesAtOnce(ctx, func(r rediser) error {
		rate, ok := redis_rate.NewLimiter(r), true
		for taken = 0; ok && taken < len(uses); {
			if ok, retry, err = l.take(ctx, rate, uses[taken]); err != nil {
				return err
			}
			if ok {
				taken++
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return taken, retry, nil
}

// Forget gives all uses of key back.
func (l *Limiter) Forget(ctx context.Context, limit bridge.Limit, key string) error {
	if err := l.rate.Reset(ctx, l.name(limit, key)); err != nil {
		return broken("forget limit "+limit.Name, err)
	}
	return nil
}

func (l *Limiter) take(ctx context.Context, r *redis_rate.Limiter, u bridge.Use) (bool, time.Duration, error) {
	limit := u.Limit
	if err := CheckLimit(limit); err != nil {
		return false, 0, err
	}
	rate := redis_rate.Limit{Rate: limit.Count, Burst: limit.Count, Period: limit.Per}
	if u.AtMost {
		rate.Rate = 1
	}
	res, err := r.Allow(ctx, l.name(limit, u.Key), rate)
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
