package totp_test

import (
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rsc.io/qr"

	"otpbridge/bridge"
	"otpbridge/bridge/totp"
)

type drawing struct {
	Width   int    `xml:"width,attr"`
	Height  int    `xml:"height,attr"`
	ViewBox string `xml:"viewBox,attr"`
	Rects   []struct {
		Width int    `xml:"width,attr"`
		Fill  string `xml:"fill,attr"`
	} `xml:"rect"`
	Paths []struct {
		Fill string `xml:"fill,attr"`
		D    string `xml:"d,attr"`
	} `xml:"path"`
}

var run = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// paint fills the modules that the path draws; it fails when the path holds anything else.
func paint(t *testing.T, d string, side int) [][]bool {
	t.Helper()
	if rest := run.ReplaceAllString(d, ""); rest != "" {
		t.Fatalf("the path holds %q too", rest)
	}
	grid := make([][]bool, side)
	for i := range grid {
		grid[i] = make([]bool, side)
	}
	for _, m := range run.FindAllStringSubmatch(d, -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		n, _ := strconv.Atoi(m[3])
		if m[3] != m[4] {
			t.Fatalf("crooked run %s", m[0])
		}
		for i := range n {
			grid[y][x+i] = true
		}
	}
	return grid
}

// ENR-04, ENR-05: the drawing is the code, module for module, with four modules of white around it, and loads nothing.
func TestSVGDrawsTheCodeOnWhite(t *testing.T) {
	t.Parallel()
	for _, size := range []int{20, 130, 300, totp.MaxURI} {
		text := strings.Repeat("o", size)
		svg, err := totp.SVG(text)
		if err != nil {
			t.Fatal(err)
		}
		var d drawing
		if err := xml.Unmarshal([]byte(svg), &d); err != nil {
			t.Fatal(err)
		}
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		side := code.Size + 8
		if code.Size > 77 || d.Width < 4*side || d.Height != d.Width || d.ViewBox != "0 0 "+strconv.Itoa(side)+" "+strconv.Itoa(side) {
			t.Errorf("%d bytes: %d modules, %d px wide, view box %q", size, code.Size, d.Width, d.ViewBox)
		}
		if len(d.Rects) != 1 || d.Rects[0].Fill != "#fff" || d.Rects[0].Width != side || len(d.Paths) != 1 || d.Paths[0].Fill != "#000" {
			t.Fatalf("not one dark path on one white ground: %+v", d.Rects)
		}
		grid := paint(t, d.Paths[0].D, side)
		for y := range side {
			for x := range side {
				if grid[y][x] != code.Black(x-4, y-4) {
					t.Fatalf("module %d,%d differs", x, y)
				}
			}
		}
		if strings.Contains(svg, "href") || strings.Contains(svg, "style") {
			t.Error("the drawing refers to something")
		}
	}
	if _, err := totp.SVG(strings.Repeat("o", totp.MaxURI+1)); bridge.CodeOf(err) != bridge.CodeInternal {
		t.Errorf("too long: %v", err)
	}
}

func BenchmarkQR(b *testing.B) {
	uri, err := totp.URI(totp.Entry{Issuer: "Example", Account: "a0123456", Secret: totp.Authenticator{}.NewKey(), OTP: common})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := totp.SVG(uri); err != nil {
			b.Fatal(err)
		}
	}
}
