package sandbox

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Image is a root file system of a machine's own, in place of the shared one.
//
// Nobody has looked at what is in it: names may be links to anywhere, modes may be
// anything. So nothing of it is followed while the machine is made. What the
// machine needs in it (/dev, /proc, names in /etc) lies in the layer above, where
// it hides whatever the image has under these names; the rest happens when the
// image is the root already, and links cannot lead out of it.
type Image struct {
	Root string // a directory; never written to
	Dir  string // that the program begins in, made if it is not there
	// UID and GID are who the program runs as. Only root keeps what a machine's root may do.
	UID, GID int
}

// maxDepth bounds how many directories above it Image.Dir has.
const maxDepth = 16

func (i *Image) check() error {
	switch {
	case !path.IsAbs(i.Root):
		return fmt.Errorf("the image's directory %q must be an absolute path", i.Root)
	case !path.IsAbs(i.Dir) || strings.ContainsRune(i.Dir, 0):
		return fmt.Errorf("the image's working directory %q must be an absolute path", i.Dir)
	case strings.Count(path.Clean(i.Dir), "/") > maxDepth:
		return fmt.Errorf("the image's working directory %q has more than %d parts", i.Dir, maxDepth)
	case i.UID < 0 || i.GID < 0:
		return errors.New("the image's user is no user")
	}
	return nil
}

// Where an image's machine is built, on its disk.
const (
	imageLower = "/tmp/image"
	imageUpper = "/tmp/upper"
	imageWork  = "/tmp/work"
)

// imageDirs are made above the image.
var imageDirs = []string{"", "/dev", "/etc", "/etc/ssl", "/etc/ssl/certs", "/proc", "/sys", "/tmp"}

// imageCerts are the files of Config.Certs that an image's machine gets.
var imageCerts = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/extra.crt"}

// imageLinks are in an image's /dev.
var imageLinks = []string{"/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"}

// imageSteps build a machine's root above an image and enter it. lower is the
// descriptor of the image's mount, fd the next free one.
func imageSteps(p *program, s *Spec, lower, fd uint64, certs bool) {
	diskSteps(p, s, fd)
	p.mkdir(imageLower)
	p.call("mount the image", unix.SYS_MOVE_MOUNT, lower, p.str(""), atCWD, p.str(imageLower), unix.MOVE_MOUNT_F_EMPTY_PATH)
	p.mkdir(imageWork)
	for _, d := range imageDirs {
		p.mkdir(imageUpper + d)
	}
	p.call("open /tmp to all", unix.SYS_CHMOD, p.str(imageUpper+"/tmp"), 0o1777)
	for name, content := range runFiles(s) {
		p.write(fd, imageUpper+"/etc/"+path.Base(name), 0o644, []byte(content))
	}
	for _, name := range imageCerts {
		if certs {
			p.write(fd, imageUpper+name, 0o644, nil)
		}
	}
	overlay := p.str("overlay")
	p.call("lay over the image", unix.SYS_MOUNT, overlay, p.str(newRoot), overlay, unix.MS_NOSUID|unix.MS_NODEV,
		p.str("lowerdir="+imageLower+",upperdir="+imageUpper+",workdir="+imageWork))
	for _, name := range imageCerts {
		if certs {
			p.call("bind "+name, unix.SYS_MOUNT, p.str(name), p.str(newRoot+name), 0, unix.MS_BIND, 0)
		}
	}
	deviceSteps(p, fd)
	enterSteps(p, fd)
	dir := ""
	for part := range strings.SplitSeq(strings.Trim(path.Clean(s.Image.Dir), "/"), "/") {
		if dir += "/" + part; dir != "/" {
			p.may(uint64(unix.EEXIST), "make "+dir, unix.SYS_MKDIR, p.str(dir), 0o755)
		}
	}
	if s.Image.UID != 0 { // else who is not root may not open what /dev/stdout leads to
		for out := range uint64(2) {
			p.call("hand over the output", unix.SYS_FCHOWN, out+1, uint64(s.Image.UID), uint64(s.Image.GID))
		}
	}
}

// deviceSteps make the /dev of an image's machine.
func deviceSteps(p *program, fd uint64) {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	tmpfs := p.str("tmpfs")
	p.call("mount /dev", unix.SYS_MOUNT, tmpfs, p.str(newRoot+"/dev"), tmpfs, flags, p.str("mode=755,size=64k"))
	for _, d := range devices {
		p.write(fd, newRoot+"/dev/"+d, 0o666, nil)
		p.call("bind /dev/"+d, unix.SYS_MOUNT, p.str("/dev/"+d), p.str(newRoot+"/dev/"+d), 0, unix.MS_BIND, 0)
	}
	for _, name := range imageLinks {
		p.call("link "+name, unix.SYS_SYMLINK, p.str(etcLinks[name]), p.str(newRoot+name))
	}
	p.mkdir(newRoot + "/dev/shm")
	p.call("mount /dev/shm", unix.SYS_MOUNT, tmpfs, p.str(newRoot+"/dev/shm"), tmpfs, flags, p.str("mode=1777"))
}
