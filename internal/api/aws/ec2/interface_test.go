package ec2_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/cloud"
	"weir/internal/control"
)

func (w *world) iface(in *sdk.CreateNetworkInterfaceInput) error {
	return failure(w.CreateNetworkInterface(w.Context(), in))
}

func TestInterfaceRefusals(t *testing.T) {
	check(t, interfaceRefusals)
}

var interfaceRefusals = []refusal{
	{"unknown interface", "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '" + noENI + "' does not exist", func(w *world, _, _ string) error {
		return failure(w.DeleteNetworkInterface(w.Context(), &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: s(noENI)}))
	}},
	{"malformed ID", "InvalidNetworkInterfaceId.Malformed", `Invalid id: "eni-x" (expecting "eni-...")`, func(w *world, _, _ string) error {
		return failure(w.DescribeNetworkInterfaces(w.Context(), &sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{"eni-x"}}))
	}},
	{"address outside the subnet", "InvalidParameterValue", "Address 10.0.2.9 does not fall within the subnet's address range", func(w *world, _, subnet string) error {
		return w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, PrivateIpAddress: s("10.0.2.9")})
	}},
	{"reserved address", "InvalidParameterValue", "Address 10.0.1.2 is in subnet's reserved address range", func(w *world, _, subnet string) error {
		return w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, PrivateIpAddress: s("10.0.1.2")})
	}},
	{"broadcast address", "InvalidParameterValue", "Address 10.0.1.255 is in subnet's reserved address range", func(w *world, _, subnet string) error {
		return w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, PrivateIpAddress: s("10.0.1.255")})
	}},
	{"address taken", "InvalidIPAddress.InUse", "Address 10.0.1.9 is in use.", func(w *world, _, subnet string) error {
		for range 2 { // the SDK puts a token into its input, so each needs its own
			if err := w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, PrivateIpAddress: s("10.0.1.9")}); err != nil {
				return err
			}
		}
		return nil
	}},
	{"group of another VPC", "InvalidParameter", "", func(w *world, _, subnet string) error {
		other := do(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0/16")})).Vpc.VpcId
		return w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, Groups: []string{*w.group(*other, "web")}})
	}},
	{"six groups", "SecurityGroupsPerInterfaceLimitExceeded", "", func(w *world, vpc, subnet string) error {
		var groups []string
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			groups = append(groups, *w.group(vpc, name))
		}
		return w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, Groups: groups})
	}},
	{"a billion addresses", "PrivateIpAddressLimitExceeded", "", func(w *world, _, subnet string) error {
		return w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, SecondaryPrivateIpAddressCount: aws.Int32(1_000_000_000)})
	}},
	{"minus a billion addresses", "InvalidParameterValue", "", func(w *world, _, subnet string) error {
		return w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, SecondaryPrivateIpAddressCount: aws.Int32(-1_000_000_000)})
	}},
	{"IPv6 without a block", "InvalidParameterValue", "The subnet '{S}' does not have an IPv6 CIDR block", func(w *world, _, subnet string) error {
		return w.iface(&sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, Ipv6AddressCount: aws.Int32(1)})
	}},
	{"deleting what is attached", "InvalidParameterValue", "", func(w *world, _, subnet string) error {
		i := w.instance(subnet)
		return failure(w.DeleteNetworkInterface(w.Context(), &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaces[0].NetworkInterfaceId}))
	}},
	{"attaching twice", "InvalidNetworkInterface.InUse", "", func(w *world, _, subnet string) error {
		i := w.instance(subnet)
		in := &sdk.AttachNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaces[0].NetworkInterfaceId, InstanceId: i.InstanceId, DeviceIndex: aws.Int32(1)}
		return failure(w.AttachNetworkInterface(w.Context(), in))
	}},
	{"attaching a second interface", "UnsupportedOperation", "A second network interface of an instance is not implemented.", func(w *world, _, subnet string) error {
		i := do(w.CreateNetworkInterface(w.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet})).NetworkInterface.NetworkInterfaceId
		return failure(w.AttachNetworkInterface(w.Context(), &sdk.AttachNetworkInterfaceInput{NetworkInterfaceId: i, InstanceId: w.instance(subnet).InstanceId, DeviceIndex: aws.Int32(1)}))
	}},
	{"attaching to nothing", "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist", func(w *world, _, subnet string) error {
		i := do(w.CreateNetworkInterface(w.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet})).NetworkInterface.NetworkInterfaceId
		return failure(w.AttachNetworkInterface(w.Context(), &sdk.AttachNetworkInterfaceInput{NetworkInterfaceId: i, InstanceId: s("i-0123456789abcdef0"), DeviceIndex: aws.Int32(1)}))
	}},
	{"detaching an instance's interface", "OperationNotPermitted", "The network interface at device index 0 and networkCard index 0 cannot be detached.", func(w *world, _, subnet string) error {
		return failure(w.DetachNetworkInterface(w.Context(), &sdk.DetachNetworkInterfaceInput{AttachmentId: w.instance(subnet).NetworkInterfaces[0].Attachment.AttachmentId}))
	}},
	{"no such attachment", "InvalidAttachmentID.NotFound", "", func(w *world, _, _ string) error {
		return failure(w.DetachNetworkInterface(w.Context(), &sdk.DetachNetworkInterfaceInput{AttachmentId: s("eni-attach-0123456789abcdef0")}))
	}},
	{"unassigning the primary address", "InvalidParameterValue", "", func(w *world, _, subnet string) error {
		i := do(w.CreateNetworkInterface(w.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet})).NetworkInterface
		return failure(w.UnassignPrivateIpAddresses(w.Context(), &sdk.UnassignPrivateIpAddressesInput{NetworkInterfaceId: i.NetworkInterfaceId, PrivateIpAddresses: []string{*i.PrivateIpAddress}}))
	}},
}

