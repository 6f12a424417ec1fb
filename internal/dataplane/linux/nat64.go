package linux

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
	"weir/internal/dataplane/nat64"
)

// translate has each NAT gateway that is to translate IPv6 do so, and no other.
// A packet socket on a link needs no device that only root of the machine has.
// v.mu is held.
func (k *Kernel) translate(v *vpc, want *dataplane.Network) error {
	wanted := map[string]bool{}
	for i := range want.Namespaces {
		ns := &want.Namespaces[i]
		for _, l := range ns.Links {
			wanted[ns.Name] = wanted[ns.Name] || l.Name == dataplane.NAT64Link
		}
	}
	for name := range v.translators {
		if !wanted[name] || v.spaces[name] == nil {
			v.stopTranslator(name)
		}
	}
	for name, yes := range wanted {
		if !yes || v.translators[name] != nil {
			continue
		}
		var fd int
		err := k.threads.inside(v.spaces[name].file, func() (err error) {
			fd, err = openTranslator()
			return err
		})
		if err != nil {
			return fmt.Errorf("namespace %s: translate IPv6: %w", name, err)
		}
		f := os.NewFile(uintptr(fd), "nat64")
		v.translators[name] = f
		go translate(f)
	}
	return nil
}

func (v *vpc) stopTranslator(name string) {
	if f := v.translators[name]; f != nil {
		_ = f.Close()
		delete(v.translators, name)
	}
}

// packetIgnoreOutgoing is PACKET_IGNORE_OUTGOING, which x/sys/unix lacks.
const packetIgnoreOutgoing = 23

// openTranslator opens the far end in the calling thread's namespace.
func openTranslator() (int, error) {
	for _, name := range []string{dataplane.NAT64Link, dataplane.NAT64Far} {
		if err := plainPackets(name); err != nil {
			return -1, fmt.Errorf("have %s carry single packets with checksums: %w", name, err)
		}
	}
	link, err := net.InterfaceByName(dataplane.NAT64Far)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_PACKET, packetIgnoreOutgoing, 1); err == nil {
		all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Requests of ethtool (include/uapi/linux/ethtool.h) that switch a link's offloads.
var offloads = []uint32{0x17 /* checksums */, 0x1f /* TCP segments */, 0x24 /* any segments */, 0x2c /* merging */}

// plainPackets switches offloads off: otherwise packets come joined, and without
// checksums, as between hosts of one machine they do.
func plainPackets(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, cmd := range offloads {
		value := struct{ cmd, data uint32 }{cmd, 0}
		req := struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}{data: unsafe.Pointer(&value)}
		copy(req.name[:unix.IFNAMSIZ-1], name)
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); e != 0 {
			return fmt.Errorf("ethtool %#x: %w", cmd, e)
		}
	}
	return nil
}

const headEther = 14

// translate carries packets over until the file is closed. What has no
// translation, or finds no room, is lost, as on any link.
func translate(f *os.File) {
	to, _ := net.ParseMAC(dataplane.NAT64MAC)
	var hosts nat64.Hosts
	b := make([]byte, 1<<16)
	frame := make([]byte, 0, 1<<16)
	for {
		n, err := f.Read(b)
		if err != nil {
			return
		}
		if n < headEther {
			continue
		}
		var out []byte
		var ok bool
		kind := uint16(unix.ETH_P_IP)
		switch binary.BigEndian.Uint16(b[12:]) {
		case unix.ETH_P_IPV6:
			out, ok = nat64.ToIPv4(b[headEther:n], hosts.Out)
		case unix.ETH_P_IP:
			kind = unix.ETH_P_IPV6
			out, ok = nat64.ToIPv6(b[headEther:n], hosts.In)
		}
		if !ok {
			continue
		}
		frame = append(append(frame[:0], to...), b[6:12]...)
		frame = append(binary.BigEndian.AppendUint16(frame, kind), out...)
		_, _ = f.Write(frame)
	}
}
