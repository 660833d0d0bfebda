package campus_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
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

const (
	oldSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXA"
	newSecret = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
	portalURL = "http://localhost:8089"
)

// second is an old authenticator that everybody has beside the first one: its removal alone may fail.
const (
	second       = "22222222-2222-4222-8222-222222222222"
	secondSecret = "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"
)

// swapCalls are the calls of a swap with two old authenticators; * in a path is the person, or any credential.
var swapCalls = []struct {
	name, method, path string
	skip               int // so many calls of the kind pass first
}{
	{"token", http.MethodPost, "/realms/campus/protocol/openid-connect/token", 0},
	{"add", http.MethodPut, "/admin/realms/campus/users/*", 0},
	{"look", http.MethodGet, "/admin/realms/campus/users/*/credentials", 0},
	{"last look", http.MethodGet, "/admin/realms/campus/users/*/credentials", 1},
	{"move", http.MethodPost, "/admin/realms/campus/users/*/credentials/*/moveAfter/*", 0},
	{"remove", http.MethodDelete, "/admin/realms/campus/users/*/credentials/*", 0},
	{"remove the second", http.MethodDelete, "/admin/realms/campus/users/*/credentials/" + second, 0},
	{"end sessions", http.MethodPost, "/admin/realms/campus/users/*/logout", 0},
}

// noConnection is the one fault that the server knows nothing of.
const noConnection fakekc.Kind = -1

// swapFaults are what may go wrong with a call, until it is mended.
func swapFaults() map[string]fakekc.Fault {
	out := map[string]fakekc.Fault{
		"no connection": {Kind: noConnection},
		"reset before":  {Kind: fakekc.Reset}, "reset after": {Kind: fakekc.Reset, AfterEffect: true},
		"timeout before": {Kind: fakekc.Hang}, "timeout after": {Kind: fakekc.Hang, AfterEffect: true},
		"truncated": {Kind: fakekc.Truncate}, "a page instead": {Kind: fakekc.NotJSON},
		"429": {Status: http.StatusTooManyRequests, RetryAfter: "1"}, "500 after": {Status: http.StatusInternalServerError, AfterEffect: true},
		"refused once after": {Status: http.StatusForbidden, AfterEffect: true, Times: 1},
	}
	for _, status := range []int{400, 401, 403, 404, 409, 500, 503} {
		out[fmt.Sprint(status)] = fakekc.Fault{Status: status, Body: `{}`}
	}
	return out
}

// Issue 5, WB-02, WB-05, SWAP-02, SWAP-07: whatever goes wrong with any call of the swap, the old or the new authenticator signs in at every
// moment; when the fault has gone the new one alone does within ten seconds, or, where Keycloak refused before anything was written, the old one alone.
func TestSwapUnderEveryFault(t *testing.T) {
	t.Parallel()
	redis := storetest.StartRedis(t)
	for name, open := range map[string]func(*testing.T) storetest.World{
		"bolt": storetest.Bolt,
		"redis": func(t *testing.T) storetest.World {
			w := storetest.OnRedis(t, redis)
			w.Config.Redis.Prefix = strings.ToLower(rand.Text()) + ":"
			return w
		},
	} {
		for _, call := range swapCalls {
			for what, fault := range swapFaults() {
				if testing.Short() && what != "403" && what != "reset after" {
					continue
				}
				t.Run(strings.Join([]string{name, call.name, what}, ", "), func(t *testing.T) {
					t.Parallel()
					fault.Method, fault.Path, fault.Skip = call.method, call.path, call.skip
					newSwapper(t, open(t)).under(t, call.name+", "+what, fault)
				})
			}
		}
	}
}

// swapper is everything that one person's swap needs, and nothing else: the Keycloak-shaped server, a store with its worker, the flow.
type swapper struct {
	kc    *fakekc.Server
	flow  *bridge.Flow
	store *store.Store

	mu   sync.Mutex
	ours time.Duration // how far the product's clock is ahead: no pause is waited for
	idp  time.Duration // how far the server's clock is ahead: each sign-in needs a code of its own
	seen func(after string)

	cut     *fakekc.Fault // noConnection for these calls; nil for none
	refused int           // calls that found no connection
	last    time.Duration // ours when the last fault was there, the busy machine's own among them
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
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.noteFault()
	}
	return answer, err
}

func (s *swapper) noteFault() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = s.ours
}

// sinceFault is how much of the product's time was jumped over since the last fault.
func (s *swapper) sinceFault() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ours - s.last
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

