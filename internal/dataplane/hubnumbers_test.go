package dataplane

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// ends are two VPCs, peered and on one transit router.
func ends() []*netplan.Plan {
	var out []*netplan.Plan
	for i := range 2 {
		n, far := i, 1-i
		eni := func(n int, what string) cloud.InterfaceID { return cloud.InterfaceID(fmt.Sprint("eni-", what, n)) }
		vpc := func(n int) cloud.VPCID { return cloud.VPCID(fmt.Sprint("vpc-", n)) }
		block := func(n int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", n)) }
		addr := func(last byte) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte{10, byte(n), 0, last})} }
		out = append(out, &netplan.Plan{
			VPC: vpc(n), CIDRs: []netip.Prefix{block(n)}, Subnets: []netplan.Subnet{{ID: "subnet", Zone: "a", CIDR4: block(n), Table: "rtb", ACL: "acl"}},
			Tables: []netplan.RouteTable{{ID: "rtb", Routes: []netplan.Route{{Dest: block(far), Hop: netplan.HopPeering, Target: "pcx"}}}}, ACLs: []netplan.ACL{{ID: "acl"}},
			Profiles: []netplan.Profile{{Key: "sg"}},
			ENIs: []netplan.ENI{{ID: eni(n, "host"), Subnet: "subnet", Attach: netplan.AttachDirect, Addrs: addr(9), Profile: "sg"},
				{ID: eni(n, "port"), Subnet: "subnet", Attach: netplan.AttachTransit, Addrs: addr(8), AnySource: true}},
			Peers: []netplan.Peer{{ID: "pcx", VPC: vpc(far), Requester: n == 0, CIDRs: []netip.Prefix{block(far)}, Up: true}},
			Transits: []netplan.Transit{{ID: cloud.TransitAttachmentID(fmt.Sprint("att-", n)), Router: "tgw", Table: "tgw-rtb",
				Routes: []netplan.TransitRoute{{Dest: block(far), VPC: vpc(far), Ports: []netplan.TransitEnd{{ENI: eni(far, "port"), Zone: "a"}}}},
				Ports: []netplan.TransitPort{{TransitEnd: netplan.TransitEnd{ENI: eni(n, "port"), Zone: "a"},
					In: []netplan.TransitIn{{ENI: eni(far, "port"), VPC: vpc(far), Dests: []netip.Prefix{block(n)}}}}}}},
		})
	}
	return out
}

// TestHubNumbersKept: with what VPCs kept, another process calls everything that
// leads to the hub by the same numbers, in whatever order it meets them, and gives
// those to nobody else.
func TestHubNumbersKept(t *testing.T) {
	plans := ends()
	var before, after HubNumbers
	before.table("pcx-gone", true) // so that the numbers are not those of a first process
	before.port("eni-gone")
	var was []*Network
	for i, p := range plans {
		was = append(was, Lower(p, NewNumbers(i+1).In(&before)))
	}
	for _, n := range was {
		after.recall(*n.Kept)
	}
	if a, b := after.table("pcx-new", true), before.table("pcx", true); a <= b+1 {
		t.Errorf("a new connection has table %d, no more than %d, which another has", a, b)
	}
	for _, i := range []int{1, 0} {
		is := Lower(plans[i], was[i].Kept.numbers().In(&after))
		if !reflect.DeepEqual(is.Hub, was[i].Hub) {
			t.Errorf("%s has in the hub\n%+v\nbefore\n%+v", is.VPC, is.Hub, was[i].Hub)
		}
		if !reflect.DeepEqual(is.Namespaces[0].Links, was[i].Namespaces[0].Links) {
			t.Errorf("%s has the links\n%+v\nbefore\n%+v", is.VPC, is.Namespaces[0].Links, was[i].Namespaces[0].Links)
		}
	}
}

// TestEqualSetsOnce: two transit routers that take the same destinations share one
// set, which stays when one of them goes: the kernel deletes no set twice.
func TestEqualSetsOnce(t *testing.T) {
	p := ends()[0]
	second := p.Transits[0]
	second.ID, second.Router, second.Ports = "att-9", "tgw-9", nil
	p.Transits = append(p.Transits, second)
	seen := map[string]bool{}
	for _, s := range Lower(p, NewNumbers(1)).Namespaces[0].Table.Sets {
		if seen[s.Name] {
			t.Errorf("set %s is in the table twice", s.Name)
		}
		seen[s.Name] = true
	}
}
