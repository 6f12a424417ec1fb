package ec2

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleInsights(s *wire.Service) {
	wire.Handle(s, "CreateNetworkInsightsPath", a.createNetworkInsightsPath)
	wire.Handle(s, "DescribeNetworkInsightsPaths", a.describeNetworkInsightsPaths)
	wire.Handle(s, "DeleteNetworkInsightsPath", a.deleteNetworkInsightsPath)
	wire.Handle(s, "StartNetworkInsightsAnalysis", a.startNetworkInsightsAnalysis)
	wire.Handle(s, "DescribeNetworkInsightsAnalyses", a.describeNetworkInsightsAnalyses)
	wire.Handle(s, "DeleteNetworkInsightsAnalysis", a.deleteNetworkInsightsAnalysis)
}

// newInsightsPath is CreateNetworkInsightsPathInput, but for the protocol: the
// model has it in small letters only, the vendor's examples write TCP.
type newInsightsPath struct {
	ClientToken         *string            `w:"ClientToken,req"`
	Destination         *string            `w:"Destination"`
	DestinationIp       *string            `w:"DestinationIp"`
	DestinationPort     *int32             `w:"DestinationPort,min=0,max=65535"`
	DryRun              *bool              `w:"DryRun"`
	FilterAtDestination *PathRequestFilter `w:"FilterAtDestination"`
	FilterAtSource      *PathRequestFilter `w:"FilterAtSource"`
	Protocol            *string            `w:"Protocol,req"`
	Source              *string            `w:"Source,req"`
	SourceIp            *string            `w:"SourceIp"`
	TagSpecifications   []TagSpecification `w:"TagSpecification"`
}

// plainPath marks a path that was made with addresses and a port of its own
// instead of filters, and is shown so.
const plainPath = "aws.plain"

// pathEnds are the kinds of resource that a path may start or end at.
var pathEnds = []cloud.Resource{cloud.KindInterface, cloud.KindInstance, cloud.KindInternetGateway, cloud.KindEndpoint}

// pathEnd reads an ID or ARN.
func pathEnd(param, s string) (cloud.Ref, error) {
	r, ok := resourceOf(s)
	if !ok || !slices.Contains(pathEnds, r.Kind) {
		return r, badValue(param, s, "A network interface, an instance, an internet gateway or a VPC endpoint is expected.")
	}
	return r, nil
}

// resourceOf reads an ID or ARN of any kind.
func resourceOf(s string) (cloud.Ref, bool) {
	id := s[strings.LastIndex(s, "/")+1:]
	kind, ok := kindOf(id)
	return cloud.Ref{Kind: kind, ID: id}, ok
}

func resourcesOf(param string, arns []string) ([]cloud.Ref, error) {
	out := make([]cloud.Ref, len(arns))
	for i, s := range arns {
		r, ok := resourceOf(s)
		if !ok || !strings.HasPrefix(s, "arn:") {
			return nil, badValue(param, s, "This is not a valid ARN.")
		}
		out[i] = r
	}
	return out, nil
}

// packetFilter reads a filter of a path.
func packetFilter(param string, f *PathRequestFilter) (out cloud.PacketFilter, err error) {
	if f == nil {
		return out, nil
	}
	if out.Source, err = address(param+".sourceAddress", f.SourceAddress, false); err != nil {
		return out, err
	}
	if out.Destination, err = address(param+".destinationAddress", f.DestinationAddress, false); err != nil {
		return out, err
	}
	span := func(name string, r *RequestFilterPortRange) (p cloud.PortRange, err error) {
		if r == nil {
			return p, nil
		}
		p = cloud.PortRange{From: int(number(r.FromPort)), To: int(number(r.ToPort))}
		if p.From > p.To {
			err = badValue(param+"."+name, fmt.Sprintf("%d-%d", p.From, p.To), "The first port is above the last one.")
		}
		return p, err
	}
	if out.SourcePorts, err = span("sourcePortRange", f.SourcePortRange); err != nil {
		return out, err
	}
	out.DestinationPorts, err = span("destinationPortRange", f.DestinationPortRange)
	return out, err
}

// filters reads what a new path's packets are, in either of the two ways to say it.
func (in *newInsightsPath) filters() (source, destination cloud.PacketFilter, plain bool, err error) {
	plain = in.SourceIp != nil || in.DestinationIp != nil || in.DestinationPort != nil
	switch {
	case in.FilterAtSource != nil && (in.SourceIp != nil || in.DestinationPort != nil):
		return source, destination, plain, combination("The parameter filterAtSource cannot be used with the parameters sourceIp and destinationPort")
	case in.FilterAtDestination != nil && in.DestinationIp != nil:
		return source, destination, plain, combination("The parameter filterAtDestination cannot be used with the parameter destinationIp")
	}
	if source, err = packetFilter("filterAtSource", in.FilterAtSource); err != nil {
		return source, destination, plain, err
	}
	if destination, err = packetFilter("filterAtDestination", in.FilterAtDestination); err != nil || !plain {
		return source, destination, plain, err
	}
	if in.SourceIp != nil {
		if source.Source, err = address("sourceIp", in.SourceIp, false); err != nil {
			return source, destination, plain, err
		}
	}
	if in.DestinationPort != nil {
		source.DestinationPorts = cloud.PortRange{From: int(*in.DestinationPort), To: int(*in.DestinationPort)}
	}
	if in.DestinationIp != nil {
		destination.Destination, err = address("destinationIp", in.DestinationIp, false)
	}
	return source, destination, plain, err
}

