package netplan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// The resolver's addresses that are the same in every VPC.
var (
	resolver4 = netip.MustParseAddr("169.254.169.253")
	resolver6 = netip.MustParseAddr("fd00:ec2::253")
)

// dns compiles the resolver: where it listens, whom it asks, which names of
// hosts it knows. Private names resolve wherever names resolve at all; public
// names and reverse lookups need the VPC's host names switched on, and a public
// name answers with the private address inside the VPC.
func (c *compiler) dns() {
	d := &c.p.DNS
	d.Enabled = c.vpc.DNSSupport
	d.Resolvers = slices.Clone(c.vpc.Resolvers)
	if len(c.vpc.Resolvers) == 0 && len(c.vpc.CIDRs) > 0 && c.vpc.CIDRs[0].Prefix.IsValid() {
		d.Resolvers = append(d.Resolvers, c.vpc.CIDRs[0].Prefix.Masked().Addr().Next().Next())
	}
	d.Resolvers = append(d.Resolvers, resolver4, resolver6)
	c.dhcp(d)
	c.zones()
	d.Records = c.hostRecords()
	d.Records = append(d.Records, c.peerRecords(d.Records)...)
	d.Records = append(d.Records, c.transitRecords(d.Records)...)
	d.Records = append(d.Records, c.endpointRecords()...)
	slices.SortStableFunc(d.Records, func(a, b DNSRecord) int { return cmp.Compare(a.Name, b.Name) })
	if c.vpc.DNSHostnames {
		for _, p := range c.p.CIDRs {
			if p.Addr().Is4() {
				d.Reverse = append(d.Reverse, p)
			}
		}
	}
}

// hostRecords are the names of the VPC's own hosts.
func (c *compiler) hostRecords() (out []DNSRecord) {
	for _, e := range c.p.ENIs {
		for _, a := range e.Addrs {
			if name := hostName(c.vpc.PrivateNames, a); name != "" {
				out = append(out, DNSRecord{Name: name, Addrs: []netip.Addr{a}, Reverse: c.vpc.DNSHostnames})
			}
		}
	}
	for i := range cloud.Interfaces.By(c.v, "vpc", string(c.vpc.ID)) {
		if i.Hostname != "" {
			out = append(out, DNSRecord{Name: i.Hostname + "." + cloud.HostDomain, Addrs: slices.Concat(i.Addrs, i.Addrs6)})
		}
		out = append(out, c.instanceRecord(i)...)
	}
	if c.vpc.DNSHostnames && c.p.Gateway != nil {
		for _, p := range c.p.Gateway.Public {
			if name := hostName(c.vpc.PublicNames, p.Public); name != "" {
				out = append(out, DNSRecord{Name: name, Addrs: []netip.Addr{p.Private}})
			}
		}
	}
	return out
}

// instanceRecord is the name of an instance's ID, in the domain of the names of addresses.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html
func (c *compiler) instanceRecord(i *cloud.Interface) []DNSRecord {
	_, domain, ok := strings.Cut(c.vpc.PrivateNames, ".")
	if i.Attachment == nil || !ok {
		return nil
	}
	x, ok := cloud.Instances.Get(c.v, cloud.InstanceID(i.Attachment.Instance))
	if !ok || x.Interface != i.ID {
		return nil
	}
	var addrs []netip.Addr
	if x.Names.A && len(i.Addrs) > 0 {
		addrs = append(addrs, i.Addrs[0])
	}
	if x.Names.AAAA && len(i.Addrs6) > 0 {
		addrs = append(addrs, i.Addrs6[0])
	}
	if len(addrs) == 0 {
		return nil
	}
	return []DNSRecord{{Name: string(x.ID) + "." + domain, Addrs: addrs}}
}

// hostName fills a pattern with an IPv4 address; "" if there is no pattern.
func hostName(pattern string, a netip.Addr) string {
	if pattern == "" || !a.Is4() {
		return ""
	}
	return strings.Replace(pattern, "*", strings.ReplaceAll(a.String(), ".", "-"), 1)
}

// dhcp reads what the DHCP options say of names. A name server that is not an
// address stands for the platform's own.
func (c *compiler) dhcp(d *DNS) {
	if c.vpc.DHCPOptions == "" {
		return
	}
	o, ok := cloud.DHCPOptionSets.Get(c.v, c.vpc.DHCPOptions)
	if !ok {
		c.problem(ref(cloud.KindDHCPOptions, c.vpc.DHCPOptions), "DHCP options %s of VPC %s do not exist", c.vpc.DHCPOptions, c.vpc.ID)
		return
	}
	for _, s := range o.Options["domain-name-servers"] {
		if a, err := netip.ParseAddr(s); err == nil && !slices.Contains(d.Resolvers, a) {
			d.Upstream = append(d.Upstream, a)
		}
	}
	for _, s := range o.Options["domain-name"] {
		d.Search = append(d.Search, strings.Fields(s)...)
	}
}
