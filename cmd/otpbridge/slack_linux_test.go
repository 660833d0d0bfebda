package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The process that serves may be woken a millisecond late, in every thread; it is the one that was started, with the same command line, and it sets that once.
func TestServeIsInNoHurry(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "", nil)
	s.serving()
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	process := fmt.Sprintf("/proc/%d", s.cmd.Process.Pid)
	threads, err := filepath.Glob(process + "/task/*")
	if err != nil || len(threads) < 3 {
		t.Fatalf("%v, %v", threads, err)
	}
	for _, thread := range threads {
		if got := read("/proc/" + filepath.Base(thread) + "/timerslack_ns"); got != fmt.Sprintln(slack) {
			t.Errorf("%s: %s", thread, got)
		}
	}
	if got, want := read(process+"/cmdline"), strings.Join(s.cmd.Args, "\x00")+"\x00"; got != want {
		t.Errorf("%q in the place of %q", got, want)
	}
	if got := strings.Count(read(process+"/environ"), slackSet+"="); got != 1 {
		t.Errorf("%d times in its environment", got)
	}
}

// Where it was set, or tried, before, the program is not executed once more: whatever the value, and also none.
func TestSlackIsSetOnce(t *testing.T) {
	for _, value := range []string{"50000", ""} {
		t.Setenv(slackSet, value)
		s := serveProcess(t, "", nil)
		s.serving()
		got, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", s.cmd.Process.Pid))
		if err != nil || string(got) == fmt.Sprintln(slack) {
			t.Errorf("%q: %s, %v", value, got, err)
		}
	}
}
