package store

import (
	"testing"

	"weir/internal/cloud"
)

func fork(t *testing.T, f *fixture) {
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "1"}) })
	other := &fixture{Store: f.Fork()}
	want(t, "a fork's start", keys(other.View(), "one", "", ""), keys(f.View(), "one", "", ""))
	other.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "2"}); tx.Delete("one", "1") })
	want(t, "the original after a write to the fork", keys(f.View(), "one", "", ""), "1")
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "3"}) })
	want(t, "the fork after a write to the original", keys(other.View(), "one", "", ""), "2")
}

func TestFork(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *fixture{"memory": newMemory, "durable": newDurable} {
		t.Run(name, func(t *testing.T) { fork(t, make(t)) })
	}
}
