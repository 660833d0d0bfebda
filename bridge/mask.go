package bridge

import (
	"strings"
	"unicode/utf8"
)

// MaskAddress hides the local part of a mail address but for its first sign: "h•••@example.com". A string that is no address is
// hidden whole. The number of dots says nothing about the length.
func MaskAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 {
		return "•••"
	}
	first, size := utf8.DecodeRuneInString(address)
	if first == '"' || size >= at { // a quoted local part; a local part of one sign would be shown whole
		return "•••" + address[at:]
	}
	return string(first) + "•••" + address[at:]
}
