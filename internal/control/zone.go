package control

import (
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
