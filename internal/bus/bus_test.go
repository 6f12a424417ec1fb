package bus

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestRestartKeepsMessages(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	b, err := Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.JetStream().CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.JetStream().Publish(ctx, "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	b.Close()

	began := time.Now()
	b, err = Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	t.Log("ready after", time.Since(began))
	s, err := b.JetStream().Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(ctx, 1)
	if err != nil || string(m.Data) != "kept" {
		t.Fatalf("message 1 is %v, %v; want \"kept\"", m, err)
	}
}

func TestOneProcessPerDirectory(t *testing.T) {
	dir := t.TempDir()
	b, err := Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Start(dir); err == nil {
		second.Close()
		t.Fatal("a second server started on the same directory")
	}
	b.Close()
	b, err = Start(dir)
	if err != nil {
		t.Fatalf("after Close the directory must be free again: %v", err)
	}
	b.Close()
}
