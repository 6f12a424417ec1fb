package ec2_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/cloud"
)

// TestInstanceFilters asks for two instances, of which the second alone has each fact.
func TestInstanceFilters(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, subnet := w.network()
	w.gateway(vpc)
	first := w.instance(subnet)
	in := run(subnet)
	in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpTokens: "optional"}
	in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{
		DeviceIndex: aws.Int32(0), SubnetId: in.SubnetId, Description: s("second"), DeleteOnTermination: aws.Bool(false),
	}}
	in.SubnetId = nil
	in.TagSpecifications = []types.TagSpecification{{ResourceType: "network-interface", Tags: []types.Tag{{Key: s("k"), Value: s("v")}}}}
	second := do(w.RunInstances(ctx, in)).Instances[0]
	w.settle(first.InstanceId, 1, cloud.Running)
	w.settle(second.InstanceId, 1, cloud.Running)
	eni := second.NetworkInterfaces[0]
	address := do(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{}))
	do(w.AssociateAddress(ctx, &sdk.AssociateAddressInput{AllocationId: address.AllocationId, InstanceId: second.InstanceId}))
	do(w.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{*second.InstanceId}}))

	if got := *w.shown(second.InstanceId).StateTransitionReason; !strings.HasPrefix(got, "User initiated (20") || !strings.HasSuffix(got, " GMT)") {
		t.Errorf("the stopped instance's transition reason is %q", got)
	}
	found := func(name, value string) (ids []string) {
		for _, r := range do(w.DescribeInstances(ctx, &sdk.DescribeInstancesInput{Filters: filter(name, value)})).Reservations {
			for _, i := range r.Instances {
				ids = append(ids, *i.InstanceId)
			}
		}
		return ids
	}
	for name, value := range map[string]string{
		"instance-state-name":                                   "stopping",
		"metadata-options.http-tokens":                          "optional",
		"network-interface.description":                         "sec*",
		"network-interface.mac-address":                         *eni.MacAddress,
		"network-interface.private-ip-address":                  *eni.PrivateIpAddress,
		"network-interface.attachment.delete-on-termination":    "false",
		"network-interface.attachment.instance-id":              *second.InstanceId,
		"network-interface.addresses.association.public-ip":     *address.PublicIp,
		"network-interface.association.allocation-id":           *address.AllocationId,
		"network-interface.addresses.association.allocation-id": *address.AllocationId,
		"network-interface.tag-key":                             "k",
		"network-interface.tag-value":                           "v",
		"state-reason-code":                                     "Client.UserInitiatedShutdown",
	} {
		if got := found(name, value); !slices.Equal(got, []string{*second.InstanceId}) {
			t.Errorf("instances with %s %s: %v; want %s", name, value, got, *second.InstanceId)
		}
	}
	for name, value := range map[string]string{"platform": "windows", "spot-instance-request-id": "*", "block-device-mapping.volume-id": "vol-*"} {
		if got := found(name, value); got != nil {
			t.Errorf("instances with %s %s: %v; want none", name, value, got)
		}
	}
}

// TestInstanceStatusFilters filters before it pages, by what the call tells.
func TestInstanceStatusFilters(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, subnet := w.network()
	up, off := w.instance(subnet), w.instance(subnet)
	w.settle(up.InstanceId, 1, cloud.Running)

	all := do(w.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{IncludeAllInstances: aws.Bool(true)})).InstanceStatuses
	if len(all) != 2 {
		t.Errorf("%d statuses of all instances; want 2", len(all))
	}
	for value, want := range map[string]string{"ok": *up.InstanceId, "not-applicable": *off.InstanceId} {
		got := do(w.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{
			IncludeAllInstances: aws.Bool(true), Filters: filter("instance-status.status", value),
		})).InstanceStatuses
		if len(got) != 1 || *got[0].InstanceId != want {
			t.Errorf("instances of status %s: %v; want %s", value, got, want)
		}
	}
	if got := do(w.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{Filters: filter("system-status.reachability", "passed")})).InstanceStatuses; len(got) != 1 {
		t.Errorf("%d reachable instances; want 1", len(got))
	}
	w.refused(failure(w.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{InstanceIds: []string{*up.InstanceId}, MaxResults: aws.Int32(5)})),
		"InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	w.refused(failure(w.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{Filters: filter("vpc-id", "x")})), "InvalidParameterValue", "The filter 'vpc-id' is invalid")
	w.refused(failure(w.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{InstanceIds: []string{"i-0123456789abcdef0"}})), "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist")
}

