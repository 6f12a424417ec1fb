package nat64

import "net/netip"

// packet is what both families' headers say; body is what is behind them.
type packet struct {
	src, dst netip.Addr
	proto    uint8 // of the body, in its family's numbers
	class    uint8 // traffic class, or type of service
	hops     uint8
	body     []byte
	total    int // length of the body as the header says; less may be there inside an ICMP error

	fragment bool // of several
	offset   int  // of body in the whole, in bytes
	more     bool
	id       uint32
	df       bool // of IPv4: routers must not fragment it
}

// parse4 reads an IPv4 packet; part allows less body than the header says.
func parse4(b []byte, part bool) (p packet, ok bool) {
	if len(b) < head4 || b[0]>>4 != 4 {
		return p, false
	}
	n, total := int(b[0]&15)*4, int(be16(b[2:]))
	if n < head4 || len(b) < n || total < n || total > len(b) && !part {
		return p, false
	}
	frag := be16(b[6:])
	p = packet{
		src: addr4(b[12:16]), dst: addr4(b[16:20]), proto: b[9], class: b[1], hops: b[8], body: b[n:min(total, len(b))], total: total - n,
		offset: int(frag&0x1fff) * 8, more: frag&0x2000 != 0, df: frag&0x4000 != 0, id: uint32(be16(b[4:])),
	}
	p.fragment = p.offset > 0 || p.more
	return p, true
}

// parse6 reads an IPv6 packet with the extension headers that RFC 7915 skips.
func parse6(b []byte, part bool) (p packet, ok bool) {
	if len(b) < head6 || b[0]>>4 != 6 {
		return p, false
	}
	total := int(be16(b[4:]))
	if total > len(b)-head6 && !part {
		return p, false
	}
	p = packet{src: addr16(b[8:24]), dst: addr16(b[24:40]), class: b[0]<<4 | b[1]>>4, hops: b[7], body: b[head6:min(head6+total, len(b))], total: total, df: true}
	next := b[6]
	for {
		switch next {
		case extHop, extDest, extRouting:
			if len(p.body) < 8 {
				return p, false
			}
			n := int(p.body[1])*8 + 8
			if len(p.body) < n || next == extRouting && p.body[3] != 0 {
				return p, false
			}
			next, p.body, p.total = p.body[0], p.body[n:], p.total-n
		case extFragment:
			if len(p.body) < headFragment || p.fragment {
				return p, false
			}
			at := be16(p.body[2:])
			p.offset, p.more, p.fragment, p.df = int(at&^7), at&1 != 0, true, false
			p.id = uint32(be16(p.body[4:]))<<16 | uint32(be16(p.body[6:]))
			next, p.body, p.total = p.body[0], p.body[headFragment:], p.total-headFragment
			if p.offset > 0 {
				p.proto = next
				return p, true
			}
		default:
			p.proto = next
			return p, p.total >= 0
		}
	}
}

// write4 is an IPv4 packet with this header and body. Its length is what the
// header says of the whole, were more there.
func (p *packet) write4(body []byte) []byte {
	out := make([]byte, head4, head4+len(body))
	out[0], out[1] = 4<<4|head4/4, p.class
	put16(out[2:], uint16(head4+p.total))
	put16(out[4:], uint16(p.id))
	frag := uint16(p.offset / 8)
	if p.more {
		frag |= 0x2000
	}
	if p.df && !p.fragment {
		frag |= 0x4000
	}
	put16(out[6:], frag)
	out[8], out[9] = p.hops, p.proto
	src, dst := p.src.As4(), p.dst.As4()
	copy(out[12:], src[:])
	copy(out[16:], dst[:])
	put16(out[10:], ^fold(sum(0, out)))
	return append(out, body...)
}

// write6 is an IPv6 packet with this header, a fragment header if it is one, and the body.
func (p *packet) write6(body []byte) []byte {
	n, next := p.total, p.proto
	if p.fragment {
		n, next = n+headFragment, extFragment
	}
	out := make([]byte, head6, head6+headFragment+len(body))
	out[0], out[1] = 6<<4|p.class>>4, p.class<<4
	put16(out[4:], uint16(n))
	out[6], out[7] = next, p.hops
	src, dst := p.src.As16(), p.dst.As16()
	copy(out[8:], src[:])
	copy(out[24:], dst[:])
	if p.fragment {
		at := uint16(p.offset)
		if p.more {
			at |= 1
		}
		out = append(out, p.proto, 0, byte(at>>8), byte(at), byte(p.id>>24), byte(p.id>>16), byte(p.id>>8), byte(p.id))
	}
	return append(out, body...)
}
