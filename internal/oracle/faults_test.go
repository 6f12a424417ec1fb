package oracle

import (
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// faultSeeds are the networks within which each planted fault must show as a
// disagreement: first some that between them show every fault of plans.
func faultSeeds() []uint64 {
	seeds := []uint64{368, 156, 119, 11, 140, 39, 7, 149, 150, 184, 20, 30}
	for seed := uint64(1); seed <= 400; seed++ {
		seeds = append(seeds, seed)
	}
	return seeds
}

// planFaults are given to the analyser alone, in place of the true plan: what a
// fault in the compiler would be to one of its readers, or one in the analyser.
var planFaults = map[string]func(*netplan.Plan){
	"inbound ACLs forgotten": func(p *netplan.Plan) {
		eachACL(p, func(a *netplan.ACL) { a.In = openLines() })
	},
	"outbound ACLs forgotten": func(p *netplan.Plan) {
		eachACL(p, func(a *netplan.ACL) { a.Out = openLines() })
	},
	"ACL directions swapped": func(p *netplan.Plan) { eachACL(p, func(a *netplan.ACL) { a.In, a.Out = a.Out, a.In }) },
	"ACL lines from the last": func(p *netplan.Plan) {
		eachACL(p, func(a *netplan.ACL) { slices.Reverse(a.In); slices.Reverse(a.Out) })
	},
	"ACL denials ignored": func(p *netplan.Plan) {
		eachLine(p, func(l *netplan.ACLEntry) { l.Action = cloud.Allow })
	},
	"ACL ports ignored":     func(p *netplan.Plan) { eachLine(p, func(l *netplan.ACLEntry) { l.From, l.To = -1, -1 }) },
	"ACL ICMP type ignored": func(p *netplan.Plan) { eachLine(p, func(l *netplan.ACLEntry) { l.ICMPType = -1 }) },
	"every subnet has the first ACL": func(p *netplan.Plan) {
		eachSubnet(p, func(s *netplan.Subnet) { s.ACL = p.Subnets[0].ACL })
	},
	"every subnet has the main route table": func(p *netplan.Plan) {
		for _, t := range p.Tables {
			if t.Main {
				eachSubnet(p, func(s *netplan.Subnet) { s.Table = t.ID })
			}
		}
	},
	"routes: shortest prefix first": func(p *netplan.Plan) { eachTable(p, func(t *netplan.RouteTable) { slices.Reverse(t.Routes) }) },
	"blackholes left out": func(p *netplan.Plan) {
		eachTable(p, func(t *netplan.RouteTable) {
			t.Routes = slices.DeleteFunc(t.Routes, func(r netplan.Route) bool { return r.Hop == netplan.HopBlackhole })
		})
	},
	"gateway endpoint's routes left out": func(p *netplan.Plan) {
		eachTable(p, func(t *netplan.RouteTable) {
			t.Routes = slices.DeleteFunc(t.Routes, func(r netplan.Route) bool { return r.Hop == netplan.HopEndpoint })
		})
	},
	"egress-only gateways taken for internet gateways": func(p *netplan.Plan) {
		eachRoute(p, func(r *netplan.Route) {
			if r.Hop == netplan.HopEgressOnly {
				r.Hop = netplan.HopInternet
			}
		})
	},
	"default route first": func(p *netplan.Plan) {
		eachTable(p, func(t *netplan.RouteTable) {
			slices.SortStableFunc(t.Routes, func(a, b netplan.Route) int { return min(a.Dest.Bits(), 1) - min(b.Dest.Bits(), 1) })
		})
	},
	"groups: rules out not applied":  func(p *netplan.Plan) { eachProfile(p, func(f *netplan.Profile) { f.Out = everything() }) },
	"groups: rules in not applied":   func(p *netplan.Plan) { eachProfile(p, func(f *netplan.Profile) { f.In = everything() }) },
	"groups: directions swapped":     func(p *netplan.Plan) { eachProfile(p, func(f *netplan.Profile) { f.In, f.Out = f.Out, f.In }) },
	"groups: references forgotten":   func(p *netplan.Plan) { eachRule(p, func(r *netplan.Rule) { r.Peers = nil }) },
	"groups: last port left out":     func(p *netplan.Plan) { eachRule(p, func(r *netplan.Rule) { r.To = max(r.To-1, -1) }) },
	"groups: protocol ignored":       func(p *netplan.Plan) { eachRule(p, func(r *netplan.Rule) { r.Protocol = -1 }) },
	"groups: ports ignored":          func(p *netplan.Plan) { eachRule(p, func(r *netplan.Rule) { r.From, r.To = -1, -1 }) },
	"groups: prefix one bit shorter": func(p *netplan.Plan) { eachRule(p, func(r *netplan.Rule) { r.Prefix = shorter(r.Prefix) }) },
	"groups: a reference lets everyone in": func(p *netplan.Plan) {
		eachRule(p, func(r *netplan.Rule) {
			if len(r.Peers) > 0 {
				r.Peers, r.Prefix = nil, pfx("0.0.0.0/0")
			}
		})
	},
	"groups: refusals taken for permissions": func(p *netplan.Plan) { eachRule(p, func(r *netplan.Rule) { r.Action = cloud.Allow }) },
	"groups: of equals the permission counts": func(p *netplan.Plan) {
		eachProfile(p, func(f *netplan.Profile) { byRank(f.In, 1, true); byRank(f.Out, 1, true) })
	},
	"groups: highest number first": func(p *netplan.Plan) {
		eachProfile(p, func(f *netplan.Profile) { byRank(f.In, -1, false); byRank(f.Out, -1, false) })
	},
	"NAT64's routes left out": func(p *netplan.Plan) {
		eachTable(p, func(t *netplan.RouteTable) {
			t.Routes = slices.DeleteFunc(t.Routes, func(r netplan.Route) bool { return netplan.NAT64Prefix.Overlaps(r.Dest) && r.Dest.Bits() >= 96 })
		})
	},
	"peers' groups unknown":                 func(p *netplan.Plan) { each(p.Peers, func(r *netplan.Peer) { r.Hosts = nil }) },
	"peers' blocks forgotten":               func(p *netplan.Plan) { each(p.Peers, func(r *netplan.Peer) { r.CIDRs = r.CIDRs[:1] }) },
	"peers never there":                     func(p *netplan.Plan) { each(p.Peers, func(r *netplan.Peer) { r.Up = false }) },
	"transit routers: routes from the last": func(p *netplan.Plan) { each(p.Transits, func(t *netplan.Transit) { slices.Reverse(t.Routes) }) },
	"transit routers: no tables":            func(p *netplan.Plan) { each(p.Transits, func(t *netplan.Transit) { t.Table = "" }) },
	"transit routers: blackholes left out": func(p *netplan.Plan) {
		each(p.Transits, func(t *netplan.Transit) {
			t.Routes = slices.DeleteFunc(t.Routes, func(r netplan.TransitRoute) bool { return r.VPC == "" })
		})
	},
	"transit routers: a port for every zone": func(p *netplan.Plan) {
		each(p.Transits, func(t *netplan.Transit) {
			for _, z := range zones {
				if t.Port(z) == nil {
					t.Ports = append(t.Ports, netplan.TransitPort{TransitEnd: netplan.TransitEnd{ENI: t.Ports[0].ENI, Zone: z}})
				}
			}
		})
	},
	"interface endpoints taken for hosts": func(p *netplan.Plan) {
		eachENI(p, func(e *netplan.ENI) {
			if e.Attach == netplan.AttachEndpoint {
				e.Attach = netplan.AttachDirect
			}
		})
	},
	"source/destination check always off": func(p *netplan.Plan) { eachENI(p, func(e *netplan.ENI) { e.AnySource = true }) },
	"source/destination check always on":  func(p *netplan.Plan) { eachENI(p, func(e *netplan.ENI) { e.AnySource = false }) },
	"functions accept connections": func(p *netplan.Plan) {
		eachENI(p, func(e *netplan.ENI) {
			if e.Attach == netplan.AttachShared {
				e.Attach = netplan.AttachDirect
			}
		})
	},
	"second addresses forgotten": func(p *netplan.Plan) {
		eachENI(p, func(e *netplan.ENI) {
			if e.Attach == netplan.AttachDirect && len(e.Addrs) > 1 && e.Addrs[1].Is4() {
				e.Addrs = slices.Delete(e.Addrs, 1, 2)
			}
		})
	},
	"public addresses forgotten": func(p *netplan.Plan) {
		if p.Gateway != nil {
			p.Gateway.Public = nil
		}
	},
	"one public address given to another": func(p *netplan.Plan) {
		if p.Gateway != nil && len(p.Gateway.Public) > 1 {
			g := p.Gateway.Public
			g[0].Private, g[1].Private = g[1].Private, g[0].Private
		}
	},
	"every address public": func(p *netplan.Plan) {
		if p.Gateway == nil {
			return
		}
		for i, e := range p.ENIs {
			if e.Addrs[0].Is4() {
				p.Gateway.Public = append(p.Gateway.Public, netplan.PublicAddr{Private: e.Addrs[0], Public: netip.AddrFrom4([4]byte{203, 0, 112, byte(i)})})
			}
		}
	},
	"internet gateway taken for attached": func(p *netplan.Plan) {
		eachRoute(p, func(r *netplan.Route) {
			if strings.HasPrefix(r.Target, "igw") {
				r.Hop = netplan.HopInternet
			}
		})
	},
	"zones never fail":          func(p *netplan.Plan) { eachSubnet(p, func(s *netplan.Subnet) { s.Failed = false }) },
	"resolver always on":        func(p *netplan.Plan) { p.DNS.Enabled = true },
	"resolver's IPv6 forgotten": func(p *netplan.Plan) { p.DNS.Resolvers = slices.DeleteFunc(p.DNS.Resolvers, netip.Addr.Is6) },
	"IPv6 rules forgotten": func(p *netplan.Plan) {
		eachProfile(p, func(f *netplan.Profile) {
			six := func(r netplan.Rule) bool { return r.Prefix.IsValid() && r.Prefix.Addr().Is6() }
			f.In, f.Out = slices.DeleteFunc(f.In, six), slices.DeleteFunc(f.Out, six)
		})
	},
}

func eachACL(p *netplan.Plan, f func(*netplan.ACL)) { each(p.ACLs, f) }
func eachLine(p *netplan.Plan, f func(*netplan.ACLEntry)) {
	eachACL(p, func(a *netplan.ACL) { each(a.In, f); each(a.Out, f) })
}
func eachSubnet(p *netplan.Plan, f func(*netplan.Subnet))    { each(p.Subnets, f) }
func eachTable(p *netplan.Plan, f func(*netplan.RouteTable)) { each(p.Tables, f) }
func eachRoute(p *netplan.Plan, f func(*netplan.Route)) {
	eachTable(p, func(t *netplan.RouteTable) { each(t.Routes, f) })
}
func eachProfile(p *netplan.Plan, f func(*netplan.Profile)) { each(p.Profiles, f) }
func eachRule(p *netplan.Plan, f func(*netplan.Rule)) {
	eachProfile(p, func(x *netplan.Profile) { each(x.In, f); each(x.Out, f) })
}
func eachENI(p *netplan.Plan, f func(*netplan.ENI)) { each(p.ENIs, f) }

func each[T any](list []T, f func(*T)) {
	for i := range list {
		f(&list[i])
	}
}

// byRank sorts rules by priority, up or down; of equals, permissions first or refusals.
func byRank(rules []netplan.Rule, up int, permissions bool) {
	verdict := func(r netplan.Rule) int {
		if (r.Action == cloud.Allow) == permissions {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(rules, func(a, b netplan.Rule) int {
		return cmp.Or(up*cmp.Compare(a.Priority, b.Priority), cmp.Compare(verdict(a), verdict(b)))
	})
}

func openLines() (out []netplan.ACLEntry) {
	for _, p := range []string{"0.0.0.0/0", "::/0"} {
		out = append(out, netplan.ACLEntry{Action: cloud.Allow, Protocol: -1, Prefix: pfx(p), From: -1, To: -1, ICMPType: -1, ICMPCode: -1, Source: []cloud.Ref{{}}})
	}
	return out
}

func everything() (out []netplan.Rule) {
	for _, p := range []string{"0.0.0.0/0", "::/0"} {
		out = append(out, netplan.Rule{Action: cloud.Allow, Protocol: -1, From: -1, To: -1, Prefix: pfx(p), Source: []cloud.Ref{{}}})
	}
	return out
}

func shorter(p netip.Prefix) netip.Prefix {
	if !p.IsValid() || p.Bits() == 0 {
		return p
	}
	return netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked()
}

// TestPlanFaults sends each probe once and asks every faulty plan about it.
func TestPlanFaults(t *testing.T) {
	g := newStage(t)
	left := map[string]func(state) map[cloud.VPCID]*netplan.Plan{}
	for name, fault := range planFaults {
		left[name] = func(s state) map[cloud.VPCID]*netplan.Plan { return compiled(s, fault) }
	}
	for name, fault := range stateFaults {
		left[name] = func(s state) map[cloud.VPCID]*netplan.Plan {
			s = s.clone()
			fault(s)
			return compiled(s, func(*netplan.Plan) {})
		}
	}
	for _, seed := range faultSeeds() {
		if len(left) == 0 {
			break
		}
		d := roll(seed)
		l, err := g.lab(nil)
		if err == nil {
			err = l.become(d.network())
		}
		if err != nil {
			t.Fatal(err)
		}
		x := analyse(l.plans)
		var results []result
		for _, p := range d.probes(l.plans, firstProbes) {
			r, err := l.try(x, p)
			if err != nil || r.Differ != "" {
				t.Fatalf("seed %d, without a fault: %s %v", seed, r, err)
			}
			results = append(results, r)
		}
		for name, fault := range left {
			if r, ok := caught(fault(d.s), results); ok {
				t.Logf("%s: seed %d, %s", name, seed, r)
				delete(left, name)
			}
		}
		if err := l.close(); err != nil {
			t.Error(err)
		}
	}
	for name := range left {
		t.Errorf("no network shows it: %s", name)
	}
}

// compiled are the plans of a state, each with a fault.
func compiled(s state, fault func(*netplan.Plan)) map[cloud.VPCID]*netplan.Plan {
	out := map[cloud.VPCID]*netplan.Plan{}
	for _, id := range netplan.VPCs(s) {
		out[id] = netplan.Compile(s, id)
		fault(out[id])
	}
	return out
}

// caught asks faulty plans about what was seen.
func caught(faulty map[cloud.VPCID]*netplan.Plan, results []result) (string, bool) {
	x := analyse(faulty)
	for _, r := range results {
		if d := differ(r.Probe, x.ask(r.Probe, r.key), r.Saw); d != "" {
			return d, true
		}
	}
	return "", false
}

// kernelFaults falsify what the kernel gets.
var kernelFaults = map[string]func(*dataplane.Namespace){
	"ACLs keep state":                     prepend("forward", nft.R(nft.StateIn(nft.Established), nft.Accept)),
	"no ACL in":                           without1("forward", "vmap @acl_in"),
	"no ACL out":                          without1("forward", "vmap @acl_out"),
	"ACLs inside subnets too":             eachChain("acl_", func(rules []nft.Rule) []nft.Rule { return rules[1:] }),
	"forwarders' groups not applied":      without1("forward", "map @dst_any"),
	"receiver's groups not applied":       without1("forward", "vmap @prof_in"),
	"sender's groups not applied out":     without1("outbound", "vmap @prof_out"),
	"sender's groups not applied":         without1("forward", "vmap @prof_out"),
	"private destinations carried":        without1("outbound", "private-destination"),
	"private sources carried":             without1("inbound", "private-destination"),
	"inward past egress-only":             without1("forward", "@egress_only"),
	"loops not stopped":                   without1("inside", `"loop"`),
	"endpoints take everything":           prepend("endpoint", nft.R(nft.Accept)),
	"endpoints' answers unfiltered":       without1("answer", "vmap @acl_in"),
	"link-local routed":                   without1("known", `"link-local"`),
	"public addresses not translated in":  without1("nat_in", "dnat"),
	"public addresses not translated out": without1("nat_out", "snat"),
	"refusals of groups lost": eachChain("sg_", func(rules []nft.Rule) []nft.Rule {
		return slices.DeleteFunc(rules, func(r nft.Rule) bool {
			return strings.Count(r.String(), ":") > 1 && strings.HasSuffix(r.String(), "drop")
		})
	}),
	"peers' groups forgotten":      without1("peered", "map @peer_src"),
	"peers send anything":          fromPeers(),
	"transit routers drop nothing": without1("transit", "vmap @transit_out"),
	"router answers":               prepend("input", nft.R(nft.Accept)),
	"failed zones send":            without1("known", "vmap @zone_in"),
	"failed zones receive":         without1("forward", "vmap @zone_out"),
	"NAT gateways let in":          prepend("pre", nft.R(nft.Accept)),
	"blackholes lost":              unrouted(func(r dataplane.Route) bool { return r.Link == "blackhole" }),
	"own addresses not excepted":   unrouted(func(r dataplane.Route) bool { return r.Kind == dataplane.Throw && r.Dest.IsSingleIP() }),
	"endpoint's routes lost":       unrouted(func(r dataplane.Route) bool { return r.Kind == dataplane.Local }),
	"local routes lost":            unrouted(func(r dataplane.Route) bool { return r.Kind == dataplane.Throw && !r.Dest.IsSingleIP() }),
	"more specific routes lost": unrouted(func(r dataplane.Route) bool {
		return r.Table > 1000 && r.Dest.Bits() > 16 && r.Kind == dataplane.Unicast
	}),
	"one table for all": func(ns *dataplane.Namespace) {
		if len(ns.Rules) > 1 {
			ns.Rules = slices.Clone(ns.Rules)
			for i := range ns.Rules {
				if ns.Rules[i].Mask != 0 {
					ns.Rules[i].Table = ns.Rules[0].Table
				}
			}
		}
	},
}

// chain changes one chain of a copy of the router's table.
func chain(name string, f func([]nft.Rule) []nft.Rule) func(*dataplane.Namespace) {
	return chains(func(n string) bool { return n == name }, f)
}

// eachChain changes the chains whose names begin so.
func eachChain(prefix string, f func([]nft.Rule) []nft.Rule) func(*dataplane.Namespace) {
	return chains(func(n string) bool { return strings.HasPrefix(n, prefix) }, f)
}

func chains(is func(name string) bool, f func([]nft.Rule) []nft.Rule) func(*dataplane.Namespace) {
	return func(ns *dataplane.Namespace) {
		t := *ns.Table
		t.Chains = slices.Clone(t.Chains)
		for i, c := range t.Chains {
			if is(c.Name) {
				t.Chains[i] = &nft.Chain{Name: c.Name, Hook: c.Hook, Rules: f(slices.Clone(c.Rules))}
			}
		}
		ns.Table = &t
	}
}

// fromPeers has the chains of links from peers accept everything.
func fromPeers() func(*dataplane.Namespace) {
	return chains(func(n string) bool { return n[0] == 'p' && n[1] >= '0' && n[1] <= '9' && strings.HasSuffix(n, "_in") },
		func(rules []nft.Rule) []nft.Rule { return append([]nft.Rule{nft.R(nft.Accept)}, rules...) })
}

func prepend(name string, r nft.Rule) func(*dataplane.Namespace) {
	return chain(name, func(rules []nft.Rule) []nft.Rule { return append([]nft.Rule{r}, rules...) })
}

func without1(name, text string) func(*dataplane.Namespace) {
	return chain(name, func(rules []nft.Rule) []nft.Rule {
		return slices.DeleteFunc(rules, func(r nft.Rule) bool { return strings.Contains(r.String(), text) })
	})
}

func unrouted(lost func(dataplane.Route) bool) func(*dataplane.Namespace) {
	return func(ns *dataplane.Namespace) { ns.Routes = slices.DeleteFunc(slices.Clone(ns.Routes), lost) }
}

// where says which of a network's namespaces get a fault.
type where func(i int, ns *dataplane.Namespace) bool

func router(i int, _ *dataplane.Namespace) bool { return i == 0 }
func gateway(i int, ns *dataplane.Namespace) bool {
	return i > 0 && ns.Table != nil && ns.Table.Name == "nat"
}

// TestKernelFaults makes networks with each fault until a probe shows it.
func TestKernelFaults(t *testing.T) {
	g := newStage(t)
	for _, set := range []struct {
		at     where
		faults map[string]func(*dataplane.Namespace)
	}{{router, kernelFaults}, {router, routerFaults}, {gateway, natFaults}} {
		for name, fault := range set.faults {
			if seed, found, err := g.shows(set.at, fault); err != nil {
				t.Fatalf("%s: %v", name, err)
			} else if found == "" {
				t.Errorf("no network shows it: %s", name)
			} else {
				t.Logf("%s: seed %d, %s", name, seed, found)
			}
		}
	}
}

// shows finds a network that shows a fault, and says what differs there.
func (g *stage) shows(at where, fault func(*dataplane.Namespace)) (seed uint64, found string, err error) {
	for _, seed = range faultSeeds() {
		if found, err = g.faulty(seed, at, fault); found != "" || err != nil {
			break
		}
	}
	return seed, found, err
}

// faulty makes one network with a fault and says what differs.
func (g *stage) faulty(seed uint64, at where, fault func(*dataplane.Namespace)) (found string, err error) {
	d := roll(seed)
	s := d.network()
	touched := false
	for _, id := range netplan.VPCs(s) {
		n := dataplane.Lower(netplan.Compile(s, id), dataplane.NewNumbers(1))
		touched = touched || !reflect.DeepEqual(n, spoil(n, at, fault))
	}
	if !touched {
		return "", nil
	}
	l, err := g.lab(func(n *dataplane.Network) *dataplane.Network { return spoil(n, at, fault) })
	if err != nil {
		return "", err
	}
	defer func() { _ = l.close() }()
	if err := l.become(s); err != nil {
		return "", err
	}
	x := analyse(l.plans)
	for _, p := range d.probes(l.plans, firstProbes) {
		key := l.key()
		o := x.ask(p, key)
		s, err := l.send(p, key, func(s seen) bool { return differ(p, o, s) == "" }, shortly/4)
		if err != nil {
			return "", err
		}
		if why := differ(p, o, s); why != "" {
			return why, nil
		}
	}
	return "", nil
}

// spoil gives a copy of the network with a fault in some namespaces.
func spoil(n *dataplane.Network, at where, fault func(*dataplane.Namespace)) *dataplane.Network {
	c := *n
	c.Namespaces = slices.Clone(n.Namespaces)
	for i := range c.Namespaces {
		if at(i, &c.Namespaces[i]) {
			fault(&c.Namespaces[i])
		}
	}
	return &c
}
