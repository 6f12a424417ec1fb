package reach

import "weir/internal/netplan"

// nat64 makes an IPv6 packet at a NAT gateway one of IPv4, for the address that
// its destination stands for.
func (w *walk) nat64(from *netplan.ENI, pkt *packet, r *netplan.Route) *stop {
	if pkt.dst.Is4() {
		return nil
	}
	to, ok := netplan.NAT64Target(pkt.dst)
	if !ok {
		return w.blackhole(from, *pkt, r)
	}
	pkt.dst = to
	if pkt.proto == icmpv6 {
		pkt.proto, pkt.typ = icmp, 8
	}
	return nil
}
