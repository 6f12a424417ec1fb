package netplan

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"weir/internal/cloud"
)

// VPCs lists the VPCs of the state, sorted.
func VPCs(v cloud.View) []cloud.VPCID {
	var ids []cloud.VPCID
	for vpc := range cloud.VPCs.All(v) {
		ids = append(ids, vpc.ID)
	}
	slices.Sort(ids)
	return ids
}

// Compile makes the plan of one VPC. A VPC that does not exist has an empty
// plan, through which nothing passes.
func Compile(v cloud.View, id cloud.VPCID) *Plan {
	c := newCompiler(v, id)
	vpc, ok := cloud.VPCs.Get(v, id)
	if !ok {
		c.problem(ref(cloud.KindVPC, id), "VPC %s does not exist", id)
		return c.p
	}
	c.vpc = vpc
	c.p.Account, c.p.Region, c.p.Service = vpc.Account, vpc.Region, vpc.Service
	c.hosts()
	c.peers()
	c.transits()
	c.endpoints()
	c.balancers()
	c.flows()
	c.services()
	c.profiles()
	c.peerHosts()
	c.gateways()
	c.tables()
	c.acls()
	c.dns()
	slices.SortFunc(c.p.Problems, func(a, b Problem) int { return cmp.Compare(a.Msg, b.Msg) })
	c.p.Problems = slices.CompactFunc(c.p.Problems, func(a, b Problem) bool { return a.Msg == b.Msg })
	return c.p
}

// Equal reports whether both plans describe the same network.
func (p *Plan) Equal(q *Plan) bool {
	return p == q || p != nil && q != nil && reflect.DeepEqual(p, q)
}

// compiler collects one plan; each step reads what earlier steps put there.
type compiler struct {
	v   cloud.View
	vpc *cloud.VPC
	p   *Plan
	// at tells who has a private address, auto which public one was assigned automatically.
	at   map[netip.Addr]cloud.InterfaceID
	auto map[cloud.InterfaceID]netip.Addr
	// far are the VPCs at the other ends of peering connections, as far as needed.
	far map[cloud.PeeringID]*compiler
}

func newCompiler(v cloud.View, id cloud.VPCID) *compiler {
	return &compiler{
		v: v, p: &Plan{VPC: id}, far: map[cloud.PeeringID]*compiler{},
		at: map[netip.Addr]cloud.InterfaceID{}, auto: map[cloud.InterfaceID]netip.Addr{},
	}
}

// hosts finds the VPC's blocks, subnets and interfaces.
func (c *compiler) hosts() {
	c.cidrs()
	c.subnets()
	c.enis()
	c.nats()
	c.ports()
}

func ref[S ~string](kind cloud.Resource, id S) cloud.Ref {
	return cloud.Ref{Kind: kind, ID: string(id)}
}

func (c *compiler) problem(from cloud.Ref, format string, args ...any) {
	c.p.Problems = append(c.p.Problems, Problem{From: []cloud.Ref{from}, Msg: fmt.Sprintf(format, args...)})
}

func (c *compiler) cidrs() {
	for _, as := range [][]cloud.CIDRAssociation{c.vpc.CIDRs, c.vpc.CIDRs6} {
		for _, a := range as {
			if !a.Prefix.IsValid() {
				c.problem(ref(cloud.KindVPC, c.vpc.ID), "VPC %s has an address block (%s) without a valid prefix", c.vpc.ID, a.ID)
				continue
			}
			c.p.CIDRs = append(c.p.CIDRs, a.Prefix.Masked())
		}
	}
	slices.SortFunc(c.p.CIDRs, comparePrefix)
	c.p.CIDRs = slices.Compact(c.p.CIDRs)
	for _, p := range c.p.CIDRs {
		c.p.Routers = append(c.p.Routers, routerAt(c.vpc, p))
	}
}

// routerAt is the router's own address of a block, which no host has: the first
// one, or, in a VPC whose resolvers are elsewhere, the last but two.
// https://www.alibabacloud.com/help/en/vpc/user-guide/create-and-manage-a-vswitch
func routerAt(vpc *cloud.VPC, p netip.Prefix) netip.Addr {
	if len(vpc.Resolvers) == 0 {
		return p.Addr().Next()
	}
	return cloud.LastAddr(p).Prev().Prev()
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// subnets lists the VPC's subnets; tables and ACLs are filled in by their steps.
func (c *compiler) subnets() {
	for s := range cloud.Subnets.By(c.v, "vpc", string(c.vpc.ID)) {
		out := Subnet{ID: s.ID, Zone: s.Zone, Failed: c.failed(s.Zone), DNS64: s.DNS64, CIDR4: c.within(s, s.CIDR, true)}
		for _, a := range s.CIDRs6 {
			if p := c.within(s, a.Prefix, false); p.IsValid() && !out.CIDR6.IsValid() {
				out.CIDR6 = p
			}
		}
		c.p.Subnets = append(c.p.Subnets, out)
	}
	slices.SortFunc(c.p.Subnets, func(a, b Subnet) int { return cmp.Compare(a.ID, b.ID) })
}

// within returns the subnet's prefix if it is of the wanted family and inside
// the VPC and meets no earlier subnet; else none.
func (c *compiler) within(s *cloud.Subnet, p netip.Prefix, v4 bool) netip.Prefix {
	if !p.IsValid() && v4 {
		return netip.Prefix{} // an IPv6-only subnet
	}
	inside := slices.ContainsFunc(c.p.CIDRs, func(b netip.Prefix) bool {
		return p.IsValid() && b.Bits() <= p.Bits() && b.Contains(p.Addr())
	})
	meets := slices.ContainsFunc(c.p.Subnets, func(o Subnet) bool {
		return o.CIDR4.Overlaps(p) || o.CIDR6.Overlaps(p)
	})
	if !inside || meets || p.Addr().Is4() != v4 {
		c.problem(ref(cloud.KindSubnet, s.ID), "subnet %s: its block %s is not a free part of VPC %s", s.ID, p, c.vpc.ID)
		return netip.Prefix{}
	}
	return p.Masked()
}

// subnet finds a compiled subnet, or nil.
func (p *Plan) subnet(id cloud.SubnetID) *Subnet {
	i, ok := slices.BinarySearchFunc(p.Subnets, id, func(s Subnet, id cloud.SubnetID) int { return cmp.Compare(s.ID, id) })
	if !ok {
		return nil
	}
	return &p.Subnets[i]
}
