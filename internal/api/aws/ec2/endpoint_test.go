package ec2_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/control"
)

// lambdaEndpoint asks for an interface endpoint of Lambda.
func lambdaEndpoint(vpc string, subnets ...string) *sdk.CreateVpcEndpointInput {
	return &sdk.CreateVpcEndpointInput{VpcId: &vpc, VpcEndpointType: types.VpcEndpointTypeInterface, ServiceName: s("com.amazonaws.us-east-1.lambda"), SubnetIds: subnets}
}

// hostnames switches a VPC's host names on, which private DNS needs.
func (w *world) hostnames(vpc string) {
	do(w.ModifyVpcAttribute(w.Context(), &sdk.ModifyVpcAttributeInput{VpcId: &vpc, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
}

func (w *world) endpoint(id *string) types.VpcEndpoint {
	w.Helper()
	return do(w.DescribeVpcEndpoints(w.Context(), &sdk.DescribeVpcEndpointsInput{VpcEndpointIds: []string{*id}})).VpcEndpoints[0]
}

func TestInterfaceEndpoint(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.SlowStates = true })
	ctx := t.Context()
	vpc, a := w.network()
	w.hostnames(vpc)
	b := *do(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: s("10.0.200.0/24"), AvailabilityZone: s("us-east-1b")})).Subnet.SubnetId
	id := do(w.CreateVpcEndpoint(ctx, lambdaEndpoint(vpc, a))).VpcEndpoint.VpcEndpointId
	equal(w, "state", w.endpoint(id).State, "pending")
	w.now = w.now.Add(2 * time.Minute)
	e := w.endpoint(id)
	equal(w, "state", e.State, "available")
	equal(w, "type", e.VpcEndpointType, types.VpcEndpointTypeInterface)
	equal(w, "private DNS", *e.PrivateDnsEnabled, true)
	equal(w, "group", *e.Groups[0].GroupName, "default")

	do(w.ModifyVpcEndpoint(ctx, &sdk.ModifyVpcEndpointInput{VpcEndpointId: id, AddSubnetIds: []string{b}}))
	e = w.endpoint(id)
	var names []string
	for _, d := range e.DnsEntries {
		names = append(names, strings.ReplaceAll(*d.DnsName, *id, "ID"))
	}
	label, domain, _ := strings.Cut(names[0], ".")
	want := []string{label + "." + domain, label + "-us-east-1a." + domain, label + "-us-east-1b." + domain, "lambda.us-east-1.amazonaws.com", "lambda.us-east-1.api.aws"}
	if domain != "lambda.us-east-1.vpce.amazonaws.com" || !strings.HasPrefix(label, "ID-") || !slices.Equal(names, want) {
		t.Errorf("names: %v\nwant %v", names, want)
	}
	enis := do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: e.NetworkInterfaceIds})).NetworkInterfaces
	equal(w, "interfaces", len(enis), 2)
	equal(w, "description", *enis[0].Description, "VPC Endpoint Interface "+*id)
	equal(w, "type", enis[0].InterfaceType, types.NetworkInterfaceTypeVpcEndpoint)
	w.refused(failure(w.DeleteNetworkInterface(ctx, &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: enis[0].NetworkInterfaceId})), "InvalidParameterValue", "")
	w.refused(failure(w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &b})), "DependencyViolation", "")

	g := w.group(vpc, "web")
	do(w.ModifyVpcEndpoint(ctx, &sdk.ModifyVpcEndpointInput{VpcEndpointId: id, AddSecurityGroupIds: []string{*g}, RemoveSecurityGroupIds: []string{*e.Groups[0].GroupId}, RemoveSubnetIds: []string{a}}))
	left := do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{Filters: filter("vpc-id", vpc)})).NetworkInterfaces
	equal(w, "interfaces left", len(left), 1)
	equal(w, "its group", *left[0].Groups[0].GroupId, *g)
	w.refused(failure(w.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: g})), "DependencyViolation", "")
	do(w.DeleteVpcEndpoints(ctx, &sdk.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*id}}))
	equal(w, "interfaces after deletion", len(do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{Filters: filter("vpc-id", vpc)})).NetworkInterfaces), 0)
}

