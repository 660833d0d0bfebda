package bridge

import (
	"net/netip"
	"strings"
)

// Loopback tells whether a host is this machine: only there may something go unprotected.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
