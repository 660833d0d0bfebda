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
)

// giveBack returns to the system what a rush needed and left, until ctx ends. When thousands of pages come at once they take twice the memory that
// they hold, and while they wait next to nothing is allocated, so that the collector would leave it so for hours.
func giveBack(ctx context.Context) {
	before := readHeap()
	for sleep(ctx, giveBackEvery) {
		now := readHeap()
		if now.spare >= muchSpare && now.allocated-before.allocated < calm {
			debug.FreeOSMemory()
		}
		before = now
	}
}

// heap is what the runtime says of itself, in bytes.
type heap struct {
	spare     uint64 // free and still held
	allocated uint64 // since the start
}

func readHeap() heap {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	return heap{samples[0].Value.Uint64(), samples[1].Value.Uint64()}
}
