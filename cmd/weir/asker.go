package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"weir/internal/api/aws/ec2"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/dataplane"
	weirdns "weir/internal/dns"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// asker puts questions in users' words to the analyser, about one state.
type asker struct {
	v               cloud.View
	account, region string
	analyser        func(cloud.VPCID) *reach.Analyser
	resolve         weirdns.Resolve // as the internet does
}

// asker asks about the network as it is.
func (d *daemon) asker(region string) asker {
	v := d.store.View()
	return d.askerOf(v, region, func(vpc cloud.VPCID) *reach.Analyser { return d.analysers.get(v, vpc) })
}

// suppose asks about the network as changes would make it.
func (d *daemon) suppose(ctx context.Context, region string, changes []ec2.Change) (asker, error) {
	fork, who := d.control.Fork(), d.root(region)
	if err := ec2.Rehearse(ctx, fork, who, changes); err != nil {
		return asker{}, &cloud.Error{Kind: cloud.Invalid, Reason: "change", Msg: err.Error()}
	}
	v := fork.View()
	return d.askerOf(v, region, func(vpc cloud.VPCID) *reach.Analyser { return analyser(v, vpc) }), nil
}

func (d *daemon) askerOf(v cloud.View, region string, analyser func(cloud.VPCID) *reach.Analyser) asker {
	if region == "" {
		region = d.cfg.region
	}
	return asker{v, d.cfg.account, region, analyser, d.resolve}
}

// analyser prepares a VPC's plan for questions, those that lead into peers too.
func analyser(v cloud.View, vpc cloud.VPCID) *reach.Analyser {
	return reach.Across(vpc, func(id cloud.VPCID) *netplan.Plan { return netplan.Compile(v, id) })
}

// analysers keeps each VPC's plan, compiled and prepared, while the state stays.
type analysers struct {
	mu  sync.Mutex // guards the rest
	rev uint64
	of  map[cloud.VPCID]*reach.Analyser
}

func (a *analysers) get(v cloud.View, vpc cloud.VPCID) *reach.Analyser {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil || a.rev != v.Rev() {
		a.rev, a.of = v.Rev(), map[cloud.VPCID]*reach.Analyser{}
	}
	if a.of[vpc] == nil {
		a.of[vpc] = analyser(v, vpc)
	}
	return a.of[vpc]
}

// internet is how users call it.
const internet = "internet"

var protocols = map[string]int{"": 6, "tcp": 6, "udp": 17, "icmp": 1}

func protocolOf(name string) (int, error) {
	n, ok := protocols[name]
	if !ok {
		return 0, cloud.Errorf(cloud.Invalid, "", name, "protocol", "protocol %q: choose tcp, udp or icmp", name)
	}
	return n, nil
}

// ask answers one question. Of a function in several subnets the first one that
// does not get through counts.
func (k asker) ask(ctx context.Context, q question) (*verdict, error) {
	protocol, err := protocolOf(q.Protocol)
	if err != nil {
		return nil, err
	}
	var sources []*cloud.Interface
	var vpc cloud.VPCID
	if q.From == internet {
		vpc, err = k.home(q.To)
		sources = []*cloud.Interface{nil}
	} else {
		sources, err = k.interfaces(q.From)
	}
	if err != nil {
		return nil, err
	}
	beside := k.beside(q.From)
	var first *verdict
	for _, s := range sources {
		if s != nil {
			vpc = s.VPC
		}
		x := k.analyser(vpc)
		flow := reach.Query{Protocol: protocol, Port: q.Port}
		if flow.To, err = k.target(ctx, beside.names(x.Plan()), s, q.To); err != nil {
			return nil, err
		}
		if beside.takes(x.Plan(), flow.To) {
			s, x = beside.way, k.analyser(beside.way.VPC)
		}
		if s != nil {
			flow.From = s.ID
		} else {
			flow.Source = outsideHost(flow.To.Is6())
		}
		if a := x.Explain(flow); first == nil || !a.Reachable {
			first = verdictOf(flow, a)
		}
		if !first.Reachable {
			break
		}
	}
	return first, nil
}

// second is a function's way out beside its VPC's: the zero one is none.
type second struct {
	dataplane.Side
	way *cloud.Interface
}

// beside is the second way of what a user calls by this name.
func (k asker) beside(name string) second {
	f, ok := cloud.Functions.Get(k.v, cloud.MakeFunctionKey(k.account, k.region, name))
	if !ok {
		return second{}
	}
	n := f.Latest.Network
	i, _ := cloud.Interfaces.Get(k.v, n.Side)
	return second{dataplane.Side{ENI: n.Side, Wide: n.Wide}, i}
}

// takes tells whether what goes to an address leaves by the second way.
func (s second) takes(p *netplan.Plan, to netip.Addr) bool {
	return s.way != nil && !s.Keeps(p, to)
}

// names is the plan whose resolver the function asks: a Wide second way has its own.
func (s second) names(p *netplan.Plan) *netplan.Plan {
	if s.way != nil && s.Wide {
		return &netplan.Plan{}
	}
	return p
}

func outsideHost(v6 bool) netip.Addr {
	if v6 {
		return control.Internet6
	}
	return control.Internet4
}

