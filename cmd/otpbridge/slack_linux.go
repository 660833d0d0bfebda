package main

import (
	"os"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// slack is how much later than asked for the kernel may wake this process, nanoseconds (prctl(2), PR_SET_TIMERSLACK; its own default is a twentieth of that).
//
// While one thread waits for the disk Go's scheduler looks every few dozen microseconds whether somebody needs the processor that waits with it: a fifth
// of the processor time of a recovery. Nothing here is in a hurry of less than a millisecond.
const slack = 1_000_000

// slackSet says in the environment, with whatever value, that it was set, or could not be kept: it is done once.
const slackSet = "TIMERSLACK_NSEC"

// loosen gives `serve` that slack. It is a property of a thread that those it begins inherit, and Go's scheduler has begun its own before any line of
// ours: so the program is executed anew, as the same process. Where that is not possible, or the unit has set it (TimerSlackNSec=), all stays as it is.
func loosen() {
	if _, set := os.LookupEnv(slackSet); set || !slices.Contains(os.Args[1:], "serve") {
		return
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || now >= slack || unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0) != nil {
		return
	}
	_ = unix.Exec(program, os.Args, append(os.Environ(), slackSet+"="+strconv.Itoa(slack))) // comes back only where it failed
}
