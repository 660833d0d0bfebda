package service

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otpbridge/bridge/view"
)

func in(t *testing.T, zone string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestOpeningHours(t *testing.T) {
	t.Parallel()
	office := []string{"Mon-Fri 09:00-12:00", "Mon-Fri 13:00-17:00"}
	holidays := []string{"2026-11-23", "2026-12-29", "2026-12-30", "2026-12-31", "2027-01-01", "2027-01-04"}
	const open, closed = "open", "closed"
	for _, c := range []struct {
		name, zone string
		hours      []string
		now, want  string // want: open, closed for good, or when it opens
	}{
		{"before it opens", "Asia/Tokyo", office, "2026-11-24T08:59:59+09:00", "2026-11-24T09:00:00+09:00"},
		{"on the minute", "Asia/Tokyo", office, "2026-11-24T09:00:00+09:00", open},
		{"the last second", "Asia/Tokyo", office, "2026-11-24T16:59:59+09:00", open},
		{"closing", "Asia/Tokyo", office, "2026-11-24T17:00:00+09:00", "2026-11-25T09:00:00+09:00"},
		{"over noon", "Asia/Tokyo", office, "2026-11-24T12:00:00+09:00", "2026-11-24T13:00:00+09:00"},
		{"the clock of another zone", "Asia/Tokyo", office, "2026-11-24T00:30:00Z", open},
		{"the day of another zone", "America/Los_Angeles", office, "2026-11-25T00:30:00Z", open},
		{"over the weekend", "Asia/Tokyo", office, "2026-11-13T17:00:00+09:00", "2026-11-16T09:00:00+09:00"},
		{"a weekend and a holiday", "Asia/Tokyo", office, "2026-11-20T17:30:00+09:00", "2026-11-24T09:00:00+09:00"},
		{"on a holiday", "Asia/Tokyo", office, "2026-11-23T10:00:00+09:00", "2026-11-24T09:00:00+09:00"},
		{"over the year's end", "Asia/Tokyo", office, "2026-12-28T17:00:00+09:00", "2027-01-05T09:00:00+09:00"},
		{"clocks go forward", "Europe/Berlin", office, "2026-03-27T18:00:00+01:00", "2026-03-30T09:00:00+02:00"},
		{"clocks go back", "Europe/Berlin", office, "2026-10-23T18:00:00+02:00", "2026-10-26T09:00:00+01:00"},
		{"open while clocks go forward", "Europe/Berlin", []string{"Sun 00:00-08:00"}, "2026-03-29T07:59:59+02:00", open},
		{"closed by the new clock", "Europe/Berlin", []string{"Sun 00:00-08:00"}, "2026-03-29T07:00:00+01:00", "2026-04-05T00:00:00+02:00"},
		{"open while clocks go back", "Europe/Berlin", []string{"Sun 00:00-08:00"}, "2026-10-25T07:59:59+01:00", open},
		{"midnight that does not exist", "America/Asuncion", []string{"Sun 00:00-08:00"}, "2023-09-30T12:00:00-04:00", "2023-10-01T01:00:00-03:00"},
		{"days that wrap", "Asia/Tokyo", []string{"Fri-Mon 10:00-11:00"}, "2026-11-22T10:30:00+09:00", open},
		{"days that wrap, outside", "Asia/Tokyo", []string{"Fri-Mon 10:00-11:00"}, "2026-11-24T10:30:00+09:00", "2026-11-27T10:00:00+09:00"},
		{"through the night", "Asia/Tokyo", []string{"Mon-Sun 00:00-24:00"}, "2026-11-24T23:59:59+09:00", open},
		{"spans that overlap", "Asia/Tokyo", []string{"Tue 10:00-15:00", "Tue 09:00-12:00"}, "2026-11-24T14:00:00+09:00", open},
		{"one day a week", "Asia/Tokyo", []string{"Tue 09:00-10:00"}, "2026-11-24T10:00:00+09:00", "2026-12-01T09:00:00+09:00"},
	} {
		w, err := newWeek(c.hours, holidays, in(t, c.zone))
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		got := w.at(now)
		said := closed
		switch {
		case got.Open:
			said = open
		case !got.Opens.IsZero():
			said = got.Opens.Format(time.RFC3339)
		}
		if said != c.want || !got.Known || got.Open && !got.Opens.IsZero() {
			t.Errorf("%s: at %s got %+v, want %s", c.name, c.now, got, c.want)
		}
	}
}

func TestOpeningHoursThatAreNotKnown(t *testing.T) {
	t.Parallel()
	w, err := newWeek(nil, []string{"2026-11-24"}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(view.Desk{}, w.at(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))); d != "" {
		t.Error(d)
	}
	var all []string
	for day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC); len(all) < 2*farthest; day = day.AddDate(0, 0, 1) {
		all = append(all, day.Format(time.DateOnly))
	}
	if w, err = newWeek([]string{"Mon 09:00-10:00"}, all, time.UTC); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(view.Desk{Known: true}, w.at(time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC))); d != "" {
		t.Error("closed for months:", d)
	}
	for _, bad := range []string{"", "Mon", "Mo 09:00-10:00", "Mon-Fry 09:00-10:00", "Mon 9-10"} {
		if _, err := newWeek([]string{bad}, nil, time.UTC); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
