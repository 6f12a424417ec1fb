package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/api/aws/ec2"
	"weir/internal/cloud"
	"weir/internal/control"
)

// balancer makes a network load balancer in a subnet and answers its ARN.
func (w *world) balancer(name, subnet string) string {
	w.Helper()
	who := control.Caller{Account: account, Region: "us-east-1", NewID: func(k cloud.Resource) string {
		if k == cloud.KindLoadBalancer {
			return "00000000000000a1"
		}
		return ec2.NewID(k)
	}}
	b := do(w.control.CreateLoadBalancer(w.Context(), who, control.CreateLoadBalancer{Name: name, Domain: "elb.us-east-1.amazonaws.com", Subnets: []control.BalancerSubnet{{ID: cloud.SubnetID(subnet)}}}))
	return "arn:aws:elasticloadbalancing:us-east-1:" + account + ":loadbalancer/net/" + name + "/" + string(b.ID)
}

func TestEndpointService(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, a := w.network()
	b := *do(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: s("10.0.200.0/24"), AvailabilityZone: s("us-east-1b")})).Subnet.SubnetId
	arn := w.balancer("web", a)
	eni := do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{Filters: filter("vpc-id", vpc)})).NetworkInterfaces[0]
	equal(w, "description", *eni.Description, "ELB net/web/00000000000000a1")
	equal(w, "type", eni.InterfaceType, types.NetworkInterfaceTypeNetworkLoadBalancer)

	w.refused(failure(w.CreateVpcEndpointServiceConfiguration(ctx, &sdk.CreateVpcEndpointServiceConfigurationInput{})), "InvalidParameter", "")
	w.refused(failure(w.CreateVpcEndpointServiceConfiguration(ctx, &sdk.CreateVpcEndpointServiceConfigurationInput{NetworkLoadBalancerArns: []string{"arn:aws:x"}})), "InvalidParameter", "")
	made := do(w.CreateVpcEndpointServiceConfiguration(ctx, &sdk.CreateVpcEndpointServiceConfigurationInput{NetworkLoadBalancerArns: []string{arn}})).ServiceConfiguration
	equal(w, "acceptance", *made.AcceptanceRequired, true) // the default
	equal(w, "zone", made.AvailabilityZones[0], "us-east-1a")
	equal(w, "name", *made.ServiceName, "com.amazonaws.vpce.us-east-1."+*made.ServiceId)

	ask := &sdk.CreateVpcEndpointInput{VpcId: &vpc, VpcEndpointType: types.VpcEndpointTypeInterface, ServiceName: made.ServiceName, SubnetIds: []string{b}, PrivateDnsEnabled: aws.Bool(false)}
	w.refused(failure(w.CreateVpcEndpoint(ctx, ask)), "InvalidParameter", "The VPC endpoint service "+*made.ServiceName+" does not support the availability zone of the subnet: "+b+".")
	ask.SubnetIds = []string{a}
	id := do(w.CreateVpcEndpoint(ctx, ask)).VpcEndpoint.VpcEndpointId
	state := func(want types.State) {
		t.Helper()
		equal(w, "endpoint", w.endpoint(id).State, want)
		c := do(w.DescribeVpcEndpointConnections(ctx, &sdk.DescribeVpcEndpointConnectionsInput{Filters: filter("service-id", *made.ServiceId)})).VpcEndpointConnections
		equal(w, "connection", c[0].VpcEndpointState, want)
	}
	state("pendingAcceptance")
	gone := func(want string) {
		t.Helper()
		out := do(w.DeleteVpcEndpointServiceConfigurations(ctx, &sdk.DeleteVpcEndpointServiceConfigurationsInput{ServiceIds: []string{*made.ServiceId}})).Unsuccessful
		code := ""
		if len(out) > 0 {
			code = *out[0].Error.Code
		}
		equal(w, "deletion", code, want)
	}
	gone("ExistingVpcEndpointConnections")
	do(w.AcceptVpcEndpointConnections(ctx, &sdk.AcceptVpcEndpointConnectionsInput{ServiceId: made.ServiceId, VpcEndpointIds: []string{*id}}))
	state("available")
	do(w.RejectVpcEndpointConnections(ctx, &sdk.RejectVpcEndpointConnectionsInput{ServiceId: made.ServiceId, VpcEndpointIds: []string{*id}}))
	state("rejected")

	w.refused(failure(w.ModifyVpcEndpointServicePermissions(ctx, &sdk.ModifyVpcEndpointServicePermissionsInput{ServiceId: made.ServiceId, AddAllowedPrincipals: []string{"me"}})), "InvalidPrincipal", "")
	root := "arn:aws:iam::999988887777:root"
	do(w.ModifyVpcEndpointServicePermissions(ctx, &sdk.ModifyVpcEndpointServicePermissionsInput{ServiceId: made.ServiceId, AddAllowedPrincipals: []string{root}}))
	p := do(w.DescribeVpcEndpointServicePermissions(ctx, &sdk.DescribeVpcEndpointServicePermissionsInput{ServiceId: made.ServiceId})).AllowedPrincipals
	equal(w, "principal", *p[0].Principal, root)
	offered := func(names ...string) bool {
		_, ok := control.EndpointServiceFor(w.control.View(), control.Caller{Account: "999988887777", Region: "us-east-1"}, names, *made.ServiceName)
		return ok
	}
	equal(w, "to the principal", offered(root), true)
	equal(w, "to another", offered("arn:aws:iam::111111111111:root"), false)
	gone("")
	gone("InvalidVpcEndpointService.NotFound")
}
