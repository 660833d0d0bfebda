package service

import (
	"testing"

	"otpbridge/bridge/store"
)

// Recovery codes are switched off by the configuration, and by nothing else here: whether the realm asks for them is found out.
func TestRecoveryCodesAreSwitchedOffByConfiguration(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		s := &service{store: &store.Store{}}
		s.cfg.Recovery.Codes = on
		if got := s.newFlow().TakesCodes != nil; got != on {
			t.Errorf("recovery.codes %v: made here: %v", on, got)
		}
	}
}