func TestInterfaceLife(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, subnet := w.network()
	do(w.AssociateSubnetCidrBlock(ctx, &sdk.AssociateSubnetCidrBlockInput{SubnetId: &subnet, Ipv6CidrBlock: s("2001:db8:1000:1::/64")}))
	do(w.ModifySubnetAttribute(ctx, &sdk.ModifySubnetAttributeInput{SubnetId: &subnet, AssignIpv6AddressOnCreation: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))

	in := &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, SecondaryPrivateIpAddressCount: aws.Int32(2), Description: s("mine"), ClientToken: s("once")}
	made := do(w.CreateNetworkInterface(ctx, in)).NetworkInterface
	again := do(w.CreateNetworkInterface(ctx, in)).NetworkInterface
	equal(w, "the same token makes the same interface", *again.NetworkInterfaceId, *made.NetworkInterfaceId)
	equal(w, "state in the answer", made.Status, "pending")
	equal(w, "primary address", *made.PrivateIpAddress, "10.0.1.4")
	equal(w, "addresses", len(made.PrivateIpAddresses), 3)
	equal(w, "IPv6 address of its own accord", *made.Ipv6Addresses[0].Ipv6Address, "2001:db8:1000:1::4")
	equal(w, "group", *made.Groups[0].GroupName, "default")
	free := do(w.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{SubnetIds: []string{subnet}})).Subnets[0]
	equal(w, "addresses left", *free.AvailableIpAddressCount, 248)

	igw := do(w.CreateInternetGateway(ctx, &sdk.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	do(w.AttachInternetGateway(ctx, &sdk.AttachInternetGatewayInput{InternetGatewayId: igw, VpcId: &vpc}))
	eip := do(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{}))
	do(w.AssociateAddress(ctx, &sdk.AssociateAddressInput{AllocationId: eip.AllocationId, NetworkInterfaceId: made.NetworkInterfaceId, PrivateIpAddress: s("10.0.1.5")}))
	shown := do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{Filters: []types.Filter{{Name: s("association.public-ip"), Values: []string{*eip.PublicIp}}}})).NetworkInterfaces
	equal(w, "interfaces with that public address", len(shown), 1)
	i := slices.IndexFunc(shown[0].PrivateIpAddresses, func(p types.NetworkInterfacePrivateIpAddress) bool { return p.Association != nil })
	equal(w, "the address it belongs to", *shown[0].PrivateIpAddresses[i].PrivateIpAddress, "10.0.1.5")

	// associating with another address moves it, unless that is forbidden
	w.refused(failure(w.AssociateAddress(ctx, &sdk.AssociateAddressInput{AllocationId: eip.AllocationId, NetworkInterfaceId: made.NetworkInterfaceId, AllowReassociation: aws.Bool(false)})), "Resource.AlreadyAssociated", "")
	do(w.AssociateAddress(ctx, &sdk.AssociateAddressInput{AllocationId: eip.AllocationId, NetworkInterfaceId: made.NetworkInterfaceId}))
	addr := do(w.DescribeAddresses(ctx, &sdk.DescribeAddressesInput{})).Addresses[0]
	equal(w, "now on the primary address", *addr.PrivateIpAddress, "10.0.1.4")

	do(w.ModifyNetworkInterfaceAttribute(ctx, &sdk.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: made.NetworkInterfaceId, SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(false)}}))
	check := do(w.DescribeNetworkInterfaceAttribute(ctx, &sdk.DescribeNetworkInterfaceAttributeInput{NetworkInterfaceId: made.NetworkInterfaceId, Attribute: types.NetworkInterfaceAttributeSourceDestCheck}))
	equal(w, "source/destination check", *check.SourceDestCheck.Value, false)
	got := do(w.AssignPrivateIpAddresses(ctx, &sdk.AssignPrivateIpAddressesInput{NetworkInterfaceId: made.NetworkInterfaceId, PrivateIpAddresses: []string{"10.0.1.77"}}))
	equal(w, "assigned", *got.AssignedPrivateIpAddresses[0].PrivateIpAddress, "10.0.1.77")
	do(w.UnassignPrivateIpAddresses(ctx, &sdk.UnassignPrivateIpAddressesInput{NetworkInterfaceId: made.NetworkInterfaceId, PrivateIpAddresses: []string{"10.0.1.77", "10.0.1.5"}}))

	do(w.DeleteNetworkInterface(ctx, &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: made.NetworkInterfaceId}))
	addr = do(w.DescribeAddresses(ctx, &sdk.DescribeAddressesInput{})).Addresses[0]
	if addr.AssociationId != nil {
		t.Error("the address is still associated after its interface was deleted")
	}
	do(w.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: eip.AllocationId}))
}

