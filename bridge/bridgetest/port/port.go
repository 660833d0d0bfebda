// Package port keeps a port on loopback for a server of a test that begins late, ends and begins again: in between nobody else gets it, neither a
// server nor an outgoing connection, which the kernel gives any port that is free.
package port

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// Kept is a port that is kept until it is given back. A server listens on it all the same, if it asks for the reuse of addresses, as Go and Redis do.
type Kept struct {
	Address string // 127.0.0.1:port
	socket  int
	given   sync.Once
}

// Keep takes a free port: its socket is bound and never listens.
func Keep() (*Kept, error) {
	syscall.ForkLock.RLock() // no child gets the socket
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("keep a port: %w", err)
	}
	k := &Kept{socket: socket}
	if err := k.bind(); err != nil {
		return nil, errors.Join(fmt.Errorf("keep a port: %w", err), k.Close())
	}
	return k, nil
}

func (k *Kept) bind() error {
	if err := syscall.SetsockoptInt(k.socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := syscall.Bind(k.socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	bound, err := syscall.Getsockname(k.socket)
	if err != nil {
		return err
	}
	own, ok := bound.(*syscall.SockaddrInet4)
	if !ok {
		return fmt.Errorf("bound to %v", bound)
	}
	k.Address = fmt.Sprintf("127.0.0.1:%d", own.Port)
	return nil
}

// Close gives the port back, once.
func (k *Kept) Close() (err error) {
	k.given.Do(func() { err = syscall.Close(k.socket) })
	return err
}
