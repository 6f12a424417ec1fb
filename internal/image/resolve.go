package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxLinks bounds how many symbolic links lead to a name.
const maxLinks = 64

// resolve follows the symbolic links in a name as a process inside the image
// would: an absolute one begins at the image's root, and ".." ends there. With
// last, it follows the name's last part too. Names beyond what exists stay as they are.
func resolve(root *os.Root, name string, last bool) (string, error) {
	done, rest := ".", strings.Split(path.Clean("/" + name)[1:], "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		info, err := root.Lstat(next)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err != nil || info.Mode().Type() != fs.ModeSymlink || len(rest) == 0 && !last {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%w: too many symbolic links", ErrUnsafe)
		}
		to, err := root.Readlink(next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(to) {
			done = "."
		}
		rest = append(strings.Split(to, "/"), rest...)
	}
	return done, nil
}

func (u *unpacker) resolve(name string, last bool) (string, error) {
	return resolve(u.root, name, last)
}

// parent is the directory that a name stands for; what is missing of it is made.
func (u *unpacker) parent(dir string) (string, error) {
	name, err := u.resolve(dir, true)
	if err != nil {
		return "", err
	}
	at := "."
	for part := range strings.SplitSeq(name, "/") {
		at = path.Join(at, part)
		info, err := u.root.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := u.root.Mkdir(at, 0o755); err != nil {
				return "", err
			}
		case err != nil:
			return "", err
		case !info.IsDir():
			return "", fmt.Errorf("%s is no directory", at)
		}
	}
	return name, nil
}
