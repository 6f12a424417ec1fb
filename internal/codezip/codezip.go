// Package codezip checks and unpacks the zip archives that carry function code.
//
// Invariants:
//   - nothing is ever written outside the target directory: names and symbolic
//     links that leave it make the whole archive unacceptable
//   - sizes are what is really read, never what the archive claims
//   - file modes are kept
package codezip

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// MaxUnpacked is the most an archive may hold once unpacked.
const MaxUnpacked = 250 << 20

// maxEntries bounds what unpacking may cost in inodes.
const maxEntries = 100_000

// maxLink bounds a symbolic link's target.
const maxLink = 4096

var (
	// ErrFormat means that this is no sound zip archive.
	ErrFormat = errors.New("not a sound zip archive")
	// ErrUnsafe means that an entry points out of the archive's own tree.
	ErrUnsafe = errors.New("entry leaves the archive's directory")
	// ErrTooLarge means that the archive unpacks to more than the limit.
	ErrTooLarge = errors.New("unpacked content is too large")
)

// Check reads the whole archive and returns what it unpacks to.
func Check(r io.ReaderAt, size, limit int64) (unpacked int64, err error) {
	return walk(r, size, limit, func(_ *zip.File, _ string, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	})
}

// Unpack writes the archive's files below dir, which must exist.
func Unpack(r io.ReaderAt, size, limit int64, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open %s to unpack code: %w", dir, err)
	}
	defer root.Close()
	_, err = walk(r, size, limit, func(f *zip.File, name string, content io.Reader) error {
		return write(root, f, name, content)
	})
	return err
}

// walk calls visit for every entry with its clean name and its content, bounded by what is left of limit.
func walk(r io.ReaderAt, size, limit int64, visit func(f *zip.File, name string, content io.Reader) error) (total int64, err error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(archive.File) > maxEntries {
		return 0, fmt.Errorf("%w: %d entries, at most %d are allowed", ErrTooLarge, len(archive.File), maxEntries)
	}
	for _, f := range archive.File {
		name, err := cleanName(f.Name)
		if err != nil {
			return 0, err
		}
		if kind := f.Mode().Type(); kind&^(fs.ModeDir|fs.ModeSymlink) != 0 {
			return 0, fmt.Errorf("%w: %s is a %s", ErrUnsafe, f.Name, kind)
		}
		n, err := visitOne(f, name, limit-total, visit)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func visitOne(f *zip.File, name string, left int64, visit func(*zip.File, string, io.Reader) error) (int64, error) {
	content, err := f.Open()
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err)
	}
	defer content.Close()
	counted := &counter{r: content, left: left}
	if f.Mode()&fs.ModeSymlink != 0 {
		target, err := linkTarget(name, counted)
		if err != nil {
			return 0, err
		}
		return counted.n, visit(f, name, strings.NewReader(target))
	}
	if err := visit(f, name, counted); err != nil {
		return 0, err
	}
	return counted.n, nil
}

// counter hands on a file's bytes, classifies their errors, and stops at the limit.
type counter struct {
	r       io.Reader
	n, left int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.n > c.left {
		return 0, ErrTooLarge
	}
	if err != nil && err != io.EOF {
		return n, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return n, err
}

// cleanName is name as a local path; archives written on Windows may use backslashes.
func cleanName(name string) (string, error) {
	clean := path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if !fs.ValidPath(clean) || strings.ContainsRune(clean, 0) {
		return "", fmt.Errorf("%w: %q", ErrUnsafe, name)
	}
	return clean, nil
}

// linkTarget is the link's target if following it stays inside the tree.
func linkTarget(name string, content io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(content, maxLink+1))
	if err != nil {
		return "", err
	}
	target := string(b)
	inside := path.Join(path.Dir(name), target)
	if len(b) > maxLink || target == "" || path.IsAbs(target) || !fs.ValidPath(inside) {
		return "", fmt.Errorf("%w: %s links to %q", ErrUnsafe, name, target)
	}
	return target, nil
}

func write(root *os.Root, f *zip.File, name string, content io.Reader) error {
	mode := f.Mode()
	if name == "." {
		return nil
	}
	if err := makeDirs(root, path.Dir(name)); err != nil {
		return err
	}
	switch {
	case mode.IsDir() || strings.HasSuffix(f.Name, "/"):
		return makeDirs(root, name)
	}
	_ = root.Remove(name) // of an archive below this one
	switch {
	case mode&fs.ModeSymlink != 0:
		target, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if err := root.Symlink(string(target), name); err != nil {
			return fmt.Errorf("%w: link %s: %w", ErrUnsafe, name, err)
		}
		return nil
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("%w: create %s: %w", ErrUnsafe, name, err)
	}
	_, err = io.Copy(file, content)
	if err == nil {
		// Readable by everyone, whatever the archive says: Lambda fails on files
		// that are not (mode 0600, as Python's zipfile writes them); that lesson is
		// about packaging, and people run Weir to learn about their network.
		err = file.Chmod(mode.Perm() | 0o444)
	}
	return errors.Join(err, file.Close())
}

// makeDirs makes a directory and its parents, searchable by everyone: a handler
// must reach its files whatever mode the archive's author's directories had.
func makeDirs(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	if err := root.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%w: directory %s: %w", ErrUnsafe, dir, err)
	}
	return nil
}
