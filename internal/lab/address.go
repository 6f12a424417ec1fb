package lab

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
)

// Host is one host's pair of addresses.
type Host struct{ V4, V6 netip.Addr }

func host(v4, v6 string) Host { return Host{netip.MustParseAddr(v4), netip.MustParseAddr(v6)} }

// has reports whether addr is one of the host's.
func (h Host) has(addr netip.Addr) bool { return addr == h.V4 || addr == h.V6 }

// Hosts of the internet.
var (
	// Backbone is the router between all uplinks: the source of its ICMP errors.
	Backbone = host("198.51.100.1", "2001:db8::1")
	Echo     = host("198.51.100.7", "2001:db8::7")
	API      = host("198.51.100.10", "2001:db8::10")
	Resolver = host("198.51.100.53", "2001:db8::53")
	CatchAll = host("198.51.100.80", "2001:db8::80")

	// S3Prefix4 and S3Prefix6 are where the object store's names resolve to, all of it Weir's API.
	S3Prefix4 = netip.MustParsePrefix("198.51.100.128/28")
	S3Prefix6 = netip.MustParsePrefix("2001:db8::3:0/124")
)

// Inside is where the clouds' internal names lead: an address of the shared space
// (RFC 6598), which VPCs with internal services route to those and nobody else to anything.
var Inside = netip.MustParseAddr("100.100.80.1")

// Prefixes of the internet.
var (
	hosts4     = netip.MustParsePrefix("198.51.100.0/24")
	elastic4   = netip.MustParsePrefix("203.0.113.0/24")
	documents6 = netip.MustParsePrefix("2001:db8::/32")
)

// Sites of users have the addresses from firstSite4 and firstSite6 on.
var (
	firstSite4 = netip.MustParseAddr("198.51.100.200")
	firstSite6 = netip.MustParseAddr("2001:db8::1:0")
)

const maxSites = 55 // 198.51.100.200 to .254

// siteHost is the n-th user site's pair of addresses.
func siteHost(n int) Host {
	a4, a6 := firstSite4.As4(), firstSite6.As16()
	a4[3] += byte(n)
	a6[15] = byte(n)
	return Host{netip.AddrFrom4(a4), netip.AddrFrom16(a6)}
}

// s3Host spreads the object store's names over its prefixes, always the same way.
func s3Host(name string) Host {
	h := fnv.New32a()
	h.Write([]byte(name))
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], h.Sum32())
	a4, a6 := S3Prefix4.Addr().As4(), S3Prefix6.Addr().As16()
	a4[3] |= sum[3] & 15
	a6[15] |= sum[3] & 15
	return Host{netip.AddrFrom4(a4), netip.AddrFrom16(a6)}
}

// isAPI reports whether addr is Weir's API on this internet.
func isAPI(addr netip.Addr) bool {
	return API.has(addr) || S3Prefix4.Contains(addr) || S3Prefix6.Contains(addr)
}