func (a *api) createNetworkInsightsPath(ctx context.Context, in *newInsightsPath) (*CreateNetworkInsightsPathOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	var c control.CreateInsightsPath
	if c.Protocol, err = protocolNumber(*in.Protocol); err != nil || c.Protocol != tcp && c.Protocol != udp {
		return nil, badValue("protocol", *in.Protocol, "")
	}
	if c.Source, err = pathEnd("source", *in.Source); err != nil {
		return nil, err
	}
	if in.Destination != nil {
		if c.Destination, err = pathEnd("destination", *in.Destination); err != nil {
			return nil, err
		}
	}
	if c.Labels, err = labels(cloud.KindInsightsPath, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	var plain bool
	if c.AtSource, c.AtDestination, plain, err = in.filters(); err != nil {
		return nil, err
	}
	if plain {
		c.Attrs = map[string]string{plainPath: "true"}
	}
	p, err := a.control.CreateInsightsPath(ctx, who, c)
	if err != nil {
		return nil, err
	}
	return &CreateNetworkInsightsPathOutput{NetworkInsightsPath: new(insightsPathShape(p))}, nil
}

func (a *api) describeNetworkInsightsPaths(ctx context.Context, in *DescribeNetworkInsightsPathsInput) (*DescribeNetworkInsightsPathsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	all := collect(a.control.View(), cloud.InsightsPaths, cloud.Scope(who.Account, who.Region), insightsPathShape)
	out := &DescribeNetworkInsightsPathsOutput{}
	out.NetworkInsightsPaths, out.NextToken, err = insightsPathListing.answer(ctx, all, question{in.NetworkInsightsPathIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteNetworkInsightsPath(ctx context.Context, in *DeleteNetworkInsightsPathInput) (*DeleteNetworkInsightsPathOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return &DeleteNetworkInsightsPathOutput{NetworkInsightsPathId: in.NetworkInsightsPathId},
		a.control.DeleteInsightsPath(ctx, who, cloud.InsightsPathID(*in.NetworkInsightsPathId))
}

func (a *api) startNetworkInsightsAnalysis(ctx context.Context, in *StartNetworkInsightsAnalysisInput) (*StartNetworkInsightsAnalysisOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	c := control.StartInsightsAnalysis{Path: cloud.InsightsPathID(*in.NetworkInsightsPathId)}
	if len(in.AdditionalAccounts) > 0 {
		return nil, a.unsupported("An analysis over several accounts")
	}
	if c.Labels, err = labels(cloud.KindInsightsAnalysis, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	if c.Through, err = resourcesOf("filterInArn", in.FilterInArns); err != nil {
		return nil, err
	}
	if c.Around, err = resourcesOf("filterOutArn", in.FilterOutArns); err != nil {
		return nil, err
	}
	made, err := a.control.StartInsightsAnalysis(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := runningShape(made)
	return &StartNetworkInsightsAnalysisOutput{NetworkInsightsAnalysis: &out}, nil
}

func (a *api) describeNetworkInsightsAnalyses(ctx context.Context, in *DescribeNetworkInsightsAnalysesInput) (*DescribeNetworkInsightsAnalysesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v, now := a.control.View(), a.control.Now()
	if id := text(in.NetworkInsightsPathId); id != "" {
		if p, ok := cloud.InsightsPaths.Get(v, cloud.InsightsPathID(id)); !ok || p.Scope() != cloud.Scope(who.Account, who.Region) {
			return nil, noSuch(cloud.KindInsightsPath, id)
		}
	}
	var all []NetworkInsightsAnalysis
	for r := range cloud.InsightsAnalyses.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if asked(in, r) {
			all = append(all, analysisShape(r, now))
		}
	}
	out := &DescribeNetworkInsightsAnalysesOutput{}
	out.NetworkInsightsAnalyses, out.NextToken, err = analysisListing.answer(ctx, all, question{in.NetworkInsightsAnalysisIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

// asked reports whether an analysis is of the path and time asked for.
func asked(in *DescribeNetworkInsightsAnalysesInput, r *cloud.InsightsAnalysis) bool {
	within := func(t time.Time) bool {
		return (in.AnalysisStartTime == nil || !t.Before(*in.AnalysisStartTime)) && (in.AnalysisEndTime == nil || !t.After(*in.AnalysisEndTime))
	}
	return (in.NetworkInsightsPathId == nil || string(r.Path) == *in.NetworkInsightsPathId) && within(r.Created)
}

func (a *api) deleteNetworkInsightsAnalysis(ctx context.Context, in *DeleteNetworkInsightsAnalysisInput) (*DeleteNetworkInsightsAnalysisOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return &DeleteNetworkInsightsAnalysisOutput{NetworkInsightsAnalysisId: in.NetworkInsightsAnalysisId},
		a.control.DeleteInsightsAnalysis(ctx, who, cloud.InsightsAnalysisID(*in.NetworkInsightsAnalysisId))
}
