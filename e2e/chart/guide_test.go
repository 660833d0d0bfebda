package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"otpbridge/bridge/bridgetest/realkc"
)

// Issue 6: what docs/install.md tells those with a cluster makes a configuration for `otpbridge realm` of each example, beside the keys and the passwords.
func TestInstallGuideReadsTheChart(t *testing.T) {
	t.Parallel()
	makeImage(t)
	guide, err := os.ReadFile(root + "/docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(guide), "```\nhelm template ")
	script, _, _ = strings.Cut("helm template "+script, "otpbridge check")
	if !found || !strings.Contains(script, "mine.yaml") {
		t.Fatalf("the guide says no longer how: %q", script)
	}
	cache, err := realkc.Cache()
	if err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs(root + "/bin/otpbridge")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range valueFiles(t) {
		dir := t.TempDir()
		for item, content := range map[string]string{"smtp": "a password of the test\n", "redis": "a password of the test\n", "sentinel": "a password of the test\n"} {
			if err := os.WriteFile(filepath.Join(dir, item), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		here := strings.NewReplacer("charts/otpbridge", "$CHART --kube-version "+kubernetes, "mine.yaml", "$VALUES").Replace(script)
		chart, err := filepath.Abs(chartDir)
		if err != nil {
			t.Fatal(err)
		}
		values, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-ec", here+`
"$PROGRAM" keys new sealing keys && "$PROGRAM" keys new login login.jwk && "$PROGRAM" keys new admin admin.jwk
"$PROGRAM" check -c otpbridge.yaml`)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(cache, "bin")+":"+os.Getenv("PATH"), "CHART="+chart, "VALUES="+values, "PROGRAM="+program)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}
