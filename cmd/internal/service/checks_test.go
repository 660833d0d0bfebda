package service

import (
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"otpbridge/bridge"
	"otpbridge/bridge/store"
	"otpbridge/cmd/internal/config"
)

// WB-11: a key that has lain on this machine for long is named; where Kubernetes puts it anew with each start, its age is not believed.
func TestAgeOfKeysIsSeenOrNotChecked(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "login.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := parts{now: func() time.Time { return time.Now().Add(oldKey + time.Hour) }}
	key, err := store.NewKey("one")
	if err != nil {
		t.Fatal(err)
	}
	if p.cfg.Keys, err = store.NewKeyRing(key); err != nil {
		t.Fatal(err)
	}
	p.cfg.SignIn.Auth.KeyFile = file
	if found, err := p.checkFiles(); err != nil || len(found) != 1 || found[0].ID != bridge.FindFilesOld {
		t.Errorf("on a disk: %+v, %v", found, err)
	}
	if err := os.Symlink("..2026_11_29", filepath.Join(filepath.Dir(file), "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(file), "..2026_11_29"), 0o700); err != nil {
		t.Fatal(err)
	}
	found, err := p.checkFiles()
	if u := bridge.UncheckedFrom(err); len(found) > 0 || u == nil || u.Why != bridge.UncheckedUnknown {
		t.Errorf("in a mounted secret: %+v, %v", found, err)
	}
}

// WB-11: a network of a whole campus is nobody's own proxies.
func TestWideProxiesAreNamed(t *testing.T) {
	t.Parallel()
	p := parts{cfg: config.Config{BaseURL: &url.URL{Scheme: "https", Host: "otp.example.ac.jp"}}}
	for _, n := range []string{"10.0.0.0/8", "172.16.0.0/12", "2001:db8::/32", "10.1.0.0/16", "10.1.2.3/32", "2001:db8:1::/48", "127.0.0.0/8"} {
		p.cfg.TrustedProxies = append(p.cfg.TrustedProxies, netip.MustParsePrefix(n))
	}
	var wide []string
	for _, f := range p.checkProxies() {
		wide = append(wide, f.Object)
	}
	if !slices.Equal(wide, []string{"10.0.0.0/8", "172.16.0.0/12", "2001:db8::/32"}) {
		t.Errorf("wide: %v", wide)
	}
}
