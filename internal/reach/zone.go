package reach

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// cut says so where an interface is in a zone that has failed; it goes before
// everything else that could stop a packet there.
func (w *walk) cut(e *netplan.ENI) *stop {
	if e == nil {
		return nil
	}
	sub := w.subnet(e)
	if !sub.Failed {
		return nil
	}
	return &stop{
		stage: netplan.StageZone,
		blame: []cloud.Ref{{Kind: cloud.KindZone, ID: sub.Zone}, {Kind: cloud.KindSubnet, ID: string(sub.ID)}, eniRef(e)},
		text: w.sprintf("Zone %s has failed, and with it network interface %s in %s; heal the zone (weir zone heal %s), or use what is in other zones",
			sub.Zone, e.ID, sub.ID, sub.Zone),
	}
}

// reachesRouter: packets to an interface's own addresses stay behind it, and
// multicast does not leave one that functions share.
func reachesRouter(from *netplan.ENI, dst netip.Addr) bool {
	return !slices.Contains(from.Addrs, dst) && !(from.Attach == netplan.AttachShared && dst.IsMulticast())
}
