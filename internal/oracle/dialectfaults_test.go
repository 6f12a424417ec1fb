package oracle

import (
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// stateFaults falsify the state that the analyser's plans are compiled from, as if
// the compiler did not know what a field means.
var stateFaults = map[string]func(state){
	"public addresses leave by a gateway only": all(cloud.VPCs, func(v *cloud.VPC) { v.DirectPublic = false }),
	"public addresses leave without a gateway": all(cloud.VPCs, func(v *cloud.VPC) { v.DirectPublic = true }),
	"dormant gateways taken for awake":         all(cloud.InternetGateways, func(g *cloud.InternetGateway) { g.Dormant = false }),
	"local routes are the VPC's blocks":        all(cloud.VPCs, func(v *cloud.VPC) { v.SubnetRoutes = false }),
	"internal services nowhere":                all(cloud.VPCs, func(v *cloud.VPC) { v.Services = netip.Prefix{} }),
	"resolvers where the other dialect's are":  all(cloud.VPCs, func(v *cloud.VPC) { v.Resolvers = nil }),
	"IPv6 without rules":                       all(cloud.VPCs, func(v *cloud.VPC) { v.IPv6ByRule = false }),
	"IPv6 gateways' rules lost": func(s state) {
		for r := range cloud.IPv6Rules.All(s.clone()) {
			cloud.IPv6Rules.Delete(s, r.ID)
		}
	},
	"egress-only rules forgotten":       all(cloud.IPv6Rules, func(r *cloud.IPv6Rule) { r.Outward = false }),
	"egress-only rules alone join":      all(cloud.IPv6Rules, func(r *cloud.IPv6Rule) { r.Outward = !r.Outward }),
	"NAT gateways translate everything": all(cloud.NATGateways, func(g *cloud.NATGateway) { g.Selective = false }),
	"SNAT entries lost":                 all(cloud.NATGateways, func(g *cloud.NATGateway) { g.Rules = nil }),
	"SNAT entries of subnets lost":      rules(func(r *cloud.NATRule) { r.Subnet = "" }),
	"DNAT entries lost":                 all(cloud.NATGateways, func(g *cloud.NATGateway) { g.Forwards = nil }),
	"DNAT entries keep the port":        forwards(func(f *cloud.NATForward) { f.Port = f.From }),
	"DNAT entries: last port left out":  forwards(func(f *cloud.NATForward) { f.To = max(f.To-1, 0) }),
	"DNAT entries: protocols swapped":   forwards(func(f *cloud.NATForward) { f.Protocol = map[int]int{tcp: udp, udp: tcp, -1: -1}[f.Protocol] }),
	"DNAT entries for everything lost":  forwards(func(f *cloud.NATForward) { f.Protocol = max(f.Protocol, 0) }),
	"attachments publish nothing":       all(cloud.TransitAttachments, func(a *cloud.TransitAttachment) { a.Publish = false }),
	"attachments all publish":           all(cloud.TransitAttachments, func(a *cloud.TransitAttachment) { a.Publish = true }),
	"transit routers learn nothing":     all(cloud.TransitRouters, func(r *cloud.TransitRouter) { r.Domain = "" }),
}

func all[K ~string, T any](t *cloud.Table[K, T], f func(*T)) func(state) {
	return func(s state) {
		for r := range t.All(s.clone()) {
			c := *r
			f(&c)
			t.Put(s, &c)
		}
	}
}

func rules(f func(*cloud.NATRule)) func(state) {
	return all(cloud.NATGateways, func(g *cloud.NATGateway) { g.Rules = copied(g.Rules, f) })
}

func forwards(f func(*cloud.NATForward)) func(state) {
	return all(cloud.NATGateways, func(g *cloud.NATGateway) { g.Forwards = copied(g.Forwards, f) })
}

func copied[T any](list []T, f func(*T)) []T {
	out := append([]T(nil), list...)
	each(out, f)
	return out
}

// routerFaults are kernelFaults of the second dialect.
var routerFaults = map[string]func(*dataplane.Namespace){
	"IPv6 addresses without a rule let out":      without1("outbound", "@open"),
	"IPv6 egress-only rules not applied":         without1("forward", "@admitted"),
	"no route outside subnets taken for no host": prepend("noroute", nft.R(nft.Log(string(netplan.StageNoHost), dataplane.LogGroup), nft.Drop)),
}

// natFaults falsify what the namespaces of NAT gateways get.
var natFaults = map[string]func(*dataplane.Namespace){
	"DNAT entries not applied":           chain("forwards", func([]nft.Rule) []nft.Rule { return nil }),
	"what is sent on not let through":    without1("forward", "ct mark"),
	"all ports sent on":                  prepend("forward", nft.R(nft.Accept)),
	"SNAT entries not applied":           without1("translate", "snat"),
	"NAT gateways let out what they may": without1("forward", "nat-source"),
}
