package cloud

// Zone is what is out of the ordinary about a zone, for every account. A zone
// without one is in order.
type Zone struct {
	Region string
	Name   string // as Subnet.Zone
	// Failed: nothing in the zone sends or receives.
	Failed bool
	// Limited: what is there goes on, but nothing new is placed there.
	Limited bool
}

// ZoneKey identifies a Zone.
type ZoneKey string

// ZoneKeyOf is the key of a region's zone.
func ZoneKeyOf(region, name string) ZoneKey { return ZoneKey(region + "/" + name) }

// Zones has the zones that are not in order.
var Zones = newTable("zone", func(z *Zone) ZoneKey { return ZoneKeyOf(z.Region, z.Name) }, nil)

// ZoneAt is the zone of a region; in order unless the state says otherwise.
func ZoneAt(v View, region, name string) Zone {
	if z, ok := Zones.Get(v, ZoneKeyOf(region, name)); ok {
		return *z
	}
	return Zone{Region: region, Name: name}
}

// CutOff reports whether the interface is in a failed zone. The platform's own
// network is in no zone: functions without a VPC run wherever the platform does.
func CutOff(v View, id InterfaceID) bool {
	for range Zones.All(v) {
		i, ok := Interfaces.Get(v, id)
		if !ok {
			return false
		}
		vpc, _ := VPCs.Get(v, i.VPC)
		s, ok := Subnets.Get(v, i.Subnet)
		return ok && (vpc == nil || !vpc.Service) && ZoneAt(v, s.Region, s.Zone).Failed
	}
	return false // no zone is out of order, the common case
}
