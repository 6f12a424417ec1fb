package invoke

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/internal/codezip"
)

// CodeSource opens stored archives by digest.
type CodeSource interface {
	Get(ctx context.Context, digest string) (io.ReadCloser, error)
}

// maxArchive bounds what is read of one archive.
const maxArchive = codezip.MaxUnpacked

// codeCache holds unpacked archives, one directory for each, or for several together, each written
// once under another name and renamed, and never changed after.
type codeCache struct {
	dir    string
	source CodeSource
	keep   int // directories kept though no instance uses them
	now    func() time.Time

	mu      sync.Mutex
	entries map[string]*codeEntry // by directory; mu guards the map and the entries' counts
}

type codeEntry struct {
	users int
	last  time.Time
	ready chan struct{} // closed when unpacked, or failed with err
	err   error
}

// openCodeCache starts with an empty cache: what an earlier process left may be incomplete.
func openCodeCache(dir string, source CodeSource, keep int, now func() time.Time) (*codeCache, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("clear the code cache %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the code cache %s: %w", dir, err)
	}
	return &codeCache{dir: dir, source: source, keep: keep, now: now, entries: map[string]*codeEntry{}}, nil
}

// acquire returns the directory with the unpacked archives, the later over the
// earlier, which stays until release.
func (c *codeCache) acquire(ctx context.Context, digests ...string) (dir string, release func(), err error) {
	name, err := dirName(digests)
	if err != nil {
		return "", nil, err
	}
	c.mu.Lock()
	e := c.entries[name]
	first := e == nil
	if first {
		e = &codeEntry{ready: make(chan struct{})}
		c.entries[name] = e
	}
	e.users++
	c.mu.Unlock()
	dir = filepath.Join(c.dir, name)
	release = sync.OnceFunc(func() { c.release(name, e) })
	if first {
		// Others wait for this one: it must not stop when its own caller does.
		e.err = c.unpack(context.WithoutCancel(ctx), digests, dir)
		close(e.ready)
	}
	select {
	case <-e.ready:
	case <-ctx.Done():
		release()
		return "", nil, ctx.Err()
	}
	if e.err != nil {
		release()
		return "", nil, e.err
	}
	return dir, release, nil
}

// dirName names the directory of archives: by the digest of one, or of several.
func dirName(digests []string) (string, error) {
	var all []byte
	for _, digest := range digests {
		raw, err := base64.StdEncoding.DecodeString(digest)
		if err != nil || len(raw) == 0 {
			return "", fmt.Errorf("code digest %q is not base64", digest)
		}
		all = append(all, raw...)
	}
	if len(digests) > 1 {
		sum := sha256.Sum256(all)
		return "layers-" + hex.EncodeToString(sum[:]), nil
	}
	return hex.EncodeToString(all), nil
}

func (c *codeCache) release(name string, e *codeEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.users--
	e.last = c.now()
	if e.err != nil && e.users == 0 && c.entries[name] == e {
		delete(c.entries, name) // the next caller tries again
	}
	c.evict()
}

// evict removes the longest unused directories beyond keep; mu is held.
func (c *codeCache) evict() {
	var unused []string
	for d, e := range c.entries {
		if e.users == 0 && e.err == nil {
			unused = append(unused, d)
		}
	}
	if len(unused) <= c.keep {
		return
	}
	slices.SortFunc(unused, func(a, b string) int {
		if n := c.entries[a].last.Compare(c.entries[b].last); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	for _, d := range unused[:len(unused)-c.keep] {
		delete(c.entries, d)
		_ = os.RemoveAll(filepath.Join(c.dir, d)) // what stays is cleared at the next start
	}
}

func (c *codeCache) unpack(ctx context.Context, digests []string, dir string) error {
	tmp, err := os.MkdirTemp(c.dir, ".unpack-")
	if err != nil {
		return fmt.Errorf("unpack code %s: %w", digests, err)
	}
	err = os.Chmod(tmp, 0o755)
	for _, digest := range digests {
		if err == nil {
			err = c.unpackOne(ctx, digest, tmp)
		}
	}
	if err == nil {
		err = os.Rename(tmp, dir)
	}
	if err != nil {
		_ = os.RemoveAll(tmp)
		return fmt.Errorf("unpack code %s: %w", digests, err)
	}
	return nil
}

func (c *codeCache) unpackOne(ctx context.Context, digest, dir string) error {
	r, err := c.source.Get(ctx, digest)
	if err != nil {
		return fmt.Errorf("read code %s: %w", digest, err)
	}
	archive, err := io.ReadAll(io.LimitReader(r, maxArchive))
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read code %s: %w", digest, err)
	}
	return codezip.Unpack(bytes.NewReader(archive), int64(len(archive)), codezip.MaxUnpacked, dir)
}
