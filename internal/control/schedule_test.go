package control

import (
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	at := time.Date(2026, 2, 27, 23, 59, 30, 5, time.UTC) // a Friday
	for text, want := range map[string]string{
		"@every 5m":                             "2026-02-28T00:04:30Z",
		"0 0 4 * * *":                           "2026-02-28T04:00:00Z",
		"CRON_TZ=Asia/Shanghai 0 0 4 * * *":     "2026-03-01T04:00:00+08:00",
		"CRON_TZ=Asia/Kolkata 0 0 6 * * *":      "2026-02-28T06:00:00+05:30",
		"*/20 * * * * *":                        "2026-02-27T23:59:40Z",
		"15 0/30 * * * *":                       "2026-02-28T00:00:15Z",
		"0 0 12 ? * MON-FRI":                    "2026-03-02T12:00:00Z",
		"0 0 0 29 2 *":                          "2028-02-29T00:00:00Z",
		"0 0 0 13 * FRI":                        "2026-03-06T00:00:00Z",
		"0 0 0 * * 7":                           "2026-03-01T00:00:00Z",
		"0 0 0 30 2 *":                          "0001-01-01T00:00:00Z",
		"CRON_TZ=America/New_York 0 30 2 8 3 *": "2027-03-08T02:30:00-05:00", // on 2026-03-08 there is no 2:30
	} {
		s, err := ParseSchedule(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := s.Next(at).Format(time.RFC3339); got != want {
			t.Errorf("%q: next %s, want %s", text, got, want)
		}
	}
	s, _ := ParseSchedule("CRON_TZ=America/Sao_Paulo 0 0 1 5 11 *") // no midnight on 2018-11-04
	if got := s.Next(time.Date(2018, 11, 2, 0, 0, 0, 0, time.UTC)).Format(time.RFC3339); got != "2018-11-05T01:00:00-02:00" {
		t.Errorf("next %s", got)
	}
	for _, text := range []string{"", "* * * * *", "60 * * * * *", "0 0 0 0 * *", "a * * * * *", "0 0 0 * * 8", "5-1 * * * * *", "*/0 * * * * *",
		"@every 1s", "@every x", "@daily", "CRON_TZ=Nowhere/City 0 0 0 * * *", "CRON_TZ= 0 0 0 * * *", "0 0 99999999999999999999 * * *"} {
		if _, err := ParseSchedule(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
