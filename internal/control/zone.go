package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// Region is the region with this name.
func (c *Control) Region(name string) (RegionInfo, bool) {
	for _, r := range c.opt.Regions {
		if r.Name == name {
			return r, true
		}
	}
	return RegionInfo{}, false
}

// zone resolves a zone's name or ID in the caller's region; "" is the first zone.
func (c *Control) zone(who Caller, nameOrID string) (ZoneInfo, error) {
	region, _ := c.Region(who.Region)
	for _, z := range region.Zones {
		if nameOrID == "" || nameOrID == z.Name || nameOrID == z.ID {
			return z, nil
		}
	}
	return ZoneInfo{}, cloud.Errorf(cloud.Invalid, cloud.KindZone, nameOrID, "unknown-zone", "region %s has no zone %q; choose one of its zones", who.Region, nameOrID)
}

// openZone is zone for what is to be placed there: not in one that takes nothing
// new, which is not chosen either.
func (c *Control) openZone(v cloud.View, who Caller, nameOrID string) (ZoneInfo, error) {
	region, _ := c.Region(who.Region)
	if nameOrID == "" {
		if i := slices.IndexFunc(region.Zones, func(z ZoneInfo) bool { return !cloud.ZoneAt(v, region.Name, z.Name).Limited }); i >= 0 {
			return region.Zones[i], nil
		}
	}
	z, err := c.zone(who, nameOrID)
	if err == nil && cloud.ZoneAt(v, who.Region, z.Name).Limited {
		err = cloud.Errorf(cloud.Invalid, cloud.KindZone, z.Name, "limited", "zone %s is capacity-limited: nothing new is placed there; choose another zone", z.Name)
	}
	return z, err
}

// OpenZones are the names of a region's zones in which subnets can be made.
func (c *Control) OpenZones(region string) (names []string) {
	r, _ := c.Region(region)
	for _, z := range r.Zones {
		if !cloud.ZoneAt(c.View(), r.Name, z.Name).Limited {
			names = append(names, z.Name)
		}
	}
	return names
}

// zoneLimited reports whether nothing new is placed in the subnet, as its zone is limited.
func zoneLimited(v cloud.View, id cloud.SubnetID) bool {
	s, ok := cloud.Subnets.Get(v, id)
	return ok && cloud.ZoneAt(v, s.Region, s.Zone).Limited
}

// zoneRuns refuses to start an instance in a zone that has failed, or in a
// limited one unless others of the account are there.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html
func zoneRuns(v cloud.View, s *cloud.Subnet, instanceType string) error {
	z := cloud.ZoneAt(v, s.Region, s.Zone)
	if !z.Failed && (!z.Limited || instancesIn(v, s)) {
		return nil
	}
	return cloud.Errorf(cloud.Exhausted, cloud.KindInstance, s.Zone, "zone",
		"We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). Our system will be working on provisioning additional capacity. You can currently get %s capacity by not specifying an Availability Zone in your request or choosing another one.", instanceType, s.Zone, instanceType)
}

// instancesIn reports whether the subnet's account has instances in its zone.
func instancesIn(v cloud.View, s *cloud.Subnet) bool {
	for i := range cloud.Instances.By(v, "scope", s.Scope()) {
		other, ok := cloud.Subnets.Get(v, i.Subnet)
		if ok && other.Zone == s.Zone && i.Phase != cloud.Terminated {
			return true
		}
	}
	return false
}

// ZoneStatus is a zone and how it is.
type ZoneStatus struct {
	ZoneInfo
	Failed, Limited bool
}

// Zones lists a region's zones.
func (c *Control) Zones(v cloud.View, region string) (out []ZoneStatus) {
	r, _ := c.Region(region)
	for _, z := range r.Zones {
		at := cloud.ZoneAt(v, r.Name, z.Name)
		out = append(out, ZoneStatus{z, at.Failed, at.Limited})
	}
	return out
}

// ChangeZone changes what is not nil.
type ChangeZone struct {
	Region  string
	Zone    string // name or ID; "" is every zone of the region
	Failed  *bool
	Limited *bool
}

// ChangeZone has a zone fail or heal, or limits what is placed there, for all accounts.
func (c *Control) ChangeZone(ctx context.Context, in ChangeZone) error {
	region, ok := c.Region(in.Region)
	if !ok {
		return cloud.Errorf(cloud.Invalid, cloud.KindZone, in.Region, "unknown-zone", "there is no region %q", in.Region)
	}
	zones := region.Zones
	if in.Zone != "" {
		z, err := c.zone(Caller{Region: in.Region}, in.Zone)
		if err != nil {
			return err
		}
		zones = []ZoneInfo{z}
	}
	return c.transact(ctx, func(tx cloud.Tx) error {
		for _, z := range zones {
			next := cloud.ZoneAt(tx, region.Name, z.Name)
			set(&next.Failed, in.Failed)
			set(&next.Limited, in.Limited)
			if next.Failed || next.Limited {
				cloud.Zones.Put(tx, &next)
			} else {
				cloud.Zones.Delete(tx, cloud.ZoneKeyOf(region.Name, z.Name))
			}
		}
		return nil
	})
}
