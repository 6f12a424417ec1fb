package sandbox

import (
	"fmt"
	"net/netip"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// Config describes the root that all sandboxes of a Host share.
type Config struct {
	// Dir is a directory of the daemon's own; its name also tells this daemon's
	// control groups from another's.
	Dir string
	// Certs is a directory bound read-only to /etc/ssl/certs, with the bundle
	// ca-certificates.crt in it (see WriteCerts). "" binds the host's.
	Certs string
	// Files are placed in the shared root, by absolute path.
	Files map[string][]byte
	// Machines makes every sandbox a machine of its own, instead of a place for
	// one function: see machine.go.
	Machines bool
	// Outlive lets machines go on when this process ends without Close.
	Outlive bool
}

// Mount binds a host directory read-only into a sandbox. Target is one of Targets.
type Mount struct {
	Source string
	Target string
}

// Targets are the directories of the root that take a Mount.
var Targets = []string{"/var/task", "/code", "/opt", "/var/layers"}

// Limits bounds what a sandbox may take; a zero field is no limit.
type Limits struct {
	MemoryMiB int     // memory and swap together; files in /tmp count
	CPU       float64 // in cores
	Pids      int     // processes and threads
}

// Line is one line of output, of stdout or stderr: they share one pipe, so that
// their order is kept.
type Line struct {
	Time time.Time
	Text string // without the newline
}

// Spec describes one sandbox.
type Spec struct {
	// ID names it: letters, digits and dashes, unique in its Host.
	ID string
	// NetNS is the network namespace to join; nil makes an empty one with only loopback.
	NetNS *os.File
	// Note is kept with a machine that outlives its Host.
	Note string
	// Resolvers, Search and DNSOptions make /etc/resolv.conf; no options are short waits.
	Resolvers  []netip.Addr
	Search     []string
	DNSOptions []string
	Hostname   string // "" is "localhost"
	// Hosts are extra lines of /etc/hosts.
	Hosts []string

	// Argv is the program with its arguments, by absolute path. If empty, the
	// sandbox is made ready and waits for Exec.
	Argv []string
	Env  []string
	// Files become descriptors 3, 4, …; the caller closes its own copies.
	Files  []*os.File
	Mounts []Mount
	TmpMiB int // size of /tmp, or of a machine's disk; 0 is 512
	// Local are IPv4 addresses that loopback has in a machine beside its own.
	Local []netip.Addr
	// Place are files of mode 755 that a machine finds, by absolute path.
	Place  map[string][]byte
	Limits Limits
	// Image, if set, is what a machine's root is, in place of the shared one.
	Image *Image
	// Input, Stdout and Stderr are the program's; nil are /dev/null and what Output
	// reads. The caller closes its own copies.
	Input, Stdout, Stderr *os.File
	// Output receives every line of stdout and stderr, in order, one at a time.
	// It must not block for long: the program waits when its pipe is full.
	Output func(Line)
}

func (s *Spec) check() error {
	if s.ID == "" || strings.Trim(s.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return fmt.Errorf("start sandbox %q: the ID must be letters, digits and dashes", s.ID)
	}
	for _, m := range s.Mounts {
		if err := m.check(); err != nil {
			return fmt.Errorf("start sandbox %s: %w", s.ID, err)
		}
	}
	if s.Image != nil {
		if err := s.Image.check(); err != nil {
			return fmt.Errorf("start sandbox %s: %w", s.ID, err)
		}
	}
	return checkArgs(s.Argv, s.Env)
}

func (m Mount) check() error {
	for _, t := range Targets {
		if m.Target == t {
			return nil
		}
	}
	return fmt.Errorf("mount %s on %s: the target must be one of %v", m.Source, m.Target, Targets)
}

func checkArgs(argv, env []string) error {
	if len(argv) > 0 && !path.IsAbs(argv[0]) {
		return fmt.Errorf("run %q in a sandbox: the program must be an absolute path", argv[0])
	}
	n := 0
	for _, s := range append(append([]string{}, argv...), env...) {
		if strings.ContainsRune(s, 0) {
			return fmt.Errorf("run a program in a sandbox: an argument or variable holds a NUL byte: %.40q", s)
		}
		n += len(s) + 9
	}
	if n > maxArgs {
		return fmt.Errorf("run a program in a sandbox: arguments and environment take %d bytes, at most %d fit", n, maxArgs)
	}
	return nil
}

// Exit says how a sandbox ended.
type Exit struct {
	Code   int            // exit status, when Signal is 0
	Signal syscall.Signal // that ended the program
	OOM    bool           // the kernel killed a process in it for lack of memory
	Killed bool           // by Kill
	Err    error          // the program could not be run at all
}

func (e Exit) String() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Signal != 0:
		return "signal: " + e.Signal.String()
	default:
		return fmt.Sprintf("exit status %d", e.Code)
	}
}
