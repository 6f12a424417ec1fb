package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"weir/internal/cloud"
)

// Blobs keeps byte strings under their own digest, the base64 of the SHA-256.
// The same content put twice is kept once.
type Blobs struct {
	bucket bucket
	naming sync.Mutex // held while a blob gets its digest's name: of two writers with the same content one finds the other's
}

// bucket keeps objects by name.
type bucket interface {
	put(ctx context.Context, name string, r io.Reader) error
	rename(ctx context.Context, from, to string) error
	get(ctx context.Context, name string) (io.ReadCloser, error) // errAbsent
	delete(ctx context.Context, name string) error               // errAbsent
	names(ctx context.Context) ([]string, error)
	has(ctx context.Context, name string) (bool, error)
}

var errAbsent = errors.New("no such object")

// partial marks the name of a blob that is still being written; a digest has no dot.
const partial = "partial."

// OpenBlobs opens the bucket, and clears what a crash left half written.
func OpenBlobs(ctx context.Context, js jetstream.JetStream) (*Blobs, error) {
	o, err := js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "BLOBS", Storage: jetstream.FileStorage})
	if err != nil {
		return nil, fmt.Errorf("opening the blobs: %w", err)
	}
	b := &Blobs{bucket: &objects{o}}
	if err := b.remove(ctx, func(name string) bool { return strings.HasPrefix(name, partial) }); err != nil {
		return nil, fmt.Errorf("clearing unfinished blobs: %w", err)
	}
	return b, nil
}

// NewMemoryBlobs returns blobs without durability.
func NewMemoryBlobs() *Blobs { return &Blobs{bucket: &heap{data: map[string][]byte{}}} }

// Put stores what r yields. More than limit bytes are refused (limit 0: any size).
func (b *Blobs) Put(ctx context.Context, r io.Reader, limit int64) (digest string, size int64, err error) {
	name := partial + rand.Text()
	sum := sha256.New()
	in := &counter{r: io.TeeReader(r, sum), limit: limit}
	if err := b.bucket.put(ctx, name, in); err != nil {
		if in.over {
			err = cloud.Errorf(cloud.Limit, "", "", "blob-size", "storing a blob: it is larger than %d bytes", limit)
		}
		_ = b.bucket.delete(context.WithoutCancel(ctx), name) // what remains goes at the next start
		return "", 0, err
	}
	digest = base64.StdEncoding.EncodeToString(sum.Sum(nil))
	if err := b.name(ctx, name, digest); err != nil {
		return "", 0, fmt.Errorf("storing blob %s: %w", digest, err)
	}
	return digest, in.n, nil
}

// name gives what was written as a partial blob its digest's name, or deletes it
// where the same content has it already.
func (b *Blobs) name(ctx context.Context, written, digest string) error {
	b.naming.Lock()
	defer b.naming.Unlock()
	known, err := b.bucket.has(ctx, digest)
	switch {
	case err != nil:
		return err
	case known:
		return b.bucket.delete(ctx, written)
	}
	return b.bucket.rename(ctx, written, digest)
}

// Get opens a blob; reading to the end verifies it.
func (b *Blobs) Get(ctx context.Context, digest string) (io.ReadCloser, error) {
	r, err := b.bucket.get(ctx, digest)
	if errors.Is(err, errAbsent) {
		return nil, cloud.Errorf(cloud.NotFound, "", digest, "blob", "reading blob %s: it is not in the store", digest)
	}
	if err != nil {
		return nil, fmt.Errorf("reading blob %s: %w", digest, err)
	}
	return r, nil
}

// Has reports whether the blob is stored.
func (b *Blobs) Has(ctx context.Context, digest string) (bool, error) {
	ok, err := b.bucket.has(ctx, digest)
	if err != nil {
		return false, fmt.Errorf("looking for blob %s: %w", digest, err)
	}
	return ok, nil
}

// Delete removes a blob; a missing one is no error.
func (b *Blobs) Delete(ctx context.Context, digest string) error {
	if err := b.bucket.delete(ctx, digest); err != nil && !errors.Is(err, errAbsent) {
		return fmt.Errorf("deleting blob %s: %w", digest, err)
	}
	return nil
}

// Reset deletes every blob.
func (b *Blobs) Reset(ctx context.Context) error {
	if err := b.remove(ctx, func(string) bool { return true }); err != nil {
		return fmt.Errorf("resetting the blobs: %w", err)
	}
	return nil
}

func (b *Blobs) remove(ctx context.Context, which func(name string) bool) error {
	names, err := b.bucket.names(ctx)
	if err != nil {
		return err
	}
	for _, n := range names {
		if which(n) {
			if err := b.bucket.delete(ctx, n); err != nil && !errors.Is(err, errAbsent) {
				return err
			}
		}
	}
	return nil
}

// counter counts what passes, and fails once it is more than limit.
type counter struct {
	r        io.Reader
	n, limit int64
	over     bool
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.limit > 0 && c.n > c.limit {
		c.over = true
		return n, errors.New("too large")
	}
	return n, err
}
