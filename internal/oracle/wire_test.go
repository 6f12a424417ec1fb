package oracle

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
)

const (
	icmp, tcp, udp, icmp6 = 1, 6, 17, 58
)

// probe is one question: a new flow from an interface, or from the internet.
type probe struct {
	VPC   cloud.VPCID       // of From
	From  cloud.InterfaceID // "" is the internet
	Src   netip.Addr        // not set for functions
	To    netip.Addr
	Proto int
	Port  int
}

// drop is a logged packet of a probe.
type drop struct {
	vpc     cloud.VPCID
	ns      string
	stage   netplan.Stage
	prefix  string
	answers bool // it goes back to the prober
}

// header is what the sniffer and the log see of a packet.
type header struct {
	src, dst netip.Addr
	key      uint16 // the probe's port, or ICMP identifier
	answers  bool
	ok       bool
}

// read recognises a probe's packets by the port that they come from, or go back
// to, which is above every port that is probed and every ICMP identifier below it.
func read(b []byte) (h header) {
	var proto byte
	var rest []byte
	switch {
	case len(b) >= 28 && b[0]>>4 == 4:
		proto, rest = b[9], b[int(b[0]&15)*4:]
		h.src, h.dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	case len(b) >= 48 && b[0]>>4 == 6:
		proto, rest = b[6], b[40:]
		h.src, h.dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	default:
		return h
	}
	if len(rest) < 8 {
		return h
	}
	switch proto {
	case tcp, udp:
		from, to := binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
		h.answers = to >= firstPort
		h.key, h.ok = max(from, to), true
	case icmp, icmp6:
		h.answers = rest[0] == 0 || rest[0] == 129
		h.key, h.ok = binary.BigEndian.Uint16(rest[4:]), h.answers || rest[0] == 8 || rest[0] == 128
	}
	return h
}

// hear takes a dropped packet from the kernel.
func (l *lab) hear(p dataplane.Packet) {
	h := read(p.Head)
	if !h.ok {
		return
	}
	s, _ := netplan.ParseLogPrefix(p.Prefix)
	l.mu.Lock()
	l.drops[h.key] = append(l.drops[h.key], drop{p.VPC, p.Namespace, s, p.Prefix, h.answers})
	l.mu.Unlock()
	select {
	case l.heard <- struct{}{}:
	default:
	}
}

func (l *lab) dropped(key uint16) (drop, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.drops[key]; len(d) > 0 {
		return d[0], true
	}
	return drop{}, false
}

const firstPort = 9000 // of probers; above every port that is probed

func (l *lab) key() uint16 {
	l.next++
	return uint16(firstPort + l.next*7919%(65536-firstPort))
}

