package ec2

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func insightsPathShape(p *cloud.InsightsPath) NetworkInsightsPath {
	out := NetworkInsightsPath{
		NetworkInsightsPathId: new(string(p.ID)), NetworkInsightsPathArn: new(arn(&p.Meta, "network-insights-path", string(p.ID))),
		CreatedDate: new(p.Created), Protocol: Protocol(protocolName(p.Protocol)), Tags: tagList(p.Tags),
		Source: new(p.Source.ID), SourceArn: new(refARN(&p.Meta, p.Source)),
	}
	if p.Destination.ID != "" {
		out.Destination, out.DestinationArn = new(p.Destination.ID), new(refARN(&p.Meta, p.Destination))
	}
	source, destination := p.AtSource, p.AtDestination
	if p.Attrs[plainPath] != "" {
		out.SourceIp, out.DestinationIp = shownAddr(source.Source), shownAddr(destination.Destination)
		if source.DestinationPorts.To > 0 && source.SourcePorts.To == 0 {
			out.DestinationPort = new(int32(source.DestinationPorts.To))
		}
		return out
	}
	out.FilterAtSource, out.FilterAtDestination = pathFilter(source), pathFilter(destination)
	return out
}

func pathFilter(f cloud.PacketFilter) *PathFilter {
	if f == (cloud.PacketFilter{}) {
		return nil
	}
	span := func(r cloud.PortRange) *FilterPortRange {
		if r.To == 0 {
			return nil
		}
		return &FilterPortRange{FromPort: new(int32(r.From)), ToPort: new(int32(r.To))}
	}
	return &PathFilter{
		SourceAddress: shownAddr(f.Source), DestinationAddress: shownAddr(f.Destination),
		SourcePortRange: span(f.SourcePorts), DestinationPortRange: span(f.DestinationPorts),
	}
}

func shownAddr(a netip.Addr) *string {
	if !a.IsValid() {
		return nil
	}
	return new(a.String())
}

// refARN names a resource of the same account and region as m.
func refARN(m *cloud.Meta, r cloud.Ref) string {
	kind, ok := resourceTypes[r.Kind]
	if !ok {
		kind = ResourceType(r.Kind)
	}
	return arn(m, string(kind), r.ID)
}

var insightsPathListing = listing[NetworkInsightsPath]{
	kind: cloud.KindInsightsPath, param: "networkInsightsPathIds",
	id:   func(p NetworkInsightsPath) *string { return p.NetworkInsightsPathId },
	tags: func(p NetworkInsightsPath) []Tag { return p.Tags },
	fields: wire.Fields[NetworkInsightsPath]{
		"source":      func(p NetworkInsightsPath) []string { return fact(p.Source) },
		"destination": func(p NetworkInsightsPath) []string { return fact(p.Destination) },
		"protocol":    func(p NetworkInsightsPath) []string { return fact(&p.Protocol) },
		"filter-at-source.source-address": func(p NetworkInsightsPath) []string {
			return filterFact(p.FilterAtSource, func(f *PathFilter) []string { return fact(f.SourceAddress) })
		},
		"filter-at-source.destination-address": func(p NetworkInsightsPath) []string {
			return filterFact(p.FilterAtSource, func(f *PathFilter) []string { return fact(f.DestinationAddress) })
		},
		"filter-at-source.source-port-range": func(p NetworkInsightsPath) []string {
			return filterFact(p.FilterAtSource, func(f *PathFilter) []string { return portsFact(f.SourcePortRange) })
		},
		"filter-at-source.destination-port-range": func(p NetworkInsightsPath) []string {
			return filterFact(p.FilterAtSource, func(f *PathFilter) []string { return portsFact(f.DestinationPortRange) })
		},
		"filter-at-destination.source-address": func(p NetworkInsightsPath) []string {
			return filterFact(p.FilterAtDestination, func(f *PathFilter) []string { return fact(f.SourceAddress) })
		},
		"filter-at-destination.destination-address": func(p NetworkInsightsPath) []string {
			return filterFact(p.FilterAtDestination, func(f *PathFilter) []string { return fact(f.DestinationAddress) })
		},
		"filter-at-destination.source-port-range": func(p NetworkInsightsPath) []string {
			return filterFact(p.FilterAtDestination, func(f *PathFilter) []string { return portsFact(f.SourcePortRange) })
		},
		"filter-at-destination.destination-port-range": func(p NetworkInsightsPath) []string {
			return filterFact(p.FilterAtDestination, func(f *PathFilter) []string { return portsFact(f.DestinationPortRange) })
		},
	},
}

func filterFact(f *PathFilter, get func(*PathFilter) []string) []string {
	if f == nil {
		return nil
	}
	return get(f)
}

func portsFact(r *FilterPortRange) []string {
	if r == nil {
		return nil
	}
	return []string{fmt.Sprintf("%d-%d", number(r.FromPort), number(r.ToPort))}
}

