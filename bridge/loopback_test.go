package bridge_test

import (
	"testing"

	"otpbridge/bridge"
)

func TestOnlyThisMachineIsLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.8.9.10": true, "::1": true,
		"": false, "localhost.example.org": false, "127.0.0.1.example.org": false, "10.0.0.1": false, "::": false, "0.0.0.0": false, "2130706433": false,
	} {
		if bridge.Loopback(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}
