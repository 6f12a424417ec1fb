package ecs

import (
	"context"
	"encoding/base64"
	"strings"

	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) instances(s *wire.Service) {
	wire.Handle(s, "RunInstances", a.runInstances)
	wire.Handle(s, "CreateInstance", a.createInstance)
	wire.Handle(s, "DescribeInstances", a.describeInstances)
	wire.Handle(s, "DescribeInstanceStatus", a.describeInstanceStatus)
	wire.Handle(s, "DescribeInstanceAttribute", a.describeInstanceAttribute)
	wire.Handle(s, "ModifyInstanceAttribute", a.modifyInstanceAttribute)
	wire.Handle(s, "ModifyInstanceMetadataOptions", a.modifyInstanceMetadataOptions)
	wire.Handle(s, "StartInstance", a.startInstance)
	wire.Handle(s, "StartInstances", a.startInstances)
	wire.Handle(s, "StopInstance", a.stopInstance)
	wire.Handle(s, "StopInstances", a.stopInstances)
	wire.Handle(s, "RebootInstance", a.rebootInstance)
	wire.Handle(s, "RebootInstances", a.rebootInstances)
	wire.Handle(s, "DeleteInstance", a.deleteInstance)
	wire.Handle(s, "DeleteInstances", a.deleteInstances)
	wire.Handle(s, "AttachInstanceRamRole", a.attachInstanceRAMRole)
	wire.Handle(s, "DetachInstanceRamRole", a.detachInstanceRAMRole)
	wire.Handle(s, "DescribeInstanceRamRole", a.describeInstanceRAMRole)
	wire.Handle(s, "DescribeUserData", a.describeUserData)
	wire.Handle(s, "GetInstanceConsoleOutput", a.getInstanceConsoleOutput)
	wire.Handle(s, "JoinSecurityGroup", a.joinSecurityGroup)
	wire.Handle(s, "LeaveSecurityGroup", a.leaveSecurityGroup)
	wire.Handle(s, "DescribeDisks", a.describeDisks)
	wire.Handle(s, "DescribeInstanceMaintenanceAttributes", a.describeInstanceMaintenanceAttributes)
	wire.Handle(s, "DescribeInstanceAttachmentAttributes", a.describeInstanceAttachmentAttributes)
}

// attrImage is the image of an instance; those of other dialects have none.
const attrImage = "alibaba.image"

const (
	instanceName        = "InvalidInstanceName.Malformed"
	instanceDescription = "InvalidDescription.Malformed"
)

// instance finds one of the caller's instances. One that was released is gone.
func (a *api) instance(ctx context.Context, id string) (*cloud.Instance, error) {
	if i, ok := cloud.Instances.Get(a.control.View(), cloud.InstanceID(id)); ok && i.Scope() == resource.Scope(ctx) && i.Phase != cloud.Terminated {
		return i, nil
	}
	return nil, missing(cloud.KindInstance)
}

// launch is what RunInstances and CreateInstance have in common.
type launch struct {
	image, family, kind, name, description, group, role, userData, endpoint, tokens *string
	charge, spot, tenancy, strategy                                                 *string
	protected                                                                       *bool
	bandwidth                                                                       *int64
	tags                                                                            []Tag
}

// request is the launch as control takes it, but for the interface.
func (a *api) request(ctx context.Context, l launch) (c control.RunInstances, err error) {
	if err := resource.Refuse(map[string]bool{
		"InstanceChargeType": text(l.charge) != "" && *l.charge != "PostPaid", "SpotStrategy": text(l.spot) != "" && *l.spot != "NoSpot",
		"Tenancy": text(l.tenancy) != "" && *l.tenancy != "default", "SecurityEnhancementStrategy": text(l.strategy) == "Active",
	}); err != nil {
		return c, err
	}
	img, err := imageOf(l.image, l.family)
	if err != nil {
		return c, err
	}
	size, err := sizeOf(text(l.kind))
	if err != nil {
		return c, err
	}
	t, err := tags(l.tags)
	if err != nil {
		return c, err
	}
	d := resource.Described{Name: l.name, Description: l.description}
	if c.Labels, err = resource.Labels(ctx, a.control, d, l.group, t, instanceName, instanceDescription); err != nil {
		return c, err
	}
	c.InterfaceAttrs = map[string]string{}
	if g := text(l.group); g != "" {
		c.InterfaceAttrs[resource.AttrGroup] = g
	}
	c.Attrs[attrImage] = img
	c.Type, c.CPUs, c.MemoryMiB = size.name, size.cpus, size.memoryMiB
	c.KeepAPI, c.Reservation = yes(l.protected), resource.NewID(cloud.KindReservation)
	if c.UserData, err = readUserData(l.userData); err != nil {
		return c, err
	}
	if c.Role, err = a.role(ctx, text(l.role)); err != nil {
		return c, err
	}
	public := l.bandwidth != nil && *l.bandwidth > 0
	c.Interface.Public, c.Interface.AnySource = &public, true
	return c, metadataOptions(&c.Metadata, l.endpoint, l.tokens)
}

