package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"weir/internal/cloud"
)

// helloDigest is the base64 SHA-256 of "hello".
const helloDigest = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="

func openBlobs(t *testing.T) *Blobs {
	b, err := OpenBlobs(t.Context(), startBus(t, t.TempDir()).JetStream())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBlobs(t *testing.T) {
	kinds := map[string]func(*testing.T) *Blobs{"memory": func(*testing.T) *Blobs { return NewMemoryBlobs() }, "jetstream": openBlobs}
	cases := map[string]func(*testing.T, *Blobs){"put get delete": blobLife, "limit": blobLimit, "broken reader": blobBroken, "large": blobLarge, "same content at once": blobTwins}
	for kind, open := range kinds {
		for name, f := range cases {
			t.Run(kind+"/"+name, func(t *testing.T) { f(t, open(t)) })
		}
	}
}

func putBlob(t *testing.T, b *Blobs, s string) string {
	t.Helper()
	digest, size, err := b.Put(t.Context(), strings.NewReader(s), 0)
	if err != nil || size != int64(len(s)) {
		t.Fatalf("Put: size %d, %v; want %d", size, err, len(s))
	}
	return digest
}

func names(t *testing.T, b *Blobs) string {
	t.Helper()
	n, err := b.bucket.names(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(n, " ")
}

func blobLife(t *testing.T, b *Blobs) {
	want(t, "digest", putBlob(t, b, "hello"), helloDigest)
	want(t, "digest again", putBlob(t, b, "hello"), helloDigest)
	want(t, "kept", names(t, b), helloDigest)
	if ok, err := b.Has(t.Context(), helloDigest); !ok || err != nil {
		t.Errorf("Has: %v, %v", ok, err)
	}
	r, err := b.Get(t.Context(), helloDigest)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || r.Close() != nil {
		t.Fatal(err)
	}
	want(t, "content", string(got), "hello")
	for range 2 {
		if err := b.Delete(t.Context(), helloDigest); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Get(t.Context(), helloDigest); !cloud.IsKind(err, cloud.NotFound) {
		t.Errorf("Get of a deleted blob: %v, want NotFound", err)
	}
	if ok, err := b.Has(t.Context(), helloDigest); ok || err != nil {
		t.Errorf("Has of a deleted blob: %v, %v", ok, err)
	}
	want(t, "digest after delete", putBlob(t, b, "hello"), helloDigest)
	putBlob(t, b, "")
	if err := b.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "kept after reset", names(t, b), "")
}

func blobLimit(t *testing.T, b *Blobs) {
	if _, _, err := b.Put(t.Context(), strings.NewReader("hello"), 4); !cloud.IsKind(err, cloud.Limit) {
		t.Errorf("5 bytes into 4: %v, want Limit", err)
	}
	if _, _, err := b.Put(t.Context(), strings.NewReader("hello"), 5); err != nil {
		t.Errorf("5 bytes into 5: %v", err)
	}
	want(t, "kept", names(t, b), helloDigest)
}

func blobBroken(t *testing.T, b *Blobs) {
	torn := errors.New("torn")
	r := io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(torn))
	if _, _, err := b.Put(t.Context(), r, 0); !errors.Is(err, torn) {
		t.Errorf("got %v, want the reader's error", err)
	}
	want(t, "kept", names(t, b), "")
}

func blobTwins(t *testing.T, b *Blobs) {
	errs := make(chan error)
	for range 16 {
		go func() {
			_, _, err := b.Put(t.Context(), strings.NewReader("hello"), 0)
			errs <- err
		}()
	}
	for range 16 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	want(t, "kept", names(t, b), helloDigest)
}

func blobLarge(t *testing.T, b *Blobs) {
	data := make([]byte, 20<<20)
	_, _ = rand.Read(data)
	digest, _, err := b.Put(t.Context(), bytes.NewReader(data), 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Get(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back of %d, %v", len(got), len(data), err)
	}
}

// What a crash left half written goes at the next start; what is whole stays.
func TestBlobsSurviveAndPartialsGo(t *testing.T) {
	js := startBus(t, t.TempDir()).JetStream()
	b, err := OpenBlobs(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	putBlob(t, b, "hello")
	if err := b.bucket.put(t.Context(), partial+"x", strings.NewReader("half")); err != nil {
		t.Fatal(err)
	}
	if b, err = OpenBlobs(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	want(t, "kept", names(t, b), helloDigest)
}
