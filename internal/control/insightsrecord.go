package control

import (
	"slices"
	"strconv"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// record puts the analyser's answer into a, with the rules it names as they are now.
func record(v cloud.View, x *reach.Analyser, p *cloud.InsightsPath, a *cloud.InsightsAnalysis, answer *reach.Answer) {
	n := notes{v, x}
	a.Found = answer.Reachable
	a.Forward, a.Return = n.steps(answer.Path, false), n.steps(answer.Reply, true)
	if p.Source.Kind == cloud.KindInstance && len(a.Forward) > 0 {
		a.Forward = append([]cloud.PathStep{{Resource: p.Source, Out: a.Forward[0].Out}}, a.Forward...)
	}
	if p.Destination.Kind == cloud.KindInstance && answer.Delivered && len(a.Forward) > 0 {
		a.Forward = append(a.Forward, cloud.PathStep{Resource: p.Destination, In: a.Forward[len(a.Forward)-1].In})
	}
	if answer.Reachable {
		return
	}
	a.Stop = &cloud.PathStop{Code: answer.Code, Text: answer.Text}
	switch answer.Stage {
	case netplan.StageACLOut, netplan.StageGroupOut:
		a.Stop.Direction = "egress"
	case netplan.StageACLIn, netplan.StageGroupIn:
		a.Stop.Direction = "ingress"
	}
	for _, r := range answer.Blame {
		a.Stop.Blame = append(a.Stop.Blame, n.step(answer.VPC, r, a.Stop.Direction == "egress"))
	}
}

// notes looks up what a path's hops refer to.
type notes struct {
	v cloud.View
	x *reach.Analyser
}

// steps puts a path into neutral words. Security groups, which let answers
// pass, are named with each interface of an answer's path.
func (n notes) steps(path []reach.Hop, answering bool) []cloud.PathStep {
	var out []cloud.PathStep
	for _, h := range reach.InOrder(path) {
		s := n.step(h.VPC, h.Resource, h.Role == reach.RoleACLOut || h.Role == reach.RoleGroupOut)
		if h.Route != nil {
			s.Route = pathRoute(h.Route)
		}
		if h.Line != nil {
			s.Line = aclLine(h.Line, s.Outbound)
		}
		s.In, s.Out = header(h.In), header(h.Out)
		if h.Role == reach.RoleGateway && h.Resource.Kind != cloud.KindPeering || h.Role == reach.RoleNAT {
			s.VPC = h.VPC
		}
		if answering && h.Role == reach.RoleTarget {
			out = append(out, n.groups(h, false)...)
		}
		out = append(out, s)
		if answering && h.Role == reach.RoleSource {
			out = append(out, n.groups(h, true)...)
		}
	}
	return out
}

func (n notes) groups(h reach.Hop, outbound bool) (out []cloud.PathStep) {
	for _, f := range n.x.PlanOf(h.VPC).Profiles {
		if f.Key != h.ENI.Profile {
			continue
		}
		for _, g := range f.Groups {
			out = append(out, cloud.PathStep{Resource: cloud.Ref{Kind: cloud.KindSecurityGroup, ID: string(g)}, Outbound: outbound})
		}
	}
	return out
}

// step describes one resource of a VPC's path, or the part of it that a reference names.
func (n notes) step(vpc cloud.VPCID, r cloud.Ref, outbound bool) cloud.PathStep {
	s := cloud.PathStep{Resource: cloud.Ref{Kind: r.Kind, ID: r.ID}, Outbound: outbound}
	switch r.Kind {
	case cloud.KindInterface:
		if i, ok := cloud.Interfaces.Get(n.v, cloud.InterfaceID(r.ID)); ok {
			s.Subnet, s.VPC = i.Subnet, i.VPC
			if i.Attachment != nil {
				s.Attached = i.Attachment.Instance
			}
		}
	case cloud.KindSecurityGroup:
		if g, ok := cloud.SecurityGroups.Get(n.v, cloud.SecurityGroupID(r.ID)); ok {
			if i := ruleByID(g.Rules, r.Part); r.Part != "" && i >= 0 {
				s.Rule = &g.Rules[i]
				s.Outbound = s.Rule.Egress
			}
		}
	case cloud.KindNetworkACL:
		if acl, ok := cloud.NetworkACLs.Get(n.v, cloud.NetworkACLID(r.ID)); ok {
			if i := slices.IndexFunc(acl.Entries, func(e cloud.NetworkACLEntry) bool {
				return strconv.Itoa(e.Number) == r.Part && e.Egress == outbound
			}); i >= 0 {
				s.Line = &acl.Entries[i]
			}
		}
	case cloud.KindRouteTable:
		s.Route = route(n.x.PlanOf(vpc), r)
	case cloud.KindTransitTable:
		s.Route = transitRoute(n.x.PlanOf(vpc), r)
	}
	return s
}

func route(p *netplan.Plan, r cloud.Ref) *cloud.PathRoute {
	for _, t := range p.Tables {
		for i := range t.Routes {
			if string(t.ID) == r.ID && t.Routes[i].Dest.String() == r.Part {
				return pathRoute(&t.Routes[i])
			}
		}
	}
	return nil
}

func transitRoute(p *netplan.Plan, r cloud.Ref) *cloud.PathRoute {
	for _, t := range p.Transits {
		for _, route := range t.Routes {
			if len(route.Source) > 0 && route.Source[0] == r {
				return &cloud.PathRoute{Route: cloud.Route{Dest: route.Dest, Target: cloud.RouteTarget{Kind: cloud.TargetTransit, ID: string(route.Attachment)}}, Blackhole: route.VPC == ""}
			}
		}
	}
	return nil
}

var targetKinds = map[netplan.Hop]cloud.TargetKind{
	netplan.HopInternet: cloud.TargetInternetGateway, netplan.HopEgressOnly: cloud.TargetEgressOnlyGateway, netplan.HopNAT: cloud.TargetNATGateway,
	netplan.HopIPv6: cloud.TargetIPv6Gateway, netplan.HopENI: cloud.TargetInterface, netplan.HopEndpoint: cloud.TargetEndpoint, netplan.HopBlackhole: cloud.TargetBlackhole,
	netplan.HopPeering: cloud.TargetPeering, netplan.HopTransit: cloud.TargetTransit,
}

func pathRoute(r *netplan.Route) *cloud.PathRoute {
	out := &cloud.PathRoute{Local: r.Hop == netplan.HopLocal, Blackhole: r.Hop == netplan.HopBlackhole}
	out.Dest, out.Target = r.Dest, cloud.RouteTarget{Kind: targetKinds[r.Hop], ID: r.Target}
	for _, ref := range r.Source {
		if ref.Kind == cloud.KindPrefixList {
			out.PrefixList = cloud.PrefixListID(ref.ID)
		}
	}
	return out
}

func aclLine(l *netplan.ACLEntry, egress bool) *cloud.NetworkACLEntry {
	return &cloud.NetworkACLEntry{
		Number: l.Number, Egress: egress, Protocol: l.Protocol, Action: l.Action, Prefix: l.Prefix,
		From: l.From, To: l.To, ICMPType: l.ICMPType, ICMPCode: l.ICMPCode,
	}
}

func header(h reach.Header) *cloud.PacketHeader {
	if !h.Valid() {
		return nil
	}
	return &cloud.PacketHeader{
		Protocol: h.Protocol, Source: h.Source, Destination: h.Destination,
		SourcePorts:      cloud.PortRange{From: h.SourcePorts[0], To: h.SourcePorts[1]},
		DestinationPorts: cloud.PortRange{From: h.DestinationPorts[0], To: h.DestinationPorts[1]},
	}
}
