package service

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
	"otpbridge/bridge/web"
)

const (
	// probeLife is how long the store keeps a probe, and probeAsks how often it is asked for: replicas take turns.
	probeLife = time.Minute
	probeAsks = 4
	// probePatience is less than the store's check may take.
	probePatience = 3 * time.Second
)

// probes are what a doctor leaves in the store for a moment, to ask at the base URL whether whoever answers there finds it. Nobody else knows one.
func probes(kv store.KV) *store.Typed[time.Time] {
	return store.NewTyped[time.Time](kv, store.Kind{Name: "probe", Version: 1})
}

// replicasCheck looks whether what answers at the base URL uses this store.
func replicasCheck(s *store.Store, base string, now func() time.Time) bridge.Check {
	return bridge.Check{Name: "replicas", Run: func(ctx context.Context) ([]bridge.Finding, error) {
		if s.ID() == "" {
			return nil, bridge.NotChecked(bridge.UncheckedRights, "serve")
		}
		probe := bridge.NewToken().Hash()[:32]
		_, err := probes(s.KV).Update(ctx, probe, probeLife, func(time.Time, bool) (time.Time, error) { return now().UTC(), nil })
		if err != nil {
			return []bridge.Finding{bridge.Found(bridge.FindStoreAway, "")}, nil //nolint:nilerr // that is what was found
		}
		ctx, cancel := context.WithTimeout(ctx, probePatience)
		defer cancel()
		client := &http.Client{
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, // another connection, another replica
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		for range probeAsks {
			switch held, err := asksFor(ctx, client, base+web.ProbePath+probe); {
			case err != nil:
				return nil, err
			case !held:
				return []bridge.Finding{bridge.Found(bridge.FindStoreOther, base)}, nil
			}
		}
		return nil, nil
	}}
}

// asksFor asks whether a probe is held. That nobody says so is no failed answer: the base URL may be reachable from outside only, which is said elsewhere,
// and an earlier release does not know the question.
func asksFor(ctx context.Context, client *http.Client, url string) (held bool, err error) {
	unknown := bridge.NotChecked(bridge.UncheckedUnknown, "replicas")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return false, unknown
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 16))
	if err != nil || resp.StatusCode != http.StatusOK {
		return false, unknown
	}
	switch strings.TrimSpace(string(said)) {
	case web.ProbeHeld:
		return true, nil
	case web.ProbeNot:
		return false, nil
	}
	return false, unknown
}

// holds is web.Server's Holds.
func (s *service) holds(ctx context.Context, probe string) (bool, error) {
	_, err := probes(s.store.KV).Get(ctx, probe)
	if bridge.CodeOf(err) == bridge.CodeAbsent {
		return false, nil
	}
	return err == nil, err
}
