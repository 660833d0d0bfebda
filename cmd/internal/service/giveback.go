package service

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// giveBackEvery is how often the process looks at what it could give back.
	giveBackEvery = 10 * time.Second
	// muchSpare is what is worth the look at everything that giving back costs: more than a process that serves a few people ever has.
	muchSpare = 16 << 20
	// calm is the most that is allocated between two looks while nobody is in a hurry.
	calm = 64 << 20
	// busy is what a process allocates between two looks that answers people, and one that nobody asks anything does not.
	busy = 8 << 20
	// room is what may be allocated between two collections while the process is busy. With the few megabytes that it holds they would come every
	// other page, and each wakes all processors.
	room = 64 << 20
)

// giveBack returns to the system what a rush needed and left, until ctx ends. When thousands of pages come at once they take twice the memory that
// they hold, and while they wait next to nothing is allocated, so that the collector would leave it so for hours. It also says how much may be allocated
// between two collections, unless the environment does (GOGC).
func giveBack(ctx context.Context) {
	before := readHeap()
	ours, hurry := before.pace == usualPace, false
	for sleep(ctx, giveBackEvery) {
		now := readHeap()
		used := now.allocated - before.allocated
		was := hurry
		if hurry = ours && used >= busy; hurry {
			debug.SetGCPercent(int(max(usualPace, room*100/max(now.live, 1<<20)))) //nolint:gosec // a few thousand at most
		} else if was {
			debug.SetGCPercent(usualPace)
		}
		if now.spare >= muchSpare && used < calm || was && !hurry {
			debug.FreeOSMemory()
		}
		before = now
	}
}

// usualPace is Go's own: what may be allocated until the next collection, in percent of what is in use.
const usualPace = 100

// heap is what the runtime says of itself, in bytes.
type heap struct {
	spare     uint64 // free and still held
	allocated uint64 // since the start
	live      uint64 // in use at the last collection
	pace      uint64 // see usualPace
}

func readHeap() heap {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/gogc:percent"}}
	metrics.Read(samples)
	return heap{samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(), samples[3].Value.Uint64()}
}