func TestNATGatewayFailures(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, subnet := w.network()
	nat := func(in *sdk.CreateNatGatewayInput) types.NatGateway {
		t.Helper()
		in.SubnetId = &subnet
		id := *do(w.CreateNatGateway(ctx, in)).NatGateway.NatGatewayId
		return do(w.DescribeNatGateways(ctx, &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{id}})).NatGateways[0]
	}
	eip := do(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{})).AllocationId
	spare := do(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{})).AllocationId
	g := nat(&sdk.CreateNatGatewayInput{AllocationId: eip})
	equal(w, "without internet gateway", g.State, types.NatGatewayStateFailed)
	equal(w, "code", *g.FailureCode, "Gateway.NotAttached")
	equal(w, "message", *g.FailureMessage, "Network "+vpc+" has no Internet gateway attached")

	igw := do(w.CreateInternetGateway(ctx, &sdk.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	do(w.AttachInternetGateway(ctx, &sdk.AttachInternetGatewayInput{InternetGatewayId: igw, VpcId: &vpc}))
	g = nat(&sdk.CreateNatGatewayInput{AllocationId: eip})
	equal(w, "with one", g.State, types.NatGatewayStateAvailable)
	w.refused(failure(w.DisassociateAddress(ctx, &sdk.DisassociateAddressInput{AssociationId: g.NatGatewayAddresses[0].AssociationId})), "AuthFailure", "")
	w.refused(failure(w.DeleteNetworkInterface(ctx, &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: g.NatGatewayAddresses[0].NetworkInterfaceId})), "InvalidParameterValue", "")
	second := nat(&sdk.CreateNatGatewayInput{AllocationId: eip})
	equal(w, "with an address in use", second.State, types.NatGatewayStateFailed)
	equal(w, "its code", *second.FailureCode, "Resource.AlreadyAssociated")

	twice := nat(&sdk.CreateNatGatewayInput{AllocationId: spare, SecondaryAllocationIds: []string{*spare}})
	equal(w, "with the same address twice", twice.State, types.NatGatewayStateFailed)

	private := nat(&sdk.CreateNatGatewayInput{ConnectivityType: types.ConnectivityTypePrivate, SecondaryPrivateIpAddressCount: aws.Int32(1)})
	equal(w, "private gateway", private.State, types.NatGatewayStateAvailable)
	equal(w, "its addresses", len(private.NatGatewayAddresses), 2)
	more := do(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{})).AllocationId
	both := do(w.AssociateNatGatewayAddress(ctx, &sdk.AssociateNatGatewayAddressInput{NatGatewayId: g.NatGatewayId, AllocationIds: []string{*more}})).NatGatewayAddresses
	equal(w, "public gateway's addresses", len(both), 2)
	left := do(w.DisassociateNatGatewayAddress(ctx, &sdk.DisassociateNatGatewayAddressInput{NatGatewayId: g.NatGatewayId, AssociationIds: []string{*both[1].AssociationId}})).NatGatewayAddresses
	equal(w, "one that is taken away", left[1].Status, types.NatGatewayAddressStatusDisassociating)
	w.refused(failure(w.AssociateNatGatewayAddress(ctx, &sdk.AssociateNatGatewayAddressInput{NatGatewayId: g.NatGatewayId, AllocationIds: []string{*spare}})), "IncorrectState", "")
	w.refused(failure(w.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: more})), "InvalidIPAddress.InUse", "")
	w.now = w.now.Add(349 * time.Second)
	next := do(w.control.TakeDrained(ctx))
	equal(w, "time left", next, time.Second)
	w.now = w.now.Add(time.Second)
	do(w.control.TakeDrained(ctx))
	equal(w, "and after it has drained", len(do(w.DescribeNatGateways(ctx, &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{*g.NatGatewayId}})).NatGateways[0].NatGatewayAddresses), 1)
	do(w.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: more}))
}

