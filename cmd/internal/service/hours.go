package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"otpbridge/bridge/view"
)

// week is when the help desk's telephone is answered: the same every week, holidays excepted.
type week struct {
	days     [7][]hours // by time.Weekday
	holidays []string   // dates like 2026-11-03
	zone     *time.Location
}

// hours is one span of a day, in minutes after midnight by the clock on the wall.
type hours struct{ from, to int }

// farthest is how many days ahead an opening is looked for: longer than any holidays.
const farthest = 60

// newWeek reads hours like "Mon-Fri 09:00-17:00". Without any nothing is known.
func newWeek(lines, holidays []string, zone *time.Location) (week, error) {
	w := week{holidays: holidays, zone: zone}
	for _, line := range lines {
		days, clock, _ := strings.Cut(line, " ")
		first, last, ranged := strings.Cut(days, "-")
		if !ranged {
			last = first
		}
		var span hours
		begin, end := weekday(first), weekday(last)
		var h [4]int
		if n, err := fmt.Sscanf(clock, "%2d:%2d-%2d:%2d", &h[0], &h[1], &h[2], &h[3]); n != len(h) || err != nil || begin < 0 || end < 0 {
			return week{}, fmt.Errorf("opening hours %q are not like %q", line, "Mon-Fri 09:00-17:00")
		}
		span.from, span.to = h[0]*60+h[1], h[2]*60+h[3]
		for day := begin; ; day = (day + 1) % 7 {
			w.days[day] = append(w.days[day], span)
			if day == end {
				break
			}
		}
	}
	for _, spans := range w.days {
		slices.SortFunc(spans, func(a, b hours) int { return a.from - b.from })
	}
	return w, nil
}

// weekday is the number of a day like "Mon", -1 for anything else.
func weekday(name string) int {
	return slices.Index([]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}, name)
}

// at says whether the telephone is answered at a moment, and if not, when it will be.
func (w week) at(now time.Time) view.Desk {
	desk := view.Desk{Known: slices.ContainsFunc(w.days[:], func(d []hours) bool { return len(d) > 0 })}
	now = now.In(w.zone)
	for ahead := range farthest {
		for _, span := range w.spans(now.Year(), now.Month(), now.Day()+ahead) {
			if now.Before(span[0]) {
				desk.Opens = span[0]
				return desk
			}
			if now.Before(span[1]) {
				desk.Open = true
				return desk
			}
		}
	}
	return desk
}

// spans lists the beginnings and ends of a day's spans, none on a holiday. The day may lie beyond the end of its month.
func (w week) spans(year int, month time.Month, day int) [][2]time.Time {
	noon := time.Date(year, month, day, 12, 0, 0, 0, w.zone) // exists on every day, however the clock is changed
	if slices.Contains(w.holidays, noon.Format(time.DateOnly)) {
		return nil
	}
	var out [][2]time.Time
	for _, h := range w.days[noon.Weekday()] {
		out = append(out, [2]time.Time{w.clock(year, month, day, h.from), w.clock(year, month, day, h.to)})
	}
	return out
}

// clock is the moment at which the clock on the wall says so; where the clock jumps over it, the moment of the jump or just after.
func (w week) clock(year int, month time.Month, day, minutes int) time.Time {
	t := time.Date(year, month, day, 0, minutes, 0, 0, w.zone)
	wanted := time.Date(year, month, day, 0, minutes, 0, 0, time.UTC)
	_, offset := t.Zone()
	if missing := wanted.Sub(t.Add(time.Duration(offset) * time.Second)); missing > 0 {
		return t.Add(missing)
	}
	return t
}
