package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"otpbridge/bridge"
)

// clientAddress returns the address of the browser. X-Forwarded-For is believed from the right, as long as the hop that added it is a
// trusted proxy; whatever else is in the header is ignored.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !within(addr, trusted) {
			break
		}
		next, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break
		}
		addr = next
	}
	return addr
}

// parseHop reads one element of X-Forwarded-For; some proxies add the port.
func parseHop(hop string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(hop); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	if pair, err := netip.ParseAddrPort(hop); err == nil {
		return pair.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// bucket is the address as limits see it: IPv6 by /64, since one household owns that much.
func bucket(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// named is a sign in a User-Agent header and the name that people know. The first one that is found counts.
type named struct{ sign, name string }

var (
	browsers = []named{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []named{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// origin says where a request comes from, in words for people.
func origin(r *http.Request, addr netip.Addr, campus []netip.Prefix) bridge.Origin {
	agent := r.UserAgent()
	return bridge.Origin{Browser: find(browsers, agent), System: find(systems, agent), Campus: within(addr, campus)}
}

func find(list []named, agent string) string {
	i := slices.IndexFunc(list, func(n named) bool { return strings.Contains(agent, n.sign) })
	if i < 0 {
		return ""
	}
	return list[i].name
}
