package totp

import (
	"fmt"
	"strconv"
	"strings"

	"rsc.io/qr"

	"otpbridge/bridge"
)

const (
	quiet  = 4 // modules of white around the code
	module = 4 // CSS pixels of one module
)

// SVG returns a QR code of text as an inline SVG element: one dark path on a white ground that holds the quiet zone too, so that it reads in
// dark mode as well. It has no text alternative; the page names the element around it. CodeInternal: more than MaxURI bytes.
func SVG(text string) (string, error) {
	if len(text) > MaxURI {
		return "", bridge.Fault(bridge.CodeInternal, fmt.Sprintf("QR code: %d bytes", len(text)), nil)
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", bridge.Fault(bridge.CodeInternal, "QR code", err)
	}
	side := code.Size + 2*quiet
	var b strings.Builder
	b.Grow(16 << 10)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" shape-rendering="crispEdges">`,
		side*module, side*module, side, side)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`, side, side)
	for y := range code.Size {
		writeRow(&b, code, y)
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}

// writeRow draws the dark runs of one row as rectangles.
func writeRow(b *strings.Builder, code *qr.Code, y int) {
	for x := 0; x < code.Size; x++ {
		start := x
		for x < code.Size && code.Black(x, y) {
			x++
		}
		if n := strconv.Itoa(x - start); x > start {
			b.WriteString("M" + strconv.Itoa(start+quiet) + " " + strconv.Itoa(y+quiet) + "h" + n + "v1h-" + n + "z")
		}
	}
}
