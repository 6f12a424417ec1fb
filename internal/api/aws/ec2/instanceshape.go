package ec2

import (
	"strings"

	"weir/internal/cloud"
)

// instanceStates are Amazon's names and codes of the phases.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
var instanceStates = map[cloud.Phase]struct {
	code int32
	name InstanceStateName
}{
	cloud.Pending: {0, "pending"}, cloud.Running: {16, "running"}, cloud.Terminating: {32, "shutting-down"},
	cloud.Terminated: {48, "terminated"}, cloud.Stopping: {64, "stopping"}, cloud.Stopped: {80, "stopped"},
}

func stateShape(p cloud.Phase) *InstanceState {
	s := instanceStates[p]
	return &InstanceState{Code: new(s.code), Name: s.name}
}

func (a *api) instanceShape(v cloud.View) func(*cloud.Instance) Instance {
	enis := a.interfaceShape(v)
	return func(i *cloud.Instance) Instance {
		out := Instance{
			InstanceId: new(string(i.ID)), ImageId: new(i.Attrs[attrImage]), InstanceType: InstanceType(i.Type), AmiLaunchIndex: new(int32(i.Index)), ClientToken: new(i.Attrs[attrToken]),
			State: stateShape(i.Phase), LaunchTime: new(i.Launched), Monitoring: &Monitoring{State: MonitoringStateDisabled}, Tags: shown(tagList(i.Tags)),
			Architecture: amazonLinux.Architecture, Hypervisor: amazonLinux.Hypervisor, VirtualizationType: amazonLinux.VirtualizationType, EnaSupport: new(true), EbsOptimized: new(false),
			RootDeviceName: amazonLinux.RootDeviceName, RootDeviceType: amazonLinux.RootDeviceType, PlatformDetails: amazonLinux.PlatformDetails, UsageOperation: amazonLinux.UsageOperation,
			BlockDeviceMappings: []InstanceBlockDeviceMapping{}, ProductCodes: []ProductCode{}, NetworkInterfaces: []InstanceNetworkInterface{}, SecurityGroups: []GroupIdentifier{},
			PrivateDnsName: new(""), PublicDnsName: new(""), StateTransitionReason: new(""), EnclaveOptions: &EnclaveOptions{Enabled: new(false)}, HibernationOptions: &HibernationOptions{Configured: new(false)},
			MetadataOptions:                  metadataShape(i.Metadata),
			MaintenanceOptions:               &InstanceMaintenanceOptions{AutoRecovery: "default"},
			CpuOptions:                       &CpuOptions{CoreCount: new(int32(max(1, i.CPUs/2))), ThreadsPerCore: new(int32(min(i.CPUs, 2)))},
			Operator:                         &OperatorResponse{Managed: new(false)},
			CapacityReservationSpecification: &CapacityReservationSpecificationResponse{CapacityReservationPreference: "open"},
			Placement:                        &Placement{Tenancy: "default", GroupName: new("")},
		}
		if i.Profile != "" {
			out.IamInstanceProfile = &IamInstanceProfile{Arn: new(i.Attrs[attrProfileARN]), Id: new(i.Attrs[attrProfileID])}
		}
		if s, ok := cloud.Subnets.Get(v, i.Subnet); ok {
			out.Placement.AvailabilityZone, out.Placement.AvailabilityZoneId = new(s.Zone), new(a.zoneID(s.Region, s.Zone))
		}
		reasonShape(i, &out)
		if eni, ok := cloud.Interfaces.Get(v, i.Interface); ok {
			placedShape(v, i, enis(eni), &out)
		}
		return out
	}
}

// reasonShape shows why an instance has left off running.
func reasonShape(i *cloud.Instance, out *Instance) {
	const user = "Client.UserInitiatedShutdown"
	if code, _, ok := strings.Cut(i.Reason, ": "); ok {
		out.StateReason, out.StateTransitionReason = &StateReason{Code: new(code), Message: new(i.Reason)}, new(code)
	} else if !i.Asked.IsZero() {
		out.StateReason = &StateReason{Code: new(user), Message: new(user + ": User initiated shutdown")}
		out.StateTransitionReason = new(i.Asked.UTC().Format("User initiated (2006-01-02 15:04:05 GMT)"))
	}
}

// placedShape shows what an instance has by its interface.
func placedShape(v cloud.View, i *cloud.Instance, eni NetworkInterface, out *Instance) {
	out.VpcId, out.SubnetId, out.SourceDestCheck = eni.VpcId, eni.SubnetId, eni.SourceDestCheck
	out.PrivateIpAddress, out.SecurityGroups, out.Ipv6Address = eni.PrivateIpAddress, eni.Groups, eni.Ipv6Address
	if eni.PrivateDnsName != nil {
		out.PrivateDnsName = eni.PrivateDnsName
	}
	if i.Names.ByID {
		out.PrivateDnsName = new(string(i.ID) + "." + internalDomain(i.Region))
	}
	out.PrivateDnsNameOptions = &PrivateDnsNameOptionsResponse{
		HostnameType: hostnameType(i.Names), EnableResourceNameDnsARecord: new(i.Names.A), EnableResourceNameDnsAAAARecord: new(i.Names.AAAA),
	}
	if eni.Association != nil {
		out.PublicIpAddress = eni.Association.PublicIp
		if vpc, ok := cloud.VPCs.Get(v, i.VPC); ok && vpc.DNSHostnames {
			out.PublicDnsName = eni.Association.PublicDnsName
		}
	}
	x := InstanceNetworkInterface{
		NetworkInterfaceId: eni.NetworkInterfaceId, VpcId: eni.VpcId, SubnetId: eni.SubnetId, OwnerId: eni.OwnerId, Description: eni.Description, MacAddress: eni.MacAddress,
		PrivateIpAddress: eni.PrivateIpAddress, PrivateDnsName: eni.PrivateDnsName, SourceDestCheck: eni.SourceDestCheck, Status: eni.Status, Groups: eni.Groups,
		InterfaceType: new("interface"), Association: instanceAssociation(eni.Association), Ipv6Addresses: []InstanceIpv6Address{}, Operator: eni.Operator,
	}
	if t := eni.Attachment; t != nil {
		x.Attachment = &InstanceNetworkInterfaceAttachment{
			AttachmentId: t.AttachmentId, AttachTime: t.AttachTime, DeleteOnTermination: t.DeleteOnTermination, DeviceIndex: t.DeviceIndex, NetworkCardIndex: t.NetworkCardIndex, Status: t.Status,
		}
	}
	for _, p := range eni.PrivateIpAddresses {
		x.PrivateIpAddresses = append(x.PrivateIpAddresses, InstancePrivateIpAddress{
			PrivateIpAddress: p.PrivateIpAddress, PrivateDnsName: p.PrivateDnsName, Primary: p.Primary, Association: instanceAssociation(p.Association),
		})
	}
	for _, p := range eni.Ipv6Addresses {
		x.Ipv6Addresses = append(x.Ipv6Addresses, InstanceIpv6Address{Ipv6Address: p.Ipv6Address, IsPrimaryIpv6: p.IsPrimaryIpv6})
	}
	out.NetworkInterfaces = []InstanceNetworkInterface{x}
}

func instanceAssociation(x *NetworkInterfaceAssociation) *InstanceNetworkInterfaceAssociation {
	if x == nil {
		return nil
	}
	return &InstanceNetworkInterfaceAssociation{PublicIp: x.PublicIp, PublicDnsName: x.PublicDnsName, IpOwnerId: x.IpOwnerId}
}
