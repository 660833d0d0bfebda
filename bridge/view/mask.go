package view

import "otpbridge/bridge"

// MaskAddress is bridge.MaskAddress of an address as it may be shown.
func MaskAddress(address string) string { return bridge.MaskAddress(clean(address)) }

// MaskValue hides a value but for its last two signs: "•••12". A short one is hidden whole. The number of dots says nothing about the length.
func MaskValue(value string) string {
	signs := []rune(clean(value))
	if len(signs) < 6 {
		return "•••"
	}
	return "•••" + string(signs[len(signs)-2:])
}
