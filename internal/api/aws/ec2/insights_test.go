package ec2_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/control"
)

// site is a public subnet with a host that has an elastic IP, a private one
// with a NAT gateway in the public one, and a host there.
type site struct {
	*world
	vpc, igw, nat, elastic     string
	public, private            string
	publicTable, privateTable  string
	web, app, webGroup, appSec string
	webAddr, appAddr           string
}

func newSite(t *testing.T, change ...func(*control.Options)) *site {
	w := newWorld(t, change...)
	ctx, st := t.Context(), &site{world: w}
	st.vpc = *do(w.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0/16")})).Vpc.VpcId
	subnet := func(block string) string {
		return *do(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &st.vpc, CidrBlock: &block, AvailabilityZone: s("us-east-1a")})).Subnet.SubnetId
	}
	st.public, st.private = subnet("10.0.0.0/24"), subnet("10.0.1.0/24")
	st.igw = *do(w.CreateInternetGateway(ctx, &sdk.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	do(w.AttachInternetGateway(ctx, &sdk.AttachInternetGatewayInput{InternetGatewayId: &st.igw, VpcId: &st.vpc}))
	table := func(subnet string) string {
		id := do(w.CreateRouteTable(ctx, &sdk.CreateRouteTableInput{VpcId: &st.vpc})).RouteTable.RouteTableId
		do(w.AssociateRouteTable(ctx, &sdk.AssociateRouteTableInput{RouteTableId: id, SubnetId: &subnet}))
		return *id
	}
	st.publicTable, st.privateTable = table(st.public), table(st.private)
	do(w.CreateRoute(ctx, &sdk.CreateRouteInput{RouteTableId: &st.publicTable, DestinationCidrBlock: s("0.0.0.0/0"), GatewayId: &st.igw}))
	eip := do(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{}))
	st.nat = *do(w.CreateNatGateway(ctx, &sdk.CreateNatGatewayInput{SubnetId: &st.public, AllocationId: eip.AllocationId})).NatGateway.NatGatewayId
	do(w.CreateRoute(ctx, &sdk.CreateRouteInput{RouteTableId: &st.privateTable, DestinationCidrBlock: s("0.0.0.0/0"), NatGatewayId: &st.nat}))
	host := func(name, subnet string) (eni, group, addr string) {
		g := do(w.CreateSecurityGroup(ctx, &sdk.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: &st.vpc})).GroupId
		i := do(w.CreateNetworkInterface(ctx, &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, Groups: []string{*g}})).NetworkInterface
		return *i.NetworkInterfaceId, *g, *i.PrivateIpAddress
	}
	st.web, st.webGroup, st.webAddr = host("web", st.public)
	st.app, st.appSec, st.appAddr = host("app", st.private)
	out := do(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{}))
	st.elastic = *out.PublicIp
	do(w.AssociateAddress(ctx, &sdk.AssociateAddressInput{AllocationId: out.AllocationId, NetworkInterfaceId: &st.web}))
	return st
}

func (st *site) allow(group string, port int32, cidr string) {
	do(st.AuthorizeSecurityGroupIngress(st.Context(), &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpProtocol: s("tcp"), FromPort: &port, ToPort: &port, CidrIp: &cidr}))
}

// analyse makes a path, and is what an analysis of it says.
func (st *site) analyse(in *sdk.CreateNetworkInsightsPathInput, through ...string) types.NetworkInsightsAnalysis {
	st.Helper()
	if in.Protocol == "" {
		in.Protocol = types.ProtocolTcp
	}
	p := do(st.CreateNetworkInsightsPath(st.Context(), in)).NetworkInsightsPath
	a := do(st.StartNetworkInsightsAnalysis(st.Context(), &sdk.StartNetworkInsightsAnalysisInput{NetworkInsightsPathId: p.NetworkInsightsPathId, FilterInArns: through})).NetworkInsightsAnalysis
	return do(st.DescribeNetworkInsightsAnalyses(st.Context(), &sdk.DescribeNetworkInsightsAnalysesInput{NetworkInsightsAnalysisIds: []string{*a.NetworkInsightsAnalysisId}})).NetworkInsightsAnalyses[0]
}

