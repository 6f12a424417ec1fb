package bus

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/internal/cloud"
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

// A disk that is all but full is written to by nobody, and again once there is room.
func TestRoom(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	if err := room(dir, 0); err != nil {
		t.Error(err)
	}
	full := room(dir, math.MaxUint64)
	if !cloud.IsKind(full, cloud.Unavailable) || !strings.Contains(full.Error(), dir) {
		t.Fatalf("the answer of a full disk: %v", full)
	}
	b, err := Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	has := full
	js := Engine{b.js, func() error { return has }}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	objects, err := js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "O"})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "K"})
	if err != nil {
		t.Fatal(err)
	}
	rev := uint64(0)
	writes := map[string]func() error{
		"Publish":    func() error { _, err := js.Publish(ctx, "s", nil); return err },
		"PublishMsg": func() error { _, err := js.PublishMsg(ctx, nats.NewMsg("s")); return err },
		"Put": func() error {
			_, err := objects.Put(ctx, jetstream.ObjectMeta{Name: "o"}, strings.NewReader("x"))
			return err
		},
		"Create": func() (err error) { rev, err = keys.Create(ctx, "k", nil); return err },
		"Update": func() error { _, err := keys.Update(ctx, "k", nil, rev); return err },
	}
	for _, has = range []error{full, nil} {
		for _, name := range []string{"Publish", "PublishMsg", "Put", "Create", "Update"} {
			if err := writes[name](); !errors.Is(err, has) {
				t.Errorf("%s, room %v: %v", name, has == nil, err)
			}
		}
	}
}