// maxUserData is the vendor's limit, before it is encoded.
const maxUserData = 32 << 10

// readUserData reads a script; nothing else is understood.
// https://www.alibabacloud.com/help/en/ecs/user-guide/customize-the-initialization-configuration-for-an-instance
func readUserData(p *string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text(p))
	switch {
	case err != nil:
		return nil, forbidden("InvalidUserData.Base64FormatInvalid", "The specified UserData is not valid: it is not in Base64.")
	case len(b) > maxUserData:
		return nil, resource.Fault("InvalidUserData.SizeExceeded", "The specified parameter \"UserData\" exceeds the size.")
	case len(b) > 0 && !strings.HasPrefix(string(b), "#!"):
		return nil, resource.Unsupported("UserData")
	}
	return b, nil
}

// metadataOptions says how an instance may ask about itself. Sessions are
// optional, unless they are asked for.
func metadataOptions(m *cloud.MetadataOptions, endpoint, tokens *string) error {
	m.TokensOptional = true
	switch text(endpoint) {
	case "", "enabled":
		m.Off = false
	case "disabled":
		m.Off = true
	default:
		return resource.Fault("InvalidParameter", "The specified parameter \"HttpEndpoint\" is not valid.")
	}
	switch text(tokens) {
	case "", "optional":
	case "required":
		m.TokensOptional = false
	default:
		return resource.Fault("InvalidParameter", "The specified parameter \"HttpTokens\" is not valid.")
	}
	return nil
}

// runInstances makes instances and starts them.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-runinstances
func (a *api) runInstances(ctx context.Context, in *RunInstancesInput) (*RunInstancesOutput, error) {
	if err := in.refuse(); err != nil {
		return nil, err
	}
	c, err := a.request(ctx, launch{
		in.ImageId, in.ImageFamily, in.InstanceType, in.InstanceName, in.Description, in.ResourceGroupId, in.RamRoleName, in.UserData, in.HttpEndpoint, in.HttpTokens,
		in.InstanceChargeType, in.SpotStrategy, in.Tenancy, in.SecurityEnhancementStrategy, in.DeletionProtection, in.InternetMaxBandwidthOut, in.Tag,
	})
	if err != nil {
		return nil, err
	}
	if c.Min, c.Max, err = amounts(in.MinAmount, in.Amount); err != nil {
		return nil, err
	}
	if d := in.SystemDisk; d != nil {
		if err := keepDisk(c.Attrs, d.Category, d.DiskName, d.Description, d.PerformanceLevel, d.Size); err != nil {
			return nil, err
		}
	}
	if err := a.runInterface(ctx, in, &c); err != nil {
		return nil, err
	}
	made, err := a.control.RunInstances(ctx, resource.Caller(ctx), c)
	if err != nil {
		return nil, err
	}
	return &RunInstancesOutput{InstanceIdSets: each(made, func(i *cloud.Instance) string { return string(i.ID) })}, nil
}

