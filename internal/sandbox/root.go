package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// devices are bound from the host; making nodes would need more rights.
var devices = []string{"null", "zero", "full", "random", "urandom"}

// hostFiles are copied into /etc; those the host lacks are left out.
var hostFiles = []string{"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/services", "/etc/protocols",
	"/etc/mime.types", "/etc/ssl/openssl.cnf"}

// etcFiles is the rest of /etc. Names that differ by sandbox are links into /run.
var etcFiles = map[string]string{
	"/etc/passwd":        "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
	"/etc/group":         "root:x:0:\nsbx_group1051:x:990:\nnogroup:x:65534:\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
	"/etc/gai.conf":      "",
}

var etcLinks = map[string]string{
	"/etc/resolv.conf":                 "/run/resolv.conf",
	"/etc/hosts":                       "/run/hosts",
	"/etc/hostname":                    "/run/hostname",
	"/etc/mtab":                        "/proc/self/mounts",
	"/etc/localtime":                   "/usr/share/zoneinfo/UTC",
	"/etc/os-release":                  "/usr/lib/os-release",
	"/etc/pki/tls/certs/ca-bundle.crt": "/etc/ssl/certs/ca-certificates.crt",
	"/dev/fd":                          "/proc/self/fd",
	"/dev/stdin":                       "/proc/self/fd/0",
	"/dev/stdout":                      "/proc/self/fd/1",
	"/dev/stderr":                      "/proc/self/fd/2",
}

const stagePath = "/.weir/stage"

// root builds the shared root in a mount namespace of the calling thread alone,
// and makes it that thread's root. The thread must never run anything else.
type root struct {
	dir string // where it is built
	err error  // the first step that failed
}

// RootOf is what is there of a directory that a Host has, or had, for its own.
func RootOf(dir string) string { return filepath.Join(dir, "root") }

func buildRoot(cfg Config, stage []byte) error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return fmt.Errorf("make a mount namespace: %w (run as root, or in a user namespace)", err)
	}
	r := &root{dir: RootOf(cfg.Dir)}
	certs := cfg.Certs
	if certs == "" {
		certs = "/etc/ssl/certs"
	}
	r.do("make mounts private", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	r.do("make "+r.dir, os.MkdirAll(r.dir, 0o755))
	if r.err == nil {
		r.do("mount tmpfs", unix.Mount("tmpfs", r.dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=16m"))
	}
	r.system()
	r.etc(certs)
	for _, d := range devices {
		r.bind("/dev/"+d, "/dev/"+d, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	}
	for name, content := range cfg.Files {
		r.file(name, content)
	}
	if cfg.Machines {
		r.machine()
	}
	for _, d := range append([]string{"/proc", "/sys", "/tmp", "/run", "/root", "/home", "/var/lang", "/var/runtime"}, Targets...) {
		r.mkdir(d)
	}
	r.file(stagePath, stage)
	if r.err == nil { // a user namespace that sees no /proc may not mount a new one, which then covers this
		r.bind("/proc", "/proc", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	}
	r.enter()
	return r.err
}

// do notes the first failure.
func (r *root) do(what string, err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("prepare the sandboxes' root: %s: %w", what, err)
	}
}

func (r *root) mkdir(name string) {
	if r.err == nil {
		r.do("make "+name, os.MkdirAll(r.dir+name, 0o755))
	}
}

func (r *root) file(name string, content []byte) {
	r.mkdir(filepath.Dir(name))
	if r.err == nil {
		// A process that is started meanwhile has the open file too, for an instant
		// that may be the one when the root is made read-only.
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		r.do("write "+name, os.WriteFile(r.dir+name, content, 0o755))
	}
}

func (r *root) link(name, target string) {
	r.mkdir(filepath.Dir(name))
	if r.err == nil {
		r.do("link "+name, os.Symlink(target, r.dir+name))
	}
}

const readOnly = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV

// bind shows a host file or directory, with what is mounted below it.
func (r *root) bind(source, target string, attrs uint64) {
	info, err := os.Stat(source)
	switch {
	case err != nil:
		r.do("find "+source, err)
		return
	case info.IsDir():
		r.mkdir(target)
	default:
		r.file(target, nil)
	}
	if r.err != nil {
		return
	}
	r.do("bind "+source, unix.Mount(source, r.dir+target, "", unix.MS_BIND|unix.MS_REC, ""))
	r.do("restrict "+source, unix.MountSetattr(unix.AT_FDCWD, r.dir+target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: attrs}))
}

// system shows the host's programs and libraries: /usr and, where they are not
// links into it, the directories beside it.
func (r *root) system() {
	r.bind("/usr", "/usr", readOnly)
	for _, d := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		info, err := os.Lstat(d)
		switch {
		case err != nil:
		case info.Mode()&os.ModeSymlink != 0:
			to, err := os.Readlink(d)
			r.do("read "+d, err)
			r.link(d, to)
		default:
			r.bind(d, d, readOnly)
		}
	}
}

func (r *root) etc(certs string) {
	for name, content := range etcFiles {
		r.file(name, []byte(content))
	}
	for name, to := range etcLinks {
		r.link(name, to)
	}
	conf, _ := filepath.Glob("/etc/ld.so.conf.d/*.conf")
	for _, name := range append(conf, hostFiles...) {
		if b, err := os.ReadFile(name); err == nil {
			r.file(name, b)
		}
	}
	if _, err := os.Stat("/etc/alternatives"); err == nil {
		r.bind("/etc/alternatives", "/etc/alternatives", readOnly)
	}
	if _, err := os.Stat(certs); err == nil || certs != "/etc/ssl/certs" {
		r.bind(certs, "/etc/ssl/certs", readOnly)
	}
}

// enter makes the built tree the thread's root and lets go of the host's.
func (r *root) enter() {
	steps := []struct {
		what string
		do   func() error
	}{
		{"make it read-only", func() error {
			return unix.MountSetattr(unix.AT_FDCWD, r.dir, 0, &unix.MountAttr{Attr_set: readOnly})
		}},
		{"enter it", func() error { return unix.Chdir(r.dir) }},
		{"pivot_root", func() error { return unix.PivotRoot(".", ".") }},
		{"detach the host's root", func() error { return unix.Unmount(".", unix.MNT_DETACH) }},
		{"go to /", func() error { return unix.Chdir("/") }},
	}
	for _, s := range steps {
		if r.err != nil {
			return
		}
		r.do(s.what, s.do())
	}
}

// WriteCerts writes into dir, for Config.Certs, the bundle ca-certificates.crt
// (the host's certificates and the extra ones, in PEM) and extra.crt (those alone).
func WriteCerts(dir string, extra []byte) error {
	host, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the host's certificates: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the certificate bundle: %w", err)
	}
	all := strings.TrimRight(string(host), "\n") + "\n" + string(extra)
	err = errors.Join(os.WriteFile(filepath.Join(dir, "ca-certificates.crt"), []byte(all), 0o644),
		os.WriteFile(filepath.Join(dir, "extra.crt"), extra, 0o644))
	if err != nil {
		return fmt.Errorf("write the certificate bundle: %w", err)
	}
	return nil
}
