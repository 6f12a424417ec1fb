package sandbox

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// descriptors lists what the stage holds, in order, from 0.
type descriptors struct {
	list   []uintptr
	keep   []*os.File // keeps the files behind list open
	status uint64
	gate   uint64 // read before the program starts, if the sandbox waits
	prog   uint64
	first  uint64 // the descriptors from here on are for the set-up only
	input  uint64 // the program's standard input
	groups []uint64
	netNS  uint64 // 0: a new one
	lo     bool   // it has its loopback up
	userNS uint64
	image  uint64   // the image's mount
	mounts []uint64 // the Spec's
}

func (d *descriptors) add(f *os.File) uint64 {
	d.list = append(d.list, f.Fd())
	d.keep = append(d.keep, f)
	return uint64(len(d.list) - 1)
}

// none stands for an address or flag word of -1.
const none = ^uint64(0)

// compile turns a Spec into the stage's steps. The order matters: what needs
// rights comes before the rights are dropped, what the program must not see before
// it starts.
func (h *Host) compile(s *Spec, d *descriptors, wait bool) *program {
	p := newProgram(stageOps, maxOps)
	p.call("mark descriptors", unix.SYS_CLOSE_RANGE, d.status, none>>32, unix.CLOSE_RANGE_CLOEXEC)
	p.call("close inherited descriptors", unix.SYS_CLOSE_RANGE, uint64(len(d.list)), none>>32, 0) // what the daemon was started with
	for _, fd := range d.groups {
		p.call("join the control group", unix.SYS_WRITE, fd, p.str("0"), 1)
	}
	p.call("unshare the control group namespace", unix.SYS_UNSHARE, unix.CLONE_NEWCGROUP)
	if d.netNS != 0 {
		p.call("join the network namespace", unix.SYS_SETNS, d.netNS, unix.CLONE_NEWNET)
	}
	if !d.lo {
		setLoopbackUp(p, uint64(len(d.list)))
	}
	work := "/var/task"
	switch {
	case s.Image != nil:
		imageSteps(p, s, d.image, uint64(len(d.list)), h.cfg.Certs != "")
		work = path.Clean(s.Image.Dir)
	case h.cfg.Machines:
		machineSteps(p, s, uint64(len(d.list)))
		work = "/"
	default:
		rootSteps(p, s, uint64(len(d.list)))
	}
	for i, fd := range d.mounts {
		p.call("mount "+s.Mounts[i].Target, unix.SYS_MOVE_MOUNT, fd, p.str(""), atCWD, p.str(s.Mounts[i].Target), unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	name := s.Hostname
	if name == "" {
		name = "localhost"
	}
	p.call("set the host name", unix.SYS_SETHOSTNAME, p.str(name), uint64(len(name)))
	p.call("set the domain name", unix.SYS_SETDOMAINNAME, p.str(""), 0)
	h.limitSteps(p, s.Limits)
	h.dropSteps(p, s, d.userNS)
	p.call("go to "+work, unix.SYS_CHDIR, p.str(work))
	p.call("open the standard input", unix.SYS_DUP3, d.input, 0, 0)
	p.call("close descriptors", unix.SYS_CLOSE_RANGE, d.first, none>>32, 0)
	p.call("tell the daemon", unix.SYS_WRITE, d.status, p.bytes(record(recordSet, 0)), 8)
	if wait {
		p.call("wait", unix.SYS_READ, d.gate, p.bytes(make([]byte, 8)), 1)
		p.call("read the program", unix.SYS_PREAD64, d.prog, p.next()+opSize, stageData+stageSize-p.next()-opSize, 0)
	} else {
		execSteps(p, s.Argv, s.Env)
	}
	return p
}

var atCWD = uint64(0xffffffffffffff9c) // AT_FDCWD

// execSteps start the program; pid 1 stays behind to reap.
func execSteps(p *program, argv, env []string) {
	p.call("start a process", opSpawn)
	p.call("run "+argv[0], unix.SYS_EXECVE, p.str(argv[0]), p.strs(argv), p.strs(env))
}

// setLoopbackUp sets the interface lo up; fd is the number the next descriptor gets.
func setLoopbackUp(p *program, fd uint64) {
	request := make([]byte, 40) // struct ifreq: name, flags
	copy(request, loopback)
	binary.LittleEndian.PutUint16(request[16:], unix.IFF_UP|unix.IFF_RUNNING)
	p.call("open a socket", unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	p.call("set loopback up", unix.SYS_IOCTL, fd, unix.SIOCSIFFLAGS, p.bytes(request))
	p.call("close a socket", unix.SYS_CLOSE, fd)
}

// masked files of /proc are hidden behind /dev/null: they tell of the whole machine.
var masked = []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger", "/proc/kmsg"}

// rootSteps complete the copy of the shared root; fd is the next free descriptor.
func rootSteps(p *program, s *Spec, fd uint64) {
	size := s.TmpMiB
	if size <= 0 {
		size = 512
	}
	tmpfs := p.str("tmpfs")
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	p.call("mount /tmp", unix.SYS_MOUNT, tmpfs, p.str("/tmp"), tmpfs, flags, p.str(fmt.Sprintf("mode=1777,size=%dm,nr_inodes=%d", size, size*512)))
	run := p.str("/run")
	p.call("mount /run", unix.SYS_MOUNT, tmpfs, run, tmpfs, flags|unix.MS_NOEXEC, p.str("mode=755,size=256k"))
	for name, content := range runFiles(s) {
		p.write(fd, name, 0o644, []byte(content))
	}
	p.call("make /run read-only", unix.SYS_MOUNT, p.str(""), run, p.str(""), unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags|unix.MS_NOEXEC, 0)
	procSteps(p, "")
	p.seal("/proc/sys")
}

// procSteps mount /proc below a directory, without what tells of the whole machine.
func procSteps(p *program, dir string) {
	p.call("mount /proc", unix.SYS_MOUNT, p.str("proc"), p.str(dir+"/proc"), p.str("proc"), unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, 0)
	null := p.str("/dev/null")
	for _, name := range masked {
		p.may(uint64(unix.ENOENT), "hide "+name, unix.SYS_MOUNT, null, p.str(dir+name), 0, unix.MS_BIND, 0)
	}
}

// seal makes a directory of /proc read-only; one that this kernel lacks is none to seal.
func (p *program) seal(dir string) {
	at := p.str(dir)
	p.may(uint64(unix.ENOENT), "bind "+dir, unix.SYS_MOUNT, at, at, 0, unix.MS_BIND, 0)
	p.may(uint64(unix.ENOENT), "make "+dir+" read-only", unix.SYS_MOUNT, 0, at, 0, unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, 0)
}

// mkdir makes a directory.
func (p *program) mkdir(name string) {
	p.call("make "+name, unix.SYS_MKDIR, p.str(name), 0o755)
}

// write makes a file; fd is the number that its descriptor gets.
func (p *program) write(fd uint64, name string, mode uint64, content []byte) {
	p.call("make "+name, unix.SYS_OPENAT, atCWD, p.str(name), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, mode)
	p.call("write "+name, unix.SYS_WRITE, fd, p.bytes(content), uint64(len(content)))
	p.call("close "+name, unix.SYS_CLOSE, fd)
}

// runFiles are the files of /etc that differ by sandbox.
func runFiles(s *Spec) map[string]string {
	name := s.Hostname
	if name == "" {
		name = "localhost"
	}
	hosts := "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
	for _, line := range s.Hosts {
		hosts += line + "\n"
	}
	return map[string]string{
		"/run/resolv.conf": resolvConf(s.Resolvers, s.Search, s.DNSOptions),
		"/run/hosts":       hosts,
		"/run/hostname":    name + "\n",
	}
}

func resolvConf(resolvers []netip.Addr, search, options []string) string {
	var b strings.Builder
	if len(search) > 0 {
		b.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	for _, r := range resolvers {
		b.WriteString("nameserver " + r.String() + "\n")
	}
	if len(options) == 0 {
		options = []string{"timeout:2", "attempts:2"}
	}
	b.WriteString("options " + strings.Join(options, " ") + "\n")
	return b.String()
}

func (h *Host) limitSteps(p *program, l Limits) {
	set := func(what string, resource, n uint64) {
		p.call("limit "+what, unix.SYS_PRLIMIT64, 0, resource, p.bytes(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, n), n)), 0)
	}
	files := uint64(1024)
	if h.cfg.Machines {
		files = 4096
	}
	set("open files", unix.RLIMIT_NOFILE, files)
	set("core files", unix.RLIMIT_CORE, 0)
	set("locked memory", unix.RLIMIT_MEMLOCK, 64<<10)
	set("message queues", unix.RLIMIT_MSGQUEUE, 800<<10)
	if l.Pids > 0 && !h.cfg.Machines { // a machine's users are not its own
		set("processes", unix.RLIMIT_NPROC, uint64(l.Pids+1))
	}
}

// lastCap is above every capability there is; the kernel refuses the numbers it
// does not know with EINVAL.
const lastCap = 42

// dropSteps give up everything: groups, users, capabilities, new privileges.
func (h *Host) dropSteps(p *program, s *Spec, userNS uint64) {
	p.call("set the file mode mask", unix.SYS_UMASK, 0o022)
	p.call("start a session", unix.SYS_SETSID)
	p.may(uint64(unix.EPERM), "drop supplementary groups", unix.SYS_SETGROUPS, 0, 0) // a user namespace may forbid it
	p.call("join the user namespace", unix.SYS_SETNS, userNS, unix.CLONE_NEWUSER)
	uid, gid, keep := uint64(insideUID), uint64(insideGID), uint32(0)
	if h.cfg.Machines {
		uid, gid, keep = 0, 0, machineCaps
	}
	if i := s.Image; i != nil && i.UID != 0 {
		uid, keep = uint64(i.UID), 0
	}
	if s.Image != nil {
		gid = uint64(s.Image.GID)
	}
	for c := range uint64(lastCap) {
		if keep>>c&1 == 0 {
			p.may(uint64(unix.EINVAL), "drop a capability", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c)
		}
	}
	p.call("set the group", unix.SYS_SETRESGID, gid, gid, gid)
	p.call("set the user", unix.SYS_SETRESUID, uid, uid, uid)
	header := binary.LittleEndian.AppendUint32(nil, unix.LINUX_CAPABILITY_VERSION_3)
	caps := make([]byte, 24) // effective, permitted, inheritable; twice
	binary.LittleEndian.PutUint32(caps, keep)
	binary.LittleEndian.PutUint32(caps[4:], keep)
	p.call("drop capabilities", unix.SYS_CAPSET, p.bytes(append(header, 0, 0, 0, 0)), p.bytes(caps))
	p.call("hide pid 1 from the program", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0)
	p.call("forbid new privileges", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if !h.cfg.Outlive {
		p.call("die with the daemon", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uint64(unix.SIGKILL))
	}
	fprog := binary.LittleEndian.AppendUint64(nil, uint64(h.filtN))
	fprog = binary.LittleEndian.AppendUint64(fprog, p.bytes(h.filter))
	p.call("filter system calls", unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, p.bytes(fprog))
}
