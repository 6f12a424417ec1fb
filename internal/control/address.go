package control

import (
	"encoding/binary"
	"net/netip"

	"weir/internal/cloud"
)

// This file is arithmetic on addresses and prefixes; it reads no state.

func prefixes(blocks []cloud.CIDRAssociation) []netip.Prefix {
	ps := make([]netip.Prefix, len(blocks))
	for i, b := range blocks {
		ps[i] = b.Prefix
	}
	return ps
}

// covers reports whether all of p lies in one of the blocks.
func covers(blocks []netip.Prefix, p netip.Prefix) bool {
	for _, b := range blocks {
		if b.Bits() <= p.Bits() && b.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

func overlapsAny(blocks []netip.Prefix, p netip.Prefix) bool {
	for _, b := range blocks {
		if b.Overlaps(p) {
			return true
		}
	}
	return false
}

// plus is the address n after a.
func plus(a netip.Addr, n uint64) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	lo := binary.BigEndian.Uint64(b[8:])
	binary.BigEndian.PutUint64(b[8:], lo+n)
	if lo+n < lo {
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+1)
	}
	return netip.AddrFrom16(b)
}

// size is the number of addresses in p, at most 2^63.
func size(p netip.Prefix) uint64 {
	return 1 << min(p.Addr().BitLen()-p.Bits(), 63)
}

// free is the lowest address of p that is not taken, keeping back the first and last ones.
func free(p netip.Prefix, first, last int, taken map[netip.Addr]bool) (netip.Addr, bool) {
	for n := uint64(first); n < size(p)-uint64(last); n++ {
		if a := plus(p.Addr(), n); !taken[a] {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// usable reports whether a is in p and not among the addresses kept back.
func usable(p netip.Prefix, first, last int, a netip.Addr) bool {
	if !p.Contains(a) {
		return false
	}
	low, high := plus(p.Addr(), uint64(first)), cloud.LastAddr(p)
	for range last {
		high = high.Prev()
	}
	return a.Compare(low) >= 0 && a.Compare(high) <= 0
}

// FreeBlock is the lowest prefix of this length in pool that overlaps none of the
// taken ones; a pool that is longer has none.
func FreeBlock(pool netip.Prefix, bits int, taken []netip.Prefix) (netip.Prefix, bool) {
	if pool.Bits() > bits {
		return netip.Prefix{}, false
	}
	used := map[netip.Prefix]bool{}
	for _, t := range taken {
		if t.Addr().BitLen() == pool.Addr().BitLen() && t.Bits() >= bits {
			p, _ := t.Addr().Prefix(bits)
			used[p] = true
		} else if t.Overlaps(pool) {
			used[t] = true
		}
	}
	for n := range uint64(1) << (bits - pool.Bits()) {
		p := netip.PrefixFrom(shifted(pool.Addr(), n, bits), bits)
		if !used[p] && !overlapsLarger(used, p) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// overlapsLarger reports whether p lies in a used prefix shorter than itself.
func overlapsLarger(used map[netip.Prefix]bool, p netip.Prefix) bool {
	for bits := p.Bits() - 1; bits >= 0; bits-- {
		if up, err := p.Addr().Prefix(bits); err == nil && used[up] {
			return true
		}
	}
	return false
}

// shifted adds n to a, counted in blocks of this prefix length.
func shifted(a netip.Addr, n uint64, bits int) netip.Addr {
	shift := a.BitLen() - bits
	if shift < 64 {
		hi, lo := uint64(0), n<<shift
		if shift > 0 {
			hi = n >> (64 - shift)
		}
		if a.Is4() {
			return plus(a, lo)
		}
		return plus(addHigh(a, hi), lo)
	}
	return addHigh(a, n<<(shift-64))
}

func addHigh(a netip.Addr, n uint64) netip.Addr {
	b := a.As16()
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+n)
	return netip.AddrFrom16(b)
}