// TestFunctionInterface: what functions in a VPC leave to be seen there.
func TestFunctionInterface(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, subnet := w.network()
	g := w.group(vpc, "functions")
	meta := cloud.Meta{Account: account, Region: "us-east-1", Created: w.now}
	_, err := w.store.Update(ctx, func(tx cloud.Tx) error {
		cloud.Interfaces.Put(tx, &cloud.Interface{
			Meta: meta, ID: "eni-0123456789abcdef0", VPC: cloud.VPCID(vpc), Subnet: cloud.SubnetID(subnet), Use: cloud.UseFunction, Managed: "lambda", Owner: "function/x",
			Addrs: []netip.Addr{netip.MustParseAddr("10.0.1.4")}, SecurityGroups: []cloud.SecurityGroupID{cloud.SecurityGroupID(*g)},
		})
		f := &cloud.Function{Meta: meta, Key: "k", Name: "fn"}
		f.Latest.Network = cloud.FunctionNetwork{VPC: cloud.VPCID(vpc), Interfaces: []cloud.InterfaceID{"eni-0123456789abcdef0"}}
		cloud.Functions.Put(tx, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{Filters: filter("description", "AWS Lambda VPC ENI-fn-*")})).NetworkInterfaces
	equal(w, "interfaces with the description that tools look for", len(shown), 1)
	i := shown[0]
	equal(w, "type", i.InterfaceType, types.NetworkInterfaceTypeLambda)
	equal(w, "status", i.Status, types.NetworkInterfaceStatusInUse)
	equal(w, "managed by the requester", *i.RequesterManaged, true)
	equal(w, "owner of the attachment", *i.Attachment.InstanceOwnerId, "amazon-aws")
	w.refused(failure(w.DetachNetworkInterface(ctx, &sdk.DetachNetworkInterfaceInput{AttachmentId: i.Attachment.AttachmentId})), "OperationNotPermitted", "")
	w.refused(failure(w.DeleteNetworkInterface(ctx, &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaceId})), "InvalidParameterValue", "Network interface 'eni-0123456789abcdef0' is currently in use.")
	w.refused(failure(w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &subnet})), "DependencyViolation", "")
	w.refused(failure(w.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupId: g})), "DependencyViolation", "resource "+*g+" has a dependent object")
	w.refused(failure(w.ModifyNetworkInterfaceAttribute(ctx, &sdk.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: i.NetworkInterfaceId, Description: &types.AttributeValue{Value: s("mine")}})), "AuthFailure", "You do not have permission to access the specified resource.")
}

func TestSlowNATGateway(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.SlowStates = true })
	_, subnet := w.network()
	do(w.CreateNatGateway(t.Context(), &sdk.CreateNatGatewayInput{SubnetId: &subnet, ConnectivityType: types.ConnectivityTypePrivate}))
	for _, step := range []struct {
		after time.Duration
		state types.NatGatewayState
	}{{0, types.NatGatewayStatePending}, {59 * time.Second, types.NatGatewayStatePending}, {2 * time.Second, types.NatGatewayStateAvailable}} {
		w.now = w.now.Add(step.after)
		equal(w, "state", do(w.DescribeNatGateways(t.Context(), &sdk.DescribeNatGatewaysInput{})).NatGateways[0].State, step.state)
	}
}