// refuse names what of a request cannot be had. A system disk is as it is,
// whatever size and category are asked for.
func (in *RunInstancesInput) refuse() error {
	d := in.SystemDisk
	return resource.Refuse(map[string]bool{
		"Affinity": text(in.Affinity) != "", "Arn": len(in.Arn) > 0, "AutoReleaseTime": text(in.AutoReleaseTime) != "", "AutoRenew": yes(in.AutoRenew), "ClockOptions": in.ClockOptions != nil,
		"CpuOptions": in.CpuOptions != nil, "CreditSpecification": text(in.CreditSpecification) != "", "DataDisk": len(in.DataDisk) > 0, "DedicatedHostId": text(in.DedicatedHostId) != "",
		"DeploymentSetId": text(in.DeploymentSetId) != "", "HibernationOptions": in.HibernationOptions != nil && yes(in.HibernationOptions.Configured), "HostName": text(in.HostName) != "" || len(in.HostNames) > 0,
		"HpcClusterId": text(in.HpcClusterId) != "", "ImageOptions": in.ImageOptions != nil, "Isp": text(in.Isp) != "" && *in.Isp != "BGP", "KeyPairName": text(in.KeyPairName) != "",
		"LaunchTemplateId": text(in.LaunchTemplateId) != "" || text(in.LaunchTemplateName) != "", "ManagedHostId": text(in.ManagedHostId) != "", "NetworkInterfaceQueueNumber": in.NetworkInterfaceQueueNumber != nil,
		"NetworkOptions": in.NetworkOptions != nil, "Password": text(in.Password) != "", "PasswordInherit": yes(in.PasswordInherit), "PrivateDnsNameOptions": in.PrivateDnsNameOptions != nil,
		"PrivatePoolOptions": in.PrivatePoolOptions != nil, "SchedulerOptions": in.SchedulerOptions != nil, "SecurityOptions": in.SecurityOptions != nil, "StorageSetId": text(in.StorageSetId) != "",
		"UniqueSuffix": yes(in.UniqueSuffix), "SystemDisk": d != nil && (text(d.AutoSnapshotPolicyId) != "" || text(d.Encrypted) == "true" || text(d.KMSKeyId) != "" || text(d.StorageClusterId) != ""),
	})
}

// amounts are how many instances there are to be, at least and at most.
func amounts(least, most *int64) (int, int, error) {
	n := int64(1)
	if most != nil {
		n = *most
	}
	if n < 1 || n > 100 {
		return 0, 0, resource.Fault("InvalidParameter.Amount", "The specified parameter \"Amount\" is not valid: it is from 1 to 100.")
	}
	low := n
	if least != nil {
		low = *least
	}
	if low < 1 || low > n {
		return 0, 0, resource.Fault("InvalidParameter.MinAmount", "The specified parameter \"MinAmount\" is not valid: it is from 1 to Amount.")
	}
	return int(low), int(n), nil
}

// runInterface reads where instances are to be: the call's own parameters, or
// those of the one primary interface.
func (a *api) runInterface(ctx context.Context, in *RunInstancesInput, c *control.RunInstances) error {
	spec := RunInstancesNetworkInterface{
		VSwitchId: in.VSwitchId, SecurityGroupId: in.SecurityGroupId, SecurityGroupIds: in.SecurityGroupIds, PrimaryIpAddress: in.PrivateIpAddress,
		Ipv6Address: in.Ipv6Address, Ipv6AddressCount: in.Ipv6AddressCount,
	}
	if n := len(in.NetworkInterface); n > 0 {
		own := text(in.VSwitchId) != "" || text(in.SecurityGroupId) != "" || len(in.SecurityGroupIds) > 0 || text(in.PrivateIpAddress) != "" || len(in.Ipv6Address) > 0 || in.Ipv6AddressCount != nil
		switch {
		case n > 1 || text(in.NetworkInterface[0].InstanceType) != primary:
			return resource.Unsupported("NetworkInterface")
		case own:
			return resource.Fault("InvalidParameter.Conflict", "The primary network interface and the instance's vSwitch, security groups or addresses cannot both be specified.")
		}
		spec = in.NetworkInterface[0]
	}
	return a.placeInstance(ctx, spec, in.ZoneId, c)
}

