package campus_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/loginform"
	"otpbridge/bridge/bridgetest/memory"
	"otpbridge/bridge/bridgetest/phone"
	"otpbridge/bridge/bridgetest/storetest"
	"otpbridge/bridge/keycloak"
	"otpbridge/bridge/store"
	"otpbridge/bridge/totp"
)

// swapper is everything that one person's swap or lock needs, and nothing else: the Keycloak-shaped server, a store with its worker, the flow.
type swapper struct {
	kc    *fakekc.Server
	flow  *bridge.Flow
	store *store.Store
	ring  *store.KeyRing
	trail *memory.Audit
	mails atomic.Int32  // queued
	limit time.Duration // of a call

	mu   sync.Mutex
	ours time.Duration // how far the product's clock is ahead: no pause is waited for
	idp  time.Duration // how far the server's clock is ahead: each sign-in needs a code of its own
	seen func(after string)

	cut     *fakekc.Fault // noConnection for these calls; nil for none
	refused int           // calls that found no connection
	last    time.Duration // ours when the last fault was there, the busy machine's own among them

	working int           // above zero: the product is at work, and not in a call
	since   time.Time     // when that was looked at last
	own     time.Duration // how long it was, since the last fault
}

// RoundTrip implements http.RoundTripper: the way from the product to the server.
func (s *swapper) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	cut := s.cut != nil && matches(*s.cut, r.Method, r.URL.Path)
	if cut && s.cut.Skip > 0 {
		s.cut.Skip--
		cut = false
	}
	if cut {
		s.refused++
	}
	s.mu.Unlock()
	if cut {
		return nil, syscall.ECONNREFUSED
	}
	s.works(-1)
	defer s.works(1)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.noteFault()
		return answer, err
	}
	answer.Body = rest{answer.Body, s}
	return answer, nil
}

// rest is the body of an answer; one that is cut off is a fault, too.
type rest struct {
	io.ReadCloser
	s *swapper
}

func (r rest) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.s.noteFault()
	}
	return n, err
}

