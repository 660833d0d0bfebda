package chart

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
)

// sandboxFilter tells this binary, started once more, to put itself under a seccomp filter and become another program, as systemd does.
const sandboxFilter = "OTPBRIDGE_TEST_FILTER"

func TestMain(m *testing.M) {
	if file := os.Getenv(sandboxFilter); file != "" {
		fmt.Fprintln(os.Stderr, "sandbox:", enterSandbox(file, os.Args[1:]))
		os.Exit(1)
	}
	syscall.Umask(0o022) // containers and users that are not ours read what is made here
	os.Exit(m.Run())
}

const (
	seccompAllow = 0x7fff0000
	seccompEPERM = 0x00050000 | uint32(syscall.EPERM)
)

// enterSandbox comes back only when it could not.
func enterSandbox(file string, program []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	filter := make([]bpf.RawInstruction, len(text)/8)
	if _, err := binary.Decode(text, binary.NativeEndian, filter); err != nil {
		return err
	}
	runtime.LockOSThread()
	p := struct {
		n      uint16
		filter *bpf.RawInstruction
	}{uint16(len(filter)), &filter[0]}
	const setSeccomp, byFilter = 22, 2
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setSeccomp, byFilter, uintptr(unsafe.Pointer(&p))); errno != 0 {
		return errno
	}
	return syscall.Exec(program[0], program, slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, sandboxFilter+"=") }))
}

// unitFilter writes the filter that the unit asks for: SystemCallFilter, RestrictAddressFamilies and MemoryDenyWriteExecute.
func unitFilter(t *testing.T) (file string) {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.+)$`).FindAllSubmatch(text, -1) {
		for _, group := range strings.Fields(string(m[2])) {
			for _, name := range members(t, group) {
				calls[name] = len(m[1]) == 0
			}
		}
	}
	for _, name := range members(t, "@default") {
		calls[name] = true
	}
	families := regexp.MustCompile(`(?m)^RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX$`)
	if !families.Match(text) || !bytes.Contains(text, []byte("\nMemoryDenyWriteExecute=yes\n")) {
		t.Fatal("the unit restricts address families and memory otherwise than this filter")
	}
	maps.DeleteFunc(calls, func(_ string, allowed bool) bool { return !allowed })
	raw, err := bpf.Assemble(filterOf(numbers(t), calls))
	if err != nil {
		t.Fatal(err)
	}
	out, err := binary.Append(nil, binary.NativeEndian, raw)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "filter")
	if err := os.WriteFile(file, out, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// members are the system calls of a group of systemd's, or the one that is named.
func members(t *testing.T, group string) (all []string) {
	t.Helper()
	if !strings.HasPrefix(group, "@") {
		return []string{group}
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "syscall-filter", "--no-pager", group).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(out), "\n")[1:] {
		switch name := strings.TrimSpace(line); {
		case name == "" || strings.HasPrefix(name, "#"):
		default:
			all = append(all, members(t, name)...)
		}
	}
	return all
}

// numbers are the system calls of this machine, as the Go project lists them.
func numbers(t *testing.T) map[string]uint32 {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+runtime.GOARCH+".go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]uint32{}
	for _, m := range regexp.MustCompile(`SYS_(\w+)\s+= (\d+)`).FindAllSubmatch(text, -1) {
		n, err := strconv.ParseUint(string(m[2]), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.ToLower(string(m[1]))] = uint32(n)
	}
	return all
}

// filterOf lets these calls through and refuses all others: sockets of other families, and memory that is written and run, as well.
func filterOf(number map[string]uint32, calls map[string]bool) (p []bpf.Instruction) {
	argument := func(n uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: 16 + 8*n, Size: 4} }
	allow, refuse := bpf.RetConstant{Val: seccompAllow}, bpf.RetConstant{Val: seccompEPERM}
	const writeAndRun, run = 6, 4
	special := map[string][]bpf.Instruction{
		"socket": {
			argument(0), bpf.JumpIf{Cond: bpf.JumpEqual, Val: syscall.AF_UNIX, SkipTrue: 3}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: syscall.AF_INET, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: syscall.AF_INET6, SkipTrue: 1}, refuse, allow,
		},
		"mmap":     {argument(2), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: writeAndRun}, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: writeAndRun, SkipTrue: 1}, refuse, allow},
		"mprotect": {argument(2), bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: run, SkipTrue: 1}, refuse, allow},
	}
	p = append(p, bpf.LoadAbsolute{Off: 0, Size: 4})
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		n, known := number[name]
		if !known || name == "pkey_mprotect" || name == "shmat" { // another architecture's; stricter than systemd
			continue
		}
		then := append(slices.Clone(special[name]), allow)
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: n, SkipTrue: uint8(len(then))})
		p = append(p, then...)
	}
	return append(p, refuse)
}
