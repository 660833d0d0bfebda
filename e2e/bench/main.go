// Program bench measures the product and prints one line a figure:
//
//	NAME VALUE UNIT (goal G; peer P V) ratio R
//
// A figure named on the command line is the only one that is printed; "waiting-*" names several. The peer is measured in the same run, in turns, because the machine may
// be busy with something else: where there is a peer, the ratio says more than the value. Nothing fails when a goal is missed: what a test
// holds must not depend on the machine.
//
// The program stands on the parts of package rig, which are made for tests; so each measurement is run as one.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"otpbridge/e2e/rig"
)

// figure is one result.
type figure struct {
	name  string
	value float64
	unit  string
	goal  string // "" = none: printed for whoever wants to know
	peer  string // "" = none
	other float64
}

func (f figure) String() string {
	var about []string
	if f.goal != "" {
		about = append(about, "goal "+f.goal)
	}
	if f.peer != "" {
		about = append(about, "peer "+f.peer+" "+number(f.other))
	}
	text := f.name + " " + number(f.value) + " " + f.unit
	if len(about) > 0 {
		text += " (" + strings.Join(about, "; ") + ")"
	}
	if f.other > 0 {
		text += " ratio " + number(f.value/f.other)
	}
	return text
}

// number writes three digits that count.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// measurement gives one or more figures.
type measurement struct {
	names []string
	run   func(t *testing.T) []figure
}

func measurements() []measurement {
	var bare held
	return []measurement{
		{[]string{"binary"}, binary},
		{[]string{"qr"}, qrCode},
		{[]string{"start"}, start},
		{[]string{"idle-memory"}, idleMemory},
		{[]string{"page-p99", "page-p50", "page-cpu"}, pagesOnBolt},
		{[]string{"page-p99-redis", "page-p50-redis", "page-cpu-redis"}, pagesOnRedis},
		{[]string{"swap-ratio", "swap"}, swap},
		{[]string{"swap-burst-done", "swap-burst"}, swapBurst},
		{[]string{"recovery-cpu", "recovery-cpu-ms"}, recoveryCPU},
		{waitingNames(""), func(t *testing.T) []figure { return waiting(t, 1, "", &bare) }},
		{waitingNames("-two"), func(t *testing.T) []figure { return waiting(t, 2, "-two", &bare) }},
	}
}

func main() {
	if role := os.Getenv(peerRole); role != "" {
		servePeer(role)
		return
	}
	testing.Init()
	flag.Parse()
	// A run that hangs ends, and so does all that it started.
	for name, value := range map[string]string{"test.parallel": "2", "test.timeout": "9m"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	rig.DefaultHashing()
	b := bench{out: os.Stdout, only: flag.Arg(0)}
	if !b.known() {
		fmt.Fprintf(os.Stderr, "bench: no figure %q; there are: %s\n", b.only, strings.Join(b.names(), " "))
		os.Exit(2)
	}
	os.Stdout = os.Stderr // what package testing says is no figure
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "bench", F: b.run}}, nil, nil)
}

type bench struct {
	out  io.Writer
	only string
}

func (b bench) names() (names []string) {
	for _, m := range measurements() {
		names = append(names, m.names...)
	}
	return names
}

func (b bench) known() bool { return slices.ContainsFunc(b.names(), b.wanted) }

func (b bench) wanted(name string) bool {
	matched, err := path.Match(b.only, name)
	return b.only == "" || (err == nil && matched)
}

// run measures one after the other: nothing else of ours uses the machine meanwhile.
func (b bench) run(t *testing.T) {
	t.Cleanup(func() {
		if err := rig.End(); err != nil {
			t.Error(err)
		}
	})
	for _, m := range measurements() {
		if !slices.ContainsFunc(m.names, b.wanted) {
			continue
		}
		t.Run(m.names[0], func(t *testing.T) {
			for _, f := range m.run(t) {
				if b.wanted(f.name) {
					fmt.Fprintln(b.out, f)
				}
			}
		})
	}
}
