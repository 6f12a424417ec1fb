package ec2_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/cloud"
)

const image = "ami-0a1b2c3d4e5f60718"

// run is a request for one instance.
func run(subnet string) *sdk.RunInstancesInput {
	return &sdk.RunInstancesInput{ImageId: s(image), InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &subnet}
}

// instance makes one.
func (w *world) instance(subnet string) types.Instance {
	w.Helper()
	return do(w.RunInstances(w.Context(), run(subnet))).Instances[0]
}

// settle does what a runner of instances would tell.
func (w *world) settle(id *string, boot int, to cloud.Phase) {
	w.Helper()
	if err := w.control.Settled(w.Context(), cloud.InstanceID(*id), boot, to, ""); err != nil {
		w.Fatal(err)
	}
}

// shown is what DescribeInstances says of an instance.
func (w *world) shown(id *string) types.Instance {
	w.Helper()
	return do(w.DescribeInstances(w.Context(), &sdk.DescribeInstancesInput{InstanceIds: []string{*id}})).Reservations[0].Instances[0]
}

var instanceRefusals = []struct {
	name, code, msg string
	change          func(in *sdk.RunInstancesInput)
}{
	{"an image there is not", "InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist", func(in *sdk.RunInstancesInput) { in.ImageId = s("ami-0123456789abcdef0") }},
	{"no image", "MissingParameter", "The request must contain the parameter ImageId", func(in *sdk.RunInstancesInput) { in.ImageId = nil }},
	{"a key pair", "InvalidKeyPair.NotFound", "The key pair 'mine' does not exist", func(in *sdk.RunInstancesInput) { in.KeyName = s("mine") }},
	{"a type there is not", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) { in.InstanceType = "x9.huge" }},
	{"more at least than at most", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) { in.MinCount = aws.Int32(2) }},
	{"none", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) { in.MinCount, in.MaxCount = aws.Int32(0), aws.Int32(0) }},
	{"too many", "InstanceLimitExceeded", "", func(in *sdk.RunInstancesInput) { in.MinCount, in.MaxCount = aws.Int32(1000), aws.Int32(1000) }},
	{"user data that is no base64", "InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.", func(in *sdk.RunInstancesInput) { in.UserData = s("#!/bin/sh") }},
	{"user data that is no script", "UnsupportedOperation", "", func(in *sdk.RunInstancesInput) {
		in.UserData = s(base64.StdEncoding.EncodeToString([]byte("#cloud-config\n")))
	}},
	{"long user data", "InvalidParameterValue", "User data is limited to 16384 bytes", func(in *sdk.RunInstancesInput) {
		in.UserData = s(base64.StdEncoding.EncodeToString([]byte("#!" + strings.Repeat("x", 16<<10))))
	}},
	{"an address outside the subnet", "InvalidParameterValue", "Address 10.0.2.9 does not fall within the subnet's address range", func(in *sdk.RunInstancesInput) { in.PrivateIpAddress = s("10.0.2.9") }},
	{"one address for two", "InvalidParameterCombination", "", func(in *sdk.RunInstancesInput) { in.PrivateIpAddress, in.MaxCount = s("10.0.1.9"), aws.Int32(2) }},
	{"subnet and interface", "InvalidParameterCombination", "", func(in *sdk.RunInstancesInput) {
		in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), NetworkInterfaceId: s("eni-0123456789abcdef0")}}
	}},
	{"two interfaces", "UnsupportedOperation", "", func(in *sdk.RunInstancesInput) {
		in.SubnetId, in.NetworkInterfaces = nil, []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0)}, {DeviceIndex: aws.Int32(1)}}
	}},
	{"another zone than the subnet's", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) { in.Placement = &types.Placement{AvailabilityZone: s("us-east-1b")} }},
	{"a group there is not", "InvalidGroup.NotFound", "", func(in *sdk.RunInstancesInput) { in.SecurityGroupIds = []string{"sg-0123456789abcdef0"} }},
	{"a group by a name there is not", "InvalidGroup.NotFound", "The security group 'web' does not exist in default VPC", func(in *sdk.RunInstancesInput) { in.SecurityGroups = []string{"web"} }},
	{"a profile there is not", "InvalidParameterValue", "Value (none) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", func(in *sdk.RunInstancesInput) {
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: s("none")}
	}},
	{"metadata over IPv6", "UnsupportedOperation", "", func(in *sdk.RunInstancesInput) {
		in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpProtocolIpv6: "enabled"}
	}},
	{"a volume", "UnsupportedOperation", "", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: s("/dev/xvdb")}}
	}},
	{"a spot instance", "UnsupportedOperation", "", func(in *sdk.RunInstancesInput) {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot"}
	}},
	{"a tag for something else", "InvalidParameterValue", "'vpc' is not a valid taggable resource type for this operation.", func(in *sdk.RunInstancesInput) {
		in.TagSpecifications = []types.TagSpecification{{ResourceType: "vpc", Tags: []types.Tag{{Key: s("k"), Value: s("v")}}}}
	}},
}

