package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// samples are durations of one thing, measured repeatedly.
type samples []time.Duration

// at is the quantile q of the samples.
func (s samples) at(q float64) time.Duration { return quantile(s, q) }

func quantile[T cmp.Ordered](s []T, q float64) T {
	var zero T
	if len(s) == 0 {
		return zero
	}
	s = slices.Sorted(slices.Values(s))
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

// String gives p50 / p90 / p99.
func (s samples) String() string {
	return fmt.Sprintf("%s / %s / %s", short(s.at(.5)), short(s.at(.9)), short(s.at(.99)))
}

// short prints a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "−" + short(-d)
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	case d >= 100*time.Microsecond:
		return fmt.Sprintf("%.0f µs", d.Seconds()*1e6)
	}
	return fmt.Sprintf("%.1f µs", d.Seconds()*1e6)
}

// span is a median with the interval that holds the true one 19 times in 20.
type span[T cmp.Ordered] struct{ mid, low, high T }

func spanOf[T cmp.Ordered](s []T) span[T] {
	s = slices.Sorted(slices.Values(s))
	n := float64(len(s))
	low := max(0, int(n/2-.98*math.Sqrt(n)))
	return span[T]{s[len(s)/2], s[low], s[len(s)-1-low]}
}

// ratios are a/b round by round; what disturbs a round falls on both.
func ratios[S ~[]T, T ~int64 | ~float64](a, b S) []float64 {
	out := make([]float64, min(len(a), len(b)))
	for i := range out {
		out[i] = float64(a[i]) / float64(b[i])
	}
	return out
}
