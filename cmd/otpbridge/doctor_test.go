package main

import (
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/doctor"
)

// OPS-09, INV-6: the doctor is content when it looked and found nothing, and with what nobody shows it; never when it got no answer.
func TestDoctorIsNotContentWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	unchecked := func(why string) doctor.Result {
		return doctor.Result{Check: "rights", Unchecked: &bridge.Unchecked{Why: why}}
	}
	found := func(id bridge.FindingID) doctor.Result {
		return doctor.Result{Check: "clock", Findings: []bridge.Finding{bridge.Found(id, "")}}
	}
	for name, x := range map[string]struct {
		result doctor.Result
		says   string
	}{
		"passed":           {doctor.Result{Check: "flow"}, ""},
		"worth knowing":    {found(bridge.FindCodesUnused), ""},
		"a right missing":  {unchecked(bridge.UncheckedRights), ""},
		"nobody can read":  {unchecked(bridge.UncheckedUnknown), ""},
		"a finding":        {found(bridge.FindClockOff), "1 findings"},
		"no usable answer": {unchecked(bridge.UncheckedAnswer), "0 findings, 1 checks got no answer"},
		"not in time":      {unchecked(bridge.UncheckedTime), "0 findings, 1 checks got no answer"},
	} {
		said := ""
		if err := verdict(doctor.Report{Results: []doctor.Result{{Check: "store"}, x.result}}, "en"); err != nil {
			said = err.Error()
		}
		if said != x.says {
			t.Errorf("%s: says %q, want %q", name, said, x.says)
		}
	}
}
