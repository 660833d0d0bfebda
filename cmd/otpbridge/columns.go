package main

import (
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// columns are lines of cells that stand below one another on a terminal, where a Japanese character takes two places: text/tabwriter counts characters.
type columns struct{ lines [][]string }

func (t *columns) row(cells ...string) { t.lines = append(t.lines, cells) }

// write pads every cell but the last of its line.
func (t *columns) write(out io.Writer) error {
	var wide []int
	for _, line := range t.lines {
		for i, cell := range line {
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], places(cell))
		}
	}
	var b strings.Builder
	for _, line := range t.lines {
		for i, cell := range line {
			b.WriteString(cell)
			if i < len(line)-1 {
				b.WriteString(strings.Repeat(" ", wide[i]-places(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// places is how many places of a terminal a text takes.
func places(text string) (n int) {
	for _, r := range text {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
