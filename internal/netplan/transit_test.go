package netplan_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// hub is two transit routers, joined by tgw-peer, that route by one table each,
// rtb-1 and rtb-2. vpc-a (10.1.0.0/16, zones a and b), vpc-b (10.2.0.0/16, zone
// b) and vpc-c (10.3.0.0/16, zone a) are attached to tgw-1 and propagate, vpc-d
// (10.4.0.0/16, zone a) to tgw-2.
func hub(tx cloud.Tx) {
	for i, v := range []struct {
		name, zones, router string
	}{{"a", "ab", "tgw-1"}, {"b", "b", "tgw-1"}, {"c", "a", "tgw-1"}, {"d", "a", "tgw-2"}} {
		vpc := cloud.VPCID("vpc-" + v.name)
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: vpc, CIDRs: []cloud.CIDRAssociation{{Prefix: pfx(fmt.Sprintf("10.%d.0.0/16", i+1))}},
			CIDRs6: []cloud.CIDRAssociation{{Prefix: pfx(fmt.Sprintf("2001:db8:%d::/56", i+1))}}})
		cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: cloud.RouteTableID("rtb-" + v.name), VPC: vpc, Main: true,
			Routes: []cloud.Route{{Dest: pfx("10.0.0.0/8"), Target: target(cloud.TargetTransit, v.router)}}})
		a := &cloud.TransitAttachment{Meta: meta, ID: cloud.TransitAttachmentID("att-" + v.name), Router: cloud.TransitRouterID(v.router), VPC: vpc, State: cloud.TransitAvailable}
		a.Created = time.Unix(int64(i), 0)
		for k, zone := range v.zones {
			id := v.name + string(zone)
			cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: cloud.SubnetID("subnet-" + id), VPC: vpc, Zone: string(zone), CIDR: pfx(fmt.Sprintf("10.%d.%d.0/24", i+1, k))})
			cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: cloud.InterfaceID("eni-" + id), VPC: vpc, Subnet: cloud.SubnetID("subnet-" + id),
				Use: cloud.UseTransit, Addrs: []netip.Addr{ip(fmt.Sprintf("10.%d.%d.9", i+1, k))}})
			a.Subnets, a.Interfaces = append(a.Subnets, cloud.SubnetID("subnet-"+id)), append(a.Interfaces, cloud.InterfaceID("eni-"+id))
		}
		cloud.TransitAttachments.Put(tx, a)
	}
	for i, attached := range []string{"att-a att-b att-c", "att-d"} {
		id := cloud.TransitRouterID(fmt.Sprint("tgw-", i+1))
		cloud.TransitRouters.Put(tx, &cloud.TransitRouter{Meta: meta, ID: id})
		t := &cloud.TransitTable{Meta: meta, ID: cloud.TransitTableID(fmt.Sprint("rtb-", i+1)), Router: id}
		for a := range strings.FieldsSeq(attached) {
			t.Propagations = append(t.Propagations, cloud.TransitAttachmentID(a))
		}
		t.Associations = append(slices.Clone(t.Propagations), "tgw-peer")
		cloud.TransitTables.Put(tx, t)
	}
	cloud.TransitAttachments.Put(tx, &cloud.TransitAttachment{Meta: meta, ID: "tgw-peer", Router: "tgw-1", State: cloud.TransitAvailable,
		Peer: &cloud.TransitPeer{Router: "tgw-2", Account: meta.Account, Region: meta.Region}})
}

func static(table cloud.TransitTableID, dest string, to cloud.TransitAttachmentID) func(cloud.Tx) {
	return func(tx cloud.Tx) {
		edit(tx, cloud.TransitTables, table, func(t *cloud.TransitTable) {
			t.Routes = append(slices.Clone(t.Routes), cloud.TransitRoute{Dest: pfx(dest), Attachment: to})
		})
	}
}

func attachment(id cloud.TransitAttachmentID, f func(*cloud.TransitAttachment)) func(cloud.Tx) {
	return func(tx cloud.Tx) { edit(tx, cloud.TransitAttachments, id, f) }
}