// outline is a path in one line: each component with what it met there.
func outline(path []types.PathComponent) string {
	var out []string
	for i, c := range path {
		word := *c.Component.Id
		if int(*c.SequenceNumber) != i+1 || !strings.HasSuffix(*c.Component.Arn, "/"+word) {
			word += "?"
		}
		if r := c.AclRule; r != nil {
			word += fmt.Sprintf(" %d %s %s egress=%v %s", *r.RuleNumber, *r.RuleAction, *r.Protocol, *r.Egress, *r.Cidr)
		}
		if r := c.SecurityGroupRule; r != nil {
			word += fmt.Sprintf(" %s %s %s", *r.Direction, *r.Protocol, aws.ToString(r.Cidr))
			if r.PortRange != nil {
				word += fmt.Sprintf(" %d-%d", *r.PortRange.From, *r.PortRange.To)
			}
		}
		if r := c.RouteTableRoute; r != nil {
			word += fmt.Sprintf(" %s to %s%s (%s, %s)", *r.DestinationCidr, aws.ToString(r.GatewayId), aws.ToString(r.NatGatewayId), *r.Origin, *r.State)
		}
		if h := c.InboundHeader; h != nil {
			word += fmt.Sprint(" in ", h.SourceAddresses, h.DestinationAddresses)
		}
		if h := c.OutboundHeader; h != nil {
			word += fmt.Sprint(" out ", h.SourceAddresses, h.DestinationAddresses)
		}
		out = append(out, word)
	}
	return strings.Join(out, "\n")
}

// acl is the network ACL of all the subnets.
func (st *site) acl() string {
	return *do(st.DescribeNetworkAcls(st.Context(), &sdk.DescribeNetworkAclsInput{Filters: []types.Filter{{Name: s("vpc-id"), Values: []string{st.vpc}}}})).NetworkAcls[0].NetworkAclId
}

// TestInsightsInward is the vendor's example: from an internet gateway to a
// host, whose security group lacks a rule, and then has one.
// https://docs.aws.amazon.com/vpc/latest/reachability/getting-started-cli.html
func TestInsightsInward(t *testing.T) {
	st := newSite(t)
	in := &sdk.CreateNetworkInsightsPathInput{
		Source: &st.igw, Destination: &st.web, Protocol: "TCP",
		FilterAtSource: &types.PathRequestFilter{DestinationPortRange: &types.RequestFilterPortRange{FromPort: aws.Int32(22), ToPort: aws.Int32(22)}},
	}
	a := st.analyse(in)
	equal(st.world, "status", a.Status, types.AnalysisStatusSucceeded)
	equal(st.world, "found", *a.NetworkPathFound, false)
	equal(st.world, "explanations", len(a.Explanations), 1)
	e := a.Explanations[0]
	equal(st.world, "code", *e.ExplanationCode, "SG_HAS_NO_RULES")
	equal(st.world, "direction", *e.Direction, "ingress")
	equal(st.world, "interface", *e.NetworkInterface.Id, st.web)
	equal(st.world, "its ARN", *e.NetworkInterface.Arn, "arn:aws:ec2:us-east-1:"+account+":network-interface/"+st.web)
	equal(st.world, "group", *e.SecurityGroups[0].Id, st.webGroup)
	equal(st.world, "subnet", *e.Subnet.Id, st.public)
	equal(st.world, "vpc", *e.Vpc.Id, st.vpc)

	st.allow(st.webGroup, 80, "0.0.0.0/0")
	e = st.analyse(in).Explanations[0]
	equal(st.world, "code with another rule", *e.ExplanationCode, "ENI_SG_RULES_MISMATCH")
	st.allow(st.webGroup, 22, "0.0.0.0/0")
	a = st.analyse(in)
	equal(st.world, "found with the rule", *a.NetworkPathFound, true)
	acl := st.acl()
	equal(st.world, "forward path", outline(a.ForwardPathComponents), strings.Join([]string{
		st.igw + " in [198.51.100.80/32] [" + st.elastic + "/32] out [] [" + st.webAddr + "/32]",
		acl + " 100 allow all egress=false 0.0.0.0/0",
		st.webGroup + " ingress tcp 0.0.0.0/0 22-22",
		st.web + " in [198.51.100.80/32] [" + st.webAddr + "/32]",
	}, "\n"))
	equal(st.world, "return path", outline(a.ReturnPathComponents), strings.Join([]string{
		st.web + " out [" + st.webAddr + "/32] [198.51.100.80/32]",
		st.webGroup,
		acl + " 100 allow all egress=true 0.0.0.0/0",
		st.publicTable + " 0.0.0.0/0 to " + st.igw + " (createroute, active)",
		st.igw + " in [" + st.webAddr + "/32] [198.51.100.80/32] out [" + st.elastic + "/32] []",
	}, "\n"))
	equal(st.world, "subnet of the interface", *a.ForwardPathComponents[3].Subnet.Id, st.public)
}

