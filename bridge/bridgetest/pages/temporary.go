package pages

import (
	"otpbridge/bridge"
	"otpbridge/bridge/view"
)

func temporarySamples(f view.Frame, word string) []Sample {
	f.Path = "/temporary"
	to := word + "@example.com"
	sent := view.TemporarySent{Frame: f, Address: to, Until: At(38, 5)}
	making, delayed := sent, sent
	making.Making, delayed.Delayed = true, true
	out := []Sample{
		{"temporary", view.Temporary{Frame: f, Address: to}},
		{"temporary-unsent", view.Temporary{Frame: f, Address: to, Unsent: true}},
		{"temporary-sent", sent}, {"temporary-making", making}, {"temporary-delayed", delayed},
		{"temporary-used", view.TemporaryUsed{Frame: f, Used: At(14, 11), Until: At(38, 5)}},
		{"temporary-ended", view.TemporaryEnded{Frame: f}},
		{"temporary-none-limit", view.TemporaryNone{Frame: f, Code: bridge.CodeTooMany, Until: At(38, 5)}},
	}
	shown := view.TemporaryShown{Frame: f, Code: "48291735", ShownTo: At(14, 15), Until: At(38, 5)}
	out = append(out, Sample{"temporary-unshown", view.Temporary{Frame: f, Address: to, Unshown: true, Phone: true}},
		Sample{"temporary-phone", view.TemporaryNone{Frame: f, Code: bridge.CodeNoAddress, Phone: true, Unshown: true}},
		Sample{"temporary-ready", view.TemporaryReady{Frame: f, Until: At(14, 15)}},
		Sample{"temporary-failed", view.TemporaryReady{Frame: f, Until: At(14, 15), Failed: true}},
		Sample{"temporary-shown", shown}, Sample{"temporary-kept", view.TemporarySent{Frame: f, Until: At(38, 5)}})
	for _, code := range []bridge.Code{bridge.CodeNoAddress, bridge.CodeNoAuthenticator, bridge.CodePasswordRecent, bridge.CodeDeskOnly, bridge.CodeTooLate} {
		out = append(out, Sample{"temporary-none-" + string(code), view.TemporaryNone{Frame: f, Code: code}})
	}
	return out
}