func table(id cloud.TransitTableID, f func(*cloud.TransitTable)) func(cloud.Tx) {
	return func(tx cloud.Tx) { edit(tx, cloud.TransitTables, id, f) }
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(y T) bool { return x == y })
}

// TestTransitRoutes: where vpc-a's packets come out, as VPC and port for a
// sender in zone a, or the stage that drops them.
func TestTransitRoutes(t *testing.T) {
	const noTable, noRoute, hole, loop = string(netplan.StageTransitNoTable), string(netplan.StageTransitNoRoute), string(netplan.StageTransitBlackhole), string(netplan.StageLoop)
	both := func(fs ...func(cloud.Tx)) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			for _, f := range fs {
				f(tx)
			}
		}
	}
	across := both(static("rtb-1", "10.0.0.0/8", "tgw-peer"), static("rtb-1", "10.4.7.0/24", ""))
	for _, c := range []struct {
		name   string
		change func(cloud.Tx)
		to     string
		want   string
	}{
		{"propagated", nil, "10.3.0.1", "vpc-c eni-ca"},
		{"no port in the sender's zone there", nil, "10.2.0.1", "vpc-b eni-bb"},
		{"nowhere", nil, "10.9.0.1", noRoute},
		{"back to itself", nil, "10.1.0.1", loop},
		{"IPv6 is not carried", nil, "2001:db8:3::1", noRoute},
		{"IPv6", attachment("att-c", func(a *cloud.TransitAttachment) { a.IPv6 = true }), "2001:db8:3::1", "vpc-c eni-ca"},
		{"IPv6 to an attachment without", static("rtb-1", "2001:db8:3::/56", "att-c"), "2001:db8:3::1", hole},
		{"static before propagated", static("rtb-1", "10.3.0.0/16", "att-b"), "10.3.0.1", "vpc-b eni-bb"},
		{"longest prefix before static", static("rtb-1", "10.0.0.0/8", "att-b"), "10.3.0.1", "vpc-c eni-ca"},
		{"static blackhole", static("rtb-1", "10.3.4.0/24", ""), "10.3.4.1", hole},
		{"beside the blackhole", static("rtb-1", "10.3.4.0/24", ""), "10.3.5.1", "vpc-c eni-ca"},
		{"propagation off", table("rtb-1", func(t *cloud.TransitTable) { t.Propagations = without(t.Propagations, "att-c") }), "10.3.0.1", noRoute},
		{"not associated", table("rtb-1", func(t *cloud.TransitTable) { t.Associations = without(t.Associations, "att-a") }), "10.3.0.1", noTable},
		{"the other's association does not matter", table("rtb-1", func(t *cloud.TransitTable) { t.Associations = without(t.Associations, "att-c") }), "10.3.0.1", "vpc-c eni-ca"},
		{"table deleted", table("rtb-1", func(t *cloud.TransitTable) { t.Deleted = time.Unix(1, 0) }), "10.3.0.1", noTable},
		{"static to a deleted attachment", both(static("rtb-1", "10.3.0.0/16", "att-c"), attachment("att-c", func(a *cloud.TransitAttachment) { a.State = cloud.TransitDeleted })), "10.3.0.1", hole},
		{"static to another router's attachment", static("rtb-1", "10.4.0.0/16", "att-d"), "10.4.0.1", hole},
		{"blocks overlap those of an earlier attachment", func(tx cloud.Tx) {
			edit(tx, cloud.VPCs, "vpc-c", func(v *cloud.VPC) { v.CIDRs = []cloud.CIDRAssociation{{Prefix: pfx("10.2.128.0/17")}} })
		}, "10.2.128.1", "vpc-b eni-bb"},
		{"prefix list", func(tx cloud.Tx) {
			cloud.PrefixLists.Put(tx, &cloud.PrefixList{Meta: meta, ID: "pl-1", Entries: []cloud.PrefixListEntry{{Prefix: pfx("10.3.0.0/16")}, {Prefix: pfx("192.0.2.0/24")}}})
			edit(tx, cloud.TransitTables, "rtb-1", func(t *cloud.TransitTable) {
				t.Routes = []cloud.TransitRoute{{PrefixList: "pl-1", Attachment: "att-b"}}
			})
		}, "10.3.0.1", "vpc-b eni-bb"},
		{"to the next router", across, "10.4.0.1", "vpc-d eni-da"},
		{"not what this router drops itself", across, "10.4.7.1", hole},
		{"what the next router has no route to", across, "10.200.0.1", noRoute},
		{"what the next router has more closely, but this one too", both(across, static("rtb-2", "10.3.4.0/24", "att-d")), "10.3.4.1", "vpc-c eni-ca"},
		{"the next router's more closely", both(across, static("rtb-2", "10.4.9.0/24", "")), "10.4.9.1", hole},
		{"back and forth", both(across, static("rtb-2", "10.5.0.0/16", "tgw-peer")), "10.5.0.1", loop},
		{"the next router does not know the connection", both(across, table("rtb-2", func(t *cloud.TransitTable) { t.Associations = without(t.Associations, "tgw-peer") })), "10.4.0.1", noTable},
		{"a connection of other routers", both(static("rtb-1", "10.8.0.0/16", "tgw-other"), func(tx cloud.Tx) {
			for _, id := range []cloud.TransitRouterID{"tgw-3", "tgw-4"} {
				cloud.TransitRouters.Put(tx, &cloud.TransitRouter{Meta: meta, ID: id})
			}
			cloud.TransitAttachments.Put(tx, &cloud.TransitAttachment{Meta: meta, ID: "tgw-other", Router: "tgw-3", State: cloud.TransitAvailable, Peer: &cloud.TransitPeer{Router: "tgw-4"}})
		}), "10.8.0.1", hole},
		{"connection deleted", both(across, attachment("tgw-peer", func(a *cloud.TransitAttachment) { a.State = cloud.TransitDeleted })), "10.4.0.1", hole},
		{"next router deleted", both(across, func(tx cloud.Tx) {
			edit(tx, cloud.TransitRouters, "tgw-2", func(r *cloud.TransitRouter) { r.Deleted = time.Unix(1, 0) })
		}), "10.4.0.1", hole},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := []func(cloud.Tx){hub}
			if c.change != nil {
				changes = append(changes, c.change)
			}
			p := netplan.Compile(state(t, changes...), "vpc-a")
			tr := p.Transit("tgw-1")
			if tr == nil || len(tr.Ports) != 2 {
				t.Fatalf("vpc-a's attachment: %+v", tr)
			}
			got := noRoute
			switch r := tr.Lookup(ip(c.to)); {
			case tr.Table == "":
				got = noTable
			case r == nil:
			case r.VPC == "":
				got = string(r.Stage)
			default:
				got = fmt.Sprint(r.VPC, " ", r.Port("a"))
			}
			if got != c.want {
				t.Errorf("%s: %s, want %s; routes %+v", c.to, got, c.want, tr.Routes)
			}
		})
	}
}