func TestInsightsOutward(t *testing.T) {
	st := newSite(t)
	a := st.analyse(&sdk.CreateNetworkInsightsPathInput{Source: &st.app, Destination: &st.igw, DestinationPort: aws.Int32(443)})
	equal(st.world, "found", *a.NetworkPathFound, true)
	acl := st.acl()
	nat := do(st.DescribeNatGateways(t.Context(), &sdk.DescribeNatGatewaysInput{})).NatGateways[0].NatGatewayAddresses[0]
	equal(st.world, "forward path", outline(a.ForwardPathComponents), strings.Join([]string{
		st.app + " out [" + st.appAddr + "/32] [198.51.100.80/32]",
		st.appSec + " egress all 0.0.0.0/0",
		acl + " 100 allow all egress=true 0.0.0.0/0",
		st.privateTable + " 0.0.0.0/0 to " + st.nat + " (createroute, active)",
		acl + " 100 allow all egress=false 0.0.0.0/0",
		*nat.NetworkInterfaceId + " in [" + st.appAddr + "/32] [198.51.100.80/32]",
		st.nat + " in [" + st.appAddr + "/32] [198.51.100.80/32] out [" + *nat.PrivateIp + "/32] []",
		acl + " 100 allow all egress=true 0.0.0.0/0",
		st.publicTable + " 0.0.0.0/0 to " + st.igw + " (createroute, active)",
		st.igw + " in [" + *nat.PrivateIp + "/32] [198.51.100.80/32] out [" + *nat.PublicIp + "/32] []",
	}, "\n"))

	do(st.DeleteNatGateway(t.Context(), &sdk.DeleteNatGatewayInput{NatGatewayId: &st.nat}))
	e := st.analyse(&sdk.CreateNetworkInsightsPathInput{Source: &st.app, Destination: &st.igw, DestinationPort: aws.Int32(443)}).Explanations[0]
	equal(st.world, "code without the NAT gateway", *e.ExplanationCode, "BAD_STATE_ROUTE")
	equal(st.world, "its table", *e.RouteTable.Id, st.privateTable)
	equal(st.world, "its route", *e.RouteTableRoute.State, "blackhole")
	equal(st.world, "the route's target", *e.RouteTableRoute.NatGatewayId, st.nat)
}

