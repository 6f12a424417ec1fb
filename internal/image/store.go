package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Options bound what is stored.
type Options struct {
	// MaxBytes and MaxFiles bound an unpacked image; 0 is 10 GiB, as large as a
	// container image of a function may be, and a million.
	MaxBytes int64
	MaxFiles int
}

// Store keeps unpacked images in a directory of its own.
type Store struct {
	dir string
	opt Options

	mu   sync.Mutex // guards busy
	busy map[string]*sync.Mutex
}

// partial begins the names of what is being unpacked.
const partial = "partial-"

// Open opens a store in a directory, which only one process may use at a time,
// and clears what a killed one left half-done.
func Open(dir string, opt Options) (*Store, error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 10 << 30
	}
	if opt.MaxFiles == 0 {
		opt.MaxFiles = 1_000_000
	}
	// Files keep their modes, set-ID bits too: nobody else of the machine gets near them.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the images in %s: %w", dir, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, partial+"*"))
	for _, d := range left {
		err = errors.Join(err, remove(d))
	}
	if err != nil {
		return nil, fmt.Errorf("clear the images in %s: %w", dir, err)
	}
	return &Store{dir: dir, opt: opt, busy: map[string]*sync.Mutex{}}, nil
}

// Image is an unpacked image.
type Image struct {
	Digest   string // of its configuration: the image's ID, "sha256:…"
	Manifest string // digest of what its source described it by
	Root     string // its root file system; never written to
	Config   Config
}

// From says where images may come from for whoever asks.
type From struct {
	// Files lets references name files of this machine.
	Files bool
	// Transport carries requests to registries; nil refuses every registry.
	Transport http.RoundTripper
	// User and Password are for the registry; "" for none.
	User, Password string
}

// Pull finds an image and unpacks it, unless that was done before. ref is
// "oci:DIR" for an OCI layout, "docker-archive:FILE" for an archive of `docker
// save`, or a registry's name for it. A tag is looked up each time, as is what a
// digest stands for.
func (s *Store) Pull(ctx context.Context, ref string, from From) (*Image, error) {
	found, err := s.find(ctx, ref, from)
	if err != nil {
		return nil, fmt.Errorf("pull image %s: %w", ref, err)
	}
	m := s.lock(found.digest)
	m.Lock()
	defer m.Unlock()
	img, err := s.have(found.digest)
	if errors.Is(err, fs.ErrNotExist) {
		img, err = s.unpack(ctx, found)
	}
	if err != nil {
		return nil, fmt.Errorf("pull image %s: %w", ref, err)
	}
	img.Manifest = found.manifest
	return img, nil
}

// Find says why an image cannot be pulled, without doing so.
func (s *Store) Find(ctx context.Context, ref string, from From) error {
	if _, err := s.find(ctx, ref, from); err != nil {
		return fmt.Errorf("find image %s: %w", ref, err)
	}
	return nil
}

// lock is the lock of one image.
func (s *Store) lock(digest string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.busy[digest]
	if m == nil {
		m = &sync.Mutex{}
		s.busy[digest] = m
	}
	return m
}

// An image's directory holds its configuration and its root file system.
const (
	configFile = "config.json"
	rootDir    = "rootfs"
)

func (s *Store) path(digest string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(digest, ":", "-"))
}

// have is an image that was unpacked before.
func (s *Store) have(digest string) (*Image, error) {
	dir := s.path(digest)
	raw, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		return nil, err
	}
	img := &Image{Digest: digest, Root: filepath.Join(dir, rootDir)}
	return img, json.Unmarshal(raw, &img.Config)
}

// unpack writes an image beside the others and gives it its name at the end.
func (s *Store) unpack(ctx context.Context, f *found) (img *Image, err error) {
	dir, err := os.MkdirTemp(s.dir, partial)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(dir))
		}
	}()
	root := filepath.Join(dir, rootDir)
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	if err := s.layers(ctx, f, root); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(f.config)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, configFile), raw, 0o644); err != nil {
		return nil, err
	}
	if err := os.Rename(dir, s.path(f.digest)); err != nil {
		return nil, err
	}
	return s.have(f.digest)
}

// remove deletes a tree, also below directories that their owner may not write to.
func remove(dir string) error {
	if os.Geteuid() != 0 {
		_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, _ error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(p, 0o700)
			}
			return nil
		})
	}
	return os.RemoveAll(dir)
}