// TestTransitIn: a port knows what the transit router sends to it, from where.
func TestTransitIn(t *testing.T) {
	in := func(v cloud.View, vpc cloud.VPCID, router cloud.TransitRouterID) (out []string) {
		for _, p := range netplan.Compile(v, vpc).Transit(router).Ports {
			for _, x := range p.In {
				out = append(out, fmt.Sprint(p.ENI, " from ", x.ENI, " ", x.Dests))
			}
		}
		return out
	}
	v := state(t, hub, static("rtb-1", "10.4.0.0/16", "tgw-peer"), static("rtb-2", "10.1.0.0/16", "tgw-peer"))
	for vpc, want := range map[cloud.VPCID][]string{
		"vpc-a": {"eni-aa from eni-ca [10.1.0.0/16]", "eni-aa from eni-da [10.1.0.0/16]", "eni-ab from eni-bb [10.1.0.0/16]"},
		"vpc-c": {"eni-ca from eni-aa [10.3.0.0/16]", "eni-ca from eni-ab [10.3.0.0/16]", "eni-ca from eni-bb [10.3.0.0/16]"},
		"vpc-d": {"eni-da from eni-aa [10.4.0.0/16]", "eni-da from eni-ab [10.4.0.0/16]", "eni-da from eni-bb [10.4.0.0/16]", "eni-da from eni-ca [10.4.0.0/16]"},
	} {
		router := cloud.TransitRouterID("tgw-1")
		if vpc == "vpc-d" {
			router = "tgw-2"
		}
		got := in(v, vpc, router)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", vpc, got, want)
		}
	}
	one := in(state(t, hub, attachment("att-a", func(a *cloud.TransitAttachment) { a.OneZone = true })), "vpc-a", "tgw-1")
	for _, s := range one {
		if !strings.HasPrefix(s, "eni-aa") {
			t.Errorf("both directions by one port: %s", s)
		}
	}
}

