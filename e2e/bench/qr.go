package main

import (
	"image/png"
	"io"
	"testing"
	"time"

	"github.com/boombuler/barcode"
	peerqr "github.com/boombuler/barcode/qr"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/realm"
	"otpbridge/bridge/totp"
)

// qrCode is the time to make the picture that a page carries, in turns with the library that most programs take, which makes a PNG file.
func qrCode(t *testing.T) []figure {
	t.Helper()
	uri, err := totp.URI(totp.Entry{
		Issuer: "Example", Account: "alice", Secret: bridge.Secret(realm.Secret("alice")), OTP: bridge.OTPPolicy{Algorithm: "SHA1", Digits: 6, Period: 30},
	})
	must(t, err)
	const rounds = 400
	var ours, theirs []time.Duration
	for range rounds {
		began := time.Now()
		_, err := totp.SVG(uri)
		must(t, err)
		ours = append(ours, time.Since(began))
		began = time.Now()
		must(t, boombuler(uri))
		theirs = append(theirs, time.Since(began))
	}
	return []figure{{
		name: "qr", value: millis(quantile(ours, .5)), unit: "ms", goal: "0.5", peer: "boombuler/barcode", other: millis(quantile(theirs, .5)),
	}}
}

func boombuler(text string) error {
	code, err := peerqr.Encode(text, peerqr.M, peerqr.Auto)
	if err != nil {
		return err
	}
	const side = 200
	if code, err = barcode.Scale(code, side, side); err != nil {
		return err
	}
	return png.Encode(io.Discard, code)
}
