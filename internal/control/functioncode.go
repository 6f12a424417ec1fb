package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"weir/internal/cloud"
	"weir/internal/codezip"
)

// UpdateFunctionCode replaces a function's code.
type UpdateFunctionCode struct {
	Name         string
	RevisionID   string
	Archive      []byte
	Architecture string // "" keeps it
	Publish      bool
	// DryRun checks everything and changes nothing.
	DryRun bool
}

// codeUploads counts archives that are being stored but that no function names
// yet, so that deleting a function does not take them away.
type codeUploads struct {
	mu       sync.Mutex
	inFlight map[string]int // digest → uploads; mu guards it
}

// storedCode is an archive in the blob store, kept from being dropped until release.
type storedCode struct {
	digest  string
	size    int64
	release func()
}

// CheckArchive says whether the archive can be unpacked, within the limits.
func CheckArchive(archive []byte) error {
	_, err := codezip.Check(bytes.NewReader(archive), int64(len(archive)), codezip.MaxUnpacked)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, codezip.ErrTooLarge):
		return &cloud.Error{Kind: cloud.Limit, Resource: cloud.KindFunction, Reason: "unpacked-size", Msg: "the code unpacks to more than is allowed", Err: err}
	default:
		return &cloud.Error{Kind: cloud.Invalid, Resource: cloud.KindFunction, Reason: "archive", Msg: "the code cannot be unpacked", Err: err}
	}
}

func codeDigest(archive []byte) string {
	sum := sha256.Sum256(archive)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// storeCode checks and stores an archive.
func (c *Control) storeCode(ctx context.Context, archive []byte) (*storedCode, error) {
	if err := CheckArchive(archive); err != nil {
		return nil, err
	}
	code := &storedCode{digest: codeDigest(archive), size: int64(len(archive))}
	c.uploads.hold(code.digest, 1)
	code.release = sync.OnceFunc(func() { c.uploads.hold(code.digest, -1) })
	digest, _, err := c.blobs.Put(ctx, bytes.NewReader(archive), code.size)
	if err == nil && digest != code.digest {
		err = fmt.Errorf("stored as %s", digest)
	}
	if err != nil {
		code.release()
		return nil, fmt.Errorf("store code %s of %d bytes: %w", code.digest, code.size, err)
	}
	return code, nil
}

func (u *codeUploads) hold(digest string, n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.inFlight == nil {
		u.inFlight = map[string]int{}
	}
	if u.inFlight[digest] += n; u.inFlight[digest] == 0 {
		delete(u.inFlight, digest)
	}
}

// dropCode deletes archives that no function, layer or upload names any more.
// A failure leaves an unused blob behind, nothing worse, so it is only logged.
func (c *Control) dropCode(ctx context.Context, digests []string) {
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	slices.Sort(digests)
	for _, d := range slices.Compact(digests) {
		if d == "" || c.uploads.inFlight[d] > 0 || codeInUse(c.View(), d) {
			continue
		}
		if err := c.blobs.Delete(ctx, d); err != nil {
			c.log.Warn("delete unused code", "digest", d, "err", err)
		}
	}
}

func codeInUse(v cloud.View, digest string) bool {
	for f := range cloud.Functions.All(v) {
		if slices.Contains(archivesOf(&f.Latest), digest) {
			return true
		}
	}
	for pv := range cloud.PublishedVersions.All(v) {
		if slices.Contains(archivesOf(&pv.Version), digest) {
			return true
		}
	}
	for l := range cloud.LayerVersions.All(v) {
		if l.Digest == digest {
			return true
		}
	}
	return false
}

// UpdateFunctionCode replaces the code that $LATEST runs; with Publish, as a new version too.
func (c *Control) UpdateFunctionCode(ctx context.Context, caller Caller, in UpdateFunctionCode) (*cloud.Function, error) {
	fn, err := findFunction(c.View(), caller, in.Name)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return c.dryRunCode(fn, in)
	}
	code, err := c.storeCode(ctx, in.Archive)
	if err != nil {
		return nil, err
	}
	defer code.release()
	var old string
	out, err := c.changeFunction(ctx, caller, in.Name, in.RevisionID, func(tx cloud.Tx, fn *cloud.Function) error {
		old = fn.Latest.CodeDigest
		fn.Latest.CodeDigest, fn.Latest.CodeSize, fn.Latest.Image = code.digest, code.size, nil
		if in.Architecture != "" {
			fn.Latest.Architecture = in.Architecture
		}
		if in.Publish {
			fn.Latest.Modified = c.now()
			c.publish(tx, fn, fn.Latest.Description)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.dropCode(ctx, []string{old})
	return out, nil
}

// dryRunCode returns the function as the update would leave it.
func (c *Control) dryRunCode(fn *cloud.Function, in UpdateFunctionCode) (*cloud.Function, error) {
	if err := c.changeable(fn, in.RevisionID); err != nil {
		return nil, err
	}
	if err := CheckArchive(in.Archive); err != nil {
		return nil, err
	}
	out := copyFunction(fn)
	out.Latest.CodeDigest, out.Latest.CodeSize = codeDigest(in.Archive), int64(len(in.Archive))
	if in.Architecture != "" {
		out.Latest.Architecture = in.Architecture
	}
	return out, nil
}

// Code opens a stored archive.
func (c *Control) Code(ctx context.Context, digest string) (io.ReadCloser, error) {
	return c.blobs.Get(ctx, digest)
}
