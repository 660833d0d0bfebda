package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/store"
)

// timed runs the library's scripts on a real server with the time of the test in place of the server's, by which no key ends while the test waits for a disk.
type timed struct {
	*redis.Client
	now func() time.Time
}

func (c timed) EvalSha(ctx context.Context, _ string, _ []string, _ ...any) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(redis.ErrNoScript)
	return cmd
}

func (c timed) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	now := c.now().UnixMicro()
	script = strings.ReplaceAll(script, `redis.call("TIME")`, "{ARGV[5], ARGV[6]}")
	script = strings.ReplaceAll(script, "math.ceil(reset_after)", "3600")
	return c.Client.Eval(ctx, script, keys, append(args, now/1e6, now%1e6)...)
}

// The embedded store and a real Redis decide alike, to the last digit (RL-03): no difference in 3,000 random calls.
func TestRatesAgreeWithRedis(t *testing.T) {
	const seed = 1
	clock := storetest.NewClock()
	s, err := store.Open(t.Context(), store.Config{
		Path: filepath.Join(t.TempDir(), "store.db"), Keys: storetest.NewRing(t, "k1"), Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	embedded := redis_rate.NewLimiter(store.Rates(s))
	server := redis_rate.NewLimiter(timed{storetest.StartRedis(t).Client(t), clock.Now})
	random := rand.New(rand.NewPCG(seed, seed))
	allowed, refused := 0, 0
	for i := range 3000 {
		clock.Advance(time.Duration(random.Int64N(int64(1200 * time.Millisecond))).Truncate(time.Microsecond))
		c := randomCall(random)
		a, errA := c.on(t.Context(), embedded)
		b, errB := c.on(t.Context(), server)
		if errA != nil || errB != nil {
			t.Fatalf("call %d (%+v): %v, %v", i, c, errA, errB)
		}
		if diff := cmp.Diff(b, a); diff != "" {
			t.Fatalf("call %d (%+v) -redis +embedded\n%s", i, c, diff)
		}
		if a.Allowed > 0 {
			allowed++
		} else {
			refused++
		}
	}
	if allowed < 300 || refused < 300 {
		t.Errorf("a weak sample: %d allowed, %d refused", allowed, refused)
	}
}

// call is one question to a limiter.
type call struct {
	key    string
	limit  redis_rate.Limit
	n      int
	atMost bool
	reset  bool
}

func randomCall(r *rand.Rand) call {
	limits := []redis_rate.Limit{
		{Rate: 1, Burst: 1, Period: time.Minute}, {Rate: 3, Burst: 3, Period: time.Second}, {Rate: 7, Burst: 10, Period: 13 * time.Second},
		{Rate: 10, Burst: 3, Period: time.Hour}, {Rate: 3, Burst: 5, Period: 700 * time.Millisecond}, {Rate: 1, Burst: 20, Period: 9 * time.Second},
	}
	i := r.IntN(len(limits))
	return call{
		key: fmt.Sprint("key-", i, r.IntN(2)), limit: limits[i], n: r.IntN(limits[i].Burst+2) + r.IntN(2),
		atMost: r.IntN(4) == 0, reset: r.IntN(50) == 0,
	}
}

func (c call) on(ctx context.Context, l *redis_rate.Limiter) (*redis_rate.Result, error) {
	switch {
	case c.reset:
		return &redis_rate.Result{}, l.Reset(ctx, c.key)
	case c.atMost:
		return l.AllowAtMost(ctx, c.key, c.limit, c.n)
	default:
		return l.AllowN(ctx, c.key, c.limit, c.n)
	}
}

// The embedded counters answer as a server does: an unknown digest is NOSCRIPT, an unknown script is refused, a load makes it known.
func TestRatesKnowOnlyTheLibrarysScripts(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{
		Path: filepath.Join(t.TempDir(), "store.db"), Keys: storetest.NewRing(t, "k1"), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	r, ctx := store.Rates(s), t.Context()
	if err := r.EvalSha(ctx, "0123", []string{"k"}).Err(); !redis.HasErrorPrefix(err, "NOSCRIPT") {
		t.Errorf("unknown digest: %v", err)
	}
	other := redis.NewScript("return 1")
	for name, err := range map[string]error{
		"eval": r.Eval(ctx, "return 1", []string{"k"}, 1, 1, 1, 1).Err(), "load": r.ScriptLoad(ctx, "return 1").Err(),
		"read-only": r.EvalRO(ctx, "return 1", nil).Err(), "read-only digest": r.EvalShaRO(ctx, other.Hash(), nil).Err(),
	} {
		if _, ok := errors.AsType[redis.Error](err); !ok {
			t.Errorf("%s: %v, want the reply of a server", name, err)
		}
	}
	if known, err := r.ScriptExists(ctx, other.Hash()).Result(); err != nil || len(known) != 1 || known[0] {
		t.Errorf("exists: %v, %v", known, err)
	}
	if n, err := r.Del(ctx, "rate:none").Result(); n != 0 || err != nil {
		t.Errorf("del: %d, %v", n, err)
	}
}
