package reach

import (
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Analyser answers questions about one plan, which must not change any more.
// It looks everything up by key, so a question takes the same time in a VPC of
// ten interfaces and of ten thousand. It may be used concurrently.
type Analyser struct {
	p       *netplan.Plan
	owners  map[netip.Addr]*netplan.ENI
	publics map[netip.Addr]*netplan.PublicAddr // by private and by public address
	places  map[*netplan.ENI]place
	atlas   *atlas // of peers; nil if there is this plan only
}

// place is what applies to an interface; where the plan lacks it, it is empty.
type place struct {
	subnet  *netplan.Subnet
	table   *netplan.RouteTable
	direct  *netplan.RouteTable // of its addresses that have public ones, if these leave directly
	acl     *netplan.ACL
	profile *netplan.Profile
}

// New prepares a plan for questions; nil is a plan through which nothing passes.
func New(p *netplan.Plan) *Analyser {
	if p == nil {
		p = &netplan.Plan{}
	}
	x := &Analyser{
		p:       p,
		owners:  make(map[netip.Addr]*netplan.ENI, len(p.ENIs)),
		publics: map[netip.Addr]*netplan.PublicAddr{},
		places:  make(map[*netplan.ENI]place, len(p.ENIs)),
	}
	subnets := keyed(p.Subnets, func(s *netplan.Subnet) cloud.SubnetID { return s.ID })
	tables := keyed(p.Tables, func(t *netplan.RouteTable) cloud.RouteTableID { return t.ID })
	acls := keyed(p.ACLs, func(a *netplan.ACL) cloud.NetworkACLID { return a.ID })
	profiles := keyed(p.Profiles, func(f *netplan.Profile) netplan.ProfileKey { return f.Key })
	for i := range p.ENIs {
		e := &p.ENIs[i]
		for _, a := range e.Addrs {
			x.owners[a] = e // a plan gives an address to one interface only
		}
		at := place{subnet: found(subnets, e.Subnet), profile: found(profiles, e.Profile)}
		at.table, at.acl = found(tables, at.subnet.Table), found(acls, at.subnet.ACL)
		if at.subnet.Direct != "" {
			at.direct = found(tables, at.subnet.Direct)
		}
		x.places[e] = at
	}
	if p.Gateway != nil {
		for i := range p.Gateway.Public {
			pair := &p.Gateway.Public[i]
			x.publics[pair.Private], x.publics[pair.Public] = pair, pair
		}
	}
	return x
}

func keyed[K comparable, T any](list []T, key func(*T) K) map[K]*T {
	m := make(map[K]*T, len(list))
	for i := range list {
		m[key(&list[i])] = &list[i]
	}
	return m
}

func found[K comparable, T any](m map[K]*T, key K) *T {
	if v := m[key]; v != nil {
		return v
	}
	return new(T)
}

// Plan is what the analyser answers from.
func (x *Analyser) Plan() *netplan.Plan { return x.p }

// Explain follows a flow through the plan.
func (x *Analyser) Explain(q Query) Answer { return x.follow(q, false) }

// follow is Explain; a terse answer has no texts and no paths.
func (x *Analyser) follow(q Query, terse bool) Answer {
	w := &walk{Analyser: x, terse: terse}
	from, pkt, s := w.start(q)
	if s != nil {
		return s.answer(w)
	}
	return w.run(from, pkt)
}