func newSwapper(t *testing.T, world storetest.World) *swapper {
	t.Helper()
	s := &swapper{}
	s.kc = fakekc.Start(fakekc.Options{Now: s.idpNow, Calm: true})
	t.Cleanup(s.kc.Close)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	kc, err := keycloak.New(keycloak.Config{
		URL: s.kc.URL, Realm: "campus", Issuer: s.kc.Issuer, ClientID: fakekc.ClientAdmin, Secret: "admin-secret-for-tests",
		LoginClient: fakekc.ClientLogin, AllowedGroup: "/otp-recoverable", Now: s.now, Log: log, Limit: 200 * time.Millisecond, Transport: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	st := world.Open(t, storetest.NewRing(t, "k1"), s.now)
	s.store = st
	s.flow = &bridge.Flow{
		Accounts: kc, Target: watched{kc, s}, Recoveries: store.NewTyped[bridge.Recovery](st.KV, store.Kind{Name: "recovery", Version: bridge.RecoveryVersion}),
		Jobs: st.Jobs, Audit: &memory.Audit{}, Mail: &mails{}, Codes: totp.Authenticator{}, Now: s.now, Log: log,
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	worker := &store.Worker{Jobs: st.Jobs, KV: st.KV, Now: s.now, Log: log, Works: []store.Work{
		{Kind: bridge.JobSwap, Parallel: 1, Handle: func(ctx context.Context, j store.Claimed) (time.Time, error) { return s.flow.RunSwap(ctx, j.ID) }},
	}}
	go func() { defer close(done); worker.Run(ctx, 0) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
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
	w.s.seen(string(a.Kind))
	return err
}

// under runs one person's swap while a call fails.
func (s *swapper) under(t *testing.T, what string, fault fakekc.Fault) {
	t.Helper()
	const name = "person"
	id := s.kc.AddPerson(fakekc.Person{
		Username: name, First: name, Last: "Example", Email: name + "@example.net", Password: name + "-password", OTP: oldSecret,
		Groups: []string{"otp-recoverable"}, Roles: []string{"default-roles-campus"},
	})
	s.kc.AddCredential(id, fakekc.Credential{
		ID: second, Type: bridge.TypeOTP, Label: "second", Created: s.idpNow().Add(-time.Hour), SecretData: `{"value":"` + secondSecret + `"}`,
		Data: `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1","secretEncoding":"BASE32"}`,
	})
	s.seen = func(after string) {
		if !s.opens(t, name, newSecret) && !s.opens(t, name, oldSecret) && !s.opens(t, name, secondSecret) {
			t.Errorf("%s: after %s nothing signs in", what, after)
		}
	}
	s.begin(t, name, id)
	if strings.HasSuffix(fault.Path, "/token") {
		s.advance(0, 10*time.Minute) // the one at hand is not taken any more
	}
	s.kc.ForgetCalls()
	mend := s.inject(fault)
	defer mend()
	if err := s.store.Jobs.Add(t.Context(), bridge.Job{Kind: bridge.JobSwap, ID: id, At: s.now()}); err != nil {
		t.Fatal(err)
	}
	s.wait(t, what, id, func(r bridge.Recovery) bool {
		return r.State != bridge.Writing || s.met(fault) > 2 || fault.Times > 0 && s.met(fault) > 0
	})
	mend()
	if s.met(fault) == 0 {
		t.Errorf("%s: the fault struck nothing", what)
	}
	s.noteFault()
	r := s.wait(t, what, id, func(r bridge.Recovery) bool { return r.State != bridge.Writing })
	if took := s.sinceFault(); took > 10*time.Second {
		t.Errorf("%s: over %v after the last fault", what, took)
	}
	s.mustEnd(t, what, name, r)
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

// wait lets the swap go on until done says yes.
func (s *swapper) wait(t *testing.T, what, id string, done func(bridge.Recovery) bool) bridge.Recovery {
	t.Helper()
	for patience := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) {
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
		s.hurry(t)
	}
}

// hurry sets the product's clock to when a swap that pauses is due, and wakes its worker.
func (s *swapper) hurry(t *testing.T) {
	t.Helper()
	list, err := s.store.Jobs.List(t.Context(), bridge.JobSwap, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 || list[0].Leased || !list[0].Due.After(s.now()) {
		return
	}
	s.advance(list[0].Due.Sub(s.now()), 0)
	if _, err := s.store.KV.Put(t.Context(), "jobs/"+bridge.JobSwap, nil, store.PutOptions{If: store.Any, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
}

// begin stores a recovery whose code was right.
func (s *swapper) begin(t *testing.T, name, id string) {
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

// mustEnd wants one authenticator that signs in, and the other one refused.
func (s *swapper) mustEnd(t *testing.T, what, name string, r bridge.Recovery) {
	t.Helper()
	works, refused := newSecret, oldSecret
	if r.State == bridge.Ended {
		works, refused = oldSecret, newSecret
	}
	ids := s.otps(r.Person)
	want := 1
	if r.State == bridge.Ended {
		want = 2
	}
	if len(ids) != want || slices.Contains(ids, ours(r.Person)) != (r.State == bridge.Done) {
		t.Errorf("%s: %s with the authenticators %v", what, r.State, ids)
	}
	if r.State == bridge.Ended && (!strings.HasPrefix(what, "add, 4") || what == "add, 401" || what == "add, 429") {
		t.Errorf("%s: ended (%s)", what, r.EndCode)
	}
	if !s.opens(t, name, works) || s.opens(t, name, refused) || s.opens(t, name, secondSecret) && r.State == bridge.Done {
		t.Errorf("%s: %s, the wrong authenticator signs in", what, r.State)
	}
}

// opens reports whether the code of a secret opens the sample application in a fresh browser.
func (s *swapper) opens(t *testing.T, name, secret string) bool {
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
