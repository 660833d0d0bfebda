package storetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
)

// A user who may do no more than LeastCommands on our prefix can do everything (STO-08).
func TestContractOnRedisWithLeastUser(t *testing.T) {
	r := StartRedis(t)
	admin := r.Client(t)
	Run(t, func(t *testing.T) World {
		args := []any{"acl", "setuser", "bridge", "reset", "on", ">pw-of-bridge", "~otp:*", "resetchannels", "&otp:*", "-@all"}
		for _, c := range strings.Fields(store.LeastCommands) {
			args = append(args, c)
		}
		if err := admin.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
		w := OnRedis(t, r)
		w.Config.Redis.Username, w.Config.Redis.Password, w.Config.Redis.Prefix = "bridge", "pw-of-bridge", "otp:"
		restart := w.Restart
		w.Restart = func(t *testing.T) { // users are not kept without a file of them
			restart(t)
			if err := admin.Do(t.Context(), args...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		return w
	})
}

// A cluster: every operation stays in one slot (STO-08).
func TestContractOnCluster(t *testing.T) {
	r := StartCluster(t)
	admin := r.Client(t)
	Run(t, func(t *testing.T) World {
		if err := admin.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		w := OnRedis(t, r)
		w.Config.Redis.Cluster = true
		w.Config.Redis.Addrs = []string{r.Addr}
		w.Break = func(t *testing.T, _ *store.Store) { r.Stop(t) } // a cluster names its nodes: a proxy would be passed by
		mend := w.Mend
		w.Mend = func(t *testing.T, s *store.Store) *store.Store { r.Start(t); return mend(t, s) }
		return w
	})
}

// use does a little of everything.
func use(t *testing.T, c store.Config) {
	t.Helper()
	c.Keys, c.Now = NewRing(t, "k1"), time.Now
	var s *store.Store
	var err error
	Eventually(t, time.Minute, "the store opens", func() bool {
		s, err = store.Open(t.Context(), c)
		return err == nil
	})
	defer func() { wantErr(t, "close", s.Close(), nil) }()
	changed, err := s.KV.Watch(t.Context(), "u/1")
	wantErr(t, "watch", err, nil)
	put(t, s.KV, "u/1", "v", store.PutOptions{If: store.Absent, TTL: time.Minute})
	await(t, changed)
	get(t, s.KV, "u/1", "v")
	add(t, s, store.Job{Kind: "k", ID: "1", At: time.Now()})
	wantErr(t, "done", s.Jobs.Done(t.Context(), claim(t, s, time.Now().Add(time.Second), "k")), nil)
	if ok, _, err := s.Limiter.Allow(t.Context(), bridge.Limit{Name: "l", Count: 1, Per: time.Minute}, "x"); !ok || err != nil {
		t.Fatalf("limit: %v, %v", ok, err)
	}
}

// Sentinels name the server (STO-08).
func TestSentinel(t *testing.T) {
	r := StartRedis(t)
	host, port, err := net.SplitHostPort(r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := "sentinel monitor campus " + host + " " + port + " 1\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := StartSentinel(t, conf)
	use(t, store.Config{Redis: &store.RedisConfig{Addrs: []string{s.Addr}, Master: "campus", Limit: patience}})
}

// TLS with a certificate of our own authority; a server of another one is not believed (STO-08).
func TestTLS(t *testing.T) {
	certFile, keyFile, pool := newCert(t)
	secure := freeAddr(t)
	_, port, _ := net.SplitHostPort(secure)
	StartRedis(t, "--tls-port", port, "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile,
		"--tls-auth-clients", "no")
	c := store.Config{Redis: &store.RedisConfig{Addrs: []string{secure}, Limit: patience, TLS: &tls.Config{RootCAs: pool}}}
	use(t, c)
	c.Redis.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	c.Keys, c.Now = NewRing(t, "k1"), time.Now
	_, err := store.Open(t.Context(), c)
	wantErr(t, "open with another authority", err, store.ErrBroken)
}

func newCert(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER), pool
}

// A server that takes connections and says nothing: refused within the default limit of 300 ms (STO-08).
func TestSilentServer(t *testing.T) {
	p := StartProxy(t, StartRedis(t).Addr)
	c := store.Config{Redis: &store.RedisConfig{Addrs: []string{p.Addr}}, Keys: NewRing(t, "k1"), Now: time.Now}
	var s *store.Store
	Eventually(t, time.Minute, "the store opens", func() (ok bool) {
		var err error
		s, err = store.Open(t.Context(), c)
		return err == nil
	})
	defer func() { _ = s.Close() }()
	p.Hold()
	for _, name := range []string{"get", "update", "claim", "limit", "ping"} {
		refusedSoon(t, name, everyOperation(s, store.Claimed{})[name])
	}
}

// No key is without an end but those of jobs; the server's own clock ends them, too (STO-05).
func TestEveryKeyEnds(t *testing.T) {
	r := StartRedis(t)
	w := OnRedis(t, r)
	use(t, w.Config)
	w.Config.Redis.Prefix = "other:"
	s := w.Open(t, NewRing(t, "k2"), time.Now)
	put(t, s.KV, "e/1", "v", store.PutOptions{If: store.Any, TTL: time.Hour})
	client := r.Client(t)
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) < 4 {
		t.Fatalf("keys: %v, %v", keys, err)
	}
	for _, key := range keys {
		ttl, err := client.TTL(t.Context(), key).Result()
		if err != nil || ttl <= 0 && !strings.Contains(key, "{jobs-") {
			t.Errorf("%s: %v, %v", key, ttl, err)
		}
		if strings.HasSuffix(key, "e/1") && (ttl > time.Hour || ttl < time.Hour-time.Minute) {
			t.Errorf("%s ends in %v", key, ttl)
		}
	}
}

// STO-05: a record, an index and jobs that are done: when their time is up nothing of a recovery is left in the server. With FULL=1 10⁵ recoveries.
func TestRecoveriesLeaveNothing(t *testing.T) {
	r := StartRedis(t)
	w, client := OnRedis(t, r), r.Client(t)
	s, prefix := w.Open(t, NewRing(t, "k1"), time.Now), w.Config.Redis.Prefix
	n := 2000
	if os.Getenv("FULL") == "1" {
		n = 100_000
	}
	one := func(id string) error {
		_, err := s.KV.Put(t.Context(), "recovery/"+id, make([]byte, 2000), store.PutOptions{If: store.Absent, TTL: time.Second})
		_, indexed := s.KV.Put(t.Context(), "link/"+id, make([]byte, 100), store.PutOptions{If: store.Absent, TTL: time.Second})
		added := s.Jobs.Add(t.Context(), store.Job{Kind: bridge.JobMail, ID: id, At: time.Now().Add(-time.Hour), Payload: make([]byte, 2000)})
		c, claimed := s.Jobs.Claim(t.Context(), []string{bridge.JobMail}, time.Now(), time.Minute) // whose ever it is
		if err := errors.Join(err, indexed, added, claimed); err != nil {
			return err
		}
		return s.Jobs.Done(t.Context(), c)
	}
	kept := func() int64 {
		t.Helper()
		keys, err := client.DBSize(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	if err := one("first"); err != nil {
		t.Fatal(err)
	}
	Eventually(t, time.Minute, "the first one ends", func() bool {
		return client.Exists(t.Context(), prefix+"recovery/first", prefix+"link/first").Val() == 0
	})
	before, ids := kept(), make(chan int)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range ids {
				if err := one(fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		ids <- i
	}
	close(ids)
	all.Wait()
	Eventually(t, time.Minute, "all of them end", func() bool { return kept() <= before })
	for _, key := range client.Keys(t.Context(), "*{jobs-*").Val() {
		if size := client.MemoryUsage(t.Context(), key).Val(); size > 1000 {
			t.Errorf("%s takes %d bytes", key, size)
		}
	}
}

// A server that lost everything is noticed by Ping, and said once per process (design: store lost).
func TestEmptiedServerIsFresh(t *testing.T) {
	r := StartRedis(t)
	w := OnRedis(t, r)
	a, b := w.Two(t, time.Now)
	if !a.Fresh() || b.Fresh() || a.ID() != b.ID() {
		t.Fatalf("fresh: %v, %v", a.Fresh(), b.Fresh())
	}
	if err := r.Client(t).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "ping", a.Ping(t.Context()), nil)
	wantErr(t, "ping", b.Ping(t.Context()), nil)
	if !b.Fresh() || a.ID() != b.ID() {
		t.Fatalf("after the loss: fresh %v, %s and %s", b.Fresh(), a.ID(), b.ID())
	}
}

// The check names what to mend in the server's settings (STO-08), and says when it may not look or the server is gone.
func TestCheckNamesHowTheServerIsRun(t *testing.T) {
	find := func(s *store.Store) (ids []bridge.FindingID, unchecked *bridge.Unchecked) {
		found, err := s.Check().Run(t.Context())
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		return ids, bridge.UncheckedFrom(err)
	}
	good := StartRedis(t)
	opened := OnRedis(t, good).Open(t, NewRing(t, "k"), time.Now)
	if got, unchecked := find(opened); len(got) != 0 || unchecked != nil {
		t.Errorf("of a good server: %q, %v", got, unchecked)
	}
	bad := OnRedis(t, StartRedis(t, "--appendonly", "no", "--maxmemory-policy", "allkeys-lru")).Open(t, NewRing(t, "k"), time.Now)
	if got, _ := find(bad); !slices.Equal(got, []bridge.FindingID{bridge.FindStoreEvicts, bridge.FindStoreVolatile}) {
		t.Errorf("of a bad server: %q", got)
	}
	if err := good.Client(t).Do(t.Context(), "ACL", "SETUSER", "default", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	if _, unchecked := find(opened); unchecked == nil || unchecked.Why != bridge.UncheckedRights {
		t.Errorf("without INFO: %v", unchecked)
	}
	good.Stop(t)
	if got, _ := find(opened); !slices.Equal(got, []bridge.FindingID{bridge.FindStoreAway}) {
		t.Errorf("without a server: %q", got)
	}
}

// The server may forget scripts at any time.
func TestScriptsAreSentAgain(t *testing.T) {
	r := StartRedis(t)
	c := OnRedis(t, r).Config
	use(t, c)
	if err := r.Client(t).ScriptFlush(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	c.Redis.Prefix = "again:"
	use(t, c)
}

// Opening says what is wrong, and soon.
func TestOpenFails(t *testing.T) {
	r := StartRedis(t, "--requirepass", "pw")
	for name, rc := range map[string]store.RedisConfig{
		"nobody there":   {Addrs: []string{freeAddr(t)}},
		"wrong password": {Addrs: []string{r.Addr}, Password: "no"},
		"bad prefix":     {Addrs: []string{r.Addr}, Password: "pw", Prefix: "a{b}"},
		"no address":     {},
	} {
		s, err := store.Open(t.Context(), store.Config{Redis: &rc, Keys: NewRing(t, "k"), Now: time.Now})
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
		}
	}
}
