package balance

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
)

// Join carries what either end says to the other, until both have said all.
func Join(a, b net.Conn) {
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		if _, err := io.Copy(to, from); err != nil {
			Reset(to)
			Reset(from)
			return
		}
		_ = closeWrite(to)
	}
	both.Go(func() { carry(a, b) })
	both.Go(func() { carry(b, a) })
	both.Wait()
}

func closeWrite(c net.Conn) error {
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return c.Close()
}

// Reset ends a connection so that the other end sees it was not taken.
func Reset(c net.Conn) {
	for {
		switch t := c.(type) {
		case *held:
			c = t.Conn
			continue
		case interface{ SetLinger(int) error }:
			_ = t.SetLinger(0)
		}
		_ = c.Close()
		return
	}
}

// proxyHeader is a PROXY protocol header, version 2.
// https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, section 2.2
func proxyHeader(client, server netip.AddrPort) []byte {
	b := []byte("\r\n\r\n\x00\r\nQUIT\n\x21")
	family, size := byte(0x11), uint16(12)
	if client.Addr().Is6() && !client.Addr().Is4In6() {
		family, size = 0x21, 36
	}
	b = append(b, family)
	b = binary.BigEndian.AppendUint16(b, size)
	from, to := client.Addr().Unmap(), server.Addr().Unmap()
	if family == 0x21 && to.Is4() {
		to = netip.AddrFrom16(to.As16())
	}
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, client.Port())
	return binary.BigEndian.AppendUint16(b, server.Port())
}
