package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var (
	// ErrReference means that what names an image is no such name.
	ErrReference = errors.New("no reference of an image")
	// ErrNotFound means that the registry has no such image.
	ErrNotFound = errors.New("the registry has no such image")
)

// Beginnings of references to files of this machine.
const (
	LayoutPrefix  = "oci:"
	ArchivePrefix = "docker-archive:"
)

// found is an image before it is unpacked.
type found struct {
	digest string
	// manifest is the digest of what describes it
	manifest string
	config   Config
	layers   []v1.Layer
	diffs    []v1.Hash // of the layers' contents, as the configuration has them
}

// platform is what runs here.
var platform = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}

// maxConfig bounds an image's configuration.
const maxConfig = 4 << 20

func (s *Store) find(ctx context.Context, ref string, from From) (*found, error) {
	img, err := open(ctx, ref, from)
	if err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	if manifest.Config.Size > maxConfig {
		return nil, fmt.Errorf("its configuration has %d bytes; at most %d are allowed", manifest.Config.Size, maxConfig)
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	described, err := img.Digest()
	if err != nil {
		return nil, err
	}
	f := &found{digest: "sha256:" + hex.EncodeToString(sum[:]), manifest: described.String()}
	if f.digest != manifest.Config.Digest.String() {
		return nil, fmt.Errorf("its configuration is not the one that its manifest names (%s)", manifest.Config.Digest)
	}
	var c v1.ConfigFile
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("its configuration: %w", err)
	}
	if c.OS != platform.OS || c.Architecture != platform.Architecture {
		return nil, fmt.Errorf("it is for %s/%s, this machine is %s", c.OS, c.Architecture, platform)
	}
	if f.layers, err = img.Layers(); err != nil {
		return nil, err
	}
	f.diffs = c.RootFS.DiffIDs
	if len(f.layers) != len(f.diffs) {
		return nil, fmt.Errorf("it has %d layers, but its configuration %d", len(f.layers), len(f.diffs))
	}
	f.config = Config{Entrypoint: c.Config.Entrypoint, Cmd: c.Config.Cmd, Env: c.Config.Env, Dir: c.Config.WorkingDir, User: c.Config.User}
	return f, nil
}

// open finds an image's source.
func open(ctx context.Context, ref string, from From) (v1.Image, error) {
	dir, isLayout := strings.CutPrefix(ref, LayoutPrefix)
	file, isArchive := strings.CutPrefix(ref, ArchivePrefix)
	switch {
	case (isLayout || isArchive) && !from.Files:
		return nil, CheckReference(ref)
	case isLayout:
		return openLayout(dir)
	case isArchive:
		img, err := tarball.ImageFromPath(file, nil)
		if err != nil {
			return nil, fmt.Errorf("%s is no archive of one image: %w", file, err)
		}
		return img, nil
	}
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReference, err)
	}
	if from.Transport == nil {
		return nil, errors.New("no registry may be asked here; use " + LayoutPrefix + "DIR or " + ArchivePrefix + "FILE")
	}
	who := authn.Anonymous
	if from.User != "" {
		who = &authn.Basic{Username: from.User, Password: from.Password}
	}
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithTransport(from.Transport), remote.WithPlatform(platform), remote.WithAuth(who))
	var refusal *transport.Error
	if errors.As(err, &refusal) && refusal.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return img, err
}

// Pinned is a reference of what another one stood for when it had this digest.
func Pinned(ref, digest string) (string, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrReference, err)
	}
	return r.Context().Digest(digest).String(), nil
}

// CheckReference says why a name is not one of a registry's for an image.
func CheckReference(ref string) error {
	if strings.HasPrefix(ref, LayoutPrefix) || strings.HasPrefix(ref, ArchivePrefix) {
		return fmt.Errorf("%w: it names a file of this machine", ErrReference)
	}
	if _, err := name.ParseReference(ref); err != nil {
		return fmt.Errorf("%w: %w", ErrReference, err)
	}
	return nil
}

// openLayout finds the one image for this machine in an OCI layout: DIR, or DIR:TAG.
func openLayout(dir string) (v1.Image, error) {
	_, err := os.Stat(filepath.Join(dir, "index.json"))
	tag := ""
	if n := strings.LastIndexByte(dir, ':'); err != nil && n > 0 {
		dir, tag = dir[:n], dir[n+1:]
		_, err = os.Stat(filepath.Join(dir, "index.json"))
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no OCI layout: %w", dir, err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	all, err := imagesIn(index, tag, 0)
	if err != nil {
		return nil, err
	}
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		return nil, fmt.Errorf("%s holds no image %s for %s", dir, tag, platform)
	}
	return nil, fmt.Errorf("%s holds %d images for %s; name one as %sDIR:TAG", dir, len(all), platform, LayoutPrefix)
}

// tagAnnotation is where a layout keeps a tag.
// https://github.com/opencontainers/image-spec/blob/main/annotations.md
const tagAnnotation = "org.opencontainers.image.ref.name"

// imagesIn lists the images for this machine in an index and those below it; with a
// tag, only what has that.
func imagesIn(index v1.ImageIndex, tag string, depth int) ([]v1.Image, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var out []v1.Image
	for _, d := range m.Manifests {
		switch {
		case tag != "" && d.Annotations[tagAnnotation] != tag:
		case d.MediaType.IsIndex() && depth < 4:
			below, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			more, err := imagesIn(below, "", depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		case d.MediaType.IsImage() && (d.Platform == nil || d.Platform.Satisfies(platform)):
			img, err := index.Image(d.Digest)
			if err != nil {
				return nil, err
			}
			out = append(out, img)
		}
	}
	return out, nil
}
