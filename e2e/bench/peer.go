package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// peerRole, in the environment, makes this program a peer: a process of its own, as the product is one.
const peerRole = "BENCH_PEER"

// Roles of a peer.
const (
	peerListen = "listen" // fetches what a relying party needs, then listens
	peerPages  = "pages"  // a bare handler that writes the same bytes as the product's pages
	peerEvents = "events" // a bare handler that holds event streams
)

// peer is a peer's process.
type peer struct {
	addr string // host:port
	cmd  *exec.Cmd
}

// newPeer starts a peer and returns when it listens.
func newPeer(t *testing.T, role string, env ...string) *peer {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	p := &peer{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), self)}
	p.cmd.Env = append(append(os.Environ(), peerRole+"="+role), env...)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	t.Cleanup(p.stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	p.addr = strings.TrimSpace(line)
	return p
}

func (p *peer) pid() int { return p.cmd.Process.Pid }

func (p *peer) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may be gone already
	_ = p.cmd.Wait()         // says that it was killed
	p.cmd = nil
}

// servePeer is the peer's side.
func servePeer(role string) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /goroutines", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, runtime.NumGoroutine()) })
	switch role {
	case peerListen:
		if err := discover(os.Getenv("BENCH_ISSUER")); err != nil {
			log.Fatal(err)
		}
	case peerPages:
		pagesOf(mux, os.Getenv("BENCH_BODIES"))
	case peerEvents:
		(&eventPeer{waiting: map[string]chan struct{}{}}).routes(mux)
	}
	address := os.Getenv("BENCH_ADDR")
	if address == "" {
		address = "127.0.0.1:0"
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stdout, l.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(l))
}

// discover fetches the discovery document and the key set.
func discover(issuer string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	text, err := fetch(ctx, issuer+"/.well-known/openid-configuration")
	if err != nil {
		return err
	}
	var found struct {
		Keys string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return err
	}
	_, err = fetch(ctx, found.Keys)
	return err
}

// pagesOf serves the files of a directory, each as the page of its name.
func pagesOf(mux *http.ServeMux, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			log.Fatal(err)
		}
		mux.HandleFunc("GET /"+e.Name(), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body) // whoever has gone needs no answer
		})
	}
}

// eventPeer holds one stream a page, each known by its number.
type eventPeer struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

func (e *eventPeer) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /events/{page}", e.events)
	mux.HandleFunc("POST /move/{page}", e.move)
}

func (e *eventPeer) channel(page string) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting[page] == nil {
		e.waiting[page] = make(chan struct{}, 1)
	}
	return e.waiting[page]
}

func (e *eventPeer) move(_ http.ResponseWriter, r *http.Request) {
	e.channel(r.PathValue("page")) <- struct{}{}
}

func (e *eventPeer) events(w http.ResponseWriter, r *http.Request) {
	moved := e.channel(r.PathValue("page"))
	beat := time.NewTicker(25 * time.Second)
	defer beat.Stop()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	rc := http.NewResponseController(w)
	say := func(text string) bool {
		_, err := io.WriteString(w, text)
		return err == nil && rc.Flush() == nil
	}
	for going := say("event: step\ndata: call\n\n"); going; {
		select {
		case <-r.Context().Done():
			return
		case <-moved:
			going = say("event: step\ndata: enrol\n\n")
		case <-beat.C:
			going = say(": alive\n\n")
		}
	}
}
