package sandbox

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// denied are the system calls no function needs: they administer the machine,
// reach into other processes, or have been ways out of sandboxes.
var denied = []uint32{
	// mounts and roots
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE,
	unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
	unix.SYS_MOUNT_SETATTR, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	// namespaces
	unix.SYS_SETNS, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
	// other processes
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP,
	unix.SYS_PIDFD_GETFD, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
	// kernel and hardware
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_KEXEC_LOAD,
	unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_REBOOT, unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_ACCT, unix.SYS_NFSSERVCTL,
	unix.SYS_LOOKUP_DCOOKIE, unix.SYS_FANOTIFY_INIT,
	// keys, which are not namespaced
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	// the clock
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
}

// absent answer ENOSYS, so that programs fall back: clone3's flags are in memory,
// where a filter cannot see them, and io_uring does system calls past the filter.
var absent = []uint32{
	unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME

// Offsets in struct seccomp_data; an argument's low word comes first.
const (
	offNr   = 0
	offArch = 4
	offArg0 = 16
	offArg1 = 24
	offArg2 = 32
)

func stmt(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func load(off uint32) unix.SockFilter { return stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, off) }

func jump(op uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

func refuse(errno uint32) unix.SockFilter {
	return stmt(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ERRNO|errno)
}

// filter is the seccomp program: what is listed is refused, the rest allowed.
func filter() []unix.SockFilter {
	allow := stmt(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ALLOW)
	f := []unix.SockFilter{
		load(offArch),
		jump(unix.BPF_JEQ, auditArch, 1, 0),
		stmt(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_KILL_PROCESS), // another architecture's numbers
		load(offNr),
		jump(unix.BPF_JGE, 0x40000000, 0, 1), // x32
		refuse(uint32(unix.ENOSYS)),
	}
	for _, nr := range []uint32{unix.SYS_CLONE, unix.SYS_UNSHARE} {
		f = append(f,
			jump(unix.BPF_JEQ, nr, 0, 4),
			load(offArg0),
			jump(unix.BPF_JSET, newNamespaces, 0, 1),
			refuse(uint32(unix.EPERM)),
			allow)
	}
	// Sockets: unix, IPv4, IPv6 without raw ones, and netlink for reading addresses and routes.
	f = append(f,
		jump(unix.BPF_JEQ, unix.SYS_SOCKET, 0, 13),
		load(offArg0),
		jump(unix.BPF_JEQ, unix.AF_UNIX, 9, 0),
		jump(unix.BPF_JEQ, unix.AF_NETLINK, 6, 0),
		jump(unix.BPF_JEQ, unix.AF_INET, 2, 0),
		jump(unix.BPF_JEQ, unix.AF_INET6, 1, 0),
		refuse(uint32(unix.EAFNOSUPPORT)),
		load(offArg1),
		stmt(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0xf),
		jump(unix.BPF_JEQ, unix.SOCK_RAW, 3, 2),
		load(offArg2),
		jump(unix.BPF_JEQ, unix.NETLINK_ROUTE, 0, 1),
		allow,
		refuse(uint32(unix.EPERM)),
		load(offNr))
	for _, nr := range slices.Concat(denied, archDenied) {
		f = append(f, jump(unix.BPF_JEQ, nr, 0, 1), refuse(uint32(unix.EPERM)))
	}
	for _, nr := range absent {
		f = append(f, jump(unix.BPF_JEQ, nr, 0, 1), refuse(uint32(unix.ENOSYS)))
	}
	return append(f, allow)
}

// filterBytes is the filter as the kernel reads it.
func filterBytes() (b []byte, n int) {
	f := filter()
	for _, i := range f {
		b = binary.LittleEndian.AppendUint16(b, i.Code)
		b = append(b, i.Jt, i.Jf)
		b = binary.LittleEndian.AppendUint32(b, i.K)
	}
	return b, len(f)
}
