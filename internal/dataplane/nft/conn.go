package nft

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Conn is a netfilter netlink socket in one namespace. It is for one goroutine.
type Conn struct {
	fd  int
	seq uint32
	buf []byte
}

// Open opens a socket in the calling thread's network namespace.
func Open() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open netfilter socket: %w", err)
	}
	// A batch is one send. Without the capability for the forced option the system's limit holds.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 32<<20) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 32<<20)
	}
	// An answer carries the error alone, not the message it is about.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return &Conn{fd: fd}, nil
}

// Close closes the socket.
func (c *Conn) Close() error { return unix.Close(c.fd) }

// nfgenmsg is the header behind the netlink header: family, version, resource.
func nfgenmsg(family uint8, resource uint16) []byte {
	return []byte{family, unix.NFNETLINK_V0, byte(resource >> 8), byte(resource)}
}

func (c *Conn) frame(kind, flags uint16, gen, body []byte) {
	c.seq++
	c.buf = binary.NativeEndian.AppendUint32(c.buf, uint32(16+len(gen)+len(body)))
	c.buf = binary.NativeEndian.AppendUint16(c.buf, kind)
	c.buf = binary.NativeEndian.AppendUint16(c.buf, flags|unix.NLM_F_REQUEST)
	c.buf = binary.NativeEndian.AppendUint32(c.buf, c.seq)
	c.buf = binary.NativeEndian.AppendUint32(c.buf, 0)
	c.buf = append(append(c.buf, gen...), body...)
}

// Commit sends a batch; the kernel makes all of its changes or none. An error
// names the change it is about.
func (c *Conn) Commit(b *Batch) error {
	e, err := b.encode()
	if err != nil || len(e.msgs) == 0 {
		return err
	}
	const subsys = unix.NFNL_SUBSYS_NFTABLES << 8
	c.buf = c.buf[:0]
	c.frame(unix.NFNL_MSG_BATCH_BEGIN, 0, nfgenmsg(unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES), nil)
	first := c.seq + 1
	for i, m := range e.msgs {
		if i == len(e.msgs)-1 {
			m.flags |= unix.NLM_F_ACK // one answer for the batch: answers to each could fill the queue
		}
		c.frame(subsys|m.kind, m.flags, nfgenmsg(unix.NFPROTO_INET, 0), m.body)
	}
	c.frame(unix.NFNL_MSG_BATCH_END, 0, nfgenmsg(unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES), nil)
	if err := unix.Sendto(c.fd, c.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send %d rule changes (%d bytes): %w", len(e.msgs), len(c.buf), err)
	}
	return c.answers(e.msgs, first)
}

// answers reads what the kernel queued during the send: an error per failed
// message, or the one acknowledgement. All of it is there by now, so nothing
// blocks and nothing is left for the next batch.
func (c *Conn) answers(msgs []message, first uint32) error {
	var errs []error
	acked := false
	err := c.receive(unix.MSG_DONTWAIT, func(h header, data []byte) bool {
		if h.kind != unix.NLMSG_ERROR || len(data) < 4 {
			return true
		}
		code := int32(binary.NativeEndian.Uint32(data))
		i := int(h.seq - first)
		switch {
		case code == 0:
			acked = true
		case i >= 0 && i < len(msgs):
			errs = append(errs, fmt.Errorf("%s: %w", msgs[i].what, unix.Errno(-code)))
		default:
			errs = append(errs, unix.Errno(-code))
		}
		return true
	})
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		errs = append(errs, err)
	}
	if len(errs) == 0 && !acked {
		return errors.New("change rules: no answer from the kernel")
	}
	return errors.Join(errs...)
}

type header struct {
	kind, flags uint16
	seq         uint32
}

// receive calls f with each message until f returns false or receiving fails.
func (c *Conn) receive(flags int, f func(header, []byte) bool) error {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(c.fd, buf, flags)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		for b := buf[:n]; len(b) >= 16; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < 16 || size > len(b) {
				return errors.New("netlink message with a wrong length")
			}
			h := header{kind: binary.NativeEndian.Uint16(b[4:]), flags: binary.NativeEndian.Uint16(b[6:]), seq: binary.NativeEndian.Uint32(b[8:])}
			if !f(h, b[16:size]) {
				return nil
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}
