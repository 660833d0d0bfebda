package bridge_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
)

// counter is a limiter that counts, and never forgets.
type counter map[string]int

func (c counter) Allow(_ context.Context, l bridge.Limit, key string) (ok bool, retry time.Duration, err error) {
	c[l.Name+" "+key]++
	return c[l.Name+" "+key] <= l.Count, time.Second, nil
}

func (c counter) AllowAtMost(ctx context.Context, l bridge.Limit, key string) (ok bool, retry time.Duration, err error) {
	return c.Allow(ctx, l, key)
}

func (c counter) AllowEach(ctx context.Context, uses []bridge.Use) (taken int, retry time.Duration, err error) {
	for _, u := range uses {
		if ok, retry, _ := c.Allow(ctx, u.Limit, u.Key); !ok {
			return taken, retry, nil
		}
		taken++
	}
	return taken, 0, nil
}

// written is a trail of names.
type written []string

func (w *written) Record(_ context.Context, e bridge.AuditEvent) error {
	*w = append(*w, e.Event+" "+e.Detail["limit"])
	return nil
}

// Whoever has many addresses begins no more sign-ins than the service has room for, and one address uses up nothing of the others'.
func TestSignInsOfAllAddressesAreBounded(t *testing.T) {
	t.Parallel()
	used, trail := counter{}, written{}
	f := &bridge.Flow{Limits: used, Audit: &trail, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	begin := func(address string) bridge.Code { return bridge.CodeOf(f.Admit(t.Context(), address)) }
	for range 2 * bridge.LimitAddress.Count {
		begin("flooder")
	}
	if n := used["sign-in-service all"]; n != bridge.LimitAddress.Count {
		t.Errorf("one address used up %d of the service's", n)
	}
	for i := range bridge.LimitService.Count - bridge.LimitAddress.Count {
		if code := begin(string(rune('a' + i%20))); code != "" {
			t.Fatalf("press %d: %s", i, code)
		}
	}
	if code := begin("one more"); code != bridge.CodeTooMany {
		t.Errorf("one more than there is room for: %q", code)
	}
	if !slices.Contains(trail, "limit.reached sign-in-address") || trail[len(trail)-1] != "limit.reached sign-in-service" {
		t.Errorf("on record last: %q", trail[len(trail)-1])
	}
}

// uncounted takes each use and cannot say so.
type uncounted struct{ counter }

func (uncounted) AllowEach(_ context.Context, uses []bridge.Use) (taken int, retry time.Duration, err error) {
	return len(uses), 0, errors.New("away")
}

// RL-07: what could not be counted is refused, however far the count came.
func TestWhatCannotBeCountedIsRefused(t *testing.T) {
	t.Parallel()
	trail := written{}
	f := &bridge.Flow{Limits: uncounted{}, Audit: &trail, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if code := bridge.CodeOf(f.Admit(t.Context(), "somebody")); code != bridge.CodeStoreAway || len(trail) != 0 {
		t.Errorf("%s, on record %v", code, trail)
	}
}
