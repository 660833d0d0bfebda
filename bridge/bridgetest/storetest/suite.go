package storetest

import "testing"

// Run holds a store to its contract; open returns a new, empty world for every case (STO-01).
func Run(t *testing.T, open func(t *testing.T) World) {
	cases := []struct {
		name string
		test func(*testing.T, World)
	}{
		{"Conditions", testConditions},
		{"BadArguments", testBadArguments},
		{"Expiry", testExpiry},
		{"Races", testRaces},
		{"NoLostUpdate", testNoLostUpdate},
		{"Broken", testBroken},
		{"Cancelled", testCancelled},
		{"Restart", testRestart},
		{"Sealed", testSealed},
		{"Dump", testDump},
		{"Watch", testWatch},
		{"WatchJobs", testWatchJobs},
		{"WatchMany", testWatchMany},
		{"Closed", testClosed},
		{"JobOrder", testJobOrder},
		{"Fencing", testFencing},
		{"Replaced", testReplaced},
		{"Parked", testParked},
		{"ThousandJobs", testThousandJobs},
		{"Limits", testLimits},
		{"UsesTogether", testUsesTogether},
		{"Counter", testCounter},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}