func TestEndpointRefusals(t *testing.T) {
	modify := func(w *world, vpc, subnet string, in sdk.ModifyVpcEndpointInput) error {
		w.hostnames(vpc)
		in.VpcEndpointId = do(w.CreateVpcEndpoint(w.Context(), lambdaEndpoint(vpc, subnet))).VpcEndpoint.VpcEndpointId
		return failure(w.ModifyVpcEndpoint(w.Context(), &in))
	}
	check(t, []refusal{
		{"private DNS without host names", "InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {V}", func(w *world, vpc, subnet string) error {
			return failure(w.CreateVpcEndpoint(w.Context(), lambdaEndpoint(vpc, subnet)))
		}},
		{"a second one with private DNS", "InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for lambda.us-east-1.amazonaws.com in the VPC {V}", func(w *world, vpc, subnet string) error {
			w.hostnames(vpc)
			do(w.CreateVpcEndpoint(w.Context(), lambdaEndpoint(vpc, subnet)))
			return failure(w.CreateVpcEndpoint(w.Context(), lambdaEndpoint(vpc, subnet)))
		}},
		{"two subnets of a zone", "DuplicateSubnetsInSameZone", "", func(w *world, vpc, subnet string) error {
			in := &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: s("10.0.200.0/24"), AvailabilityZone: s("us-east-1a")}
			two := lambdaEndpoint(vpc, subnet, *do(w.CreateSubnet(w.Context(), in)).Subnet.SubnetId)
			two.PrivateDnsEnabled = aws.Bool(false)
			return failure(w.CreateVpcEndpoint(w.Context(), two))
		}},
		{"route tables", "InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.", func(w *world, vpc, _ string) error {
			in := lambdaEndpoint(vpc)
			in.RouteTableIds = []string{*w.table(vpc)}
			return failure(w.CreateVpcEndpoint(w.Context(), in))
		}},
		{"no such service", "InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws.us-east-1.tea' does not exist", func(w *world, vpc, _ string) error {
			in := lambdaEndpoint(vpc)
			in.ServiceName = s("com.amazonaws.us-east-1.tea")
			return failure(w.CreateVpcEndpoint(w.Context(), in))
		}},
		{"gateway endpoint of Lambda", "InvalidParameter", "", func(w *world, vpc, _ string) error {
			return failure(w.CreateVpcEndpoint(w.Context(), &sdk.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: s("com.amazonaws.us-east-1.lambda")}))
		}},
		{"no such subnet", "InvalidSubnetID.NotFound", "", func(w *world, vpc, _ string) error {
			w.hostnames(vpc)
			return failure(w.CreateVpcEndpoint(w.Context(), lambdaEndpoint(vpc, noSubnet)))
		}},
		{"policy without principal", "InvalidPolicyDocument", "", func(w *world, vpc, _ string) error {
			in := lambdaEndpoint(vpc)
			in.PolicyDocument = s(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
			return failure(w.CreateVpcEndpoint(w.Context(), in))
		}},
		{"no group left", "InvalidParameter", "", func(w *world, vpc, subnet string) error {
			groups := do(w.DescribeSecurityGroups(w.Context(), &sdk.DescribeSecurityGroupsInput{Filters: filter("vpc-id", vpc)})).SecurityGroups
			return modify(w, vpc, subnet, sdk.ModifyVpcEndpointInput{RemoveSecurityGroupIds: []string{*groups[0].GroupId}})
		}},
		{"route tables of an interface endpoint", "InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.", func(w *world, vpc, subnet string) error {
			return modify(w, vpc, subnet, sdk.ModifyVpcEndpointInput{AddRouteTableIds: []string{*w.table(vpc)}})
		}},
		{"policy that is none", "InvalidPolicyDocument", "", func(w *world, vpc, subnet string) error {
			return modify(w, vpc, subnet, sdk.ModifyVpcEndpointInput{PolicyDocument: s(`{"Statement":[]}`)})
		}},
		{"subnet it is not in", "InvalidSubnetID.NotFound", "", func(w *world, vpc, subnet string) error {
			return modify(w, vpc, subnet, sdk.ModifyVpcEndpointInput{RemoveSubnetIds: []string{noSubnet}})
		}},
	})
}

func TestEndpointServices(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	out := do(w.DescribeVpcEndpointServices(ctx, &sdk.DescribeVpcEndpointServicesInput{ServiceNames: []string{"com.amazonaws.us-east-1.lambda"}}))
	d := out.ServiceDetails[0]
	equal(w, "details", len(out.ServiceDetails), 1)
	equal(w, "type", d.ServiceType[0].ServiceType, types.ServiceTypeInterface)
	equal(w, "private name", *d.PrivateDnsName, "lambda.us-east-1.amazonaws.com")
	equal(w, "zones", strings.Join(d.AvailabilityZones, " "), "us-east-1a us-east-1b us-east-1c")
	s3 := do(w.DescribeVpcEndpointServices(ctx, &sdk.DescribeVpcEndpointServicesInput{ServiceNames: []string{"com.amazonaws.us-east-1.s3"}})).ServiceDetails
	equal(w, "types of S3's endpoints", len(s3), 2)
	gateways := do(w.DescribeVpcEndpointServices(ctx, &sdk.DescribeVpcEndpointServicesInput{Filters: filter("service-type", "Gateway")})).ServiceNames
	equal(w, "services with gateway endpoints", strings.Join(gateways, " "), "com.amazonaws.us-east-1.dynamodb com.amazonaws.us-east-1.s3")
	europe := do(client(w.url, "eu-west-1").DescribeVpcEndpointServices(ctx, &sdk.DescribeVpcEndpointServicesInput{})).ServiceNames
	equal(w, "IAM's endpoints are in us-east-1 alone", slices.Contains(europe, "com.amazonaws.iam"), false)
}

// TestServicePages pages through the services, of which one name has two.
func TestServicePages(t *testing.T) {
	w := newWorld(t)
	all := len(do(w.DescribeVpcEndpointServices(t.Context(), &sdk.DescribeVpcEndpointServicesInput{})).ServiceDetails)
	for size := range int32(all + 1) {
		n := 0
		for in := (sdk.DescribeVpcEndpointServicesInput{MaxResults: aws.Int32(size + 1)}); n <= all; {
			out := do(w.DescribeVpcEndpointServices(t.Context(), &in))
			n += len(out.ServiceDetails)
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		if n != all {
			t.Errorf("pages of %d have %d services; want %d", size+1, n, all)
		}
	}
}