var analysisListing = listing[NetworkInsightsAnalysis]{
	kind: cloud.KindInsightsAnalysis, param: "networkInsightsAnalysisIds",
	id:   func(a NetworkInsightsAnalysis) *string { return a.NetworkInsightsAnalysisId },
	tags: func(a NetworkInsightsAnalysis) []Tag { return a.Tags },
	fields: wire.Fields[NetworkInsightsAnalysis]{
		"path-found": func(a NetworkInsightsAnalysis) []string { return flag(a.NetworkPathFound) },
		"status":     func(a NetworkInsightsAnalysis) []string { return fact(&a.Status) },
	},
}

// runningShape is an analysis before its result is shown.
func runningShape(a *cloud.InsightsAnalysis) NetworkInsightsAnalysis {
	out := NetworkInsightsAnalysis{
		NetworkInsightsAnalysisId: new(string(a.ID)), NetworkInsightsAnalysisArn: new(arn(&a.Meta, "network-insights-analysis", string(a.ID))),
		NetworkInsightsPathId: new(string(a.Path)), StartDate: new(a.Created), Status: AnalysisStatusRunning, Tags: tagList(a.Tags),
	}
	for _, r := range a.Through {
		out.FilterInArns = append(out.FilterInArns, refARN(&a.Meta, r))
	}
	for _, r := range a.Around {
		out.FilterOutArns = append(out.FilterOutArns, refARN(&a.Meta, r))
	}
	return out
}

func analysisShape(a *cloud.InsightsAnalysis, now time.Time) NetworkInsightsAnalysis {
	out := runningShape(a)
	switch {
	case now.Before(a.ReadyAt):
		return out
	case a.Failure != "":
		out.Status, out.StatusMessage = AnalysisStatusFailed, new(a.Failure)
		return out
	}
	s := stepShaper{&a.Meta}
	out.Status, out.NetworkPathFound = AnalysisStatusSucceeded, new(a.Found)
	out.ForwardPathComponents, out.ReturnPathComponents = s.path(a.Forward), s.path(a.Return)
	if a.Stop != nil {
		out.StatusMessage, out.Explanations = new(a.Stop.Text), []Explanation{s.explanation(a.Stop)}
	}
	return out
}

// stepShaper shapes what a path consists of; all is of one account and region.
type stepShaper struct{ meta *cloud.Meta }

func (s stepShaper) component(r cloud.Ref) *AnalysisComponent {
	if r.ID == "" {
		return nil
	}
	return &AnalysisComponent{Id: new(r.ID), Arn: new(refARN(s.meta, r))}
}

func (s stepShaper) path(steps []cloud.PathStep) []PathComponent {
	var out []PathComponent
	for i, p := range steps {
		c := PathComponent{
			SequenceNumber: new(int32(i + 1)), Component: s.component(p.Resource),
			AttachedTo: s.component(cloud.Ref{Kind: cloud.KindInstance, ID: p.Attached}),
			Subnet:     s.component(cloud.Ref{Kind: cloud.KindSubnet, ID: string(p.Subnet)}),
			Vpc:        s.component(cloud.Ref{Kind: cloud.KindVPC, ID: string(p.VPC)}),
			AclRule:    aclRuleShape(p.Line), SecurityGroupRule: groupRuleShape(p), RouteTableRoute: pathRouteShape(p.Route),
			InboundHeader: headerShape(p.In, nil), OutboundHeader: headerShape(p.Out, p.In),
		}
		out = append(out, c)
	}
	return out
}

// headerShape shows a packet; of one that was turned into another, what changed.
func headerShape(h, was *cloud.PacketHeader) *AnalysisPacketHeader {
	if h == nil {
		return nil
	}
	if was == nil {
		was = &cloud.PacketHeader{}
	}
	out := &AnalysisPacketHeader{}
	if h.Protocol != was.Protocol {
		out.Protocol = new(strconv.Itoa(h.Protocol))
	}
	if h.Source != was.Source {
		out.SourceAddresses = []string{host(h.Source)}
	}
	if h.Destination != was.Destination {
		out.DestinationAddresses = []string{host(h.Destination)}
	}
	if h.SourcePorts != was.SourcePorts {
		out.SourcePortRanges = []PortRange{*portRange(h.SourcePorts.From, h.SourcePorts.To)}
	}
	if h.DestinationPorts != was.DestinationPorts {
		out.DestinationPortRanges = []PortRange{*portRange(h.DestinationPorts.From, h.DestinationPorts.To)}
	}
	return out
}

func host(a netip.Addr) string { return netip.PrefixFrom(a, a.BitLen()).String() }

func portRange(from, to int) *PortRange {
	return &PortRange{From: new(int32(from)), To: new(int32(to))}
}

// rulePorts are the ports of a filter's rule, if it has any.
func rulePorts(protocol, from, to int) *PortRange {
	switch {
	case protocol != tcp && protocol != udp:
		return nil
	case from < 0:
		return portRange(0, 65535)
	}
	return portRange(from, to)
}