func (s *swapper) noteFault() {
	s.works(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.own = s.ours, 0
}

// works notes that the product takes up work (1), or leaves it (-1): it is the server's or the test's turn then.
func (s *swapper) works(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.working > 0 {
		s.own += now.Sub(s.since)
	}
	s.working, s.since = s.working+by, now
}

// sinceFault is how long it took since the last fault: what of the product's time was jumped over, and as long as it was at work, or slept, by itself.
func (s *swapper) sinceFault() time.Duration {
	s.works(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ours - s.last + s.own
}

// handle has a job done by run.
func (s *swapper) handle(run func(context.Context, string) (time.Time, error)) store.Handle {
	return func(ctx context.Context, j store.Claimed) (time.Time, error) {
		s.works(1)
		defer s.works(-1)
		return run(ctx, j.ID)
	}
}

// Send implements bridge.Mailer.
func (s *swapper) Send(context.Context, bridge.Notice) error {
	s.mails.Add(1)
	return nil
}

// inject makes calls fail until mend is called.
func (s *swapper) inject(f fakekc.Fault) (mend func()) {
	if f.Kind != noConnection {
		return s.kc.Inject(f)
	}
	set := func(cut *fakekc.Fault) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cut = cut
	}
	set(&f)
	return func() { set(nil) }
}

// matches reports whether a fault may strike a call.
func matches(f fakekc.Fault, method, target string) bool {
	match, err := path.Match(f.Path, target)
	return err == nil && match && method == f.Method
}

// How long a call may take: little where calls hang, and as long as the client lets any where none does, and one that is given up would change what is tested.
const little, patient = 200 * time.Millisecond, 5 * time.Second

// newSwapper gives the product's calls of Keycloak such a limit.
func newSwapper(t *testing.T, world storetest.World, limit time.Duration) *swapper {
	t.Helper()
	s := &swapper{trail: &memory.Audit{}, limit: limit}
	s.kc = fakekc.Start(fakekc.Options{Now: s.idpNow, Calm: true})
	t.Cleanup(s.kc.Close)
	s.ring = storetest.NewRing(t, "k1")
	s.flow, s.store = s.replica(t, world, s.now)
	s.flow.Target = watched{s.flow.Target, s}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	worker := &store.Worker{Jobs: s.store.Jobs, KV: s.store.KV, Now: s.now, Log: s.flow.Log, Works: []store.Work{
		{Kind: bridge.JobSwap, Parallel: 1, Handle: s.handle(s.flow.RunSwap)},
		{Kind: bridge.JobLock, Parallel: 1, Handle: s.handle(s.flow.RunLock)},
	}}
	go func() { defer close(done); worker.Run(ctx, 0) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// replica is a flow with a clock on the store, and what it has that open by. All flows of a swapper share trail and mailbox.
func (s *swapper) replica(t *testing.T, world storetest.World, now func() time.Time) (*bridge.Flow, *store.Store) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	kc, err := keycloak.New(keycloak.Config{
		URL: s.kc.URL, Realm: "campus", Issuer: s.kc.Issuer, ClientID: fakekc.ClientAdmin, Secret: "admin-secret-for-tests",
		LoginClient: fakekc.ClientLogin, AllowedGroup: "/otp-recoverable", Now: now, Log: log, Limit: s.limit, Transport: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	st := world.Open(t, s.ring, now)
	return &bridge.Flow{
		Accounts: kc, Target: kc, Recoveries: store.NewTyped[bridge.Recovery](st.KV, store.Kind{Name: "recovery", Version: bridge.RecoveryVersion}),
		Watches: store.NewTyped[bridge.Watch](st.KV, store.Kind{Name: "watch", Version: 1}),
		Jobs:    st.Jobs, Audit: s.trail, Mail: s, Codes: totp.Authenticator{}, Now: now, Log: log,
		Rules: bridge.Rules{AllowedGroup: "/otp-recoverable", HarmlessRoles: []string{"default-roles-campus", "offline_access", "uma_authorization"}},
	}, st
}

// ahead is how far the clocks are ahead of the real one.
func (s *swapper) ahead() (ours, idp time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ours, s.idp
}

func (s *swapper) now() time.Time {
	ours, _ := s.ahead()
	return time.Now().Add(ours)
}

func (s *swapper) idpNow() time.Time {
	_, idp := s.ahead()
	return time.Now().Add(idp)
}

// advance moves the product's clock and the server's.
func (s *swapper) advance(ours, idp time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ours, s.idp = s.ours+ours, s.idp+idp
}

// watched lets the test look after every action, done or not.
type watched struct {
	bridge.SwapTarget
	s *swapper
}

func (w watched) Do(ctx context.Context, person string, a bridge.Action) error {
	err := w.SwapTarget.Do(ctx, person, a)
	w.s.works(-1)
	defer w.s.works(1)
	w.s.seen(string(a.Kind))
	return err
}

// name is the user name of the one person of a test.
const name = "person"

// person adds somebody with two authenticators.
func (s *swapper) person() (id string) {
	id = s.kc.AddPerson(fakekc.Person{
		Username: name, First: name, Last: "Example", Email: name + "@example.net", Password: name + "-password", OTP: oldSecret,
		Groups: []string{"otp-recoverable"}, Roles: []string{"default-roles-campus"},
	})
	s.kc.AddCredential(id, fakekc.Credential{
		ID: second, Type: bridge.TypeOTP, Label: "second", Created: s.idpNow().Add(-time.Hour), SecretData: `{"value":"` + secondSecret + `"}`,
		Data: `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1","secretEncoding":"BASE32"}`,
	})
	return id
}

// promised is how soon a swap or a lock is over once the fault has gone: ten seconds, and what a busy machine may add to the product's own work.
const promised = 10*time.Second + 5*time.Second

// suffers lets the job of a person go on while a call fails, and then to its end, which comes within ten seconds.
func (s *swapper) suffers(t *testing.T, what, job string, fault fakekc.Fault, over func(bridge.Recovery) bool) bridge.Recovery {
	t.Helper()
	id := s.kc.PersonID(name)
	if strings.HasSuffix(fault.Path, "/token") {
		s.advance(0, 10*time.Minute) // the one at hand is not taken any more
	}
	if strings.HasSuffix(fault.Path, "/campus") {
		s.advance(2*time.Minute, 0) // what was read of the realm before is too old
	}
	s.kc.ForgetCalls()
	mend := s.inject(fault)
	defer mend()
	if err := s.store.Jobs.Add(t.Context(), bridge.Job{Kind: job, ID: id, At: s.now()}); err != nil {
		t.Fatal(err)
	}
	s.wait(t, what, job, func(r bridge.Recovery) bool {
		return over(r) || s.met(fault) > 2 || fault.Times > 0 && s.met(fault) > 0
	})
	mend()
	if s.met(fault) == 0 {
		t.Errorf("%s: the fault struck nothing", what)
	}
	s.noteFault()
	r := s.wait(t, what, job, over)
	if took := s.sinceFault(); took > promised {
		t.Errorf("%s: over %v after the last fault", what, took)
	}
	return r
}

// met counts the calls that a fault may have struck.
func (s *swapper) met(f fakekc.Fault) (n int) {
	for _, c := range s.kc.Calls() {
		if matches(f, c.Method, c.Path) {
			n++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, n-f.Skip) + s.refused
}

// wait lets the job go on until done says yes.
func (s *swapper) wait(t *testing.T, what, job string, done func(bridge.Recovery) bool) bridge.Recovery {
	t.Helper()
	id := s.kc.PersonID(name)
	for patience := time.Now().Add(3 * time.Minute); ; <-time.After(5 * time.Millisecond) {
		r, err := s.flow.Recoveries.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if done(r) {
			return r
		}
		if time.Now().After(patience) {
			t.Fatalf("%s: not over", what)
		}
		s.hurry(t, job)
	}
}

// hurry sets the product's clock to when a job that pauses is due, and wakes its worker.
func (s *swapper) hurry(t *testing.T, job string) {
	t.Helper()
	list, err := s.store.Jobs.List(t.Context(), job, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 || list[0].Leased || !list[0].Due.After(s.now()) {
		return
	}
	s.advance(list[0].Due.Sub(s.now()), 0)
	if _, err := s.store.KV.Put(t.Context(), "jobs/"+job, nil, store.PutOptions{If: store.Any, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
}

// atLast makes a call that a busy machine may not answer in time.
func (s *swapper) atLast(t *testing.T, call func() error) {
	t.Helper()
	for patience := time.Now().Add(time.Minute); ; {
		err := call()
		if err == nil {
			return
		}
		if bridge.CodeOf(err) != bridge.CodeKeycloakAway || time.Now().After(patience) {
			t.Fatal(err)
		}
	}
}

// begin stores a recovery whose code was right.
func (s *swapper) begin(t *testing.T, id string) {
	t.Helper()
	otps := s.otps(id)
	_, err := s.flow.Recoveries.Update(t.Context(), id, time.Hour, func(bridge.Recovery, bool) (bridge.Recovery, error) {
		return bridge.Recovery{
			V: bridge.RecoveryVersion, ID: "R-" + name, Person: id, Username: name, State: bridge.Writing, WritingAt: s.now(),
			Swap: &bridge.Swap{Remove: otps, New: bridge.NewCredential{
				ID: ours(id), Label: "new phone", Secret: newSecret, CreatedMillis: s.now().UnixMilli(),
				OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30},
			}},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ours is the id of the new credential of a person.
func ours(person string) string { return "00000000" + person[8:] }

func (s *swapper) otps(id string) (ids []string) {
	for _, c := range s.kc.Credentials(id) {
		if c.Type == bridge.TypeOTP {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// opens reports whether the code of a secret opens the sample application in a fresh browser.
func (s *swapper) opens(t *testing.T, secret string) bool {
	t.Helper()
	s.advance(0, 31*time.Second)
	key, err := phone.FromBase32(secret)
	if err != nil {
		t.Error(err)
		return false
	}
	app := &loginform.App{Issuer: s.kc.Issuer, ID: fakekc.ClientPortal, Redirect: portalURL + "/callback"}
	address, err := app.Start(context.Background(), nil)
	b := loginform.New(portalURL)
	if err == nil {
		err = b.SignIn(context.Background(), address, name, name+"-password", func() string { return key.Code(s.idpNow()) })
	}
	if err != nil && !errors.Is(err, loginform.ErrPage) {
		t.Error(err)
	}
	return b.Left != "" && b.Answer().Get("code") != ""
}
