package store

import (
	"context"
	"fmt"
	"testing"

	"weir/internal/cloud"
)

func filled(b *testing.B, s *Store, n int) *Store {
	b.Helper()
	for i := 0; i < n; i += 10_000 {
		_, err := s.Update(b.Context(), func(tx cloud.Tx) error {
			for j := i; j < min(i+10_000, n); j++ {
				put(tx, "one", thing{ID: fmt.Sprintf("vpc-%08d", j), Group: fmt.Sprint(j / 100), Tags: []string{"a", "b"}})
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprintf("memory/%d", n), func(b *testing.B) { update(b, filled(b, NewMemory(tables), n), 1) })
		b.Run(fmt.Sprintf("jetstream/%d", n), func(b *testing.B) {
			for _, rows := range []int{1, 5} {
				s, err := Open(context.Background(), startBus(b, b.TempDir()).JetStream(), tables)
				if err != nil {
					b.Fatal(err)
				}
				filled(b, s, n)
				b.Run(fmt.Sprintf("%drows", rows), func(b *testing.B) { update(b, s, rows) })
			}
		})
	}
}

func update(b *testing.B, s *Store, rows int) {
	i := 0
	for b.Loop() {
		i++
		_, err := s.Update(context.Background(), func(tx cloud.Tx) error {
			for j := range rows {
				put(tx, "one", thing{ID: fmt.Sprintf("vpc-%08d", j), Group: "0", Size: i})
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := filled(b, NewMemory(tables), 100_000)
	for b.Loop() {
		if s.View().Get("one", "vpc-00050000") == nil {
			b.Fatal("the row is missing")
		}
	}
}

func BenchmarkScan100(b *testing.B) {
	s := filled(b, NewMemory(tables), 100_000)
	for b.Loop() {
		n := 0
		for range s.View().Scan("one", "group", "500") {
			n++
		}
		if n != 100 {
			b.Fatal(n)
		}
	}
}

func BenchmarkReplay100k(b *testing.B) {
	bus := startBus(b, b.TempDir())
	s, err := Open(context.Background(), bus.JetStream(), tables)
	if err != nil {
		b.Fatal(err)
	}
	filled(b, s, 100_000)
	for b.Loop() {
		if _, err := Open(context.Background(), bus.JetStream(), tables); err != nil {
			b.Fatal(err)
		}
	}
}
