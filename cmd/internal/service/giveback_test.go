package service

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// rush uses memory and leaves it.
func rush(size int) {
	parts := make([][]byte, 0, size>>16)
	for range cap(parts) {
		parts = append(parts, make([]byte, 1<<16))
	}
	runtime.KeepAlive(parts)
}

// The figure waiting-memory: what a rush has left is given back once nobody is in a hurry, and not in its midst.
func TestWhatARushLeavesIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go giveBack(ctx)
		synctest.Wait()
		if m := readHeap(); m.pace != usualPace {
			t.Fatalf("the environment says how often to collect: %d", m.pace)
		}
		rush(4 * calm)
		runtime.GC()
		time.Sleep(giveBackEvery)
		synctest.Wait()
		if m := readHeap(); m.spare < muchSpare {
			t.Errorf("%d MB spare in the midst of a rush: it was given back, or was never there", m.spare>>20)
		} else if m.pace*m.live/100 > room || m.pace <= usualPace {
			t.Errorf("in the midst of a rush %d%% of %d MB may be allocated until the next collection", m.pace, m.live>>20)
		}
		time.Sleep(giveBackEvery)
		synctest.Wait()
		if m := readHeap(); m.spare >= muchSpare {
			t.Errorf("%d MB spare after a rush", m.spare>>20)
		} else if m.pace != usualPace {
			t.Errorf("after a rush %d%% may be allocated until the next collection", m.pace)
		}
	})
}
