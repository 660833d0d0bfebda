package service

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
	"otpbridge/bridge/web"
)

func aStore(t *testing.T, keys *store.KeyRing) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "store"), Keys: keys, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// OPS-09: replicas on different stores are found, also when only one of several is; where nobody says which store it has, that is not checked.
func TestReplicasOnDifferentStoresAreFound(t *testing.T) {
	t.Parallel()
	key, err := store.NewKey("one")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := store.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	mine, other := &service{store: aStore(t, keys)}, &service{store: aStore(t, keys)}
	for name, x := range map[string]struct {
		replicas []*service
		found    bridge.FindingID
		why      string
	}{
		"the same": {replicas: []*service{mine}}, "another": {replicas: []*service{other}, found: bridge.FindStoreOther},
		"one of three": {replicas: []*service{mine, mine, other}, found: bridge.FindStoreOther}, "nobody says": {why: bridge.UncheckedUnknown},
	} {
		var asked atomic.Int64
		base := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(x.replicas) == 0 {
				http.NotFound(w, r)
				return
			}
			turn := x.replicas[int(asked.Add(1)-1)%len(x.replicas)]
			held, err := turn.holds(r.Context(), strings.TrimPrefix(r.URL.Path, web.ProbePath))
			if err != nil {
				t.Error(err)
			}
			said := map[bool]string{true: web.ProbeHeld, false: web.ProbeNot}[held]
			if _, err := w.Write([]byte(said)); err != nil && !errors.Is(err, http.ErrAbortHandler) {
				t.Error(err)
			}
		}))
		found, err := replicasCheck(mine.store, base.URL, time.Now).Run(t.Context())
		base.Close()
		if u := bridge.UncheckedFrom(err); (u != nil) != (x.why != "") || u != nil && u.Why != x.why {
			t.Errorf("%s: %v", name, err)
		}
		if len(found) > 1 || (len(found) == 1) != (x.found != "") || len(found) == 1 && (found[0].ID != x.found || found[0].Object != base.URL) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
