package control

import (
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones do not depend on the machine

	"weir/internal/cloud"
)

// Schedule is when a timer fires: at a steady interval, or at times of a calendar.
type Schedule struct {
	every  time.Duration
	zone   *time.Location
	fields [6]set64 // seconds, minutes, hours, days of the month, months, days of the week
	anyDay bool     // days of the month are not named
	anyDOW bool
}

// set64 is a set of numbers below 64.
type set64 uint64

func (s set64) has(n int) bool { return s&(1<<n) != 0 }

// ranges of a calendar's fields.
var ranges = [6]struct{ least, most int }{{0, 59}, {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}

var fieldNames = map[string]int{
	"JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
	"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6,
}

// ParseSchedule reads "@every 5m", or a calendar of six fields, seconds first, in
// UTC or, after "CRON_TZ=Area/City", in a zone's time. Error: Invalid.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/time-trigger
func ParseSchedule(text string) (*Schedule, error) {
	bad := func(why string) error {
		return cloud.Errorf(cloud.Invalid, cloud.KindTrigger, text, "schedule", "cron expression %q is invalid: %s", text, why)
	}
	if rest, ok := strings.CutPrefix(text, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(rest))
		if err != nil || d < time.Minute {
			return nil, bad("want an interval of a minute or more")
		}
		return &Schedule{every: d}, nil
	}
	s := &Schedule{zone: time.UTC}
	if rest, ok := strings.CutPrefix(text, "CRON_TZ="); ok {
		name, fields, _ := strings.Cut(rest, " ")
		zone, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			return nil, bad("the time zone is not known")
		}
		s.zone, text = zone, fields
	}
	fields := strings.Fields(text)
	if len(fields) != len(s.fields) {
		return nil, bad("want six fields: seconds, minutes, hours, day of the month, month, day of the week")
	}
	for n, f := range fields {
		set, ok := parseField(f, ranges[n].least, ranges[n].most)
		if !ok {
			return nil, bad("field " + strconv.Itoa(n+1) + " cannot be read")
		}
		s.fields[n] = set
	}
	if s.fields[5].has(7) {
		s.fields[5] |= 1
	}
	s.anyDay, s.anyDOW = anyValue(fields[3]), anyValue(fields[5])
	return s, nil
}

func anyValue(f string) bool { return f == "*" || f == "?" }

// parseField reads lists of values, ranges and steps: "1,5-10,20-40/5,*/15".
func parseField(field string, least, most int) (set64, bool) {
	var out set64
	for part := range strings.SplitSeq(field, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step, from, to := 1, least, most
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 {
				return 0, false
			}
			step = n
		}
		if !anyValue(span) {
			first, last, ranged := strings.Cut(span, "-")
			var ok bool
			if from, ok = fieldValue(first); !ok {
				return 0, false
			}
			switch {
			case ranged:
				if to, ok = fieldValue(last); !ok {
					return 0, false
				}
			case !stepped:
				to = from
			}
		}
		if from < least || to > most || from > to {
			return 0, false
		}
		for n := from; n <= to; n += step {
			out |= 1 << n
		}
	}
	return out, true
}

func fieldValue(text string) (int, bool) {
	if n, ok := fieldNames[strings.ToUpper(text)]; ok {
		return n, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// horizon is how far ahead a schedule is looked at: the 29th of February comes
// within it, the 30th never.
const horizon = 9 * 366 * 24 * time.Hour

// Next is the first time after one; zero if there is none.
func (s *Schedule) Next(after time.Time) time.Time {
	if s.every > 0 {
		return after.Add(s.every)
	}
	t := after.In(s.zone).Truncate(time.Second).Add(time.Second)
	for end := t.Add(horizon); t.Before(end); {
		y, m, d := t.Date()
		switch {
		case !s.fields[4].has(int(m)):
			t = later(t, time.Date(y, m+1, 1, 0, 0, 0, 0, s.zone))
		case !s.onDay(t):
			t = later(t, time.Date(y, m, d+1, 0, 0, 0, 0, s.zone))
		case !s.fields[2].has(t.Hour()):
			t = t.Truncate(time.Minute).Add(time.Hour - time.Duration(t.Minute())*time.Minute)
		case !s.fields[1].has(t.Minute()):
			t = t.Truncate(time.Minute).Add(time.Minute)
		case !s.fields[0].has(t.Second()):
			t = t.Add(time.Second)
		default:
			return t
		}
	}
	return time.Time{}
}

// later is the beginning of a later day; where clocks skip midnight, it may seem to
// be on the day before.
func later(t, begin time.Time) time.Time {
	if begin.Day() != t.Day() || begin.Month() != t.Month() {
		return begin
	}
	return begin.Truncate(time.Hour).Add(time.Hour)
}

// onDay: as with cron, of a day of the month and one of the week either is enough
// where both are named.
func (s *Schedule) onDay(t time.Time) bool {
	day, week := s.fields[3].has(t.Day()), s.fields[5].has(int(t.Weekday()))
	if s.anyDay || s.anyDOW {
		return day && week
	}
	return day || week
}