// TestTransitTargets: a VPC's route leads to a transit router only while the VPC is attached.
func TestTransitTargets(t *testing.T) {
	if got := hopTo(netplan.Compile(state(t, hub), "vpc-a"), "rtb-a", "10.0.0.0/8"); got != netplan.HopTransit {
		t.Errorf("the route leads to %q", got)
	}
	for name, change := range map[string]func(cloud.Tx){
		"detached": attachment("att-a", func(a *cloud.TransitAttachment) { a.State = cloud.TransitDeleted }),
		"pending":  attachment("att-a", func(a *cloud.TransitAttachment) { a.State = cloud.TransitPending }),
		"without interfaces": func(tx cloud.Tx) {
			cloud.Interfaces.Delete(tx, "eni-aa")
			cloud.Interfaces.Delete(tx, "eni-ab")
		},
	} {
		p := netplan.Compile(state(t, hub, change), "vpc-a")
		if hopTo(p, "rtb-a", "10.0.0.0/8") != netplan.HopBlackhole || len(p.Transits) != 0 || p.ENI("eni-aa") != nil {
			t.Errorf("%s: the route leads to %q, interfaces %+v", name, hopTo(p, "rtb-a", "10.0.0.0/8"), p.ENIs)
		}
	}
}

// TestTransitNames: public names of hosts resolve to private addresses across a
// transit router while it and both attachments say so.
func TestTransitNames(t *testing.T) {
	names := func(tx cloud.Tx) {
		for _, id := range []cloud.VPCID{"vpc-a", "vpc-b"} {
			edit(tx, cloud.VPCs, id, func(v *cloud.VPC) { v.DNSSupport, v.DNSHostnames, v.PublicNames = true, true, "ec2-*.example" })
		}
		cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: "igw-b", VPC: "vpc-b"})
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: "eni-host", VPC: "vpc-b", Subnet: "subnet-bb", Use: cloud.UseHost, Addrs: []netip.Addr{ip("10.2.0.77")}, PublicIP: ip("203.0.113.77")})
		edit(tx, cloud.TransitRouters, "tgw-1", func(r *cloud.TransitRouter) { r.RemoteNames = true })
		for _, id := range []cloud.TransitAttachmentID{"att-a", "att-b"} {
			edit(tx, cloud.TransitAttachments, id, func(a *cloud.TransitAttachment) { a.RemoteNames = true })
		}
	}
	for _, c := range []struct {
		name   string
		change func(cloud.Tx)
		want   bool
	}{
		{"everyone says so", func(cloud.Tx) {}, true},
		{"not the transit router", func(tx cloud.Tx) {
			edit(tx, cloud.TransitRouters, "tgw-1", func(r *cloud.TransitRouter) { r.RemoteNames = false })
		}, false},
		{"not this attachment", attachment("att-a", func(a *cloud.TransitAttachment) { a.RemoteNames = false }), false},
		{"not the other attachment", attachment("att-b", func(a *cloud.TransitAttachment) { a.RemoteNames = false }), false},
		{"not the other VPC", func(tx cloud.Tx) { edit(tx, cloud.VPCs, "vpc-b", func(v *cloud.VPC) { v.DNSHostnames = false }) }, false},
	} {
		p := netplan.Compile(state(t, hub, names, c.change), "vpc-a")
		got := slices.ContainsFunc(p.DNS.Records, func(r netplan.DNSRecord) bool {
			return r.Name == "ec2-203-0-113-77.example" && slices.Equal(r.Addrs, []netip.Addr{ip("10.2.0.77")})
		})
		if got != c.want {
			t.Errorf("%s: the name resolves to the private address: %v", c.name, got)
		}
	}
}

