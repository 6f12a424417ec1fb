package sandbox

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A machine is a sandbox that a whole host runs in. It differs from a function's:
//
//   - its root can be written: an overlay above the shared root and /usr, kept in
//     memory and gone with it
//   - its users are numbered as the host's, and root has what it needs to install
//     files and become others. As in every sandbox its user namespace owns no other
//     one, so root has no power over interfaces, mounts, devices or the kernel
//   - ports below 1024 and ping are open to every user
//   - it has no limit of processes per user, only its own control group's

// machineCaps is what root in a machine may do: chown, override file modes, own
// files, keep set-ID bits, kill, change groups and users, drop these.
const machineCaps = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER | 1<<unix.CAP_FSETID |
	1<<unix.CAP_KILL | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID | 1<<unix.CAP_SETPCAP

// machineIDs is how many users and groups a machine has, where this process has that many.
const machineIDs = 65536

// machineSpan is how many IDs a machine gets, by the ID map of this process: all of
// machineIDs, or root alone.
func machineSpan(own string) int {
	f := strings.Fields(own)
	if len(f) < 3 || f[0] != "0" {
		return 1
	}
	if n, err := strconv.Atoi(f[2]); err != nil || n < machineIDs {
		return 1
	}
	return machineIDs
}

// machineMap maps a machine's IDs to the same ones outside.
func machineMap(own string) string { return fmt.Sprintf("0 0 %d\n", machineSpan(own)) }

// machineDirs are directories that a machine has beside those of any sandbox.
var machineDirs = []string{"/dev/shm", "/mnt", "/srv", "/var/cache", "/var/lib/cloud/instance", "/var/log", "/var/spool", "/var/tmp"}

// machineFiles replace those of etcFiles.
var machineFiles = map[string]string{
	"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nec2-user:x:1000:1000::/home/ec2-user:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
	"/etc/group":  "root:x:0:\ndaemon:x:1:\nec2-user:x:1000:\nnogroup:x:65534:\n",
	"/etc/shadow": "root:*:::::::\ndaemon:*:::::::\nec2-user:*:::::::\nnobody:*:::::::\n",
}

// machine adds to the shared root what machines have.
func (r *root) machine() {
	for name, content := range machineFiles {
		r.file(name, []byte(content))
	}
	for _, d := range machineDirs {
		r.mkdir(d)
	}
	r.link("/var/run", "/run")
	pam, _ := filepath.Glob("/etc/pam.d/*")
	for _, name := range append(pam, "/etc/login.defs", "/etc/profile") {
		if b, err := os.ReadFile(name); err == nil {
			r.file(name, b)
		}
	}
}

// machineBinds are what the machine's root takes over from the shared root as it
// is: what is mounted there, except /usr.
func machineBinds() []string {
	var list []string
	for _, d := range devices {
		list = append(list, "/dev/"+d)
	}
	for _, d := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		if info, err := os.Lstat(d); err == nil && info.IsDir() {
			list = append(list, d)
		}
	}
	if _, err := os.Stat("/etc/alternatives"); err == nil {
		list = append(list, "/etc/alternatives")
	}
	return append(list, "/etc/ssl/certs")
}

// localAddress gives loopback a further address; fd is the number the next descriptor gets.
func localAddress(p *program, fd uint64, n int, a netip.Addr) {
	request := func(addr netip.Addr) uint64 { // struct ifreq: name, struct sockaddr_in
		b := make([]byte, 40)
		copy(b, fmt.Sprintf("lo:%d", n))
		binary.LittleEndian.PutUint16(b[16:], unix.AF_INET)
		copy(b[20:], addr.AsSlice())
		return p.bytes(b)
	}
	p.call("open a socket", unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	p.call("set the address "+a.String(), unix.SYS_IOCTL, fd, unix.SIOCSIFADDR, request(a))
	p.call("set its mask", unix.SYS_IOCTL, fd, unix.SIOCSIFNETMASK, request(netip.AddrFrom4([4]byte{255, 255, 255, 255})))
	p.call("close a socket", unix.SYS_CLOSE, fd)
}

// newRoot is where the machine's root is built, on its disk.
const newRoot = "/tmp/root"

// diskSteps make the disk that a machine's root is built on; fd is the next free descriptor.
func diskSteps(p *program, s *Spec, fd uint64) {
	size := s.TmpMiB
	if size <= 0 {
		size = 512
	}
	for n, a := range s.Local {
		localAddress(p, fd, n, a)
	}
	tmpfs := p.str("tmpfs")
	p.call("mount the disk", unix.SYS_MOUNT, tmpfs, p.str("/tmp"), tmpfs, unix.MS_NOSUID|unix.MS_NODEV, p.str(fmt.Sprintf("mode=755,size=%dm,nr_inodes=%d", size, size*512)))
	p.mkdir(newRoot)
}

// machineSteps build the machine's root and enter it; fd is the next free descriptor.
func machineSteps(p *program, s *Spec, fd uint64) {
	diskSteps(p, s, fd)
	tmpfs, overlay := p.str("tmpfs"), p.str("overlay")
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	for _, dir := range []string{"/", "/usr"} {
		name := "/tmp/layer" + strings.ReplaceAll(dir, "/", "-")
		for _, d := range []string{name, name + "/upper", name + "/work"} {
			p.mkdir(d)
		}
		p.call("lay over "+dir, unix.SYS_MOUNT, overlay, p.str(newRoot+dir), overlay, flags,
			p.str("lowerdir="+dir+",upperdir="+name+"/upper,workdir="+name+"/work"))
	}
	for _, name := range machineBinds() {
		p.call("bind "+name, unix.SYS_MOUNT, p.str(name), p.str(newRoot+name), 0, unix.MS_BIND|unix.MS_REC, 0)
	}
	p.call("mount /dev/shm", unix.SYS_MOUNT, tmpfs, p.str(newRoot+"/dev/shm"), tmpfs, flags|unix.MS_NOEXEC, p.str("mode=1777"))
	p.call("mount /run", unix.SYS_MOUNT, tmpfs, p.str(newRoot+"/run"), tmpfs, flags|unix.MS_NOEXEC, p.str("mode=755,size=16m"))
	for _, d := range []string{"/tmp", "/var/tmp"} {
		p.call("open "+d+" to all", unix.SYS_CHMOD, p.str(newRoot+d), 0o1777)
	}
	for name, content := range runFiles(s) {
		p.write(fd, newRoot+name, 0o644, []byte(content))
	}
	for name, content := range s.Place {
		p.write(fd, newRoot+name, 0o755, content)
	}
	enterSteps(p, fd)
}

// enterSteps complete a machine's root with /proc and make it the root.
func enterSteps(p *program, fd uint64) {
	procSteps(p, newRoot)
	p.write(fd, newRoot+"/proc/sys/net/ipv4/ip_unprivileged_port_start", 0, []byte("0"))
	p.write(fd, newRoot+"/proc/sys/net/ipv4/ping_group_range", 0, fmt.Appendf(nil, "0 %d", machineSpan(readFile("/proc/self/gid_map"))-1))
	for _, d := range []string{"sys", "bus", "fs", "irq", "acpi", "scsi", "driver", "tty"} {
		p.seal(newRoot + "/proc/" + d)
	}
	p.call("go to "+newRoot, unix.SYS_CHDIR, p.str(newRoot))
	p.call("enter the root", unix.SYS_PIVOT_ROOT, p.str("."), p.str("."))
	p.call("detach the old root", unix.SYS_UMOUNT2, p.str("."), unix.MNT_DETACH)
	p.call("go to /", unix.SYS_CHDIR, p.str("/"))
}
