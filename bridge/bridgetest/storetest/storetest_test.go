package storetest

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The embedded store (STO-01, STO-12).
func TestContractOnBolt(t *testing.T) { Run(t, Bolt) }

// One real server (STO-01, STO-12).
func TestContractOnRedis(t *testing.T) {
	Run(t, func(t *testing.T) World { return OnRedis(t, StartRedis(t)) })
}
