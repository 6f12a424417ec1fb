package linux

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
)

// NATUse reads what a NAT gateway's namespace counted.
func (k *Kernel) NATUse(ctx context.Context, id cloud.VPCID, namespace string) (counts []nft.Count, t dataplane.Tracked, err error) {
	v, err := k.find(id)
	if err != nil {
		return nil, t, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.have == nil {
		return nil, t, nil
	}
	i := slices.IndexFunc(v.have.Namespaces, func(ns dataplane.Namespace) bool { return ns.Name == namespace })
	if i < 0 || v.have.Namespaces[i].Table == nil {
		return nil, t, nil
	}
	conn, table, err := k.reader(v, &v.have.Namespaces[i])
	if err != nil {
		return nil, t, err
	}
	defer conn.Close()
	if counts, err = conn.Counts(table, dataplane.NATMeter(), false); err != nil {
		return nil, t, fmt.Errorf("namespace %s of VPC %s: %w", namespace, id, err)
	}
	if t, err = k.tracked(v.spaces[namespace]); err != nil {
		return nil, t, fmt.Errorf("namespace %s of VPC %s: %w", namespace, id, err)
	}
	return counts, t, ctx.Err()
}

// Messages and attributes of linux/netfilter/nfnetlink_conntrack.h.
const (
	ctGetStatsCPU     = 4
	ctGetStats        = 5
	ctStatsInsertFail = 9
	ctStatsEntries    = 1
)

// tracked asks connection tracking for its statistics of the namespace.
func (k *Kernel) tracked(s *space) (t dataplane.Tracked, err error) {
	var fd int
	err = k.threads.inside(s.file, func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		return err
	})
	if err != nil {
		return t, err
	}
	defer unix.Close(fd)
	if err := askTracking(fd, ctGetStats, 0, func(a uint16, v uint64) {
		if a == ctStatsEntries {
			t.Connections = v
		}
	}); err != nil {
		return t, err
	}
	err = askTracking(fd, ctGetStatsCPU, unix.NLM_F_DUMP, func(a uint16, v uint64) {
		if a == ctStatsInsertFail {
			t.Refused += v
		}
	})
	return t, err
}

// askTracking sends a request and calls f with every number in the answer.
func askTracking(fd int, kind, flags uint16, f func(attr uint16, v uint64)) error {
	msg := binary.NativeEndian.AppendUint32(nil, 20)
	msg = binary.NativeEndian.AppendUint16(msg, unix.NFNL_SUBSYS_CTNETLINK<<8|kind)
	msg = binary.NativeEndian.AppendUint16(msg, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	msg = append(msg, make([]byte, 8)...)
	msg = append(msg, unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0)
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("ask connection tracking: %w", err)
	}
	buf := make([]byte, 1<<15)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return fmt.Errorf("read connection tracking's answer: %w", err)
		}
		for b := buf[:n]; len(b) >= 16; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < 16 || size > len(b) {
				return fmt.Errorf("connection tracking's answer has a wrong length")
			}
			switch binary.NativeEndian.Uint16(b[4:]) {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				if code := int32(binary.NativeEndian.Uint32(b[16:])); code != 0 {
					return unix.Errno(-code)
				}
				return nil
			}
			numbers(b[min(20, size):size], f)
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

// numbers calls f with attributes of four bytes.
func numbers(b []byte, f func(attr uint16, v uint64)) {
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return
		}
		if n == 8 {
			f(binary.NativeEndian.Uint16(b[2:])&0x3fff, uint64(binary.BigEndian.Uint32(b[4:])))
		}
		b = b[min((n+3)&^3, len(b)):]
	}
}