func TestInsightsQuestions(t *testing.T) {
	st := newSite(t)
	st.allow(st.appSec, 5432, "10.0.0.0/16")
	port := func(n int32) *types.PathRequestFilter {
		return &types.PathRequestFilter{DestinationPortRange: &types.RequestFilterPortRange{FromPort: &n, ToPort: aws.Int32(6000)}}
	}
	for _, c := range []struct {
		name    string
		in      sdk.CreateNetworkInsightsPathInput
		through []string
		code    string // "" is found
	}{
		{"inside", sdk.CreateNetworkInsightsPathInput{Source: &st.web, Destination: &st.app, DestinationPort: aws.Int32(5432)}, nil, ""},
		{"a closed port", sdk.CreateNetworkInsightsPathInput{Source: &st.web, Destination: &st.app, DestinationPort: aws.Int32(80)}, nil, "ENI_SG_RULES_MISMATCH"},
		{"any port", sdk.CreateNetworkInsightsPathInput{Source: &st.web, Destination: &st.app}, nil, ""},
		{"a port of a range", sdk.CreateNetworkInsightsPathInput{Source: &st.web, Destination: &st.app, FilterAtSource: port(5000)}, nil, ""},
		{"a range without the port", sdk.CreateNetworkInsightsPathInput{Source: &st.web, Destination: &st.app, FilterAtSource: port(5433)}, nil, "ENI_SG_RULES_MISMATCH"},
		{"another protocol", sdk.CreateNetworkInsightsPathInput{Source: &st.web, Destination: &st.app, DestinationPort: aws.Int32(5432), Protocol: types.ProtocolUdp}, nil, "ENI_SG_RULES_MISMATCH"},
		{"an address", sdk.CreateNetworkInsightsPathInput{Source: &st.web, DestinationIp: &st.appAddr, DestinationPort: aws.Int32(5432)}, nil, ""},
		{"an address that nobody has", sdk.CreateNetworkInsightsPathInput{Source: &st.web, DestinationIp: s("10.0.1.250"), DestinationPort: aws.Int32(5432)}, nil, "NO_POSSIBLE_DESTINATION"},
		{"the address of another interface", sdk.CreateNetworkInsightsPathInput{Source: &st.web, Destination: &st.igw, DestinationIp: &st.appAddr, DestinationPort: aws.Int32(5432)}, nil, "NO_PATH"},
		{"no public address", sdk.CreateNetworkInsightsPathInput{Source: &st.igw, Destination: &st.app, DestinationPort: aws.Int32(5432)}, nil, "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"},
		{"a private host on the internet", sdk.CreateNetworkInsightsPathInput{Source: &st.igw, SourceIp: s("192.168.0.1"), Destination: &st.web}, nil, "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS"},
		{"by ARN", sdk.CreateNetworkInsightsPathInput{Source: s("arn:aws:ec2:us-east-1:" + account + ":network-interface/" + st.web), Destination: &st.app, DestinationPort: aws.Int32(5432)}, nil, ""},
		{"through what it passes", sdk.CreateNetworkInsightsPathInput{Source: &st.app, Destination: &st.igw}, []string{"arn:aws:ec2:us-east-1:" + account + ":natgateway/" + st.nat}, ""},
		{"through what it does not", sdk.CreateNetworkInsightsPathInput{Source: &st.web, Destination: &st.igw}, []string{"arn:aws:ec2:us-east-1:" + account + ":natgateway/" + st.nat}, "NO_PATH"},
		{"arriving from elsewhere", sdk.CreateNetworkInsightsPathInput{Source: &st.app, Destination: &st.igw,
			FilterAtDestination: &types.PathRequestFilter{SourceAddress: s("203.0.113.99")}}, nil, "NO_PATH"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, got := st.analyse(&c.in, c.through...), ""
			if len(a.Explanations) > 0 {
				got = *a.Explanations[0].ExplanationCode
			}
			if a.Status != types.AnalysisStatusSucceeded || got != c.code || *a.NetworkPathFound != (c.code == "") {
				t.Errorf("status %s, found %v, code %q, want %q: %s", a.Status, *a.NetworkPathFound, got, c.code, aws.ToString(a.StatusMessage))
			}
		})
	}
}

