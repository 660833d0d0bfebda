package store

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"otpbridge/bridge"
)

// RedisConfig says which server and how to talk to it. The user needs, on the keys and channels that begin with the prefix,
// the commands of LeastCommands; "info" in addition for Check.
type RedisConfig struct {
	Addrs            []string      // one server; or the sentinels; or cluster nodes
	Master           string        // sentinel: name of the watched server
	Cluster          bool          // the server is part of a cluster, even if only one address is given
	DB               int           // not in a cluster
	Username         string        // ACL user
	Password         string        //
	SentinelUsername string        //
	SentinelPassword string        //
	TLS              *tls.Config   // nil = plain
	Prefix           string        // of every key and channel; "" = "otpbridge:"
	Limit            time.Duration // for one call; 0 = 300 ms
}

// LeastCommands is what the server's ACL must allow, as its rules say it.
const LeastCommands = "+ping +get +set +del +getrange +publish +subscribe +unsubscribe +time +eval +evalsha" +
	" +hget +hset +hdel +hexists +hlen +hincrby +hgetall +incr +zadd +zrem +zcard +zscore +zrange +zrangebyscore"

const defaultCallLimit = 300 * time.Millisecond

// redisStore keeps everything on a server; any number of processes share it.
type redisStore struct {
	client redis.UniversalClient
	prefix string
	limit  time.Duration
	hub    *hub
	now    func() time.Time
	log    *slog.Logger
	stop   context.CancelFunc
	once   sync.Once
	wg     sync.WaitGroup
}

func openRedis(ctx context.Context, c Config) (*redisStore, error) {
	rc := *c.Redis
	if rc.Prefix == "" {
		rc.Prefix = "otpbridge:"
	}
	if rc.Limit == 0 {
		rc.Limit = defaultCallLimit
	}
	if len(rc.Addrs) == 0 || strings.ContainsAny(rc.Prefix, "{}*?[] \n") {
		return nil, errors.New("store: redis: an address must be given, and a prefix without braces, blanks or patterns")
	}
	s := &redisStore{client: redis.NewUniversalClient(rc.options()), prefix: rc.Prefix, limit: rc.Limit, hub: newHub(), now: c.Now, log: c.Log}
	if err := s.firstPing(ctx); err != nil {
		return nil, errors.Join(err, s.client.Close())
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.wg.Go(func() { s.listen(run) })
	return s, nil
}

// options: no retries, because a call that failed is repeated, if at all, by who knows whether it may be; the limits hold for
// dialling, too.
func (rc RedisConfig) options() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: rc.Addrs, MasterName: rc.Master, IsClusterMode: rc.Cluster, DB: rc.DB,
		Username: rc.Username, Password: rc.Password,
		SentinelUsername: rc.SentinelUsername, SentinelPassword: rc.SentinelPassword,
		TLSConfig:   rc.TLS,
		MaxRetries:  -1,
		DialTimeout: rc.Limit, DialerRetries: 1,
		ReadTimeout: rc.Limit, WriteTimeout: rc.Limit, PoolTimeout: rc.Limit,
		ContextTimeoutEnabled:    true,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// startTries is how often a server that is slow to answer is asked before the process gives up at its start.
const startTries = 10

// firstPing is patient with a slow answer: a machine on which everything starts at once is busy. A refused connection is final.
func (s *redisStore) firstPing(ctx context.Context) (err error) {
	for range startTries {
		if err = s.ping(ctx); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (s *redisStore) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		return broken("reach the Redis server", err)
	}
	return nil
}

func (s *redisStore) Get(ctx context.Context, key string) ([]byte, Version, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	raw, err := s.client.Get(ctx, s.prefix+key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, "", absent("get", key)
	}
	if err != nil {
		return nil, "", broken("get "+kindOf(key), err)
	}
	r, err := decodeRecord(raw)
	if err != nil {
		return nil, "", broken("get "+kindOf(key), err)
	}
	if r.expired(s.now()) {
		return nil, "", absent("get", key)
	}
	return r.value, r.version, nil
}

func (s *redisStore) Put(ctx context.Context, key string, value []byte, o PutOptions) (Version, error) {
	if err := checkPut(key, o); err != nil {
		return "", err
	}
	now := s.now()
	r := newRecord(value, now, o.TTL)
	ttl := o.TTL.Milliseconds()
	if o.TTL > 0 {
		ttl = max(ttl, 1)
	}
	return r.version, s.write(ctx, "put", key, scriptPut, string(o.If), now.UnixMilli(), s.channel(), key, r.encode(), ttl)
}

func (s *redisStore) Delete(ctx context.Context, key string, ifVersion Version) error {
	if err := checkPut(key, PutOptions{If: ifVersion}); err != nil {
		return err
	}
	return s.write(ctx, "delete", key, scriptDelete, string(ifVersion), s.now().UnixMilli(), s.channel(), key)
}

// Answers of the writing scripts.
const (
	answerOK = iota
	answerConflict
	answerAbsent
	answerBroken
)

func (s *redisStore) write(ctx context.Context, op, key string, script *redis.Script, args ...any) error {
	answer, err := s.run(ctx, script, []string{s.prefix + key}, args...).Int()
	if err != nil {
		return broken(op+" "+kindOf(key), err)
	}
	switch answer {
	case answerOK:
		return nil
	case answerConflict:
		return conflict(op, key)
	case answerAbsent:
		return absent(op, key)
	default:
		return broken(op+" "+kindOf(key), errors.New("not a record of this store"))
	}
}

// run sends the digest of a script, and its text when the server does not know it.
func (s *redisStore) run(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	return script.Run(ctx, s.client, keys, args...)
}

func (s *redisStore) Watch(ctx context.Context, key string) (<-chan struct{}, error) {
	return s.hub.watch(ctx, key)
}

// Close ends the watches and the connections.
func (s *redisStore) Close() error {
	var err error
	s.once.Do(func() {
		s.stop()
		s.wg.Wait()
		s.hub.close()
		err = s.client.Close()
	})
	return err
}

func (s *redisStore) rates() rediser { return prefixedRates{s} }

func (s *redisStore) ratesAtOnce(_ context.Context, f func(rediser) error) error { return f(s.rates()) }

// prefixedRates keeps the counters of redis_rate under our prefix and the call limit. It does not embed the client: the linker would keep
// a wrapper of each of its six hundred commands.
type prefixedRates struct{ s *redisStore }

func (p prefixedRates) keys(keys []string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = p.s.prefix + k
	}
	return out
}

