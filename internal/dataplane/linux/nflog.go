package linux

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
)

// logReader reads the packets that one namespace's rules log.
type logReader struct {
	file *os.File
	done chan struct{}
}

// watch starts reading; the reader ends when the space is closed.
func (k *Kernel) watch(v *vpc, name string, s *space) error {
	var fd int
	err := k.threads.inside(s.file, func() (err error) {
		fd, err = openLog()
		return err
	})
	if err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	r := &logReader{file: os.NewFile(uintptr(fd), "log of "+name), done: make(chan struct{})}
	s.log = r
	go r.run(dataplane.Packet{VPC: v.id, Namespace: name}, k.onDrop)
	return nil
}

// close ends the reader and waits for it.
func (r *logReader) close() {
	_ = r.file.Close()
	<-r.done
}

// Numbers of the kernel's packet log (linux/netfilter/nfnetlink_log.h).
const (
	nfulMsgPacket = 0
	nfulMsgConfig = 1
	nfulCfgCmd    = 1
	nfulCfgMode   = 2
	nfulCfgThresh = 5
	nfulBind      = 1
	nfulCopy      = 2
	nfulMark      = 2
	nfulIn        = 4
	nfulOut       = 5
	nfulPayload   = 9
	nfulPrefix    = 10

	logBuffer = 64 << 10 // bytes the kernel may queue; more is lost
	logCopy   = 96
)

// openLog binds the log group in the calling thread's namespace.
func openLog() (fd int, err error) {
	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return 0, fmt.Errorf("open packet log: %w", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, logBuffer)
	for _, c := range []struct {
		attr uint16
		data []byte
	}{{nfulCfgCmd, []byte{nfulBind}}, {nfulCfgMode, []byte{0, 0, 0, logCopy, nfulCopy, 0}}, {nfulCfgThresh, []byte{0, 0, 0, 1}}} {
		if err := configureLog(fd, c.attr, c.data); err != nil {
			return 0, fmt.Errorf("set up packet log (kernel feature nfnetlink_log): %w", err)
		}
	}
	return fd, unix.SetNonblock(fd, true)
}

func configureLog(fd int, attr uint16, data []byte) error {
	size := 4 + len(data)
	body := binary.NativeEndian.AppendUint16(nil, uint16(size))
	body = binary.NativeEndian.AppendUint16(body, attr)
	body = append(body, data...)
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	msg := binary.NativeEndian.AppendUint32(nil, uint32(20+len(body)))
	msg = binary.NativeEndian.AppendUint16(msg, unix.NFNL_SUBSYS_ULOG<<8|nfulMsgConfig)
	msg = binary.NativeEndian.AppendUint16(msg, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	msg = append(msg, make([]byte, 8)...)
	msg = append(msg, unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, dataplane.LogGroup)
	if err := unix.Sendto(fd, append(msg, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if err != nil {
		return err
	}
	if n >= 20 && binary.NativeEndian.Uint16(buf[4:]) == unix.NLMSG_ERROR {
		if code := int32(binary.NativeEndian.Uint32(buf[16:])); code != 0 {
			return unix.Errno(-code)
		}
	}
	return nil
}

func (r *logReader) run(template dataplane.Packet, tell func(dataplane.Packet)) {
	defer close(r.done)
	buf := make([]byte, 8192)
	for {
		n, err := r.file.Read(buf)
		if err != nil {
			if pe, ok := err.(*os.PathError); ok && pe.Err == unix.ENOBUFS {
				lost := template
				lost.Lost, lost.Time = true, time.Now()
				tell(lost)
				continue
			}
			return
		}
		for b := buf[:n]; len(b) >= 20; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < 20 || size > len(b) {
				break
			}
			if binary.NativeEndian.Uint16(b[4:]) == unix.NFNL_SUBSYS_ULOG<<8|nfulMsgPacket {
				tell(parseLog(template, b[20:size]))
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

func parseLog(p dataplane.Packet, b []byte) dataplane.Packet {
	p.Time = time.Now()
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			break
		}
		data := b[4:n]
		switch binary.NativeEndian.Uint16(b[2:]) & 0x3fff {
		case nfulPrefix:
			p.Prefix = strings.TrimRight(string(data), "\x00")
		case nfulMark:
			p.Mark = be32(data)
		case nfulIn:
			p.In = int(be32(data))
		case nfulOut:
			p.Out = int(be32(data))
		case nfulPayload:
			p.Head = append([]byte(nil), data...)
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return p
}

func be32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}
