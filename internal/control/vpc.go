package control

import (
	"context"
	"net/netip"

	"weir/internal/cloud"
)

// CreateVPC is the input of Control.CreateVPC.
type CreateVPC struct {
	Labels
	CIDR         netip.Prefix
	IPv6         bool // with a block from the platform's pool
	DNSSupport   bool
	DNSHostnames bool
	Names        HostNames
	Widest       int          // bits of the largest block; 0 is 16
	Services     netip.Prefix // with the following, as in cloud.VPC
	Resolvers    []netip.Addr
	DirectPublic bool
	IPv6ByRule   bool
	SubnetRoutes bool
}

// HostNames are a dialect's patterns for the names of a VPC's hosts; see cloud.VPC.
type HostNames struct{ Private, Public string }

// blocks that no VPC may use.
var forbidden = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/4"),
}

// CreateVPC makes a VPC with its main route table, default ACL and default security group.
func (c *Control) CreateVPC(ctx context.Context, who Caller, in CreateVPC) (*cloud.VPC, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.VPC, error) {
		own := count(cloud.VPCs.By(tx, "scope", who.scope()), nil)
		if err := within(own, c.quotas(who).VPCs, cloud.KindVPC, "", ""); err != nil {
			return nil, err
		}
		return c.createVPC(tx, who, in)
	})
}

func (c *Control) createVPC(tx cloud.Tx, who Caller, in CreateVPC) (*cloud.VPC, error) {
	cidr, err := vpcBlock(in.CIDR, in.Widest)
	if err != nil {
		return nil, err
	}
	vpc := &cloud.VPC{
		Meta: c.meta(who, in.Labels), ID: cloud.VPCID(who.NewID(cloud.KindVPC)),
		CIDRs:      []cloud.CIDRAssociation{{ID: who.NewID(cloud.KindVPCCIDR), Prefix: cidr}},
		DNSSupport: in.DNSSupport, DNSHostnames: in.DNSHostnames, PrivateNames: in.Names.Private, PublicNames: in.Names.Public,
		DHCPOptions: defaultDHCPOptions(tx, who),
		Services:    in.Services, Resolvers: in.Resolvers, DirectPublic: in.DirectPublic, IPv6ByRule: in.IPv6ByRule, SubnetRoutes: in.SubnetRoutes,
	}
	if in.IPv6 {
		b, err := c.ipv6Block(tx, who)
		if err != nil {
			return nil, err
		}
		vpc.CIDRs6 = []cloud.CIDRAssociation{b}
	}
	cloud.VPCs.Put(tx, vpc)
	cloud.RouteTables.Put(tx, &cloud.RouteTable{
		Meta: c.meta(who, Labels{}), ID: cloud.RouteTableID(who.NewID(cloud.KindRouteTable)), VPC: vpc.ID,
		Main: true, MainAssoc: who.NewID(cloud.KindAssociation),
	})
	cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{
		Meta: c.meta(who, Labels{}), ID: cloud.NetworkACLID(who.NewID(cloud.KindNetworkACL)), VPC: vpc.ID,
		Default: true, Entries: openEntries(100, anyIPv4),
	})
	group := cloud.SecurityGroupID(who.NewID(cloud.KindSecurityGroup))
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{
		Meta: c.meta(who, Labels{}), ID: group, VPC: vpc.ID, Name: defaultGroup, Description: "default VPC security group",
		Rules: []cloud.SecurityGroupRule{
			allowAll(who, false, cloud.SecurityGroupRule{Group: group}),
			allowAll(who, true, cloud.SecurityGroupRule{Prefix: anyIPv4}),
		},
	})
	if in.IPv6 {
		openToIPv6(tx, who, vpc.ID)
	}
	return vpc, nil
}

var (
	anyIPv4 = netip.MustParsePrefix("0.0.0.0/0")
	anyIPv6 = netip.MustParsePrefix("::/0")
)

// openEntries are the ACL lines that let everything pass, with this number.
func openEntries(number int, to netip.Prefix) []cloud.NetworkACLEntry {
	in := cloud.NetworkACLEntry{Number: number, Protocol: -1, Action: cloud.Allow, Prefix: to}
	out := in
	out.Egress = true
	return []cloud.NetworkACLEntry{in, out}
}

func allowAll(who Caller, egress bool, peer cloud.SecurityGroupRule) cloud.SecurityGroupRule {
	peer.ID, peer.Egress = who.NewID(cloud.KindSecurityGroupRule), egress
	peer.Protocol, peer.From, peer.To, peer.Action = -1, -1, -1, cloud.Allow
	return peer
}

// openToIPv6 adds to the default group and ACL what lets IPv6 out, as the
// vendor does when a VPC gets its first IPv6 block.
func openToIPv6(tx cloud.Tx, who Caller, vpc cloud.VPCID) {
	for g := range cloud.SecurityGroups.By(tx, "vpc", string(vpc)) {
		rule := allowAll(who, true, cloud.SecurityGroupRule{Prefix: anyIPv6})
		if g.Name == defaultGroup && findRule(g.Rules, rule) < 0 {
			changed := *g
			changed.Rules = append(append([]cloud.SecurityGroupRule{}, g.Rules...), rule)
			cloud.SecurityGroups.Put(tx, &changed)
		}
	}
	for acl := range cloud.NetworkACLs.By(tx, "vpc", string(vpc)) {
		if acl.Default && findEntry(acl.Entries, 101, true) < 0 && findEntry(acl.Entries, 101, false) < 0 {
			changed := *acl
			changed.Entries = append(append([]cloud.NetworkACLEntry{}, acl.Entries...), openEntries(101, anyIPv6)...)
			cloud.NetworkACLs.Put(tx, &changed)
		}
	}
}

