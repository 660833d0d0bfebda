package service

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"otpbridge/bridge/view"
)

// lostAfter is how long what was sent to a browser may stay unanswered before its connection is over: as long as a live page waits for a sign of
// life. Without it the system goes on for a quarter of an hour, and the dead line keeps its place among those of its session.
const lostAfter = 2 * view.LiveBeat

// endLost makes a listener's connections end when the network between has died without a word.
func endLost(_, _ string, c syscall.RawConn) error {
	var err error
	return errors.Join(c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(lostAfter/time.Millisecond))
	}), err)
}
