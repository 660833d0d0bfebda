package rig

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// moreAtWork is how many more tests than atWork may be under way, half as many with browsers, on a machine that has nothing to do otherwise.
const moreAtWork = 4

// watchLoad lets more tests work while the machine is idle, since those that are under way wait for answers and clocks, and fewer again when it has enough to do.
// Where the kernel does not say how much that is, it stays at the least.
func watchLoad() {
	busy, all, more := 0, 0, 0
	for range time.Tick(2 * time.Second) {
		text, err := os.ReadFile("/proc/stat")
		if err != nil {
			return
		}
		wasBusy, wasAll := busy, all
		if busy, all = jiffies(string(text)); wasAll == 0 || all == wasAll {
			continue
		}
		next := room(more, (busy-wasBusy)*100/(all-wasAll), turns.full() || desks.full())
		turns.add(next - more)
		desks.add(next/2 - more/2)
		more = next
	}
}

// room is how many more tests may work after the machine was busy for so many percent of the time. Where there is a place, nobody needs another one: many that
// begin at the same moment are in each other's way.
func room(more, busy int, full bool) int {
	const little, enough = 65, 85
	switch {
	case busy < little && full:
		return min(more+1, moreAtWork)
	case busy > enough:
		return max(more-1, 0)
	}
	return more
}

// jiffies are the times that all processors together have worked, and those that have passed, as the first line of /proc/stat has them.
func jiffies(stat string) (busy, all int) {
	var spent [8]int
	line, _, _ := strings.Cut(stat, "\n")
	_, _ = fmt.Sscanf(line, "cpu %d %d %d %d %d %d %d %d", // what is missing is zero
		&spent[0], &spent[1], &spent[2], &spent[3], &spent[4], &spent[5], &spent[6], &spent[7])
	for i, n := range spent {
		all += n
		if i != 3 && i != 4 { // idle, and waiting for a disk
			busy += n
		}
	}
	return busy, all
}
