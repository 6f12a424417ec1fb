package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

const (
	// readBuffer holds thousands of queries that come at once.
	readBuffer = 4 << 20
	// ednsSize is what the resolver takes by UDP; DNS Flag Day 2020's size, which no path fragments.
	ednsSize = 1232
	// maxQuery bounds what is read of one datagram.
	maxQuery    = 4096
	streamIdle  = 10 * time.Second
	acceptPause = 10 * time.Millisecond
)

// socket is one address's pair of UDP and TCP sockets with the goroutines that read them.
type socket struct {
	packets net.PacketConn
	streams net.Listener
	done    chan struct{} // closed with the socket
	dead    atomic.Bool   // its reader ended: the router was taken away
	reading sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

func (s *Server) open(ctx context.Context, v *view, addr netip.AddrPort) (*socket, error) {
	packets, err := s.cfg.Listen.ListenPacket(ctx, v.vpc, addr)
	if err != nil {
		return nil, err
	}
	streams, err := s.cfg.Listen.ListenTCP(ctx, v.vpc, addr)
	if err != nil {
		packets.Close()
		return nil, err
	}
	growBuffer(packets)
	sock := &socket{packets: packets, streams: streams, done: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	sock.reading.Go(func() { s.readPackets(v, sock) })
	sock.reading.Go(func() { s.accept(v, sock) })
	return sock, nil
}

// growBuffer asks for more than the machine's limit first; either may be refused.
func growBuffer(c net.PacketConn) {
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			forced := false
			raw.Control(func(fd uintptr) {
				forced = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, readBuffer) == nil
			})
			if forced {
				return
			}
		}
	}
	if b, ok := c.(interface{ SetReadBuffer(int) error }); ok {
		b.SetReadBuffer(readBuffer)
	}
}

func (k *socket) close() {
	close(k.done)
	k.packets.Close()
	k.streams.Close()
	k.mu.Lock()
	for c := range k.conns {
		c.Close()
	}
	k.conns = nil
	k.mu.Unlock()
	k.reading.Wait()
}

// keep counts a connection as the socket's; it reports false if the socket is closed.
func (k *socket) keep(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conns == nil {
		return false
	}
	k.conns[c] = struct{}{}
	return true
}

func (k *socket) forget(c net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.conns, c)
}

// readPackets answers what it knows at once. What needs an upstream takes a
// slot; while none is free the kernel's buffer holds the queries that follow.
func (s *Server) readPackets(v *view, k *socket) {
	c := k.packets
	buf := make([]byte, maxQuery)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			k.dead.Store(true)
			return
		}
		if err != nil {
			continue
		}
		query, reply := read(buf[:n])
		if reply == nil {
			continue
		}
		send := func() {
			reply.Truncate(udpSize(query))
			if raw, err := reply.Pack(); err == nil {
				c.WriteTo(raw, from)
			}
		}
		var rest *lookup
		if reply.Rcode == dns.RcodeSuccess {
			rest = v.answer(reply, hostOf(from))
		}
		if rest == nil {
			send()
			continue
		}
		select {
		case v.lookups <- struct{}{}:
		case <-k.done:
			return
		}
		go func() {
			defer func() { <-v.lookups }()
			s.ask(v, rest)
			send()
		}()
	}
}

// accept serves TCP; connections beyond the bound are closed at once.
func (s *Server) accept(v *view, k *socket) {
	for {
		conn, err := k.streams.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-time.After(acceptPause): // out of descriptors: let some close
			case <-k.done:
			}
			continue
		}
		select {
		case v.streams <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		if !k.keep(conn) {
			conn.Close()
			<-v.streams
			return
		}
		go func() {
			defer func() { k.forget(conn); conn.Close(); <-v.streams }()
			s.readStream(v, conn)
		}()
	}
}

// readStream answers one connection's queries in order.
func (s *Server) readStream(v *view, conn net.Conn) {
	for {
		conn.SetDeadline(time.Now().Add(streamIdle))
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		raw := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, raw); err != nil {
			return
		}
		_, reply := read(raw)
		if reply == nil {
			return
		}
		if reply.Rcode == dns.RcodeSuccess {
			if rest := v.answer(reply, hostOf(conn.RemoteAddr())); rest != nil {
				s.ask(v, rest)
			}
		}
		reply.Truncate(dns.MaxMsgSize)
		out, err := reply.Pack()
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}

// read parses a query and starts its reply: nil if it deserves none, with an
// error code if it is refused.
func read(raw []byte) (query, reply *dns.Msg) {
	query = new(dns.Msg)
	if err := query.Unpack(raw); err != nil || query.Response {
		if len(raw) < 12 || raw[2]&0x80 != 0 {
			return nil, nil
		}
		bad := new(dns.Msg)
		bad.Id, bad.Response, bad.Rcode = binary.BigEndian.Uint16(raw), true, dns.RcodeFormatError
		return &dns.Msg{}, bad
	}
	reply = new(dns.Msg).SetReply(query)
	reply.RecursionAvailable = true
	if query.Opcode != dns.OpcodeQuery {
		reply.Rcode = dns.RcodeNotImplemented
		return query, reply
	}
	if len(query.Question) != 1 {
		reply.Rcode = dns.RcodeFormatError
		return query, reply
	}
	if opt := query.IsEdns0(); opt != nil {
		reply.SetEdns0(ednsSize, false)
		if opt.Version() != 0 {
			reply.Rcode = dns.RcodeBadVers
			return query, reply
		}
	}
	q := query.Question[0]
	if q.Qclass != dns.ClassINET || q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		reply.Rcode = dns.RcodeRefused
	}
	return query, reply
}

// udpSize is the longest reply that the client takes by UDP.
func udpSize(query *dns.Msg) int {
	if opt := query.IsEdns0(); opt != nil {
		return min(max(int(opt.UDPSize()), dns.MinMsgSize), ednsSize)
	}
	return dns.MinMsgSize
}
