package linux

import (
	"encoding/binary"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
)

type nsFile = os.File

var forwardingOn = []dataplane.Sysctl{{Key: "ipv4/ip_forward", Value: "1"}}

func timeval() *unix.Timeval {
	tv := unix.NsecToTimeval(int64(patience))
	return &tv
}

// ping sends an echo request and says whether it is answered.
func (w *world) ping(ns *os.File, to string) (ok bool) {
	w.t.Helper()
	w.in(ns, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, timeval())
		msg := []byte{8, 0, 0, 0, 0x12, 0x34, 0, 1}
		binary.BigEndian.PutUint16(msg[2:], checksum(msg))
		if err := unix.Sendto(fd, msg, 0, &unix.SockaddrInet4{Addr: ip(to).As4()}); err != nil {
			return err
		}
		buf := make([]byte, 128)
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			n, _, err := unix.Recvfrom(fd, buf, 0)
			if err != nil {
				return nil
			}
			if n >= 24 && buf[20] == 0 {
				ok = true
				return nil
			}
		}
		return nil
	})
	return ok
}

// esp sends a packet of a protocol that NAT gateways do not translate.
func (w *world) esp(ns *os.File, to string) {
	w.t.Helper()
	w.in(ns, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ESP)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, make([]byte, 32), 0, &unix.SockaddrInet4{Addr: ip(to).As4()})
	})
}

// spoof sends a UDP packet with a source address that is not the sender's.
func (w *world) spoof(ns *os.File, from netip.Addr, to netip.AddrPort) {
	w.t.Helper()
	w.in(ns, func() error {
		if from.Is6() {
			fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_FREEBIND, 1); err != nil {
				return err
			}
			if err := unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1); err != nil {
				return err
			}
			if err := unix.Bind(fd, &unix.SockaddrInet6{Addr: from.As16()}); err != nil {
				return err
			}
			return unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())})
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		p := make([]byte, 28)
		p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP
		binary.BigEndian.PutUint16(p[2:], 28)
		copy(p[12:], from.AsSlice())
		copy(p[16:], to.Addr().AsSlice())
		binary.BigEndian.PutUint16(p[20:], 4000)
		binary.BigEndian.PutUint16(p[22:], to.Port())
		binary.BigEndian.PutUint16(p[24:], 8)
		return unix.Sendto(fd, p, 0, &unix.SockaddrInet4{Addr: to.Addr().As4()})
	})
}

func checksum(b []byte) uint16 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}