// placeInstance reads the specification of an instance's interface.
func (a *api) placeInstance(ctx context.Context, s RunInstancesNetworkInterface, zone *string, c *control.RunInstances) (err error) {
	mode := text(s.NetworkInterfaceTrafficMode)
	if err := resource.Refuse(map[string]bool{
		"NetworkInterface.NetworkInterfaceId": text(s.NetworkInterfaceId) != "", "NetworkInterface.DeleteOnRelease": s.DeleteOnRelease != nil && !*s.DeleteOnRelease,
		"NetworkInterface.NetworkInterfaceTrafficMode": mode != "" && mode != "Standard", "NetworkInterface.QueueNumber": s.QueueNumber != nil || s.QueuePairNumber != nil || s.RxQueueSize != nil || s.TxQueueSize != nil,
	}); err != nil {
		return err
	}
	n := &c.Interface
	n.Subnet, n.Zone = cloud.SubnetID(text(s.VSwitchId)), text(zone)
	if n.Groups, err = a.groupsOf(ctx, s.SecurityGroupId, s.SecurityGroupIds); err != nil {
		return err
	}
	if n.Addrs, n.Count, err = newAddresses(s.PrimaryIpAddress, nil, s.SecondaryPrivateIpAddressCount); err != nil {
		return err
	}
	if n.Addrs6, n.Count6, err = newAddresses6(s.Ipv6Address, s.Ipv6AddressCount); err != nil {
		return err
	}
	if c.Max > 1 && (n.Addrs[0].IsValid() || len(n.Addrs6) > 0) {
		return resource.Fault("InvalidParameter.Conflict", "An address of your choice cannot be given to more than one instance.")
	}
	if n.Description, err = described(s.Description); err != nil {
		return err
	}
	if text(s.NetworkInterfaceName) != "" {
		c.InterfaceAttrs[resource.AttrName] = *s.NetworkInterfaceName
	}
	n.AnySource = !yes(s.SourceDestCheck)
	return nil
}

// createInstance makes one instance, which is to be started.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-createinstance
func (a *api) createInstance(ctx context.Context, in *CreateInstanceInput) (*CreateInstanceOutput, error) {
	d := in.SystemDisk
	if err := resource.Refuse(map[string]bool{
		"Affinity": text(in.Affinity) != "", "Arn": len(in.Arn) > 0, "AutoRenew": yes(in.AutoRenew), "CreditSpecification": text(in.CreditSpecification) != "", "DataDisk": len(in.DataDisk) > 0,
		"DedicatedHostId": text(in.DedicatedHostId) != "", "DeploymentSetId": text(in.DeploymentSetId) != "", "HibernationOptions": in.HibernationOptions != nil && yes(in.HibernationOptions.Configured),
		"HostName": text(in.HostName) != "", "HpcClusterId": text(in.HpcClusterId) != "", "InnerIpAddress": text(in.InnerIpAddress) != "", "KeyPairName": text(in.KeyPairName) != "",
		"ManagedHostId": text(in.ManagedHostId) != "", "Password": text(in.Password) != "", "PasswordInherit": yes(in.PasswordInherit), "PrivatePoolOptions": in.PrivatePoolOptions != nil,
		"StorageSetId": text(in.StorageSetId) != "", "SystemDisk": d != nil && text(d.StorageClusterId) != "", "VlanId": text(in.VlanId) != "",
	}); err != nil {
		return nil, err
	}
	c, err := a.request(ctx, launch{
		in.ImageId, in.ImageFamily, in.InstanceType, in.InstanceName, in.Description, in.ResourceGroupId, in.RamRoleName, in.UserData, in.HttpEndpoint, in.HttpTokens,
		in.InstanceChargeType, in.SpotStrategy, in.Tenancy, in.SecurityEnhancementStrategy, in.DeletionProtection, nil, in.Tag, // a public address is to be allocated
	})
	if err != nil {
		return nil, err
	}
	if d != nil {
		if err := keepDisk(c.Attrs, d.Category, d.DiskName, d.Description, d.PerformanceLevel, number(d.Size)); err != nil {
			return nil, err
		}
	}
	c.Min, c.Max, c.Stopped = 1, 1, true
	spec := RunInstancesNetworkInterface{VSwitchId: in.VSwitchId, SecurityGroupId: in.SecurityGroupId, PrimaryIpAddress: in.PrivateIpAddress}
	if err := a.placeInstance(ctx, spec, in.ZoneId, &c); err != nil {
		return nil, err
	}
	made, err := a.control.RunInstances(ctx, resource.Caller(ctx), c)
	if err != nil {
		return nil, err
	}
	return &CreateInstanceOutput{InstanceId: new(string(made[0].ID))}, nil
}