// vpcBlock checks an IPv4 block for a VPC and clears its host bits; it has widest bits or more, 0 for 16.
func vpcBlock(p netip.Prefix, widest int) (netip.Prefix, error) {
	if widest == 0 {
		widest = 16
	}
	if !p.IsValid() || !p.Addr().Is4() || p.Bits() < widest || p.Bits() > 28 || overlapsAny(forbidden, p) {
		return p, cloud.Errorf(cloud.Invalid, cloud.KindVPCCIDR, p.String(), "range", "a VPC cannot have the block %s; choose an IPv4 block from /%d to /28 outside the loopback, link-local and multicast ranges", p, widest)
	}
	return p.Masked(), nil
}

// DeleteVPC deletes an empty VPC and what came with it.
func (c *Control) DeleteVPC(ctx context.Context, who Caller, id cloud.VPCID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		vpc, err := find(tx, who, cloud.VPCs, cloud.KindVPC, id)
		if err != nil {
			return err
		}
		if what := vpcDependent(tx, vpc.ID); what != "" {
			return cloud.Errorf(cloud.InUse, cloud.KindVPC, string(id), "", "cannot delete VPC %s: %s depends on it; delete that first", id, what)
		}
		for t := range cloud.RouteTables.By(tx, "vpc", string(id)) {
			cloud.RouteTables.Delete(tx, t.ID)
		}
		for a := range cloud.NetworkACLs.By(tx, "vpc", string(id)) {
			cloud.NetworkACLs.Delete(tx, a.ID)
		}
		for g := range cloud.SecurityGroups.By(tx, "vpc", string(id)) {
			cloud.SecurityGroups.Delete(tx, g.ID)
		}
		dropFlowLogs(tx, string(id))
		for g := range cloud.TransitGrants.By(tx, "vpc", string(id)) {
			cloud.TransitGrants.Delete(tx, g.Key())
		}
		cloud.VPCs.Delete(tx, id)
		return nil
	})
}

// vpcDependent names something that keeps the VPC from being deleted, or "".
func vpcDependent(v cloud.View, vpc cloud.VPCID) string {
	id := string(vpc)
	for r := range cloud.Subnets.By(v, "vpc", id) {
		return string(r.ID)
	}
	for r := range cloud.InternetGateways.By(v, "vpc", id) {
		return string(r.ID)
	}
	for r := range cloud.EgressOnlyGateways.By(v, "vpc", id) {
		return string(r.ID)
	}
	for r := range cloud.IPv6Gateways.By(v, "vpc", id) {
		return string(r.ID)
	}
	for r := range cloud.Interfaces.By(v, "vpc", id) {
		return string(r.ID)
	}
	for r := range cloud.Endpoints.By(v, "vpc", id) {
		return string(r.ID)
	}
	for r := range cloud.Peerings.By(v, "vpc", id) {
		if r.State == cloud.PeeringActive || r.State == cloud.PeeringPending && r.Requester.VPC == vpc {
			return string(r.ID)
		}
	}
	for r := range cloud.TransitAttachments.By(v, "vpc", id) {
		if TransitLive(r) {
			return string(r.ID)
		}
	}
	for r := range cloud.RouteTables.By(v, "vpc", id) {
		if !r.Main {
			return string(r.ID)
		}
	}
	for r := range cloud.NetworkACLs.By(v, "vpc", id) {
		if !r.Default {
			return string(r.ID)
		}
	}
	for r := range cloud.SecurityGroups.By(v, "vpc", id) {
		if r.Name != defaultGroup {
			return string(r.ID)
		}
	}
	return ""
}

// ModifyVPC changes what is not nil.
type ModifyVPC struct {
	DNSSupport   *bool
	DNSHostnames *bool
	DHCPOptions  *cloud.DHCPOptionsID // "" is the provider's resolver
	Attrs        map[string]string    // merged
}

// ModifyVPC changes a VPC's settings.
func (c *Control) ModifyVPC(ctx context.Context, who Caller, id cloud.VPCID, in ModifyVPC) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.VPCs, cloud.KindVPC, id)
		if err != nil {
			return err
		}
		vpc := *old
		set(&vpc.DNSSupport, in.DNSSupport)
		set(&vpc.DNSHostnames, in.DNSHostnames)
		vpc.Attrs = merged(vpc.Attrs, in.Attrs)
		if in.DHCPOptions != nil {
			if *in.DHCPOptions != "" {
				if _, err := find(tx, who, cloud.DHCPOptionSets, cloud.KindDHCPOptions, *in.DHCPOptions); err != nil {
					return err
				}
			}
			vpc.DHCPOptions = *in.DHCPOptions
		}
		cloud.VPCs.Put(tx, &vpc)
		return nil
	})
}

// merged is a copy of old with the entries of add; nil if both are empty.
func merged(old, add map[string]string) map[string]string {
	if len(old)+len(add) == 0 {
		return nil
	}
	m := make(map[string]string, len(old)+len(add))
	for k, v := range old {
		m[k] = v
	}
	for k, v := range add {
		m[k] = v
	}
	return m
}