// interfaces are those that a user may call by this name: one by its ID, its
// address or its instance, or all of a function.
func (k asker) interfaces(name string) ([]*cloud.Interface, error) {
	if i, ok := cloud.Interfaces.Get(k.v, cloud.InterfaceID(name)); ok {
		return []*cloud.Interface{i}, nil
	}
	if f, ok := cloud.Functions.Get(k.v, cloud.MakeFunctionKey(k.account, k.region, name)); ok {
		return k.functionInterfaces(f)
	}
	var found []*cloud.Interface
	addr, _ := netip.ParseAddr(name)
	for i := range cloud.Interfaces.By(k.v, "scope", cloud.Scope(k.account, k.region)) {
		if addr.IsValid() && (slices.Contains(i.Addrs, addr) || slices.Contains(i.Addrs6, addr)) ||
			name != "" && (i.Hostname == name || i.Attachment != nil && i.Attachment.Instance == name) {
			found = append(found, i)
		}
	}
	switch {
	case len(found) > 1:
		return nil, cloud.Errorf(cloud.Invalid, cloud.KindInterface, name, "ambiguous", "%q is in several VPCs: %s in %s, %s in %s; name the interface", name, found[0].ID, found[0].VPC, found[1].ID, found[1].VPC)
	case len(found) == 0:
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindInterface, name, "", "%q is no network interface, function or private address in %s", name, k.region)
	}
	return found, nil
}

// functionInterfaces are those that a function's instances run behind: none in
// a failed zone, while there are others.
func (k asker) functionInterfaces(f *cloud.Function) ([]*cloud.Interface, error) {
	var out, cut []*cloud.Interface
	for _, id := range f.Latest.Network.Interfaces {
		i, ok := cloud.Interfaces.Get(k.v, id)
		switch {
		case !ok:
		case cloud.CutOff(k.v, id):
			cut = append(cut, i)
		default:
			out = append(out, i)
		}
	}
	if len(out) == 0 {
		out = cut
	}
	if len(out) == 0 {
		return nil, cloud.Errorf(cloud.Invalid, cloud.KindFunction, f.Name, "no-vpc", "the function %s has no network interface: it failed to get one, gets it when it first runs, or runs in the service's own network, which reaches the internet and no VPC", f.Name)
	}
	return out, nil
}

// home is the VPC that a destination is in, for what comes from the internet.
func (k asker) home(to string) (cloud.VPCID, error) {
	if a, err := netip.ParseAddr(to); err == nil {
		for i := range cloud.Interfaces.By(k.v, "scope", cloud.Scope(k.account, k.region)) {
			if i.PublicIP == a {
				return i.VPC, nil
			}
			for e := range cloud.ElasticIPs.By(k.v, "interface", string(i.ID)) {
				if e.Addr == a {
					return i.VPC, nil
				}
			}
		}
	}
	found, err := k.interfaces(to)
	if err != nil {
		return "", err
	}
	return found[0].VPC, nil
}

// target is the address that a destination stands for, as its sender (nil is
// the internet) would find it.
func (k asker) target(ctx context.Context, p *netplan.Plan, from *cloud.Interface, to string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(to); err == nil {
		return a, nil
	}
	var addrs []netip.Addr
	name := strings.ToLower(strings.TrimSuffix(to, "."))
	if to == internet {
		addrs = []netip.Addr{control.Internet4, control.Internet6}
	} else if found, err := k.interfaces(to); err == nil {
		addrs = slices.Concat(found[0].Addrs, found[0].Addrs6)
		if from == nil {
			addrs = public(p, addrs)
		}
	} else if !cloud.IsKind(err, cloud.NotFound) {
		return netip.Addr{}, err
	} else if addrs, err = k.named(ctx, p, from, name); err != nil {
		return netip.Addr{}, err
	}
	if len(addrs) == 0 {
		return netip.Addr{}, cloud.Errorf(cloud.NotFound, "", to, "no-address", "%q is no interface or function, and no name with an address", to)
	}
	return suited(addrs, from), nil
}

// named are the addresses that a name has for its sender: inside a VPC by its
// resolver, if it answers.
func (k asker) named(ctx context.Context, p *netplan.Plan, from *cloud.Interface, name string) ([]netip.Addr, error) {
	if from == nil || !p.DNS.Enabled {
		p = &netplan.Plan{}
	}
	addrs, err := weirdns.Addrs(ctx, p, k.resolve, name)
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", name, err)
	}
	return addrs, nil
}

// public are the addresses by which the internet knows an interface's.
func public(p *netplan.Plan, addrs []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range addrs {
		if p.Gateway != nil {
			for _, pair := range p.Gateway.Public {
				if pair.Private == a {
					out = append(out, pair.Public)
				}
			}
		}
	}
	for _, a := range addrs {
		if a.Is6() {
			out = append(out, a)
		}
	}
	return append(out, addrs...)
}

// suited is the first address that the sender has an address of the same family for.
func suited(addrs []netip.Addr, from *cloud.Interface) netip.Addr {
	for _, a := range addrs {
		if from == nil || a.Is4() && len(from.Addrs) > 0 || a.Is6() && len(from.Addrs6) > 0 {
			return a
		}
	}
	return addrs[0]
}