func TestInsightsLife(t *testing.T) {
	st := newSite(t, func(o *control.Options) { o.SlowStates = true })
	ctx := t.Context()
	token := s("once")
	in := &sdk.CreateNetworkInsightsPathInput{
		ClientToken: token, Source: &st.web, Destination: &st.app, DestinationPort: aws.Int32(22), Protocol: types.ProtocolTcp,
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeNetworkInsightsPath, Tags: []types.Tag{{Key: s("Name"), Value: s("ssh")}}}},
	}
	path := do(st.CreateNetworkInsightsPath(ctx, in)).NetworkInsightsPath
	equal(st.world, "again", *do(st.CreateNetworkInsightsPath(ctx, in)).NetworkInsightsPath.NetworkInsightsPathId, *path.NetworkInsightsPathId)
	equal(st.world, "ARN", *path.NetworkInsightsPathArn, "arn:aws:ec2:us-east-1:"+account+":network-insights-path/"+*path.NetworkInsightsPathId)
	equal(st.world, "port", *path.DestinationPort, int32(22))
	equal(st.world, "protocol", path.Protocol, types.ProtocolTcp)
	found := do(st.DescribeNetworkInsightsPaths(ctx, &sdk.DescribeNetworkInsightsPathsInput{Filters: []types.Filter{{Name: s("tag:Name"), Values: []string{"ssh"}}, {Name: s("source"), Values: []string{st.web}}}}))
	equal(st.world, "paths found", len(found.NetworkInsightsPaths), 1)

	started := do(st.StartNetworkInsightsAnalysis(ctx, &sdk.StartNetworkInsightsAnalysisInput{NetworkInsightsPathId: path.NetworkInsightsPathId})).NetworkInsightsAnalysis
	equal(st.world, "status in the answer", started.Status, types.AnalysisStatusRunning)
	describe := func(filters ...types.Filter) []types.NetworkInsightsAnalysis {
		return do(st.DescribeNetworkInsightsAnalyses(ctx, &sdk.DescribeNetworkInsightsAnalysesInput{NetworkInsightsPathId: path.NetworkInsightsPathId, Filters: filters})).NetworkInsightsAnalyses
	}
	equal(st.world, "status at once", describe()[0].Status, types.AnalysisStatusRunning)
	equal(st.world, "nothing is said yet", describe()[0].NetworkPathFound == nil, true)
	st.now = st.now.Add(time.Minute)
	equal(st.world, "status a minute later", describe()[0].Status, types.AnalysisStatusSucceeded)
	equal(st.world, "not found ones", len(describe(types.Filter{Name: s("path-found"), Values: []string{"false"}})), 1)
	equal(st.world, "found ones", len(describe(types.Filter{Name: s("path-found"), Values: []string{"true"}})), 0)

	st.allow(st.appSec, 22, "0.0.0.0/0")
	equal(st.world, "an old analysis stays", *describe()[0].NetworkPathFound, false)

	id := path.NetworkInsightsPathId
	_, err := st.DeleteNetworkInsightsPath(ctx, &sdk.DeleteNetworkInsightsPathInput{NetworkInsightsPathId: id})
	st.refused(err, "AnalysisExistsForNetworkInsightsPath", "")
	do(st.DeleteNetworkInterface(ctx, &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: &st.app}))
	do(st.StartNetworkInsightsAnalysis(ctx, &sdk.StartNetworkInsightsAnalysisInput{NetworkInsightsPathId: id}))
	st.now = st.now.Add(time.Minute)
	failed := describe(types.Filter{Name: s("status"), Values: []string{"failed"}})
	equal(st.world, "failed ones", len(failed), 1)
	equal(st.world, "why", *failed[0].StatusMessage, "The request failed due to missing component "+st.app)
	for _, a := range describe() {
		do(st.DeleteNetworkInsightsAnalysis(ctx, &sdk.DeleteNetworkInsightsAnalysisInput{NetworkInsightsAnalysisId: a.NetworkInsightsAnalysisId}))
	}
	equal(st.world, "deleted", *do(st.DeleteNetworkInsightsPath(ctx, &sdk.DeleteNetworkInsightsPathInput{NetworkInsightsPathId: id})).NetworkInsightsPathId, *id)
}

