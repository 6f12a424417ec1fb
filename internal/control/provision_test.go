package control

import (
	"testing"
	"time"

	"weir/internal/cloud"
)

// TestTargetAt: the plan that fired last decides, while it holds.
func TestTargetAt(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	p := &cloud.Provision{Target: 1, Plans: []cloud.ProvisionPlan{
		{Name: "day", Schedule: "0 0 8 * * *", Start: at("2026-03-01T00:00:00Z"), End: at("2026-04-01T00:00:00Z"), Target: 5},
		{Name: "night", Schedule: "CRON_TZ=Asia/Shanghai 0 0 22 * * *", Start: at("2026-03-01T00:00:00Z"), End: at("2026-04-01T00:00:00Z"), Target: 2},
		{Name: "once", At: at("2026-03-10T12:00:00Z"), Target: 9},
		{Name: "leap", Schedule: "0 0 0 29 2 *", End: at("2026-01-01T00:00:00Z"), Target: 7},
	}}
	for now, want := range map[string]int{
		"2023-02-01T00:00:00Z": 7, // since 2020
		"2026-02-28T09:00:00Z": 1, // before they begin
		"2026-03-01T07:59:59Z": 1,
		"2026-03-01T08:00:00Z": 5,
		"2026-03-01T14:00:00Z": 2, // 22:00 in Shanghai
		"2026-03-02T09:00:00Z": 5,
		"2026-03-10T12:00:01Z": 9,
		"2026-03-10T14:00:01Z": 2,
		"2026-05-01T00:00:00Z": 9, // the others have ended
	} {
		if got := p.TargetAt(at(now), NextTime); got != want {
			t.Errorf("%s: %d, want %d", now, got, want)
		}
	}
}
