package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/bridgetest/fakekc"
)

// Whatever stopped a set after its intent, the answer lost, Keycloak away or another recovery, for longer than anything is remembered: one that
// stands goes, since nobody has its codes; the person hears of it, since the older ones went with the first write, and the trail says so.
func TestAnUnfinishedSetOfRecoveryCodesIsTakenBack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cut  cutTarget
		next bool // another recovery is there
		kept string
		told int
	}{
		"unsent":  {cutTarget{left: 1}, false, "old-unsent", 0},
		"sent":    {cutTarget{left: 1, after: true}, false, "", 1},
		"another": {cutTarget{left: 1, after: true}, true, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := campus.Open(t)
			c.StopWork()
			ref := atTheEndBy(t, c, name)
			c.KC.AddCredential(ref.Person, fakekc.Credential{ID: "old-" + name, Type: bridge.TypeRecoveryCodes, Data: "{}", SecretData: `{"codes":[]}`})
			err := c.Flow.AskCodes(t.Context(), ref)
			if _, cut := flowOn(c, &tc.cut).RunCodes(t.Context(), ref.Recovery); err != nil || !errors.Is(cut, errKilled) {
				t.Fatal(err, cut)
			}
			if tc.next {
				err = c.Flow.Recoveries.Delete(t.Context(), ref.Person)
			} else {
				awayTooLong(t, c, ref)
			}
			for range 2 {
				if next, again := c.Flow.RunCodes(t.Context(), ref.Recovery); err != nil || again != nil || !next.IsZero() {
					t.Fatal(next, err, again)
				}
			}
			if ids, _ := sets(c, name); strings.Join(ids, " ") != tc.kept {
				t.Errorf("%v, want %q", ids, tc.kept)
			}
			mails, events := len(c.Mails(bridge.NoticeCodesBack)), len(c.Events("recovery_codes.refused"))
			if mails != tc.told || events != 1 || len(c.Mails(bridge.NoticeCodes)) != 0 {
				t.Errorf("told %d times, %d times on record", mails, events)
			}
		})
	}
}

// awayTooLong lets the time of a set run out while Keycloak is away: its job stays, and its codes are erased first.
func awayTooLong(t *testing.T, c *campus.Campus, ref bridge.DoneRef) {
	t.Helper()
	c.Clock.Add(bridge.CodesLife)
	if next, err := c.Flow.RunCodes(t.Context(), ref.Recovery); err != nil || !next.After(c.Clock.Now()) {
		t.Fatalf("again at %v, %v", next, err)
	}
	if set, err := c.Flow.CodeSets.Get(t.Context(), ref.Recovery); err != nil || len(set.New.Codes) != 0 {
		t.Fatalf("%d codes are kept, %v", len(set.New.Codes), err)
	}
	if offer, err := c.Flow.CodesFor(t.Context(), ref); err != nil || offer.Open || offer.Set.Recovery != "" {
		t.Fatalf("offered: %+v, %v", offer, err)
	}
	c.Clock.Add(bridge.KeepEnded + time.Hour)
	c.KC.Down()
	if _, err := c.Flow.RunCodes(t.Context(), ref.Recovery); bridge.CodeOf(err) != bridge.CodeKeycloakAway {
		t.Fatal(err)
	}
	if err := c.KC.Up(); err != nil {
		t.Fatal(err)
	}
}

// One 404, which a proxy may answer, forgets no set: what stands and nobody has goes with the next look, and everybody hears of it.
func TestOneAnswerForgetsNoRecoveryCodes(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	ref := atTheEndBy(t, c, "hidden")
	err := c.Flow.AskCodes(t.Context(), ref)
	if _, cut := flowOn(c, &cutTarget{left: 1, after: true}).RunCodes(t.Context(), ref.Recovery); err != nil || !errors.Is(cut, errKilled) {
		t.Fatal(err, cut)
	}
	for n, path := range []string{adminUser + "/credentials", adminUser + "/credentials", adminUser} {
		mend := c.KC.Inject(fakekc.Fault{Method: http.MethodGet, Path: path, Status: http.StatusNotFound})
		if _, err := c.Flow.RunCodes(t.Context(), ref.Recovery); bridge.CodeOf(err) != bridge.CodeKeycloakAway || len(c.Events("recovery_codes.refused")) != 0 {
			t.Errorf("%d, %s: %v", n, path, err)
		}
		mend()
		if n == 0 {
			c.Clock.Add(bridge.CodesLife + 2*time.Minute)
		}
	}
	if _, err := c.Flow.RunCodes(t.Context(), ref.Recovery); err != nil {
		t.Fatal(err)
	}
	if ids, _ := sets(c, "hidden"); len(ids) != 0 || len(c.Mails(bridge.NoticeCodesBack)) != 1 {
		t.Errorf("left %v, told %d times", ids, len(c.Mails(bridge.NoticeCodesBack)))
	}
}

// What comes after the end of a set may fail again and again, as where no mail can be queued, or die: the end is on record once, and the person hears once.
func TestTheEndOfRecoveryCodesIsOnRecordOnce(t *testing.T) {
	t.Parallel()
	c := campus.Open(t)
	c.StopWork()
	ref := atTheEndBy(t, c, "owner")
	if err := c.Flow.AskCodes(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	c.Break("mail", bridge.Fault(bridge.CodeStoreAway, "queue", nil))
	for range 3 {
		if _, err := c.Flow.RunCodes(t.Context(), ref.Recovery); bridge.CodeOf(err) != bridge.CodeStoreAway {
			t.Fatalf("no mail could be queued: %v", err)
		}
	}
	c.Break("mail", nil)
	for range 2 {
		if _, err := c.Flow.RunCodes(t.Context(), ref.Recovery); err != nil {
			t.Fatal(err)
		}
	}
	set, err := c.Flow.CodeSets.Get(t.Context(), ref.Recovery)
	if ends, mails := len(c.Events("recovery_codes.done")), len(c.Mails(bridge.NoticeCodes)); err != nil || set.State != bridge.CodesWritten || ends != 1 || mails != 1 {
		t.Errorf("%v, %s: %d ends on record, %d notices", err, set.State, ends, mails)
	}
}
