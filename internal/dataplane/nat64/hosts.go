package nat64

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
)

// Pool is where hosts' IPv4 addresses are from: reserved (RFC 1112), so no
// network has them.
var Pool = netip.MustParsePrefix("240.0.0.0/8")

// maxHosts bounds how many hosts are remembered; beyond that all are forgotten. A
// VPC has fewer interfaces.
const maxHosts = 1 << 16

// Hosts gives each IPv6 host an IPv4 address of the pool: one that follows from
// its own, unless another host has that, so that flows go on when Hosts begins
// anew. The zero value is empty. It is for one goroutine at a time.
type Hosts struct {
	to   map[netip.Addr]uint32 // numbers in the pool
	from map[uint32]netip.Addr
}

// To4 is the host's address.
func (h *Hosts) To4(a netip.Addr) netip.Addr {
	n, ok := h.to[a]
	if !ok {
		if h.to == nil || len(h.to) >= maxHosts {
			h.to, h.from = map[netip.Addr]uint32{}, map[uint32]netip.Addr{}
		}
		for n = first(a); ; n = n%poolSize + 1 {
			if _, taken := h.from[n]; !taken {
				break
			}
		}
		h.to[a], h.from[n] = n, a
	}
	b := Pool.Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+n)
	return netip.AddrFrom4(b)
}

// poolSize is the number of hosts' addresses: neither the first nor the last.
const poolSize = 1<<24 - 2

// first is the number that a host has unless another has it.
func first(a netip.Addr) uint32 {
	b := a.As16()
	sum := fnv.New32a()
	_, _ = sum.Write(b[:])
	return sum.Sum32()%poolSize + 1
}

// To6 is the host that has the address.
func (h *Hosts) To6(a netip.Addr) (netip.Addr, bool) {
	if !a.Is4() {
		return a, false
	}
	b, base := a.As4(), Pool.Addr().As4()
	host, ok := h.from[binary.BigEndian.Uint32(b[:])-binary.BigEndian.Uint32(base[:])]
	return host, ok
}

// Out maps the addresses of a packet from an IPv6 host.
func (h *Hosts) Out(a netip.Addr) (netip.Addr, bool) {
	if v4, ok := Extract(a); ok {
		return v4, true
	}
	return h.To4(a), true
}

// In maps the addresses of a packet to an IPv6 host.
func (h *Hosts) In(a netip.Addr) (netip.Addr, bool) {
	if Pool.Contains(a) {
		return h.To6(a)
	}
	return Embed(a), true
}