// Eval is Eval under the prefix.
func (p prefixedRates) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, p.s.limit)
	defer cancel()
	return p.s.client.Eval(ctx, script, p.keys(keys), args...)
}

// EvalSha is EvalSha under the prefix.
func (p prefixedRates) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, p.s.limit)
	defer cancel()
	return p.s.client.EvalSha(ctx, sha1, p.keys(keys), args...)
}

// EvalRO is EvalRO under the prefix.
func (p prefixedRates) EvalRO(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, p.s.limit)
	defer cancel()
	return p.s.client.EvalRO(ctx, script, p.keys(keys), args...)
}

// EvalShaRO is EvalShaRO under the prefix.
func (p prefixedRates) EvalShaRO(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, p.s.limit)
	defer cancel()
	return p.s.client.EvalShaRO(ctx, sha1, p.keys(keys), args...)
}

// Del is Del under the prefix.
func (p prefixedRates) Del(ctx context.Context, keys ...string) *redis.IntCmd {
	ctx, cancel := context.WithTimeout(ctx, p.s.limit)
	defer cancel()
	return p.s.client.Del(ctx, p.keys(keys)...)
}

// ScriptExists names no key.
func (p prefixedRates) ScriptExists(ctx context.Context, hashes ...string) *redis.BoolSliceCmd {
	ctx, cancel := context.WithTimeout(ctx, p.s.limit)
	defer cancel()
	return p.s.client.ScriptExists(ctx, hashes...)
}

// ScriptLoad names no key.
func (p prefixedRates) ScriptLoad(ctx context.Context, script string) *redis.StringCmd {
	ctx, cancel := context.WithTimeout(ctx, p.s.limit)
	defer cancel()
	return p.s.client.ScriptLoad(ctx, script)
}

// examine reads how the server is run: it must neither throw records away when memory is short nor lose them in a crash.
func (s *redisStore) examine(ctx context.Context) (found []bridge.Finding, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	info, err := s.client.Info(ctx, "memory", "persistence").Result()
	if err != nil {
		if redis.HasErrorPrefix(err, "NOPERM") {
			return nil, bridge.NotChecked(bridge.UncheckedRights, "Redis ACL +info")
		}
		return nil, err
	}
	if !strings.Contains(info, "maxmemory_policy:noeviction") {
		found = append(found, bridge.Found(bridge.FindStoreEvicts, ""))
	}
	if !strings.Contains(info, "aof_enabled:1") {
		found = append(found, bridge.Found(bridge.FindStoreVolatile, ""))
	}
	return found, nil
}
