package web

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"otpbridge/bridge"
)

// Names is which user names a client address typed lately, as hashes, and when each was first typed.
type Names struct {
	First map[string]time.Time
}

const (
	newNamesSpan  = time.Hour
	limitNewNames = "new-names"
)

// countName counts a name against the address that typed it. A name that is known already costs nothing. The one that is refused stands on no record: it may be a
// password that somebody typed there.
func (s *Server) countName(ctx context.Context, address, name string) error {
	most := bridge.NewNames
	host, _, _ := strings.Cut(address, "/") // of IPv6, a network stands for each of its hosts
	if addr, err := netip.ParseAddr(host); err == nil && within(addr, s.Campus) {
		most = bridge.CampusNames
	}
	_, err := s.Names.Update(ctx, bridge.Secret(address).Hash(), newNamesSpan, func(old Names, _ bool) (Names, error) {
		return old.with(bridge.Secret(address+"\n"+name).Hash(), most, s.Now())
	})
	if bridge.CodeOf(err) == bridge.CodeTooMany {
		s.Flow.OverLimit(ctx, "", "", limitNewNames)
	}
	return err
}

// with returns the names with one more. CodeTooMany, with the time when the oldest one is forgotten: there are as many as may be.
func (n Names) with(name string, most int, now time.Time) (Names, error) {
	kept := map[string]time.Time{}
	oldest := now
	for h, first := range n.First {
		if now.Sub(first) < newNamesSpan {
			kept[h] = first
			if first.Before(oldest) {
				oldest = first
			}
		}
	}
	if _, known := kept[name]; !known {
		if len(kept) >= most {
			return n, &bridge.Error{Code: bridge.CodeTooMany, Op: "names", Until: oldest.Add(newNamesSpan)}
		}
		kept[name] = now
	}
	return Names{First: kept}, nil
}

// forgetName takes a name off again: the person behind it signed in.
func (s *Server) forgetName(ctx context.Context, address, name string) {
	_, err := s.Names.Update(ctx, bridge.Secret(address).Hash(), newNamesSpan, func(old Names, _ bool) (Names, error) {
		kept := map[string]time.Time{}
		for h, first := range old.First {
			if h != bridge.Secret(address+"\n"+name).Hash() {
				kept[h] = first
			}
		}
		return Names{First: kept}, nil
	})
	if err != nil {
		s.Log.WarnContext(ctx, "a name stays counted for an hour", "err", err)
	}
}