// TestLaunchOrder shows the instances of a reservation by their launch index.
func TestLaunchOrder(t *testing.T) {
	w := newWorld(t)
	_, subnet := w.network()
	in := run(subnet)
	in.MinCount, in.MaxCount = aws.Int32(8), aws.Int32(8)
	do(w.RunInstances(t.Context(), in))
	for k, i := range do(w.DescribeInstances(t.Context(), &sdk.DescribeInstancesInput{})).Reservations[0].Instances {
		if int(*i.AmiLaunchIndex) != k {
			t.Errorf("instance %d of the reservation has launch index %d", k, *i.AmiLaunchIndex)
		}
	}
}

func TestTypeFilters(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	got := do(w.DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{Filters: slices.Concat(
		filter("memory-info.size-in-mib", "1024"), filter("vcpu-info.default-vcpus", "2"), filter("instance-type", "t3.*"), filter("supported-usage-class", "on-demand"), filter("current-generation", "true"),
	)})).InstanceTypes
	if len(got) != 1 || got[0].InstanceType != "t3.micro" {
		t.Errorf("types of 1024 MiB and 2 vCPUs: %v; want t3.micro", got)
	}
	w.refused(failure(w.DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"x9.huge", "t3.micro", "x9.tiny"}})),
		"InvalidInstanceType", "The following supplied instance types do not exist: [x9.huge, x9.tiny]")
}

func TestImageFilters(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	got := do(w.DescribeImages(ctx, &sdk.DescribeImagesInput{Filters: slices.Concat(
		filter("name", "al2023-ami-*"), filter("block-device-mapping.volume-type", "gp3"), filter("ena-support", "true"),
	)})).Images
	if len(got) != 1 || *got[0].ImageId != image {
		t.Errorf("images: %v; want %s", got, image)
	}
	if got := do(w.DescribeImages(ctx, &sdk.DescribeImagesInput{Filters: filter("platform", "windows")})).Images; len(got) != 0 {
		t.Errorf("images of Windows: %v; want none", got)
	}
	w.refused(failure(w.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{"linux"}})), "InvalidAMIID.Malformed", `Invalid id: "linux" (expecting "ami-...")`)
}

// TestImageParameter launches what the documentation's examples name instead of an ID.
func TestImageParameter(t *testing.T) {
	w := newWorld(t)
	_, subnet := w.network()
	in := run(subnet)
	in.ImageId = s("resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")
	if got := *do(w.RunInstances(t.Context(), in)).Instances[0].ImageId; got != image {
		t.Errorf("the instance has the image %s; want %s", got, image)
	}
	in.ImageId = s("resolve:ssm:/mine")
	w.refused(failure(w.RunInstances(t.Context(), in)), "InvalidAMIID.Malformed", "")
}

func TestEntryFilters(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, _ := w.network()
	acl := do(w.CreateNetworkAcl(ctx, &sdk.CreateNetworkAclInput{VpcId: &vpc})).NetworkAcl.NetworkAclId
	do(w.CreateNetworkAclEntry(ctx, &sdk.CreateNetworkAclEntryInput{
		NetworkAclId: acl, RuleNumber: aws.Int32(1), Egress: aws.Bool(false), Protocol: s("6"), RuleAction: "allow", CidrBlock: s("10.0.0.0/8"),
		PortRange: &types.PortRange{From: aws.Int32(443), To: aws.Int32(444)},
	}))
	do(w.CreateNetworkAclEntry(ctx, &sdk.CreateNetworkAclEntryInput{
		NetworkAclId: acl, RuleNumber: aws.Int32(2), Egress: aws.Bool(false), Protocol: s("1"), RuleAction: "allow", CidrBlock: s("10.0.0.0/8"),
		IcmpTypeCode: &types.IcmpTypeCode{Type: aws.Int32(8), Code: aws.Int32(-1)},
	}))
	for name, value := range map[string]string{"entry.port-range.from": "443", "entry.port-range.to": "444", "entry.icmp.type": "8", "entry.icmp.code": "-1"} {
		got := do(w.DescribeNetworkAcls(ctx, &sdk.DescribeNetworkAclsInput{Filters: filter(name, value)})).NetworkAcls
		if len(got) != 1 || *got[0].NetworkAclId != *acl {
			t.Errorf("network ACLs with %s %s: %d; want the one", name, value, len(got))
		}
	}
}
