package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"otpbridge/e2e/rig"
)

// binary is the size of what is shipped.
func binary(t *testing.T) []figure {
	t.Helper()
	info, err := os.Stat(rig.Binary(t))
	must(t, err)
	return []figure{{name: "binary", value: float64(info.Size()) / 1e6, unit: "MB", goal: "20"}}
}

// rest is what Keycloak needs for what is asked once the realm guard has looked.
const (
	starts = 15
	rest   = 2 * time.Second
)

// start is the time from the start of the process until /readyz says yes, with Keycloak up, on a store file that exists. Keycloak is at rest: what a process
// asks after it is ready has come to its end before the next start, as it has where processes live longer than a second. The peer is a program
// that does what no such service can do without: it fetches the discovery document and the key set, and then listens.
func start(t *testing.T) []figure {
	t.Helper()
	campus := rig.NewCampus(t)
	r := rig.PrepareBridge(t, rig.Setup{Campus: campus, Mailbox: rig.NewMailbox(t), Change: quiet}).Replicas[0]
	var ours, theirs []time.Duration
	for i := range starts {
		began := time.Now()
		r.Start()
		awaitReady(t, r)
		took := time.Since(began)
		r.WaitReady()
		pause(t, rest)
		r.Stop()
		began = time.Now()
		p := newPeer(t, peerListen, "BENCH_ISSUER="+campus.Issuer)
		if other := time.Since(began); i > 0 { // the first of each makes Keycloak and the disk warm
			ours, theirs = append(ours, took), append(theirs, other)
		}
		p.stop()
	}
	return []figure{{
		name: "start", value: millis(quantile(ours, .5)), unit: "ms", goal: "100", peer: "listener after discovery", other: millis(quantile(theirs, .5)),
	}}
}

// awaitReady asks every two milliseconds, over one connection: a new one for each question would keep the process that is measured from its work.
func awaitReady(t *testing.T, r *rig.Replica) {
	t.Helper()
	client := &http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(rig.Patience); time.Now().Before(deadline); pause(t, 2*time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Admin+"/readyz", http.NoBody)
		must(t, err)
		resp, err := client.Do(req)
		if err != nil {
			continue
		}
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, errors.Join(err, resp.Body.Close()))
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("not ready in %s: %s", rig.Patience, r.LogText())
}

// idleMemory is what the process holds ten seconds after it became ready and showed its first page.
func idleMemory(t *testing.T) []figure {
	t.Helper()
	b := rig.PrepareBridge(t, rig.Setup{Campus: rig.NewCampus(t), Mailbox: rig.NewMailbox(t), Change: quiet})
	r := b.Replicas[0]
	r.Start()
	r.WaitReady()
	_, err := fetch(t.Context(), b.URL+"/")
	must(t, err)
	pause(t, 10*time.Second)
	return []figure{{name: "idle-memory", value: rss(t, r.PID()) / 1e6, unit: "MB", goal: "25"}}
}
