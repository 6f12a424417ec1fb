package invoke

import "testing"

// BenchmarkWarm is what the Invoker itself adds to a warm invocation.
func BenchmarkWarm(b *testing.B) {
	w := newWorld(b, nil)
	r := w.request(`{"a":1}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Invoke(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
