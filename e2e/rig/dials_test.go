package rig

import (
	"net"
	"os/exec"
	"strconv"
	"testing"
)

// What a process and its children call is in the log, answered or not, over each protocol, and its exit code is its own.
func TestDialsOfAProcess(t *testing.T) {
	t.Parallel()
	l, _ := listen(t)
	t.Cleanup(func() { closing(t, l.Close) })
	_, open, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	shut := strconv.Itoa(FreePort(t))
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `exec 4<>/dev/tcp/127.0.0.1/$0; (exec 4<>/dev/tcp/127.0.0.1/$1); echo >/dev/udp/127.0.0.1/$1; exit 7`, open, shut)
	d := StartWatched(t, cmd)
	_ = cmd.Wait() // its code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d", code)
	}
	called := d.Calls()
	for _, address := range []string{"tcp 127.0.0.1:" + open, "tcp 127.0.0.1:" + shut, "udp 127.0.0.1:" + shut} {
		if called[address] != 1 {
			t.Errorf("%s is not in %v", address, called)
		}
	}
}

// A process that is killed was watched to its end: what it called just before is in the log.
func TestDialsOfAKilledProcess(t *testing.T) {
	t.Parallel()
	shut := strconv.Itoa(FreePort(t))
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `(exec 4<>/dev/tcp/127.0.0.1/$0); kill -9 $$`, shut)
	d := StartWatched(t, cmd)
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Errorf("ended with %v", err)
	}
	if called := d.Calls(); called["tcp 127.0.0.1:"+shut] != 1 { // bash may ask a name service, too: who am I?
		t.Errorf("%v", called)
	}
}

func TestCalledIn(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`77    connect(9<TCP:[81]>, {sa_family=AF_INET, sin_port=htons(587), sin_addr=inet_addr("192.0.2.7")}, 16) = -1 EINPROGRESS (Operation now in progress)`:                                "tcp 192.0.2.7:587",
		`77777 connect(9<TCPv6:[81]>, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::7", &sin6_addr), sin6_scope_id=0}, 28 <unfinished ...>`: "tcp [2001:db8::7]:443",
		`7 sendto(5<UDP:[8]>, ""..., 33, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.53")}, 16) = 33`:                                                                "udp 192.0.2.53:53",
		`7 sendmsg(5<UDPv6:[8]>, {msg_name={sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, msg_namelen=28}, 0) = 1`: "udp [::1]:53",
		`7 connect(4<UNIX-STREAM:[9]>, {sa_family=AF_UNIX, sun_path="/run/x.sock"}, 14) = 0`:                                                                                                    "unix /run/x.sock",
		`7 connect(4<UNIX-DGRAM:[9]>, {sa_family=AF_UNIX, sun_path=@"hidden"}, 9) = 0`:                                                                                                          "unix @hidden",
		`7 sendto(5<UDP:[127.0.0.1:5->127.0.0.1:53]>, ""..., 33, MSG_NOSIGNAL, NULL, 0) = 33`:                                                                                                   "",
		`7 <... connect resumed>)                = 0`: "",
		`7 +++ exited with 0 +++`:                     "",
		`7 connect(4<socket:[9]>, {sa_family=AF_VSOCK, svm_cid=VMADDR_CID_HOST, svm_port=0x50}, 16) = 0`: `7 connect(4<socket:[9]>, {sa_family=AF_VSOCK, svm_cid=VMADDR_CID_HOST, svm_port=0x50}, 16) = 0`,
		`7 io_uring_setup(8, 0xc000) = 4`: `7 io_uring_setup(8, 0xc000) = 4`,
	} {
		if got := calledIn(line); got != want {
			t.Errorf("%s\ngot %q, want %q", line, got, want)
		}
	}
}