func TestInsightsRefusals(t *testing.T) {
	const path, analysis = "nip-0123456789abcdef0", "nia-0123456789abcdef0"
	create := func(in sdk.CreateNetworkInsightsPathInput) func(*world, string, string) error {
		return func(w *world, _, _ string) error {
			if in.Protocol == "" {
				in.Protocol = types.ProtocolTcp
			}
			return failure(w.CreateNetworkInsightsPath(w.Context(), &in))
		}
	}
	check(t, []refusal{
		{"unknown path", "InvalidNetworkInsightsPathId.NotFound", "", func(w *world, _, _ string) error {
			return failure(w.DeleteNetworkInsightsPath(w.Context(), &sdk.DeleteNetworkInsightsPathInput{NetworkInsightsPathId: s(path)}))
		}},
		{"unknown path to describe", "InvalidNetworkInsightsPathId.NotFound", "", func(w *world, _, _ string) error {
			return failure(w.DescribeNetworkInsightsPaths(w.Context(), &sdk.DescribeNetworkInsightsPathsInput{NetworkInsightsPathIds: []string{path}}))
		}},
		{"unknown path to analyse", "InvalidNetworkInsightsPathId.NotFound", "", func(w *world, _, _ string) error {
			return failure(w.StartNetworkInsightsAnalysis(w.Context(), &sdk.StartNetworkInsightsAnalysisInput{NetworkInsightsPathId: s(path)}))
		}},
		{"unknown analysis", "InvalidNetworkInsightsAnalysisId.NotFound", "", func(w *world, _, _ string) error {
			return failure(w.DeleteNetworkInsightsAnalysis(w.Context(), &sdk.DeleteNetworkInsightsAnalysisInput{NetworkInsightsAnalysisId: s(analysis)}))
		}},
		{"unknown analysis to describe", "InvalidNetworkInsightsAnalysisId.NotFound", "", func(w *world, _, _ string) error {
			return failure(w.DescribeNetworkInsightsAnalyses(w.Context(), &sdk.DescribeNetworkInsightsAnalysesInput{NetworkInsightsAnalysisIds: []string{analysis}}))
		}},
		{"no destination", "MissingParameter", "The request must contain the parameter destination", create(sdk.CreateNetworkInsightsPathInput{Source: s(noENI)})},
		{"a source that sends nothing", "InvalidParameterValue", "", create(sdk.CreateNetworkInsightsPathInput{Source: s(noTable), Destination: s(noENI)})},
		{"a destination that is none", "InvalidParameterValue", "", create(sdk.CreateNetworkInsightsPathInput{Source: s(noENI), Destination: s("nonsense")})},
		{"another protocol", "InvalidParameterValue", "", create(sdk.CreateNetworkInsightsPathInput{Source: s(noENI), Destination: s(noENI), Protocol: "icmp"})},
		{"an address that is none", "InvalidParameterValue", "", create(sdk.CreateNetworkInsightsPathInput{Source: s(noENI), DestinationIp: s("300.1.1.1")})},
		{"a port and a filter", "InvalidParameterCombination", "", create(sdk.CreateNetworkInsightsPathInput{Source: s(noENI), Destination: s(noENI), DestinationPort: aws.Int32(1), FilterAtSource: &types.PathRequestFilter{SourceAddress: s("10.0.0.9")}})},
		{"a range backwards", "InvalidParameterValue", "", create(sdk.CreateNetworkInsightsPathInput{Source: s(noENI), Destination: s(noENI),
			FilterAtSource: &types.PathRequestFilter{DestinationPortRange: &types.RequestFilterPortRange{FromPort: aws.Int32(9), ToPort: aws.Int32(2)}}})},
		{"a component that is no ARN", "InvalidParameterValue", "", func(w *world, _, _ string) error {
			return failure(w.StartNetworkInsightsAnalysis(w.Context(), &sdk.StartNetworkInsightsAnalysisInput{NetworkInsightsPathId: s(path), FilterInArns: []string{noENI}}))
		}},
	})
}
