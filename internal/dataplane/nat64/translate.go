package nat64

// ToIPv4 translates an IPv6 packet; ok is false if it has no translation. The
// hop limit stays: whoever forwards the packet counts it down.
func ToIPv4(b []byte, m Map) (out []byte, ok bool) {
	p, ok := parse6(b, false)
	if !ok {
		return nil, false
	}
	return p.to4(m, true)
}

// ToIPv6 translates an IPv4 packet.
func ToIPv6(b []byte, m Map) (out []byte, ok bool) {
	p, ok := parse4(b, false)
	if !ok {
		return nil, false
	}
	return p.to6(m, true)
}

// mapped is the packet with addresses of the other family.
func (p *packet) mapped(m Map) (q packet, ok bool) {
	q = *p
	var known bool
	if q.src, ok = m(p.src); !ok {
		return q, false
	}
	q.dst, known = m(p.dst)
	return q, known && q.src.Is4() == q.dst.Is4() && q.src.Is4() != p.src.Is4()
}

// to4 translates; outer is false for the packet inside an ICMP error, of which
// only the beginning may be there.
func (p *packet) to4(m Map, outer bool) ([]byte, bool) {
	q, ok := p.mapped(m)
	if !ok {
		return nil, false
	}
	body := append([]byte(nil), p.body...)
	switch {
	case p.proto == protoTCP, p.proto == protoUDP:
		ok = transport(p, &q, body, outer)
	case p.proto == protoICMPv6 && !p.fragment:
		q.proto = protoICMP
		body, ok = icmp6to4(p, &q, body, m, outer)
	default:
		return nil, false
	}
	if !ok || head4+q.total > 0xffff {
		return nil, false
	}
	return q.write4(body), true
}

func (p *packet) to6(m Map, outer bool) ([]byte, bool) {
	q, ok := p.mapped(m)
	if !ok {
		return nil, false
	}
	body := append([]byte(nil), p.body...)
	switch {
	case p.proto == protoTCP, p.proto == protoUDP:
		ok = transport(p, &q, body, outer)
	case p.proto == protoICMP && !p.fragment:
		q.proto = protoICMPv6
		body, ok = icmp4to6(p, &q, body, m, outer)
	default:
		return nil, false
	}
	if !ok || q.total+headFragment > 0xffff {
		return nil, false
	}
	return q.write6(body), true
}

// transport brings the checksum of TCP or UDP to the other addresses. Inside an
// error it may be cut off.
func transport(p, q *packet, body []byte, outer bool) bool {
	if p.offset > 0 {
		return true
	}
	at, head := 16, 20
	if p.proto == protoUDP {
		at, head = 6, 8
	}
	if len(body) < head {
		if outer && !p.fragment {
			return false
		}
		if len(body) < at+2 {
			return !outer
		}
	}
	check := be16(body[at:])
	if p.proto == protoUDP && check == 0 {
		return noChecksum(p, q, body, outer)
	}
	check = adjust(check, addresses(p), addresses(q))
	if p.proto == protoUDP && check == 0 {
		check = 0xffff // 0 is none
	}
	put16(body[at:], check)
	return true
}

// noChecksum gives a UDP packet of IPv4 the checksum that IPv6 wants. That of a
// fragment cannot be known.
func noChecksum(p, q *packet, body []byte, outer bool) bool {
	switch {
	case !outer:
		return true
	case p.src.Is6(), p.fragment:
		return false
	}
	check := ^fold(sum(pseudo(q.src, q.dst, protoUDP, len(body)), body))
	if check == 0 {
		check = 0xffff
	}
	put16(body[6:], check)
	return true
}

func addresses(p *packet) uint32 { return sum(sum(0, p.src.AsSlice()), p.dst.AsSlice()) }
