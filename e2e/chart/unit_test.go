package chart

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"otpbridge/e2e/rig"
)

const unitFile = root + "/install/otpbridge.service"

// user is the number that the unit's user has in these tests.
const user = 65532

// worst is what `systemd-analyze security` may say of the unit: 0 is closed, 10 is open; a unit without any hardening has 9.2 or more.
const worst = 2.0

// unitWith is the unit with a program that exists here, in a folder of its own.
func unitWith(t *testing.T, program string) string {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "otpbridge.service")
	changed := bytes.ReplaceAll(text, []byte("/usr/local/bin/otpbridge"), []byte(program))
	if bytes.Equal(changed, text) {
		t.Fatal("the unit starts another program")
	}
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// systemd takes the unit without a warning, and finds little that it leaves open.
func TestUnitIsHardened(t *testing.T) {
	t.Parallel()
	makeImage(t)
	program, err := filepath.Abs(root + "/bin/otpbridge")
	if err != nil {
		t.Fatal(err)
	}
	file := unitWith(t, program)
	// A missing man page or user is the machine's matter.
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", file).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("otpbridge.service")) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", file).CombinedOutput()
	found := regexp.MustCompile(`exposure level for otpbridge.service: ([0-9.]+)`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level > worst {
		t.Errorf("exposure level %s, at most %.1f:\n%s", found[1], worst, out)
	}
}

// lend copies files into a folder of the test and gives that to the user of the unit: tests' folders are root's alone.
func lend(t *testing.T, dir string, copies map[string]string) {
	t.Helper()
	for from, to := range copies {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeProgram(to, text, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for at := dir; at != "/"; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at, info.Mode().Perm()|0o001); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Chown(filepath.Join(dir, f.Name()), user, user); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, user, user); err != nil {
		t.Fatal(err)
	}
}

// unit is what the unit's service says, by key: the last value of each.
func unit(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(\w+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		said[m[1]] = m[2]
	}
	return said
}

// The unit runs as the user that the README makes, and has memory for ten thousand pages that wait, as docs/performance.md measures them.
func TestUnitFitsTheGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	said := unit(t)
	made := regexp.MustCompile(`sudo useradd --system (\S+)`).FindSubmatch(guide)
	if len(made) != 2 || said["User"] != string(made[1]) || said["Group"] != said["User"] {
		t.Errorf("the unit runs as %s:%s, the guide makes %q", said["User"], said["Group"], made)
	}
	const idle, page, pages = 26e6, 20 << 10, 10_000
	if most := size(t, said["MemoryMax"]); most < idle+page*pages {
		t.Errorf("%d bytes do not hold what may wait", most)
	}
}

// size reads a number of bytes as systemd writes it.
func size(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSuffix(text, "M"))
	if err != nil || !strings.HasSuffix(text, "M") {
		t.Fatalf("%q is no size in megabytes", text)
	}
	return n << 20
}

// The program does its work under what the unit has systemd ask the kernel for: its own commands, a user of its own, no capabilities, no new privileges, a
// root that it cannot write but for the unit's state folder, no core files, the files of the unit, and its system calls, address families and memory.
func TestUnitRestrictionsSuffice(t *testing.T) {
	t.Parallel()
	makeImage(t)
	campus, _ := rig.NewFakeCampus(t)
	mailbox := rig.NewMailbox(t)
	bridge := rig.PrepareBridge(t, rig.Setup{Campus: campus, Mailbox: mailbox})
	dir := filepath.Dir(bridge.Config)
	program, err := filepath.Abs(root + "/bin/otpbridge")
	if err != nil {
		t.Fatal(err)
	}
	filter, sandbox := filepath.Join(dir, "filter"), filepath.Join(dir, "sandbox")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	lend(t, dir, map[string]string{unitFilter(t): filter, self: sandbox})
	said := unit(t)
	here := strings.NewReplacer("/usr/local/bin/otpbridge", program, "/etc/otpbridge/otpbridge.yaml", bridge.Config)
	var ours syscall.Rlimit // the most that this machine lets us ask for
	files, err := strconv.ParseUint(said["LimitNOFILE"], 10, 64)
	if err := errors.Join(err, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &ours)); err != nil {
		t.Fatal(err)
	}
	bounded := fmt.Sprintf(`prlimit --data=%d --nofile=%d --core=%s setpriv --no-new-privs --reuid %d --regid %[4]d --clear-groups --bounding-set=-all --inh-caps=-all -- env %s="$1" "$2" `,
		size(t, said["MemoryMax"]), min(files, ours.Max), said["LimitCORE"], user, sandboxFilter)
	// A mount namespace in which everything but the state folder is read-only, then everything is given up.
	script := fmt.Sprintf(`set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 state /var/lib
[ -z "$3" ] || install -d -m "$4" -o %d -g %[1]d "/var/lib/$3"
mount -o remount,bind,ro /
umask "$5"
%[2]s%[3]s
exec %[2]s%[4]s`, user, bounded, here.Replace(said["ExecStartPre"]), here.Replace(said["ExecStart"]))
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--ipc", "--uts", "/bin/sh", "-c", script,
		"unit", filter, sandbox, said["StateDirectory"], said["StateDirectoryMode"], said["UMask"])
	bridge.Replicas[0].Set("OTPBRIDGE_STORE_BOLT=/var/lib/otpbridge/state.db", "OTPBRIDGE_AUDIT_FILE=/var/lib/otpbridge/audit.jsonl") // as in the example
	cmd.Env, cmd.SysProcAttr = bridge.Replicas[0].Env(), &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	end := begin(t, cmd, bridge.Replicas[0].Ready)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "Seccomp:\t2", fmt.Sprintf("Uid:\t%d", user)} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the process has not %q:\n%s", want, status)
		}
	}
	end()
}
