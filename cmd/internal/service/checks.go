package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"otpbridge/bridge"
)

const (
	// oldKey is when a key should have been replaced.
	oldKey = 400 * 24 * time.Hour
	// leftOver is when an old sealing key should be gone: a day after the last start, and some patience.
	leftOver = 7 * 24 * time.Hour
)

func exists(file string) bool {
	_, err := os.Stat(file)
	return !errors.Is(err, fs.ErrNotExist)
}

// fileChecks look at what stands on this machine and in the configuration.
func (p parts) fileChecks() []bridge.Check {
	return []bridge.Check{
		{Name: "files", Run: func(context.Context) ([]bridge.Finding, error) { return p.checkFiles() }},
		{Name: "proxies", Run: func(context.Context) ([]bridge.Finding, error) { return p.checkProxies(), nil }},
		{Name: "pause", Run: func(context.Context) ([]bridge.Finding, error) { return p.checkPause(), nil }},
	}
}

// checkFiles looks at the files that hold secrets.
func (p parts) checkFiles() (found []bridge.Finding, err error) {
	c := p.cfg
	secrets := []string{c.KeysFile, c.SignIn.Auth.KeyFile, c.Keycloak.Auth.KeyFile, c.SignIn.Auth.SecretFile, c.Keycloak.Auth.SecretFile, c.Mail.PasswordFile, c.TLS.KeyFile}
	if r := c.Store.Redis; r != nil {
		secrets = append(secrets, r.PasswordFile, r.SentinelFile)
	} else if exists(c.Store.Bolt) {
		secrets = append(secrets, c.Store.Bolt)
	}
	ageless := ""
	for _, file := range secrets {
		if file == "" {
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			return found, err
		}
		if info.Mode().Perm()&0o027 != 0 {
			found = append(found, bridge.Found(bridge.FindFilesOpen, file))
		}
		age := p.now().Sub(info.ModTime())
		key := file == c.KeysFile || file == c.SignIn.Auth.KeyFile || file == c.Keycloak.Auth.KeyFile
		if key && mounted(file) {
			ageless = file
			continue
		}
		if key && age > oldKey {
			found = append(found, bridge.Found(bridge.FindFilesOld, file, "days", strconv.Itoa(int(age.Hours()/24))))
		}
		if n := len(c.Keys.IDs()); file == c.KeysFile && n > 1 && age > leftOver {
			found = append(found, bridge.Found(bridge.FindFilesLeftOver, file, "count", strconv.Itoa(n)))
		}
	}
	if ageless != "" {
		return found, bridge.NotChecked(bridge.UncheckedUnknown, "age of "+ageless)
	}
	return found, nil
}

// mounted reports whether Kubernetes put the file there: with each start of a pod anew, so that it looks young whatever its age.
func mounted(file string) bool { return exists(filepath.Join(filepath.Dir(file), "..data")) }

// checkProxies: a network that is much wider than a machine room is nobody's own proxies.
func (p parts) checkProxies() (found []bridge.Finding) {
	for _, n := range p.cfg.TrustedProxies {
		if wide(n) {
			found = append(found, bridge.Found(bridge.FindProxiesWide, n.String()))
		}
	}
	if p.cfg.BaseURL.Scheme == "https" && p.cfg.TLS.CertFile == "" && len(p.cfg.TrustedProxies) == 0 {
		found = append(found, bridge.Found(bridge.FindProxiesMissing, ""))
	}
	return found
}

// checkPause: whoever asks why nobody recovers has to come upon it. It is as somebody wants it, and no fault.
func (p parts) checkPause() []bridge.Finding {
	if !p.cfg.Paused {
		return nil
	}
	return []bridge.Finding{bridge.Found(bridge.FindRecoveriesPaused, "")}
}

func wide(n netip.Prefix) bool {
	if n.Addr().IsLoopback() {
		return false
	}
	if n.Addr().Is4() {
		return n.Bits() < 16
	}
	return n.Bits() < 48
}

// maxKeySet is more than any key set of ours is long.
const maxKeySet = 64 << 10

// checkBase asks the address that people see for our keys: another answer comes from another service, or from a replica with another
// configuration.
func (p parts) checkBase(ctx context.Context) ([]bridge.Finding, error) {
	base := p.cfg.Base()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/.well-known/jwks.json", http.NoBody)
	if err != nil {
		return nil, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return []bridge.Finding{bridge.Found(bridge.FindBaseAway, base)}, nil //nolint:nilerr // that is what was found
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet))
	if err != nil || resp.StatusCode >= http.StatusInternalServerError {
		return []bridge.Finding{bridge.Found(bridge.FindBaseAway, base)}, nil //nolint:nilerr // as above
	}
	if resp.StatusCode != http.StatusOK || !sameJSON(body, p.cfg.SignIn.Auth.Keys.PublicJWKS()) {
		return []bridge.Finding{bridge.Found(bridge.FindBaseForeign, base)}, nil
	}
	return nil, nil
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.NewDecoder(bytes.NewReader(a)).Decode(&x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
