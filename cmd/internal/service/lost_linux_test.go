package service

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// HD-10: every connection to the pages ends by itself when its network has died: a page in a dead line would keep its place for a quarter of an hour.
func TestConnectionsOfADeadNetworkEnd(t *testing.T) {
	t.Parallel()
	s := &service{}
	s.cfg.Listen, s.cfg.AdminListen, s.cfg.ControlSocket = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()+"/control"
	listeners, err := s.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, l := range listeners {
			_ = l.Close() // the test is over
		}
	})
	var d net.Dialer
	browser, err := d.DialContext(t.Context(), "tcp", listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = browser.Close() }() // as above
	conn, err := listeners[0].Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // as above
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("%T", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	if err := raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); err != nil || got == 0 {
		t.Fatalf("%d, %v", got, err)
	}
	if after := time.Duration(got) * time.Millisecond; after < 30*time.Second || after > time.Minute {
		t.Errorf("a dead connection lives for %v", after)
	}
}
