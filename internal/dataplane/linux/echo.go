package linux

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
)

// Gateway endpoints answer echo requests, as the vendor's do
// (https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html,
// VPCE_GATEWAY_PROTOCOL_RESTRICTION). The kernel itself does not answer from
// addresses that are local by a route table only.

// answerEchoes has the router answer for its gateway endpoints, if it has any.
// What gets here has passed the rules. v.mu is held.
func (k *Kernel) answerEchoes(v *vpc, want *dataplane.Network) error {
	if v.echo != nil || !hasEndpoints(want) {
		return nil
	}
	s, err := k.space(v, dataplane.Router)
	if err != nil {
		return err
	}
	var fd int
	err = k.threads.inside(s.file, func() (err error) {
		fd, err = openEcho()
		return err
	})
	if err != nil {
		return fmt.Errorf("answer echo requests to gateway endpoints: %w", err)
	}
	v.echo = os.NewFile(uintptr(fd), "echo")
	go echo(v.echo)
	return nil
}

func hasEndpoints(n *dataplane.Network) bool {
	for _, ns := range n.Namespaces {
		for _, r := range ns.Routes {
			if r.Kind == dataplane.Local {
				return true
			}
		}
	}
	return false
}

func openEcho() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP)
	if err != nil {
		return 0, err
	}
	for _, option := range []int{unix.IP_TRANSPARENT, unix.IP_HDRINCL} {
		if err := unix.SetsockoptInt(fd, unix.SOL_IP, option, 1); err != nil {
			_ = unix.Close(fd)
			return 0, err
		}
	}
	return fd, nil
}

// echo answers until the file is closed.
func echo(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	b := make([]byte, 65536)
	for {
		n, err := f.Read(b)
		if err != nil {
			return
		}
		to, ok := turnEcho(b[:n])
		if !ok {
			continue
		}
		_ = conn.Control(func(fd uintptr) {
			_ = unix.Sendto(int(fd), b[:n], 0, &unix.SockaddrInet4{Addr: to}) // what does not fit is lost, as on any link
		})
	}
}

// turnEcho makes an IPv4 packet with an echo request the answer to it, to an address.
func turnEcho(b []byte) (to [4]byte, ok bool) {
	const head = 20 // a router passes no IP options on
	if len(b) < head+8 || b[0] != 4<<4|head/4 || b[head] != 8 {
		return to, false
	}
	to = [4]byte(b[12:16])
	copy(b[12:16], b[16:20])
	copy(b[16:20], to[:])
	b[8] = 64 // time to live; the kernel sees to the header's checksum
	m := b[head:]
	m[0], m[2], m[3] = 0, 0, 0
	var sum uint32
	for i := 0; i+1 < len(m); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(m[i:]))
	}
	if len(m)%2 == 1 {
		sum += uint32(m[len(m)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(m[2:], ^uint16(sum))
	return to, true
}
