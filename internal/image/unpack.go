package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var (
	// ErrUnsafe means that an entry of a layer points out of the image's own tree.
	ErrUnsafe = errors.New("entry leaves the image's root")
	// ErrTooLarge means that the image unpacks to more than the limit.
	ErrTooLarge = errors.New("unpacked image is too large")
	// ErrDigest means that a layer is not the one that the configuration commits to.
	ErrDigest = errors.New("content does not have the digest that the image's configuration names")
)

// layers unpacks the layers one over the other.
func (s *Store) layers(ctx context.Context, f *found, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacker{root: root, bytes: s.opt.MaxBytes, files: s.opt.MaxFiles, owner: os.Geteuid() == 0, dirs: map[string]*tar.Header{}}
	for n, l := range f.layers {
		r, err := l.Uncompressed()
		if err != nil {
			return fmt.Errorf("layer %d: %w", n, err)
		}
		sum := sha256.New()
		content := io.TeeReader(&bounded{ctx, r}, sum)
		err = u.layer(content)
		if err == nil {
			_, err = io.Copy(io.Discard, content) // what follows the archive's end counts too
		}
		r.Close()
		if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); err == nil && got != f.diffs[n].String() {
			err = fmt.Errorf("%w: %s instead of %s", ErrDigest, got, f.diffs[n])
		}
		if err != nil {
			return fmt.Errorf("layer %d: %w", n, err)
		}
	}
	return u.finish()
}

// bounded ends reading with a context.
type bounded struct {
	ctx context.Context
	r   io.Reader
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}

// unpacker writes layers below root. Names are resolved inside it as a process
// in the image would see them; root itself refuses whatever would leave it.
type unpacker struct {
	root  *os.Root
	bytes int64 // that may still be written
	files int
	owner bool                   // files get their owners
	dirs  map[string]*tar.Header // whose modes and times are set at the end
	made  map[string]bool        // by this layer, which its opaque whiteouts leave alone
}

// Whiteouts of a layer take away what lower layers have.
// https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
const (
	whiteout = ".wh."
	opaque   = whiteout + whiteout + ".opq"
)

func (u *unpacker) layer(r io.Reader) error {
	u.made = map[string]bool{}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if u.files--; u.files < 0 {
			return fmt.Errorf("%w: too many files", ErrTooLarge)
		}
		if err := u.entry(h, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	name := path.Clean("/" + h.Name)[1:]
	if slices.Contains(strings.Split(h.Name, "/"), "..") {
		return ErrUnsafe
	}
	if name == "" {
		u.dirs["."] = h
		return nil
	}
	parent, err := u.parent(path.Dir(name))
	if err != nil {
		return err
	}
	base := path.Base(name)
	if base == opaque {
		return u.empty(parent)
	}
	if gone, ok := strings.CutPrefix(base, whiteout); ok {
		if gone == "" || gone == "." || gone == ".." {
			return ErrUnsafe
		}
		return u.remove(path.Join(parent, gone))
	}
	name = path.Join(parent, base)
	if err := u.write(h, name, content); err != nil {
		return err
	}
	for p := name; p != "." && !u.made[p]; p = path.Dir(p) {
		u.made[p] = true
	}
	return nil
}

// write makes what the entry describes in place of what was there.
func (u *unpacker) write(h *tar.Header, name string, content io.Reader) error {
	old, err := u.root.Lstat(name)
	there := err == nil
	if there && !(old.IsDir() && h.Typeflag == tar.TypeDir) {
		if err := u.remove(name); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		u.dirs[name] = h
		if there && old.IsDir() {
			return nil
		}
		return u.root.Mkdir(name, 0o700)
	case tar.TypeReg:
		if err := u.file(h, name, content); err != nil {
			return err
		}
		return u.attributes(h, name)
	case tar.TypeLink:
		to, err := u.resolve(h.Linkname, false)
		if err != nil {
			return err
		}
		return u.root.Link(to, name)
	case tar.TypeSymlink:
		if err := u.root.Symlink(h.Linkname, name); err != nil {
			return err
		}
		return u.own(h, name)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return nil // devices come from whoever runs the image
	}
	return fmt.Errorf("an entry of type %q is not part of an image", h.Typeflag)
}

func (u *unpacker) file(h *tar.Header, name string, content io.Reader) error {
	f, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(content, u.bytes+1))
	if u.bytes -= n; u.bytes < 0 {
		err = errors.Join(err, ErrTooLarge)
	}
	return errors.Join(err, f.Close())
}

// attributes gives a file or directory its owner, mode and time.
func (u *unpacker) attributes(h *tar.Header, name string) error {
	if err := u.own(h, name); err != nil { // first: a change of owner takes set-ID bits away
		return err
	}
	mode := h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if !u.owner && h.Typeflag == tar.TypeDir {
		mode |= 0o700
	}
	if err := u.root.Chmod(name, mode); err != nil {
		return err
	}
	at := h.ModTime
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	return u.root.Chtimes(name, at, at)
}

func (u *unpacker) own(h *tar.Header, name string) error {
	if !u.owner {
		return nil
	}
	err := u.root.Lchown(name, h.Uid, h.Gid)
	if errors.Is(err, unix.EINVAL) { // this user namespace has no such ID: the file is its root's
		return nil
	}
	return err
}

// finish gives directories their attributes, which would have stood in the way before.
func (u *unpacker) finish() error {
	names := make([]string, 0, len(u.dirs))
	for name := range u.dirs {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.Reverse(names)
	for _, name := range names {
		if err := u.attributes(u.dirs[name], name); err != nil {
			return fmt.Errorf("directory %s: %w", name, err)
		}
	}
	return nil
}

// remove deletes what has a name, and forgets the directories in it.
func (u *unpacker) remove(name string) error {
	for d := range u.dirs {
		if d == name || strings.HasPrefix(d, name+"/") {
			delete(u.dirs, d)
		}
	}
	return u.root.RemoveAll(name)
}

// empty takes what lower layers have in a directory away.
func (u *unpacker) empty(dir string) error {
	f, err := u.root.Open(dir)
	if err != nil {
		return err
	}
	names, err := f.Readdirnames(-1)
	f.Close()
	if err != nil {
		return err
	}
	for _, name := range names {
		name = path.Join(dir, name)
		switch info, err := u.root.Lstat(name); {
		case err != nil:
			return err
		case !u.made[name]:
			if err := u.remove(name); err != nil {
				return err
			}
		case info.IsDir():
			if err := u.empty(name); err != nil {
				return err
			}
		}
	}
	return nil
}
