package reach

import (
	"net/netip"
	"slices"
	"strings"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// One function per way to fail: what stopped the packet, which rule, what to do.

func (w *walk) noFamily(e *netplan.ENI, to netip.Addr) *stop {
	return &stop{
		code: "ENI_ADDRESS_RESTRICTION", blame: []cloud.Ref{eniRef(e)},
		text: w.sprintf("Network interface %s has no %s address, so it cannot send to %s; give it one (for a function: %s) or use the other IP version",
			e.ID, either(to, "IPv4", "IPv6"), to, either(to, "use subnets with an IPv4 block", "allow IPv6 for dual-stack subnets")),
	}
}

func (w *walk) spoofed(e *netplan.ENI, p packet) *stop {
	return &stop{
		stage: netplan.StageSpoof, blame: []cloud.Ref{eniRef(e)},
		text: w.sprintf("Network interface %s checks source addresses and does not have %s, so packets from it are dropped; send from %s, or switch its source/destination check off",
			e.ID, p.src, e.Addrs[0]),
	}
}

func (w *walk) unroutable(e *netplan.ENI, p packet) *stop {
	text := w.sprintf("%s is not an address that a VPC routes (link-local, multicast or reserved), whatever the route tables say", p.dst)
	if p.dst == metadata {
		text = w.sprintf("%s is the instance metadata service, which %s cannot reach; a function finds its credentials in its environment", p.dst, e.ID)
	}
	return &stop{stage: netplan.StageLinkLocal, blame: []cloud.Ref{eniRef(e)}, text: text}
}

func (w *walk) noService(p packet) *stop {
	s := &stop{stage: netplan.StageRouter, blame: []cloud.Ref{{Kind: cloud.KindVPC, ID: string(w.p.VPC)}}}
	s.text = w.sprintf("%s is the VPC's resolver: it answers TCP and UDP port 53 only, not %s", p.dst, p.what())
	if w.router(p.dst) {
		s.text = w.sprintf("%s is the router of VPC %s, which answers nothing", p.dst, w.p.VPC)
	}
	return s
}

// noResolver says so where a flow fails because it was for the VPC's resolver,
// which is switched off: the address is then one like any other.
func (w *walk) noResolver(p packet, s *stop) *stop {
	if s != nil && !w.p.DNS.Enabled && slices.Contains(w.p.DNS.Resolvers, p.dst) {
		s.text = w.sprintf("VPC %s has DNS support switched off, so its resolver %s does not answer; switch enableDnsSupport on", w.p.VPC, p.dst)
		s.code = "NO_POSSIBLE_DESTINATION"
	}
	return s
}

func (w *walk) noRoute(e *netplan.ENI, p packet) *stop {
	return &stop{
		stage: netplan.StageNoRoute, blame: []cloud.Ref{w.tableRef(e), {Kind: cloud.KindSubnet, ID: string(e.Subnet)}},
		text: w.sprintf("Route table %s of %s has no route to %s; add one, such as %s", w.subnet(e).Table, e.Subnet, p.dst,
			either(p.dst, "0.0.0.0/0 to a NAT gateway (private subnet) or to an internet gateway (public subnet)",
				"::/0 to an egress-only internet gateway (private subnet) or to an internet gateway (public subnet)")),
	}
}

func (w *walk) blackhole(e *netplan.ENI, _ packet, r *netplan.Route) *stop {
	return &stop{
		stage: netplan.StageBlackhole, blame: r.Source,
		text: w.sprintf("%s, but that route is a blackhole: %s; point it at a target that works", w.sends(e, r), r.Why),
	}
}

func (w *walk) noHost(a netip.Addr, r *netplan.Route) *stop {
	s := &stop{
		stage: netplan.StageNoHost, blame: []cloud.Ref{{Kind: cloud.KindVPC, ID: string(w.p.VPC)}},
		text: w.sprintf("%s is inside VPC %s, but no network interface there has it; check the address", a, w.p.VPC),
	}
	if r != nil && !w.local(a) {
		s.text = w.sprintf("%s is routed into VPC %s (%s), but no network interface there has it; check the address", a, w.p.VPC, r.Dest)
	}
	return s
}

func (w *walk) notForMe(from, to *netplan.ENI, p packet, r *netplan.Route) *stop {
	return &stop{
		stage: netplan.StageNotForMe, blame: append([]cloud.Ref{eniRef(to)}, r.Source...),
		text: w.sprintf("%s, which checks destination addresses and does not have %s; switch its source/destination check off",
			w.sends(from, r), p.dst),
	}
}

func (w *walk) loops(to *netplan.ENI, p packet) *stop {
	s := &stop{
		stage: netplan.StageLoop, blame: []cloud.Ref{eniRef(to), w.tableRef(to)},
		text: w.sprintf("Route table %s of %s leads packets for %s back to network interface %s, which sends them", w.subnet(to).Table, to.Subnet, p.dst, to.ID),
	}
	for _, n := range w.p.NATs {
		if n.ENI == to.ID {
			s.blame = append(s.blame, n.Source...)
			s.text = w.sprintf("NAT gateway %s is in %s, whose route table %s leads packets for %s back to that NAT gateway; put it in a public subnet, whose 0.0.0.0/0 goes to an internet gateway",
				n.ID, to.Subnet, w.subnet(to).Table, p.dst)
		}
	}
	return s
}

func (w *walk) forwardRing(l leg, f *netplan.Forward) *stop {
	text := w.sprintf("NAT gateway %s sends packets for %s on to %s, from where they come back to it; have it send them on to a host", f.Source[0].ID, l.pkt.dst, f.Host)
	if slices.Contains(f.Own, l.pkt.src) {
		text = w.sprintf("NAT gateway %s sends packets for %s on to %s, whose interface they come from, and no system takes packets from an own address; send to that address itself", f.Source[0].ID, l.pkt.dst, f.Host)
	}
	return &stop{stage: netplan.StageLoop, blame: append([]cloud.Ref{eniRef(l.to)}, f.Source...), text: text}
}

func (w *walk) noPublicIP(e *netplan.ENI, p packet, r *netplan.Route) *stop {
	s := &stop{stage: netplan.StageNoPublicIP, blame: append([]cloud.Ref{eniRef(e)}, r.Source...)}
	switch {
	case e.Attach == netplan.AttachTransit:
		s.text = w.sprintf("%s, but %s is in another VPC and has no public address here, so packets from it do not leave; lead them to a NAT gateway", w.sends(e, r), p.src)
	case !p.src.Is4() && w.local(p.src):
		s.text = w.sprintf("%s, but no rule of an IPv6 gateway joins %s to the internet, so packets from it do not leave; allocate bandwidth for the address", w.sends(e, r), p.src)
	case !p.src.Is4():
		s.text = w.sprintf("%s, but %s is not an address of VPC %s, so packets from it do not leave; send from an address of the VPC", w.sends(e, r), p.src, w.p.VPC)
	case e.Attach == netplan.AttachNAT:
		s.text = w.sprintf("%s, but the NAT gateway there has no public address (network interface %s, %s), so packets do not leave; use a public NAT gateway with an elastic IP",
			w.sends(e, r), e.ID, p.src)
	case e.Attach == netplan.AttachShared:
		s.text = w.sprintf("%s, but network interface %s has no public address, and a function's never gets one, so packets do not leave; use %s",
			w.sends(e, r), e.ID, useNAT(p.src))
	default:
		s.text = w.sprintf("%s, but network interface %s has no public address for %s, so packets do not leave; associate an elastic IP with it, or use %s",
			w.sends(e, r), e.ID, p.src, useNAT(p.src))
	}
	return s
}

func (w *walk) noPrivateIP(p packet) *stop {
	s := &stop{stage: netplan.StageNoPrivateIP, blame: []cloud.Ref{{Kind: cloud.KindVPC, ID: string(w.p.VPC)}}}
	switch g := w.p.Gateway; {
	case g != nil && g.ByRule && w.local(p.dst) && p.dst.Is6():
		s.text = w.sprintf("No rule of an IPv6 gateway of VPC %s joins %s to the internet, so nothing enters from there; allocate bandwidth for the address", w.p.VPC, p.dst)
	case g == nil || g.ID == "":
		s.text = w.sprintf("VPC %s has no internet gateway, so nothing enters it from the internet; attach one", w.p.VPC)
	case w.local(p.dst) && p.dst.Is4():
		s.text = w.sprintf("%s is a private address of VPC %s, which the internet does not route; use the elastic IP of its network interface", p.dst, w.p.VPC)
	default:
		s.blame = append(s.blame, cloud.Ref{Kind: cloud.KindInternetGateway, ID: string(g.ID)})
		s.text = w.sprintf("Internet gateway %s of VPC %s knows no network interface with the public address %s; associate it first", g.ID, w.p.VPC, p.dst)
	}
	return s
}

func (w *walk) egressOnlyIn(to *netplan.ENI, p packet, r *netplan.Route) *stop {
	s := &stop{stage: netplan.StageEgressOnlyIn, blame: []cloud.Ref{eniRef(to)}}
	if w.p.Gateway.ByRule && !w.p.Gateway.Admits(p.dst) {
		s.blame = append(s.blame, cloud.Ref{Kind: cloud.KindIPv6Gateway, ID: string(w.p.Gateway.IPv6)})
		s.text = w.sprintf("%s (%s) has an egress-only rule of IPv6 gateway %s: it can open connections, but nothing can open one to it from %s; delete the rule if that is wanted",
			to.ID, p.dst, w.p.Gateway.IPv6, p.src)
		return s
	}
	if r == nil {
		r = &netplan.Route{}
	}
	s.blame = append(s.blame, r.Source...)
	s.text = w.sprintf("%s (%s) has an egress-only way to the internet: it can open connections, but nothing can open one to it from %s; route ::/0 of %s to an internet gateway if that is wanted",
		to.ID, p.dst, p.src, to.Subnet)
	return s
}

func (w *walk) natProtocol(p packet, r *netplan.Route) *stop {
	return &stop{
		stage: netplan.StageNATProtocol, blame: []cloud.Ref{{Kind: cloud.KindNATGateway, ID: r.Target}},
		text: w.sprintf("NAT gateway %s translates TCP, UDP and ICMP only, not %s", r.Target, p.what()),
	}
}

func (w *walk) natSource(p packet, r *netplan.Route) *stop {
	return &stop{
		stage: netplan.StageNATSource, blame: []cloud.Ref{{Kind: cloud.KindNATGateway, ID: r.Target}},
		text: w.sprintf("NAT gateway %s has no SNAT entry that covers %s, so packets from it do not leave; add one for its vSwitch or CIDR block", r.Target, p.src),
	}
}

func (w *walk) unsolicited(l leg) *stop {
	text := w.sprintf("%s (%s) carries functions, which open connections but accept none", l.to.ID, l.pkt.dst)
	if l.to.Attach == netplan.AttachTransit {
		text = w.sprintf("%s (%s) is a port of a transit router, which takes nothing for itself", l.to.ID, l.pkt.dst)
	}
	if l.to.Attach == netplan.AttachNAT {
		text = w.sprintf("%s (%s) is a NAT gateway's, which lets answers in but nothing that it did not ask for, nor has a rule to send on; give the host behind it an address of its own",
			l.to.ID, l.pkt.dst)
	}
	return &stop{stage: netplan.StageUnsolicited, blame: []cloud.Ref{eniRef(l.to)}, text: text}
}

func (w *walk) interfaceEndpoint(l leg) *stop {
	whose := "an interface endpoint's"
	if l.to.Attach == netplan.AttachBalancer {
		whose = "a load balancer's"
	}
	return &stop{
		stage: netplan.StageEndpoint, code: "PROTOCOL_RESTRICTION", blame: []cloud.Ref{eniRef(l.to)},
		text: w.sprintf("%s (%s) is %s, which takes TCP only, not %s", l.to.ID, l.pkt.dst, whose, l.pkt.what()),
	}
}

func (w *walk) endpointProtocol(p packet, r *netplan.Route) *stop {
	name := hopName(r)
	return &stop{
		stage: netplan.StageEndpoint, blame: []cloud.Ref{{Kind: cloud.KindEndpoint, ID: r.Target}},
		text: w.sprintf("%s takes TCP and ICMP echo only, not %s", strings.ToUpper(name[:1])+name[1:], p.what()),
	}
}

// Addresses that internet gateways do not carry: private (RFC 1918), shared (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// The instance metadata service.
var metadata = netip.MustParseAddr("169.254.169.254")

func (w *walk) isPrivate(a netip.Addr, r *netplan.Route) *stop {
	code := ""
	switch {
	case a.Is4() && shared.Contains(a):
		code = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS"
	case !a.IsPrivate():
		return nil
	}
	return &stop{
		stage: netplan.StagePrivateDest, code: code, blame: r.Source,
		text: w.sprintf("%s is a private address, which %s does not carry; it needs a route of its own, to where that network is", a, hopName(r)),
	}
}

func (w *walk) privateSource(p packet) *stop {
	code := "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS"
	if shared.Contains(p.src) {
		code = "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS"
	}
	return &stop{
		stage: netplan.StagePrivateDest, code: code, blame: []cloud.Ref{{Kind: cloud.KindInternetGateway, ID: string(w.p.Gateway.ID)}},
		text: w.sprintf("%s is not a public address: nothing enters VPC %s from it through internet gateway %s", p.src, w.p.VPC, w.p.Gateway.ID),
	}
}

func (w *walk) asymmetric(at arrival, l leg) *stop {
	w.Analyser = l.in
	from := "where the flow came from"
	switch there := w.legs[at.leg]; {
	case there.from != nil && there.from.Attach == netplan.AttachTransit:
		from = "the VPC that the flow came from"
	case there.from != nil:
	case there.peer != nil:
		from = "peering connection " + string(there.peer.ID) + ", which the flow came in by"
	default:
		from = "the internet gateway that the flow came in by"
	}
	return &stop{
		stage: netplan.StageAsymmetric, blame: l.route.Source,
		text: w.sprintf("%s, not to %s, so the answer to %s is lost; route it back the way it came", w.sends(l.from, l.route), from, l.pkt.dst),
	}
}
