package netplan

import (
	"cmp"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// DNSZone is a private zone that the VPC's resolver answers from.
type DNSZone struct {
	ID   cloud.DNSZoneID
	Name string
	// Sets are the zone's records, by name and type. They are the state's own:
	// read them only.
	Sets []*cloud.DNSRecordSet
	// Targets are the endpoints' names that aliases lead to.
	Targets []DNSRecord
}

// zones lists the private zones attached to the VPC, which need both of its
// switches. Of two with one name, which control does not let be, the first counts.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
func (c *compiler) zones() {
	// AWS wants both of the VPC's DNS attributes; a VPC whose resolvers are elsewhere
	// has private zones whether or not its hosts have names.
	// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html
	if !named(c.vpc) && len(c.vpc.Resolvers) == 0 || !c.vpc.DNSSupport {
		return
	}
	taken := map[string]cloud.DNSZoneID{}
	for r := range cloud.DNSZones.By(c.v, "vpc", string(c.vpc.ID)) {
		if other, ok := taken[r.Name]; ok {
			c.problem(ref(cloud.KindDNSZone, r.ID), "zone %s: the zone %s has the name %s in VPC %s already", r.ID, other, r.Name, c.vpc.ID)
			continue
		}
		taken[r.Name] = r.ID
		z := DNSZone{ID: r.ID, Name: r.Name, Sets: slices.Collect(cloud.DNSRecordSets.By(c.v, "zone", string(r.ID)))}
		for _, set := range z.Sets {
			if set.Alias != "" && !r.Covers(set.Alias) {
				c.target(&z, set)
			}
		}
		c.p.DNS.Zones = append(c.p.DNS.Zones, z)
	}
	slices.SortFunc(c.p.DNS.Zones, func(a, b DNSZone) int { return cmp.Compare(a.ID, b.ID) })
}

// target finds the endpoint that an alias leads to.
func (c *compiler) target(z *DNSZone, set *cloud.DNSRecordSet) {
	name := strings.ToLower(set.Alias)
	if slices.ContainsFunc(z.Targets, func(t DNSRecord) bool { return t.Name == name }) {
		return
	}
	addrs, ok := EndpointAddrs(c.v, name)
	if !ok {
		c.problem(ref(cloud.KindDNSZone, z.ID), "zone %s: the alias %s leads to %s, which no endpoint has", z.ID, set.Name, set.Alias)
		return
	}
	z.Targets = append(z.Targets, DNSRecord{Name: name, Addrs: addrs, Endpoint: true})
}