func TestRunInstancesRefusals(t *testing.T) {
	w := newWorld(t)
	_, subnet := w.network()
	for _, c := range instanceRefusals {
		t.Run(c.name, func(t *testing.T) {
			in := run(subnet)
			c.change(in)
			sub := *w
			sub.T = t
			sub.refused(failure(w.RunInstances(t.Context(), in)), c.code, c.msg)
		})
	}
	if n := len(do(w.DescribeNetworkInterfaces(t.Context(), &sdk.DescribeNetworkInterfacesInput{})).NetworkInterfaces); n != 0 {
		t.Errorf("refused requests left %d interfaces", n)
	}
}

// TestInstanceLife goes through the states of the vendor's life cycle.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
func TestInstanceLife(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, subnet := w.network()
	in := run(subnet)
	in.PrivateIpAddress, in.ClientToken, in.UserData = s("10.0.1.20"), s("once"), s(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\necho hi\n")))
	in.TagSpecifications = []types.TagSpecification{{ResourceType: "instance", Tags: []types.Tag{{Key: s("Name"), Value: s("db")}}}, {ResourceType: "network-interface", Tags: []types.Tag{{Key: s("of"), Value: s("db")}}}}
	made := do(w.RunInstances(ctx, in))
	i := made.Instances[0]
	again := do(w.RunInstances(ctx, in))
	equal(w, "the same token makes the same instance", *again.Instances[0].InstanceId, *i.InstanceId)
	equal(w, "state", i.State.Name, "pending")
	equal(w, "address", *i.PrivateIpAddress, "10.0.1.20")
	equal(w, "name", *i.PrivateDnsName, "ip-10-0-1-20.ec2.internal")
	eni := i.NetworkInterfaces[0]
	equal(w, "deletion on termination", *eni.Attachment.DeleteOnTermination, true)
	equal(w, "user data", *do(w.DescribeInstanceAttribute(ctx, &sdk.DescribeInstanceAttributeInput{InstanceId: i.InstanceId, Attribute: "userData"})).UserData.Value, *in.UserData)

	w.settle(i.InstanceId, 1, cloud.Running)
	equal(w, "state", w.shown(i.InstanceId).State.Name, "running")
	equal(w, "checks", do(w.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{})).InstanceStatuses[0].InstanceStatus.Status, "ok")
	found := do(w.DescribeInstances(ctx, &sdk.DescribeInstancesInput{Filters: []types.Filter{
		{Name: s("tag:Name"), Values: []string{"db"}}, {Name: s("instance-state-name"), Values: []string{"running"}}, {Name: s("reservation-id"), Values: []string{*made.ReservationId}},
	}}))
	equal(w, "found by filters", len(found.Reservations), 1)

	stopped := do(w.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{*i.InstanceId}})).StoppingInstances[0]
	equal(w, "before", *stopped.PreviousState.Code, 16)
	equal(w, "now", *stopped.CurrentState.Code, 64)
	w.refused(failure(w.StartInstances(ctx, &sdk.StartInstancesInput{InstanceIds: []string{*i.InstanceId}})), "IncorrectInstanceState", "")
	w.settle(i.InstanceId, 1, cloud.Running) // late news
	equal(w, "state", w.shown(i.InstanceId).State.Name, "stopping")
	w.settle(i.InstanceId, 1, cloud.Stopped)
	equal(w, "state", *w.shown(i.InstanceId).State.Code, 80)
	w.refused(failure(w.RebootInstances(ctx, &sdk.RebootInstancesInput{InstanceIds: []string{*i.InstanceId}})), "IncorrectInstanceState", "")
	equal(w, "started", do(w.StartInstances(ctx, &sdk.StartInstancesInput{InstanceIds: []string{*i.InstanceId}})).StartingInstances[0].CurrentState.Name, "pending")
	w.settle(i.InstanceId, 2, cloud.Running)
	equal(w, "address after a stop", *w.shown(i.InstanceId).PrivateIpAddress, "10.0.1.20")

	equal(w, "ending", *do(w.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{*i.InstanceId}})).TerminatingInstances[0].CurrentState.Code, 32)
	w.settle(i.InstanceId, 2, cloud.Terminated)
	gone := w.shown(i.InstanceId)
	equal(w, "state", *gone.State.Code, 48)
	equal(w, "interfaces of a terminated instance", len(gone.NetworkInterfaces), 0)
	equal(w, "interfaces left", len(do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{})).NetworkInterfaces), 0)
	w.now = w.now.Add(time.Hour)
	w.refused(failure(w.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{*i.InstanceId}})), "InvalidInstanceID.NotFound", "The instance ID '"+*i.InstanceId+"' does not exist")
}

