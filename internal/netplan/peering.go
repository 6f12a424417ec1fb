package netplan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// HopPeering leads to the VPC at the other end of a peering connection.
const HopPeering Hop = "vpc-peering-connection"

// StageTransit: a peering connection carries packets between the two VPCs'
// own addresses only, neither on to what is behind them nor from there.
const StageTransit Stage = "transit"

// Peer is the other end of an active peering connection.
type Peer struct {
	ID    cloud.PeeringID
	VPC   cloud.VPCID
	Owner string // account
	// Requester: this VPC asked for the connection. It tells the two ends apart.
	Requester bool
	CIDRs     []netip.Prefix // of the other VPC
	// Up: there are interfaces at the other end, so there is a router.
	Up bool
	// Hosts are those at the other end whom security groups here refer to, by address.
	Hosts  []PeerHost
	Source []cloud.Ref
}

// PeerHost is an address at the other end, and the groups its interface carries.
type PeerHost struct {
	Addr    netip.Addr
	Profile ProfileKey
}

// Peer finds the other end of a peering connection, or nil.
func (p *Plan) Peer(id cloud.PeeringID) *Peer {
	i, ok := slices.BinarySearchFunc(p.Peers, id, func(e Peer, id cloud.PeeringID) int { return cmp.Compare(e.ID, id) })
	if !ok {
		return nil
	}
	return &p.Peers[i]
}

// Has reports whether the other VPC's blocks contain the address.
func (p *Peer) Has(a netip.Addr) bool {
	return slices.ContainsFunc(p.CIDRs, func(c netip.Prefix) bool { return c.Contains(a) })
}

// Knows gives the profile of a host at the other end, "" if groups here do not refer to it.
func (p *Peer) Knows(a netip.Addr) ProfileKey {
	i, ok := slices.BinarySearchFunc(p.Hosts, a, func(h PeerHost, a netip.Addr) int { return h.Addr.Compare(a) })
	if !ok {
		return ""
	}
	return p.Hosts[i].Profile
}

// peers lists the active peering connections, and what this plan needs of the
// VPCs at the other ends.
func (c *compiler) peers() {
	for r := range cloud.Peerings.By(c.v, "vpc", string(c.vpc.ID)) {
		own, other := r.Sides(c.vpc.ID)
		if r.State != cloud.PeeringActive || own.VPC == other.VPC {
			continue
		}
		from := ref(cloud.KindPeering, r.ID)
		far := half(c.v, other.VPC)
		if far == nil {
			c.problem(from, "peering connection %s: VPC %s does not exist", r.ID, other.VPC)
			continue
		}
		if c.overlaps(far.p.CIDRs) {
			c.problem(from, "peering connection %s: the blocks of VPC %s and VPC %s overlap", r.ID, c.vpc.ID, other.VPC)
			continue
		}
		c.far[r.ID] = far
		c.p.Peers = append(c.p.Peers, Peer{
			ID: r.ID, VPC: other.VPC, Owner: other.Account, Requester: own == &r.Requester,
			CIDRs: far.p.CIDRs, Up: len(far.p.ENIs) > 0, Source: []cloud.Ref{from},
		})
	}
	slices.SortFunc(c.p.Peers, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
}

// half compiles a VPC as far as its peers need it: who is there.
func half(v cloud.View, id cloud.VPCID) *compiler {
	vpc, ok := cloud.VPCs.Get(v, id)
	if !ok {
		return nil
	}
	c := newCompiler(v, id)
	c.vpc = vpc
	c.hosts()
	return c
}

func (c *compiler) overlaps(blocks []netip.Prefix) bool {
	return slices.ContainsFunc(blocks, func(b netip.Prefix) bool { return slices.ContainsFunc(c.p.CIDRs, b.Overlaps) })
}

// remoteGroup reports whether the group is one of a peer's in this region, which
// rules here may refer to, and gives the profiles there that carry it.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
func (c *compiler) remoteGroup(id cloud.SecurityGroupID) (keys []ProfileKey, ok bool) {
	g, found := cloud.SecurityGroups.Get(c.v, id)
	if !found || g.VPC == c.vpc.ID || g.Region != c.vpc.Region {
		return nil, false
	}
	for _, p := range c.p.Peers {
		if p.VPC != g.VPC {
			continue
		}
		ok = true
		for _, e := range c.far[p.ID].p.ENIs {
			if e.Attach.Grouped() && slices.Contains(strings.Split(string(e.Profile), ","), string(id)) && !slices.Contains(keys, e.Profile) {
				keys = append(keys, e.Profile)
			}
		}
	}
	slices.Sort(keys)
	return keys, ok
}

// peerHosts publishes the hosts at the other ends that rules here refer to.
func (c *compiler) peerHosts() {
	named := map[ProfileKey]bool{}
	for _, p := range c.p.Profiles {
		for _, r := range slices.Concat(p.In, p.Out) {
			for _, k := range r.Peers {
				named[k] = true
			}
		}
	}
	for i := range c.p.Peers {
		p := &c.p.Peers[i]
		for _, e := range c.far[p.ID].p.ENIs {
			if !e.Attach.Grouped() || e.Profile == NoGroups || !named[e.Profile] {
				continue
			}
			for _, a := range e.Addrs {
				p.Hosts = append(p.Hosts, PeerHost{a, e.Profile})
			}
		}
		slices.SortFunc(p.Hosts, func(a, b PeerHost) int { return a.Addr.Compare(b.Addr) })
	}
}

// peerHop resolves a route to a peering connection.
func (c *compiler) peerHop(id string) (hop Hop, why string) {
	if c.p.Peer(cloud.PeeringID(id)) == nil {
		return "", fmt.Sprintf("peering connection %s is not active in VPC %s", id, c.vpc.ID)
	}
	return HopPeering, ""
}

// peerRecords are the names of hosts at the other ends that have them resolve
// to private addresses here; both VPCs need both DNS attributes.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-dns.html
func (c *compiler) peerRecords(own []DNSRecord) []DNSRecord {
	taken := map[string]bool{}
	for _, r := range own {
		taken[r.Name] = true
	}
	var out []DNSRecord
	for _, p := range c.p.Peers {
		r, _ := cloud.Peerings.Get(c.v, p.ID)
		_, other := r.Sides(c.vpc.ID)
		far := c.far[p.ID]
		if !other.RemoteNames || !named(c.vpc) || !named(far.vpc) {
			continue
		}
		far.gateways()
		for _, r := range far.hostRecords() {
			if !taken[r.Name] {
				r.Reverse = false
				out = append(out, r)
			}
		}
	}
	return out
}

func named(vpc *cloud.VPC) bool { return vpc.DNSSupport && vpc.DNSHostnames }
