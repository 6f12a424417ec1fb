package netplan

import (
	"net/netip"

	"weir/internal/cloud"
)

// NAT64Prefix is the well-known prefix (RFC 6052): a NAT gateway that is routed
// IPv6 packets for an address below it sends them on as IPv4 to the address in
// the last four bytes, from its own.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html
var NAT64Prefix = netip.MustParsePrefix("64:ff9b::/96")

// NAT64Target is the IPv4 address that one below NAT64Prefix stands for.
func NAT64Target(a netip.Addr) (netip.Addr, bool) {
	if !NAT64Prefix.Contains(a) {
		return netip.Addr{}, false
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:])), true
}

// nat64 resolves a route for IPv6 to a NAT gateway, which then translates.
func (c *compiler) nat64(i int, dest netip.Prefix) (hop Hop, eni cloud.InterfaceID, why string) {
	if dest.Bits() < NAT64Prefix.Bits() || !NAT64Prefix.Contains(dest.Addr()) {
		return "", "", "a NAT gateway takes IPv6 for " + NAT64Prefix.String() + " only"
	}
	e := c.p.ENI(c.p.NATs[i].ENI)
	e.NAT64 = true
	return HopNAT, e.ID, ""
}