type serverKey struct {
	at    netip.AddrPort
	proto int
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// socket opens one in a spot's namespace, bound.
func (l *lab) socket(s *spot, at netip.AddrPort, kind, proto int) (fd int, err error) {
	err = l.in(s.ns, func() (err error) {
		fd, err = unix.Socket(family(at.Addr()), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
		return err
	})
	if err != nil {
		return -1, err
	}
	if at.Addr().IsUnspecified() && at.Port() == 0 {
		return fd, nil
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Bind(fd, sockaddr(at)); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// server gives the socket that listens at an address of a spot, opening it at need.
func (l *lab) server(s *spot, at netip.AddrPort, proto int) (int, error) {
	k := serverKey{at, proto}
	if fd, ok := s.servers[k]; ok {
		return fd, nil
	}
	kind := unix.SOCK_DGRAM
	if proto == tcp {
		kind = unix.SOCK_STREAM
	}
	fd, err := l.socket(s, at, kind, 0)
	if err == nil && proto == tcp {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		return -1, err
	}
	s.servers[k] = fd
	return fd, nil
}

// sniff opens a packet socket, for what arrives at a host for others' addresses.
func (l *lab) sniff(ns *os.File) (fd int, err error) {
	err = l.in(ns, func() (err error) {
		all := int(unix.ETH_P_ALL)
		proto := all>>8 | all&0xff<<8
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
		return err
	})
	return fd, err
}

// sniffed says whether the probe's first packet came to a host that takes
// packets for others.
func (l *lab) sniffed(key uint16) (found bool) {
	b := make([]byte, 128)
	for _, s := range l.spots {
		for s.sniffer >= 0 {
			n, from, err := unix.Recvfrom(s.sniffer, b, 0)
			if err != nil {
				break
			}
			ll, _ := from.(*unix.SockaddrLinklayer)
			if h := read(b[:n]); ll != nil && ll.Pkttype == unix.PACKET_HOST && h.ok && h.key == key && !h.answers {
				found = true
			}
		}
	}
	return found
}

// holder finds the host that a probe is for, of any VPC, and where that listens.
func (l *lab) holder(p probe) (*spot, netip.AddrPort) {
	a, port := p.To, uint16(p.Port)
	if to, ok := netplan.NAT64Target(a); ok {
		a = to
	}
	for _, h := range append(append(append([]netip.Addr{}, hosts4...), hosts6...), privateHost) {
		if h == a {
			return l.spots[""], netip.AddrPortFrom(a, port)
		}
	}
	near := []cloud.VPCID{p.VPC}
	for id, plan := range l.plans {
		if plan.Gateway != nil {
			for _, m := range plan.Gateway.Public {
				if m.Public == a {
					a, near = m.Private, []cloud.VPCID{id}
				}
			}
		}
	}
	for id := range l.plans { // of peers, or behind transit routers; if several have it, packets do not get there
		near = append(near, id)
	}
	for _, id := range near {
		to, port := l.forwarded(id, a, p.Proto, port)
		if s := l.owner(id, to); s != nil {
			return s, netip.AddrPortFrom(to, port)
		}
	}
	return nil, netip.AddrPort{}
}

// forwarded is where a VPC's NAT gateways send on what is for an address; itself, if they do not.
func (l *lab) forwarded(vpc cloud.VPCID, a netip.Addr, proto int, port uint16) (netip.Addr, uint16) {
	if p := l.plans[vpc]; p != nil {
		if e := ownerOf(p, a); e != nil {
			if f := e.Forward(a, proto, int(port), int(port)); f != nil && f.Protocol < 0 {
				return f.Host, port
			} else if f != nil {
				return f.Host, port + uint16(f.Port-f.From)
			}
		}
	}
	return a, port
}

func (l *lab) owner(vpc cloud.VPCID, a netip.Addr) *spot {
	p := l.plans[vpc]
	if p == nil {
		return nil
	}
	for _, e := range p.ENIs {
		for _, b := range e.Addrs {
			if b == a && e.Attach == netplan.AttachDirect {
				return l.spots[e.ID]
			}
		}
	}
	return nil
}

// seen is what became of a probe's packets.
type seen struct {
	Delivered, Reachable bool
	Stage                netplan.Stage // that dropped one
	Log                  string
	Unsent               string // why the sender's own system did not send it
}

// flight is a probe under way.
type flight struct {
	l      *lab
	p      probe
	key    uint16
	fd     int
	server int // -1 if none is known
	out    seen
}

// send sends the probe and looks until what it sees satisfies, or for as long
// as patience says.
func (l *lab) send(p probe, key uint16, satisfies func(seen) bool, patience time.Duration) (seen, error) {
	f := &flight{l: l, p: p, key: key, server: -1}
	from := l.spots[p.From]
	if from == nil {
		return seen{}, errors.New("no such sender: " + string(p.From))
	}
	if at, a := l.holder(p); at != nil && (p.Proto == tcp || p.Proto == udp) {
		var err error
		if f.server, err = l.server(at, a, p.Proto); err != nil {
			return seen{}, err
		}
	}
	if err := f.launch(from); err != nil {
		return seen{}, err
	}
	defer unix.Close(f.fd)
	end := time.Now().Add(patience)
	for {
		if f.out.Unsent == "" {
			f.look()
		}
		if f.out.Unsent != "" || f.out.Reachable || satisfies(f.out) || time.Now().After(end) {
			return f.out, nil
		}
		select {
		case <-l.heard:
		case <-time.After(50 * time.Microsecond):
		}
	}
}

func (f *flight) launch(from *spot) (err error) {
	src := f.p.Src
	if !src.IsValid() {
		src = netip.IPv4Unspecified()
		if f.p.To.Is6() {
			src = netip.IPv6Unspecified()
		}
	}
	to := netip.AddrPortFrom(f.p.To, uint16(f.p.Port))
	at := netip.AddrPortFrom(src, f.key)
	switch f.p.Proto {
	case tcp:
		f.fd, err = f.l.socket(from, at, unix.SOCK_STREAM, 0)
	case udp:
		f.fd, err = f.l.socket(from, at, unix.SOCK_DGRAM, 0)
	default:
		to, at = netip.AddrPortFrom(f.p.To, 0), netip.AddrPortFrom(src, 0)
		f.fd, err = f.l.socket(from, at, unix.SOCK_RAW, f.p.Proto)
	}
	if err != nil {
		return err
	}
	if err = unix.Connect(f.fd, sockaddr(to)); err == unix.EINPROGRESS {
		err = nil
	}
	if err == nil && f.p.Proto != tcp {
		err = unix.Send(f.fd, f.payload(), 0)
	}
	if err != nil {
		f.out.Unsent = err.Error()
	}
	return nil
}

// payload is a datagram, or an echo request.
func (f *flight) payload() []byte {
	if f.p.Proto == udp {
		return []byte("probe")
	}
	b := []byte{8, 0, 0, 0, 0, 0, 0, 1}
	if f.p.Proto == icmp6 {
		b[0] = 128 // the kernel fills in the checksum
	}
	binary.BigEndian.PutUint16(b[4:], f.key)
	if f.p.Proto == icmp {
		var sum uint32
		for i := 0; i < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		binary.BigEndian.PutUint16(b[2:], ^uint16(sum>>16+sum&0xffff))
	}
	return b
}

// look takes in whatever has happened.
func (f *flight) look() {
	o := &f.out
	switch f.p.Proto {
	case tcp:
		f.lookTCP()
	case udp:
		b := make([]byte, 16)
		if f.server >= 0 {
			if _, from, err := unix.Recvfrom(f.server, b, 0); err == nil {
				o.Delivered = true
				_ = unix.Sendto(f.server, []byte("answer"), 0, from)
			}
		}
		if _, err := unix.Read(f.fd, b); err == nil {
			o.Delivered, o.Reachable = true, true
		}
	default:
		b := make([]byte, 128)
		for {
			n, err := unix.Read(f.fd, b)
			if err != nil {
				break
			}
			m := b[:n]
			if f.p.Proto == icmp {
				m = m[min(n, 20):]
			}
			if len(m) >= 8 && (m[0] == 0 || m[0] == 129) && binary.BigEndian.Uint16(m[4:]) == f.key {
				o.Delivered, o.Reachable = true, true
			}
		}
	}
	if d, ok := f.l.dropped(f.key); ok && o.Stage == "" {
		o.Stage, o.Log = d.stage, string(d.vpc)+" "+d.ns+" "+d.prefix
		o.Delivered = o.Delivered || d.answers
	}
	if f.l.sniffed(f.key) {
		o.Delivered = true
	}
}

func (f *flight) lookTCP() {
	fds := []unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(fds, 0); err != nil || n == 0 {
		return
	}
	code, _ := unix.GetsockoptInt(f.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if code != 0 {
		f.out.Log = unix.Errno(code).Error()
		return
	}
	if fds[0].Revents&unix.POLLOUT == 0 || fds[0].Revents&unix.POLLERR != 0 {
		return
	}
	f.out.Delivered, f.out.Reachable = true, true
	reset := &unix.Linger{Onoff: 1}
	_ = unix.SetsockoptLinger(f.fd, unix.SOL_SOCKET, unix.SO_LINGER, reset)
	if f.server >= 0 {
		if c, _, err := unix.Accept4(f.server, unix.SOCK_CLOEXEC); err == nil {
			_ = unix.SetsockoptLinger(c, unix.SOL_SOCKET, unix.SO_LINGER, reset)
			_ = unix.Close(c)
		}
	}
}
