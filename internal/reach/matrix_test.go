package reach_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/reach"
)

func TestMatrix(t *testing.T) {
	m := reach.New(plan(t)).Matrix(reach.MatrixQuery{Protocol: 6, Port: 443, Internet: ip(site)})
	db := reach.New(plan(t)).Matrix(reach.MatrixQuery{Protocol: 6, Port: 5432, Internet: ip(site)})
	v6 := reach.New(plan(t)).Matrix(reach.MatrixQuery{Protocol: 6, Port: 443, IPv6: true, Internet: ip(site6)})
	ok := reach.Cell{Reachable: true}
	for _, c := range []struct {
		name     string
		m        *reach.Matrix
		from, to cloud.InterfaceID
		want     reach.Cell
	}{
		{"out by the NAT gateway", m, "eni-fn", "", ok},
		{"a function in a public subnet", m, "eni-pubfn", "", reach.Cell{Code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"}},
		{"no route out", m, "eni-dark", "", reach.Cell{Code: "NO_ROUTE_TO_DESTINATION"}},
		{"in at a public address", m, "", "eni-web", ok},
		{"in without one", m, "", "eni-db", reach.Cell{Code: "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"}},
		{"inside", m, "eni-fn", "eni-web", ok},
		{"a closed port", m, "eni-fn", "eni-db", reach.Cell{Code: "ENI_SG_RULES_MISMATCH"}},
		{"the database's port", db, "eni-fn", "eni-db", ok},
		{"the database's port, from elsewhere", db, "eni-web", "eni-db", reach.Cell{Code: "ENI_SG_RULES_MISMATCH"}},
		{"functions accept nothing", m, "eni-web", "eni-fn", reach.Cell{Code: "SG_HAS_NO_RULES"}},
		{"a host itself", m, "eni-db", "eni-db", ok},
		{"IPv6 in", v6, "", "eni-web", ok},
		{"no IPv6", v6, "eni-box", "eni-web", reach.Cell{Code: "ENI_ADDRESS_RESTRICTION"}},
		{"nobody", m, "eni-none", "eni-web", reach.Cell{Code: "NO_SOURCE_OR_DESTINATION"}},
	} {
		if got := c.m.Between(c.from, c.to); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// crowd adds hosts, and rules of every kind that tell them apart.
func crowd(r *rand.Rand) func(cloud.Tx) {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	inside := func() string {
		return pick("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.1.64/26", "10.0.2.0/25", fmt.Sprintf("10.0.%d.%d/32", r.IntN(3), 40+r.IntN(80)))
	}
	rule := func(i int) cloud.SecurityGroupRule {
		s := allow(fmt.Sprint("sgr-r", i), r.IntN(2) == 0, 6, 443-r.IntN(2), 443+r.IntN(9), inside())
		if r.IntN(3) == 0 {
			s.Prefix, s.Group = netip.Prefix{}, cloud.SecurityGroupID(pick("sg-fn", "sg-web", "sg-all", "sg-x"))
		}
		return s
	}
	return func(tx cloud.Tx) {
		var rules []cloud.SecurityGroupRule
		for i := range 4 {
			rules = append(rules, rule(i))
		}
		cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-x", VPC: "vpc-1", Rules: rules})
		for i := range 40 {
			n := r.IntN(3)
			id := cloud.InterfaceID(fmt.Sprintf("eni-r%02d", i))
			e := &cloud.Interface{
				Meta: meta, ID: id, VPC: "vpc-1", Subnet: []cloud.SubnetID{"subnet-pub", "subnet-priv", "subnet-dark"}[n], SourceDestCheck: r.IntN(9) > 0,
				Use: []cloud.InterfaceUse{cloud.UseHost, cloud.UseHost, cloud.UseFunction}[r.IntN(3)], Addrs: []netip.Addr{ip(fmt.Sprintf("10.0.%d.%d", n, 40+2*i))},
				SecurityGroups: []cloud.SecurityGroupID{cloud.SecurityGroupID(pick("sg-fn", "sg-web", "sg-db", "sg-all", "sg-x"))},
			}
			cloud.Interfaces.Put(tx, e)
			if r.IntN(6) == 0 {
				cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: cloud.AllocationID(fmt.Sprint("eipalloc-r", i)), Addr: ip(fmt.Sprint("203.0.113.", 100+i)), Interface: id, Private: e.Addrs[0], AssocID: fmt.Sprint("eipassoc-r", i)})
			}
		}
		edit(tx, cloud.NetworkACLs, cloud.NetworkACLID(pick("acl-pub", "acl-priv", "acl-dark")), func(a *cloud.NetworkACL) {
			a.Entries = append([]cloud.NetworkACLEntry{line(10+r.IntN(80), r.IntN(2) == 0, 6, 0, 65535, cloud.Deny, inside())}, a.Entries...)
		})
		edit(tx, cloud.RouteTables, cloud.RouteTableID(pick("rtb-main", "rtb-pub", "rtb-priv")), func(t *cloud.RouteTable) {
			to := route(pick("10.0.1.0/24", "10.0.1.64/26", "10.0.2.0/25"), cloud.TargetInterface, fmt.Sprintf("eni-r%02d", r.IntN(40)))
			t.Routes = append([]cloud.Route{to}, t.Routes...)
		})
	}
}

// TestMatrixAgrees asks about every pair alone, too.
func TestMatrixAgrees(t *testing.T) {
	grouped := 0
	for seed := range uint64(20) {
		p := plan(t, crowd(rand.New(rand.NewPCG(seed, 0))))
		x := reach.New(p)
		m := x.Matrix(reach.MatrixQuery{Protocol: 6, Port: 443, Internet: ip(site)})
		grouped += len(p.ENIs) - len(m.Groups)
		public := map[cloud.InterfaceID]netip.Addr{}
		for _, pair := range p.Gateway.Public {
			for _, e := range p.ENIs {
				if e.Addrs[0] == pair.Private {
					public[e.ID] = pair.Public
				}
			}
		}
		same := func(from, to cloud.InterfaceID, a reach.Answer) {
			if got := m.Between(from, to); got != (reach.Cell{Reachable: a.Reachable, Code: a.Code}) {
				t.Errorf("seed %d, %s to %s: the matrix says %v, the pair %v %s\n%s", seed, from, to, got, a.Reachable, a.Code, a.Text)
			}
		}
		for _, from := range p.ENIs {
			for _, to := range p.ENIs {
				same(from.ID, to.ID, x.Explain(reach.Query{From: from.ID, To: to.Addrs[0], Port: 443}))
			}
			same(from.ID, "", x.Explain(reach.Query{From: from.ID, To: ip(site), Port: 443}))
			at, ok := public[from.ID]
			if !ok {
				at = from.Addrs[0]
			}
			same("", from.ID, x.Explain(reach.Query{Source: ip(site), To: at, Port: 443}))
		}
	}
	if grouped < 200 {
		t.Errorf("only %d interfaces were grouped: the test has lost its point", grouped)
	}
}