func ruleProtocol(n int) *string {
	if n == -1 {
		return new("all")
	}
	return new(protocolName(n))
}

func aclRuleShape(l *cloud.NetworkACLEntry) *AnalysisAclRule {
	if l == nil {
		return nil
	}
	return &AnalysisAclRule{
		Cidr: given(l.Prefix.String()), Egress: new(l.Egress), PortRange: rulePorts(l.Protocol, l.From, l.To),
		Protocol: ruleProtocol(l.Protocol), RuleAction: new(string(l.Action)), RuleNumber: new(int32(l.Number)),
	}
}

func direction(outbound bool) string {
	if outbound {
		return "egress"
	}
	return "ingress"
}

func groupRuleShape(p cloud.PathStep) *AnalysisSecurityGroupRule {
	r := p.Rule
	if r == nil {
		return nil
	}
	out := &AnalysisSecurityGroupRule{
		Direction: new(direction(r.Egress)), PortRange: rulePorts(r.Protocol, r.From, r.To), PrefixListId: given(r.PrefixList),
		Protocol: ruleProtocol(r.Protocol), SecurityGroupId: given(r.Group),
	}
	if r.Prefix.IsValid() {
		out.Cidr = new(r.Prefix.String())
	}
	return out
}

func pathRouteShape(r *cloud.PathRoute) *AnalysisRouteTableRoute {
	if r == nil {
		return nil
	}
	out := &AnalysisRouteTableRoute{Origin: new("createroute"), State: new("active"), DestinationPrefixListId: given(r.PrefixList)}
	if r.PrefixList == "" {
		out.DestinationCidr = new(r.Dest.String())
	}
	id := given(r.Target.ID)
	switch kind, _ := kindOf(r.Target.ID); {
	case r.Local:
		out.GatewayId, out.Origin = new("local"), new("createroutetable")
	case kind == cloud.KindNATGateway:
		out.NatGatewayId = id
	case kind == cloud.KindEgressOnlyGateway:
		out.EgressOnlyInternetGatewayId = id
	case kind == cloud.KindInterface:
		out.NetworkInterfaceId = id
	case kind == cloud.KindTransitRouter:
		out.TransitGatewayId = id
	default:
		out.GatewayId = id
	}
	if r.Blackhole {
		out.State = new("blackhole")
	}
	return out
}

// transitRouteComponent shows a route of a transit gateway's table.
func transitRouteComponent(r *cloud.PathRoute) *TransitGatewayRouteTableRoute {
	if r == nil {
		return nil
	}
	out := &TransitGatewayRouteTableRoute{DestinationCidr: new(r.Dest.String()), AttachmentId: given(r.Target.ID), PrefixListId: given(r.PrefixList), State: new("active")}
	if r.Blackhole {
		out.State = new("blackhole")
	}
	return out
}

// explanation names the resources at fault, each in its place.
func (s stepShaper) explanation(stop *cloud.PathStop) Explanation {
	e := Explanation{ExplanationCode: new(stop.Code), Direction: given(stop.Direction)}
	for _, p := range stop.Blame {
		c := s.component(p.Resource)
		switch p.Resource.Kind {
		case cloud.KindInterface:
			e.NetworkInterface, e.AttachedTo = c, s.component(cloud.Ref{Kind: cloud.KindInstance, ID: p.Attached})
			e.Subnet = s.component(cloud.Ref{Kind: cloud.KindSubnet, ID: string(p.Subnet)})
			e.Vpc = s.component(cloud.Ref{Kind: cloud.KindVPC, ID: string(p.VPC)})
		case cloud.KindSecurityGroup:
			if !slices.ContainsFunc(e.SecurityGroups, func(o AnalysisComponent) bool { return text(o.Id) == p.Resource.ID }) {
				e.SecurityGroups = append(e.SecurityGroups, *c)
			}
			if e.SecurityGroupRule == nil {
				e.SecurityGroupRule = groupRuleShape(p)
			}
		case cloud.KindNetworkACL:
			e.Acl, e.AclRule = c, aclRuleShape(p.Line)
		case cloud.KindRouteTable:
			e.RouteTable, e.RouteTableRoute = c, pathRouteShape(p.Route)
		case cloud.KindSubnet:
			e.Subnet = c
		case cloud.KindVPC:
			e.Vpc = c
		case cloud.KindInternetGateway:
			e.InternetGateway = c
		case cloud.KindNATGateway:
			e.NatGateway = c
		case cloud.KindEndpoint:
			e.VpcEndpoint = c
		case cloud.KindPeering:
			e.VpcPeeringConnection = c
		case cloud.KindTransitRouter:
			e.TransitGateway = c
		case cloud.KindTransitAttachment:
			e.TransitGatewayAttachment = c
		case cloud.KindTransitTable:
			e.TransitGatewayRouteTable, e.TransitGatewayRouteTableRoute = c, transitRouteComponent(p.Route)
		case cloud.KindPrefixList:
			e.PrefixList = c
		default:
			e.Component = c
		}
	}
	return e
}
