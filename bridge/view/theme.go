package view

import (
	"fmt"
	"math"
	"strconv"
)

// rgb is a colour with parts from 0 to 1.
type rgb [3]float64

var (
	white      = rgb{1, 1, 1}
	black      = rgb{0, 0, 0}
	lightPaper = hexColour("#f3f5f7") // --bg and --surface of style.css
	darkPaper  = hexColour("#181f27")
)

// readable is the contrast that text needs (WCAG 1.4.3).
const readable = 4.5

// theme is the style sheet that carries the university's accent into both colour schemes. Tones that could not be read on the
// style sheet's papers are darkened, in the dark scheme lightened, until they can.
func theme(accent string) string {
	if accent == "" {
		return "/* no accent configured */\n"
	}
	a := hexColour(accent)
	soft := a.mix(white, 0.9)
	light := a.towards(black, func(c rgb) bool {
		return contrast(c, lightPaper) >= readable && contrast(c, soft) >= readable && contrast(c, white) >= readable
	})
	darkSoft := a.mix(darkPaper, 0.8)
	dark := a.towards(white, func(c rgb) bool {
		return contrast(c, darkPaper) >= readable && contrast(c, darkSoft) >= readable
	})
	on := dark.towardsInk()
	return fmt.Sprintf(":root{--accent:%s;--on:#ffffff;--press:%s;--soft:%s}\n"+
		"@media (prefers-color-scheme:dark){:root{--accent:%s;--on:%s;--press:%s;--soft:%s}}\n",
		light, light.mix(black, 0.25), soft, dark, on, dark.mix(white, 0.3), darkSoft)
}

// hexColour reads #rrggbb, which Site.check has looked at.
func hexColour(s string) rgb {
	var c rgb
	for i := range c {
		n, err := strconv.ParseUint(s[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return rgb{}
		}
		c[i] = float64(n) / 255
	}
	return c
}

// String writes #rrggbb.
func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0]*255)), int(math.Round(c[1]*255)), int(math.Round(c[2]*255)))
}

// mix returns c with the given share of other.
func (c rgb) mix(other rgb, share float64) rgb {
	var out rgb
	for i := range out {
		out[i] = c[i]*(1-share) + other[i]*share
	}
	return hexColour(out.String()) // what will be shown, not what was computed
}

// towards mixes in as little of end as makes the colour good.
func (c rgb) towards(end rgb, good func(rgb) bool) rgb {
	for share := 0.0; share < 1; share += 0.02 {
		if m := c.mix(end, share); good(m) {
			return m
		}
	}
	return end
}

// towardsInk is a dark tone of the colour for words upon it.
func (c rgb) towardsInk() rgb {
	return c.mix(black, 0.75).towards(black, func(ink rgb) bool { return contrast(ink, c) >= readable })
}

// luminance as WCAG 2 defines it.
func (c rgb) luminance() float64 {
	var l [3]float64
	for i, v := range c {
		if v <= 0.04045 {
			l[i] = v / 12.92
			continue
		}
		l[i] = math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}
