package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"
)

// boltRates answers redis_rate as a Redis server would: it carries out the two scripts of the library (generic cell rate
// algorithm: the key holds the "theoretical arrival time" of the next use) with the same floating-point steps, on counters in the
// file. A script is known by its text; an unknown digest gets the NOSCRIPT error, upon which the library sends the text.
type boltRates struct {
	s     *boltStore
	tx    *bbolt.Tx // all is counted in it; nil: each use in one of its own
	known *rateScripts
}

// rateScripts are the scripts that were sent, by SHA-1.
type rateScripts struct {
	mu sync.Mutex
	of map[string]rateScript
}

func (s *boltStore) rates() rediser { return boltRates{s: s, known: &s.scripts} }

func (s *boltStore) ratesAtOnce(ctx context.Context, f func(rediser) error) error {
	return s.update(ctx, "rates", func(tx *bbolt.Tx) (refusal, err error) {
		return nil, f(boltRates{s: s, tx: tx, known: &s.scripts})
	})
}

func (k *rateScripts) get(sha1 string) (rateScript, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	run, ok := k.of[sha1]
	return run, ok
}

func (k *rateScripts) keep(script string, run rateScript) (sha1 string) {
	sha1 = redis.NewScript(script).Hash()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[string]rateScript{}
	}
	k.of[sha1] = run
	return sha1
}

// rateScript is one of the library's scripts. It gets tat, the stored time (now when there is none), and returns the reply and the
// time to store.
type rateScript func(a rateArgs, now, tat float64) rateReply

type rateArgs struct{ burst, rate, period, cost float64 }

type rateReply struct {
	allowed, remaining     float64
	retryAfter, resetAfter float64
	newTat                 float64
	store                  bool
}

// scriptError is a reply of a Redis server that is an error.
type scriptError string

func (e scriptError) Error() string { return string(e) }

// RedisError marks it for go-redis.
func (scriptError) RedisError() {}

const (
	noScript  = scriptError("NOSCRIPT No matching script. Please use EVAL.")
	epochZero = 1483228800 // 2017-01-01, as in the library: keeps microseconds within a float64
)

// knownScript tells the library's two scripts apart; anything else is refused rather than guessed.
func knownScript(text string) (rateScript, bool) {
	switch {
	case !strings.Contains(text, `redis.call("SET", rate_limit_key, new_tat, "EX", math.ceil(reset_after))`):
		return nil, false
	case strings.Contains(text, "if remaining < 0 then"):
		return allowN, true
	case strings.Contains(text, "if remaining < 1 then"):
		return allowAtMost, true
	default:
		return nil, false
	}
}

func allowN(a rateArgs, now, tat float64) rateReply {
	interval := a.period / a.rate
	increment := float64(interval * a.cost)
	offset := float64(interval * a.burst)
	tat = math.Max(tat, now)
	newTat := tat + increment
	diff := now - (newTat - offset)
	remaining := diff / interval
	if remaining < 0 {
		return rateReply{retryAfter: -diff, resetAfter: tat - now}
	}
	return rateReply{a.cost, remaining, -1, newTat - now, newTat, newTat-now > 0}
}

func allowAtMost(a rateArgs, now, tat float64) rateReply {
	interval := a.period / a.rate
	offset := float64(interval * a.burst)
	tat = math.Max(tat, now)
	diff := now - (tat - offset)
	remaining := diff / interval
	if remaining < 1 {
		return rateReply{retryAfter: interval - diff, resetAfter: tat - now}
	}
	cost := a.cost
	if remaining < cost {
		cost, remaining = remaining, 0
	} else {
		remaining -= cost
	}
	newTat := tat + float64(interval*cost)
	return rateReply{cost, remaining, -1, newTat - now, newTat, newTat-now > 0}
}

// Eval carries out a script and remembers it.
func (r boltRates) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	run, ok := knownScript(script)
	if !ok {
		return rateResult(ctx, nil, scriptError("ERR this store only knows the scripts of redis_rate"))
	}
	r.known.keep(script, run)
	return r.run(ctx, run, keys, args)
}

// EvalSha carries out a script that was sent before, or returns NOSCRIPT.
func (r boltRates) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	run, ok := r.known.get(sha1)
	if !ok {
		return rateResult(ctx, nil, noScript)
	}
	return r.run(ctx, run, keys, args)
}

