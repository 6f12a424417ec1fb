package control

import (
	"context"
	"net/netip"

	"weir/internal/cloud"
)

// Defaults is what every account finds in every region.
type Defaults struct {
	Names                       HostNames
	CIDR                        netip.Prefix // of the default VPC
	SubnetBits                  int          // of the default subnet in each zone
	ReservedFirst, ReservedLast int
	DHCP                        map[string][]string
	PrefixLists                 []cloud.PrefixList // the platform's own; ID, Name and Entries count
}

func defaultsKey(who Caller) string { return "defaults/" + who.scope() }

// HasDefaults reports whether EnsureDefaults has run for this account and region.
func HasDefaults(v cloud.View, who Caller) bool {
	_, ok := cloud.Settings.Get(v, defaultsKey(who))
	return ok
}

// EnsureDefaults makes what every account finds in a region, once. The caller's
// NewID must answer the same IDs whenever it is called for this account and region.
func (c *Control) EnsureDefaults(ctx context.Context, who Caller, d Defaults) error {
	if HasDefaults(c.View(), who) {
		return nil
	}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if HasDefaults(tx, who) {
			return nil
		}
		for _, l := range d.PrefixLists {
			if _, ok := cloud.PrefixLists.Get(tx, l.ID); !ok {
				l.Meta = cloud.Meta{Region: who.Region, Created: c.now()}
				l.MaxEntries = len(l.Entries)
				putVersion(tx, &l)
			}
		}
		dhcp := c.createDHCPOptions(tx, who, Labels{}, d.DHCP)
		cloud.Settings.Put(tx, &cloud.Setting{Key: defaultsKey(who), Value: string(dhcp.ID)})
		_, err := c.createDefaultVPC(tx, who, d)
		return err
	})
	return err
}

// defaultDHCPOptions is the set that new VPCs get, "" if it was deleted.
func defaultDHCPOptions(v cloud.View, who Caller) cloud.DHCPOptionsID {
	s, ok := cloud.Settings.Get(v, defaultsKey(who))
	if !ok {
		return ""
	}
	if _, ok := cloud.DHCPOptionSets.Get(v, cloud.DHCPOptionsID(s.Value)); !ok {
		return ""
	}
	return cloud.DHCPOptionsID(s.Value)
}

func defaultVPC(v cloud.View, who Caller) (*cloud.VPC, bool) {
	for vpc := range cloud.VPCs.By(v, "scope", who.scope()) {
		if vpc.Default {
			return vpc, true
		}
	}
	return nil, false
}

func noDefaultVPC() error {
	return cloud.Errorf(cloud.State, cloud.KindVPC, "", "no-default", "there is no default VPC in this region; name a VPC, or create a default one")
}

// CreateDefaultVPC makes the default VPC again after it was deleted.
func (c *Control) CreateDefaultVPC(ctx context.Context, who Caller, d Defaults) (*cloud.VPC, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.VPC, error) {
		if vpc, ok := defaultVPC(tx, who); ok {
			return nil, cloud.Errorf(cloud.Exists, cloud.KindVPC, string(vpc.ID), "default", "%s is this region's default VPC", vpc.ID)
		}
		return c.createDefaultVPC(tx, who, d)
	})
}

func (c *Control) createDefaultVPC(tx cloud.Tx, who Caller, d Defaults) (*cloud.VPC, error) {
	vpc, err := c.createVPC(tx, who, CreateVPC{CIDR: d.CIDR, DNSSupport: true, DNSHostnames: true, Names: d.Names})
	if err != nil {
		return nil, err
	}
	vpc.Default = true
	cloud.VPCs.Put(tx, vpc)
	g := c.createInternetGateway(tx, who, Labels{}, vpc.ID)
	for t := range cloud.RouteTables.By(tx, "vpc", string(vpc.ID)) {
		changed := *t
		changed.Routes = []cloud.Route{{Dest: anyIPv4, Target: cloud.RouteTarget{Kind: cloud.TargetInternetGateway, ID: string(g.ID)}}}
		cloud.RouteTables.Put(tx, &changed)
	}
	region, _ := c.Region(who.Region)
	for _, z := range region.Zones {
		if _, err := c.createDefaultSubnet(tx, who, vpc, z.Name, d); err != nil {
			return nil, err
		}
	}
	return vpc, nil
}

func (c *Control) createDefaultSubnet(tx cloud.Tx, who Caller, vpc *cloud.VPC, zone string, d Defaults) (*cloud.Subnet, error) {
	var taken []netip.Prefix
	for s := range cloud.Subnets.By(tx, "vpc", string(vpc.ID)) {
		taken = append(taken, s.CIDR)
	}
	p, ok := FreeBlock(vpc.CIDRs[0].Prefix, d.SubnetBits, taken)
	if !ok {
		return nil, cloud.Errorf(cloud.Exhausted, cloud.KindSubnet, string(vpc.ID), "block", "%s has no free /%d for a default subnet", vpc.ID, d.SubnetBits)
	}
	s, err := c.createSubnet(tx, who, CreateSubnet{VPC: vpc.ID, Zone: zone, CIDR: p, ReservedFirst: d.ReservedFirst, ReservedLast: d.ReservedLast})
	if err != nil {
		return nil, err
	}
	s.Default, s.MapPublicIP = true, true
	cloud.Subnets.Put(tx, s)
	return s, nil
}

// CreateDefaultSubnet makes a zone's default subnet again after it was deleted.
func (c *Control) CreateDefaultSubnet(ctx context.Context, who Caller, zone string, d Defaults) (*cloud.Subnet, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Subnet, error) {
		z, err := c.openZone(tx, who, zone)
		if err != nil {
			return nil, err
		}
		vpc, ok := defaultVPC(tx, who)
		if !ok {
			return nil, cloud.Errorf(cloud.State, cloud.KindVPC, "", "default-gone", "there is no default VPC in this region; create it first")
		}
		for s := range cloud.Subnets.By(tx, "vpc", string(vpc.ID)) {
			if s.Default && s.Zone == z.Name {
				return nil, cloud.Errorf(cloud.Exists, cloud.KindSubnet, string(s.ID), "default", "'%s' is already the default subnet in %s", s.ID, z.Name)
			}
		}
		return c.createDefaultSubnet(tx, who, vpc, z.Name, d)
	})
}