// TestInstanceProtection keeps instances from being ended or stopped.
func TestInstanceProtection(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, subnet := w.network()
	in := run(subnet)
	in.DisableApiTermination, in.DisableApiStop = aws.Bool(true), aws.Bool(true)
	id := do(w.RunInstances(ctx, in)).Instances[0].InstanceId
	w.settle(id, 1, cloud.Running)
	w.refused(failure(w.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{*id}})), "OperationNotPermitted", "")
	w.refused(failure(w.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{*id}})), "OperationNotPermitted", "")
	w.refused(failure(w.ModifyInstanceAttribute(ctx, &sdk.ModifyInstanceAttributeInput{InstanceId: id, InstanceType: &types.AttributeValue{Value: s("t3.small")}})), "IncorrectInstanceState", "")
	off := &types.AttributeBooleanValue{Value: aws.Bool(false)}
	do(w.ModifyInstanceAttribute(ctx, &sdk.ModifyInstanceAttributeInput{InstanceId: id, DisableApiTermination: off}))
	do(w.ModifyInstanceAttribute(ctx, &sdk.ModifyInstanceAttributeInput{InstanceId: id, SourceDestCheck: off}))
	equal(w, "source check", *w.shown(id).NetworkInterfaces[0].SourceDestCheck, false)
	do(w.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{*id}}))
}

// TestInstancePlaces runs instances in the default VPC, with a public address, and
// on an interface of the user's own, which outlives its instance.
func TestInstancePlaces(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	in := run("")
	in.SubnetId, in.SecurityGroups, in.MaxCount = nil, []string{"default"}, aws.Int32(2)
	two := do(w.RunInstances(ctx, in)).Instances
	equal(w, "instances", len(two), 2)
	for n, i := range two {
		equal(w, "index", int(*i.AmiLaunchIndex), n)
		equal(w, "zone", *i.Placement.AvailabilityZone, "us-east-1a")
		if i.PublicIpAddress == nil { // default subnets map public addresses
			t.Errorf("instance %d has no public address", n)
		}
	}
	w.settle(two[0].InstanceId, 1, cloud.Running)
	do(w.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{*two[0].InstanceId}}))
	w.settle(two[0].InstanceId, 1, cloud.Stopped)
	if a := w.shown(two[0].InstanceId).PublicIpAddress; a != nil {
		t.Errorf("a stopped instance keeps its public address %s", *a)
	}

	_, subnet := w.network()
	eni := do(w.CreateNetworkInterface(ctx, &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet})).NetworkInterface
	in = run("")
	in.SubnetId, in.NetworkInterfaces = nil, []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), NetworkInterfaceId: eni.NetworkInterfaceId}}
	i := do(w.RunInstances(ctx, in)).Instances[0]
	equal(w, "address", *i.PrivateIpAddress, *eni.PrivateIpAddress)
	in.ClientToken = nil // which the client has made up and kept
	w.refused(failure(w.RunInstances(ctx, in)), "InvalidNetworkInterface.InUse", "")
	do(w.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{*i.InstanceId}}))
	w.settle(i.InstanceId, 1, cloud.Terminated)
	left := do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{*eni.NetworkInterfaceId}})).NetworkInterfaces[0]
	equal(w, "status of the interface left", left.Status, "available")
}

// TestFewAddresses makes as many instances as there are addresses for, or none.
func TestFewAddresses(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, _ := w.network()
	small := do(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: s("10.0.9.0/28")})).Subnet.SubnetId // 16 addresses, 5 kept back
	in := run(*small)
	in.MinCount, in.MaxCount = aws.Int32(12), aws.Int32(20)
	w.refused(failure(w.RunInstances(ctx, in)), "InsufficientFreeAddressesInSubnet", "")
	in.MinCount = aws.Int32(11)
	equal(w, "instances", len(do(w.RunInstances(ctx, in)).Instances), 11)
}

func TestInstanceTypes(t *testing.T) {
	w := newWorld(t)
	micro := do(w.DescribeInstanceTypes(t.Context(), &sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"t3.micro"}})).InstanceTypes[0]
	equal(w, "memory", *micro.MemoryInfo.SizeInMiB, 1024)
	equal(w, "processors", *micro.VCpuInfo.DefaultVCpus, 2)
	w.refused(failure(w.DescribeInstanceTypes(t.Context(), &sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"p5.48xlarge"}})), "InvalidInstanceType", "")
}