// EvalRO is refused: the scripts write.
func (r boltRates) EvalRO(ctx context.Context, _ string, _ []string, _ ...any) *redis.Cmd {
	return rateResult(ctx, nil, scriptError("ERR Write commands are not allowed from read-only scripts."))
}

// EvalShaRO is refused: the scripts write.
func (r boltRates) EvalShaRO(ctx context.Context, _ string, keys []string, args ...any) *redis.Cmd {
	return r.EvalRO(ctx, "", keys, args...)
}

// ScriptExists tells which digests are known.
func (r boltRates) ScriptExists(ctx context.Context, hashes ...string) *redis.BoolSliceCmd {
	cmd := redis.NewBoolSliceCmd(ctx)
	known := make([]bool, len(hashes))
	for i, h := range hashes {
		_, known[i] = r.known.get(h)
	}
	cmd.SetVal(known)
	return cmd
}

// ScriptLoad remembers a script and returns its digest.
func (r boltRates) ScriptLoad(ctx context.Context, script string) *redis.StringCmd {
	cmd := redis.NewStringCmd(ctx)
	run, ok := knownScript(script)
	if !ok {
		cmd.SetErr(scriptError("ERR this store only knows the scripts of redis_rate"))
		return cmd
	}
	cmd.SetVal(r.known.keep(script, run))
	return cmd
}

// Del forgets counters and returns how many there were.
func (r boltRates) Del(ctx context.Context, keys ...string) *redis.IntCmd {
	cmd := redis.NewIntCmd(ctx)
	n := int64(0)
	err := r.s.update(ctx, "delete rate", func(tx *bbolt.Tx) (refusal, err error) {
		n = 0
		for _, key := range keys {
			cur, err := getLive(tx, key, r.s.now())
			if err != nil {
				return nil, err
			}
			if cur == nil {
				continue
			}
			n++
			if err := deleteRecord(tx, key); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	cmd.SetVal(n)
	cmd.SetErr(err)
	return cmd
}

func (r boltRates) run(ctx context.Context, script rateScript, keys []string, args []any) *redis.Cmd {
	a, err := parseRateArgs(keys, args)
	if err != nil {
		return rateResult(ctx, nil, err)
	}
	var reply rateReply
	step := func(tx *bbolt.Tx) (refusal, err error) {
		reply, err = r.step(tx, script, keys[0], a)
		return nil, err
	}
	if r.tx != nil {
		_, err = step(r.tx)
	} else {
		err = r.s.update(ctx, "rate", step)
	}
	if err != nil {
		return rateResult(ctx, nil, err)
	}
	return rateResult(ctx, []any{
		int64(reply.allowed), int64(reply.remaining), luaString(reply.retryAfter), luaString(reply.resetAfter),
	}, nil)
}

// step reads the counter, decides and writes it back, within one transaction.
func (r boltRates) step(tx *bbolt.Tx, script rateScript, key string, a rateArgs) (rateReply, error) {
	wall := r.s.now()
	us := wall.UnixMicro()
	now := float64(us/1e6-epochZero) + float64(us%1e6)/1e6
	cur, err := getLive(tx, key, wall)
	if err != nil {
		return rateReply{}, err
	}
	tat := now
	if cur != nil {
		if tat, err = strconv.ParseFloat(string(cur.value), 64); err != nil {
			return rateReply{}, errors.New("a counter is unreadable")
		}
	}
	reply := script(a, now, tat)
	if !reply.store {
		return reply, nil
	}
	ttl := time.Duration(math.Ceil(reply.resetAfter)) * time.Second
	value := []byte(strconv.FormatFloat(reply.newTat, 'g', 17, 64))
	return reply, putRecord(tx, key, newRecord(value, wall, ttl))
}

func parseRateArgs(keys []string, args []any) (a rateArgs, err error) {
	if len(keys) != 1 || len(args) != 4 {
		return a, scriptError("ERR wrong number of arguments")
	}
	for i, to := range []*float64{&a.burst, &a.rate, &a.period, &a.cost} {
		if *to, err = strconv.ParseFloat(fmt.Sprint(args[i]), 64); err != nil {
			return a, scriptError("ERR an argument is not a number")
		}
	}
	if a.rate <= 0 || a.period <= 0 {
		return a, scriptError("ERR rate and period must be positive")
	}
	return a, nil
}

// luaString prints a number as the script language does.
func luaString(f float64) string { return strconv.FormatFloat(f, 'g', 14, 64) }

func rateResult(ctx context.Context, v any, err error) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	cmd.SetVal(v)
	cmd.SetErr(err)
	return cmd
}