// TestTransitPublishes: what transit routers of a domain tell each other and VPCs.
func TestTransitPublishes(t *testing.T) {
	domain := func(tx cloud.Tx) {
		hub(tx)
		for _, id := range []cloud.TransitRouterID{"tgw-1", "tgw-2"} {
			edit(tx, cloud.TransitRouters, id, func(r *cloud.TransitRouter) { r.Domain = "cen" })
		}
		for _, id := range []cloud.TransitTableID{"rtb-1", "rtb-2"} {
			edit(tx, cloud.TransitTables, id, func(t *cloud.TransitTable) { t.Propagations = append(slices.Clone(t.Propagations), "tgw-peer") })
		}
		edit(tx, cloud.VPCs, "vpc-b", func(v *cloud.VPC) { v.SubnetRoutes = true })
		edit(tx, cloud.VPCs, "vpc-c", func(v *cloud.VPC) { v.CIDRs = []cloud.CIDRAssociation{{Prefix: pfx("10.2.128.0/17")}} })
		static("rtb-1", "10.9.0.0/16", "att-b")(tx)
		static("rtb-1", "10.3.4.0/24", "")(tx)
	}
	publish := func(id cloud.TransitAttachmentID) func(cloud.Tx) {
		return attachment(id, func(a *cloud.TransitAttachment) { a.Publish = true })
	}
	for _, c := range []struct {
		name    string
		changes []func(cloud.Tx)
		vpc     cloud.VPCID
		want    string
	}{
		{"nothing unless asked", nil, "vpc-a", ""},
		{"subnets of one VPC, a block that only overlaps, a static route, no blackhole", []func(cloud.Tx){publish("att-a")}, "vpc-a", "10.2.0.0/24 10.2.128.0/17 10.9.0.0/16"},
		{"what the next router tells", []func(cloud.Tx){publish("att-a"), publish("tgw-peer")}, "vpc-a", "10.2.0.0/24 10.2.128.0/17 10.4.0.0/16 10.9.0.0/16"},
		{"not what that was told", []func(cloud.Tx){publish("att-d"), publish("tgw-peer")}, "vpc-d", "10.1.0.0/16 10.2.0.0/24 10.2.128.0/17 10.9.0.0/16"},
		{"not associated", []func(cloud.Tx){publish("att-a"), table("rtb-1", func(t *cloud.TransitTable) { t.Associations = without(t.Associations, "att-a") })}, "vpc-a", ""},
		{"the connection is not associated there", []func(cloud.Tx){publish("att-d"), publish("tgw-peer"), table("rtb-1", func(t *cloud.TransitTable) { t.Associations = without(t.Associations, "tgw-peer") })}, "vpc-d", ""},
		{"not into its own blocks", []func(cloud.Tx){publish("att-a"), static("rtb-1", "10.1.7.0/24", "att-b")}, "vpc-a", "10.2.0.0/24 10.2.128.0/17 10.9.0.0/16"},
		{"out of a domain", []func(cloud.Tx){publish("att-d"), publish("tgw-peer"), func(tx cloud.Tx) {
			edit(tx, cloud.TransitRouters, "tgw-2", func(r *cloud.TransitRouter) { r.Domain = "" })
		}}, "vpc-d", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := state(t, append([]func(cloud.Tx){domain}, c.changes...)...)
			var got []string
			for _, r := range netplan.Published(v, c.vpc) {
				got = append(got, r.Dest.String())
			}
			if slices.Sort(got); strings.Join(got, " ") != c.want {
				t.Errorf("got %s, want %s", strings.Join(got, " "), c.want)
			}
		})
	}
}
