package nat64

import "encoding/binary"

const headICMP = 8

// An error carries as much of its cause as fits these (RFC 4443, RFC 1812).
const (
	mostInside6 = 1280 - head6 - headICMP
	mostInside4 = 576 - head4 - headICMP
)

// icmp6to4 translates an ICMPv6 message of p into one of q.
func icmp6to4(p, q *packet, b []byte, m Map, outer bool) ([]byte, bool) {
	if len(b) < headICMP {
		return nil, false
	}
	if echo, ok := map[byte]byte{128: 8, 129: 0}[b[0]]; ok {
		was := pseudo(p.src, p.dst, protoICMPv6, p.total) + uint32(b[0])<<8
		put16(b[2:], adjust(be16(b[2:]), was, uint32(echo)<<8))
		b[0] = echo
		return b, true
	}
	typ, code, rest, ok := error6to4(b)
	if !ok || !outer { // no error is about an error
		return nil, false
	}
	inner, ok := parse6(b[headICMP:], true)
	if !ok {
		return nil, false
	}
	cause, ok := inner.to4(m, false)
	if !ok {
		return nil, false
	}
	out := append([]byte{typ, code, 0, 0, 0, 0, 0, 0}, cause[:min(len(cause), mostInside4)]...)
	binary.BigEndian.PutUint32(out[4:], rest)
	put16(out[2:], ^fold(sum(0, out)))
	q.total = len(out)
	return out, true
}

// error6to4 is RFC 7915, section 5.2.
func error6to4(b []byte) (typ, code byte, rest uint32, ok bool) {
	word := binary.BigEndian.Uint32(b[4:])
	switch b[0] {
	case 1:
		to, ok := map[byte]byte{0: 1, 1: 10, 2: 1, 3: 1, 4: 3}[b[1]]
		return 3, to, 0, ok
	case 2: // IPv4's header is 20 bytes shorter
		return 3, 4, min(max(word, 1280)-20, 0xffff), true
	case 3:
		return 11, b[1], 0, b[1] <= 1
	case 4:
		if b[1] == 1 {
			return 3, 2, 0, true
		}
		at, ok := pointer6to4(word)
		return 12, 0, at << 24, ok && b[1] == 0
	}
	return 0, 0, 0, false
}

func pointer6to4(at uint32) (uint32, bool) {
	switch {
	case at <= 1:
		return at, true
	case at == 4, at == 5:
		return 2, true
	case at == 6:
		return 9, true
	case at == 7:
		return 8, true
	case at >= 8 && at < 24:
		return 12, true
	case at >= 24 && at < 40:
		return 16, true
	}
	return 0, false
}

// icmp4to6 translates an ICMP message of p into one of q.
func icmp4to6(p, q *packet, b []byte, m Map, outer bool) ([]byte, bool) {
	if len(b) < headICMP {
		return nil, false
	}
	if echo, ok := map[byte]byte{8: 128, 0: 129}[b[0]]; ok {
		is := pseudo(q.src, q.dst, protoICMPv6, p.total) + uint32(echo)<<8
		put16(b[2:], adjust(be16(b[2:]), uint32(b[0])<<8, is))
		b[0] = echo
		return b, true
	}
	typ, code, rest, ok := error4to6(b)
	if !ok || !outer {
		return nil, false
	}
	inner, ok := parse4(b[headICMP:], true)
	if !ok {
		return nil, false
	}
	cause, ok := inner.to6(m, false)
	if !ok {
		return nil, false
	}
	out := append([]byte{typ, code, 0, 0, 0, 0, 0, 0}, cause[:min(len(cause), mostInside6)]...)
	binary.BigEndian.PutUint32(out[4:], rest)
	put16(out[2:], ^fold(sum(pseudo(q.src, q.dst, protoICMPv6, len(out)), out)))
	q.total = len(out)
	return out, true
}

// error4to6 is RFC 7915, section 4.2.
func error4to6(b []byte) (typ, code byte, rest uint32, ok bool) {
	switch b[0] {
	case 3:
		switch b[1] {
		case 0, 1, 5, 6, 7, 8, 11, 12:
			return 1, 0, 0, true
		case 2:
			return 4, 1, 6, true // the protocol: IPv6's next header
		case 3:
			return 1, 4, 0, true
		case 4: // 0 is an old router, which says no number
			return 2, 0, max(uint32(be16(b[6:]))+20, 1280), true
		case 9, 10, 13, 15:
			return 1, 1, 0, true
		}
	case 11:
		return 3, b[1], 0, b[1] <= 1
	case 12:
		at, ok := pointer4to6(b[4])
		return 4, 0, at, ok && (b[1] == 0 || b[1] == 2)
	}
	return 0, 0, 0, false
}

func pointer4to6(at byte) (uint32, bool) {
	switch {
	case at <= 1:
		return uint32(at), true
	case at == 2, at == 3:
		return 4, true
	case at == 8:
		return 7, true
	case at == 9:
		return 6, true
	case at >= 12 && at < 16:
		return 8, true
	case at >= 16 && at < 20:
		return 24, true
	}
	return 0, false
}
