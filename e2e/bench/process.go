package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"otpbridge/bridge/bridgetest/fakekc"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/e2e/rig"
)

// rss is how much of a process's memory is in the machine's, in bytes.
func rss(t *testing.T, pid int) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			must(t, err)
			return kib * 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// cpu is how much processor time a process has used.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	_, used := parseStat(t, text)
	return used
}

// groupCPU is how much processor time the processes of a group that are alive have used.
func groupCPU(t *testing.T, group int) (total time.Duration) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		if of, used := parseStat(t, text); of == group {
			total += used
		}
	}
	return total
}

// parseStat reads a process's group and its processor time.
func parseStat(t *testing.T, text []byte) (group int, used time.Duration) {
	t.Helper()
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const tick = 10 * time.Millisecond    // USER_HZ is 100 on every Linux that matters
	for _, field := range []int{11, 12} { // in user mode, in the kernel
		n, err := strconv.Atoi(fields[field])
		must(t, err)
		used += time.Duration(n) * tick
	}
	group, err := strconv.Atoi(fields[2])
	must(t, err)
	return group, used
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fetch returns the body of a GET that must work.
func fetch(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody) //nolint:gosec // on loopback
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return body, err
}

// pause waits without using the processor: a measurement of what a process does when nobody asks anything.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// quantile returns the value below which a share q of the values lies.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quiet is the log of a production system: no debug lines.
func quiet(settings map[string]any) {
	settings["log"] = map[string]any{"level": "info", "format": "json"}
}

// person adds somebody with an authenticator and an address to the Keycloak-shaped server.
func person(kc *fakekc.Server, name string) (id string) {
	return kc.AddPerson(fakekc.Person{
		Username: name, First: "Person", Last: name, Email: name + "@example.net", Password: name + "-password", OTP: realm.Secret("alice"),
		Groups: []string{realm.Recoverable}, Roles: []string{"default-roles-campus"},
		Attributes: map[string][]string{realm.Notification: {name + "@example.net"}},
	})
}

// onFake starts the product on the Keycloak-shaped server.
func onFake(t *testing.T, s rig.Setup) (*rig.Bridge, *fakekc.Server) {
	t.Helper()
	c, kc := rig.NewFakeCampus(t)
	s.Campus, s.Mailbox, s.Change = c, rig.NewMailbox(t), quiet
	return rig.PrepareBridge(t, s), kc
}
