package ecs

import (
	"context"
	"encoding/base64"
	"slices"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
	"weir/internal/control"
)

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-modifyinstanceattribute
func (a *api) modifyInstanceAttribute(ctx context.Context, in *ModifyInstanceAttributeInput) (*ModifyInstanceAttributeOutput, error) {
	if err := resource.Refuse(map[string]bool{
		"CpuOptions": in.CpuOptions != nil, "CreditSpecification": text(in.CreditSpecification) != "", "EnableJumboFrame": yes(in.EnableJumboFrame), "EnableNetworkEncryption": yes(in.EnableNetworkEncryption),
		"HostName": text(in.HostName) != "", "NetworkInterfaceQueueNumber": in.NetworkInterfaceQueueNumber != nil, "Password": text(in.Password) != "", "PrivateDnsNameOptions": in.PrivateDnsNameOptions != nil,
		"Recyclable": yes(in.Recyclable), "RemoteConnectionOptions": in.RemoteConnectionOptions != nil,
	}); err != nil {
		return nil, err
	}
	i, err := a.instance(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	m := control.ModifyInstance{KeepAPI: in.DeletionProtection}
	if m.Attrs, err = (resource.Described{Name: in.InstanceName, Description: in.Description}).Attrs(instanceName, instanceDescription); err != nil {
		return nil, err
	}
	if in.UserData != nil {
		b, err := readUserData(in.UserData)
		if err != nil {
			return nil, err
		}
		m.UserData = &b
	}
	if len(in.SecurityGroupIds) > 0 {
		if m.Groups, err = a.groupsOf(ctx, nil, in.SecurityGroupIds); err != nil {
			return nil, err
		}
	}
	return nil, a.control.ModifyInstance(ctx, resource.Caller(ctx), i.ID, m)
}

func (a *api) modifyInstanceMetadataOptions(ctx context.Context, in *ModifyInstanceMetadataOptionsInput) (*ModifyInstanceMetadataOptionsOutput, error) {
	if err := resource.Refuse(map[string]bool{"InstanceMetadataTags": text(in.InstanceMetadataTags) == "enabled"}); err != nil {
		return nil, err
	}
	i, err := a.instance(ctx, text(in.InstanceId))
	if err != nil {
		return nil, err
	}
	m := i.Metadata
	if err := metadataOptions(&m, in.HttpEndpoint, in.HttpTokens); err != nil {
		return nil, err
	}
	return nil, a.control.ModifyInstance(ctx, resource.Caller(ctx), i.ID, control.ModifyInstance{Metadata: &m})
}

func (a *api) describeUserData(ctx context.Context, in *DescribeUserDataInput) (*DescribeUserDataOutput, error) {
	i, err := a.instance(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	return &DescribeUserDataOutput{InstanceId: in.InstanceId, RegionId: &i.Region, UserData: new(base64.StdEncoding.EncodeToString(i.UserData))}, nil
}

// getInstanceConsoleOutput answers what the instance has printed.
func (a *api) getInstanceConsoleOutput(ctx context.Context, in *GetInstanceConsoleOutputInput) (*GetInstanceConsoleOutputOutput, error) {
	i, err := a.instance(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	out := &GetInstanceConsoleOutputOutput{InstanceId: in.InstanceId, ConsoleOutput: new(""), LastUpdateTime: resource.Time(i.Launched)}
	if a.console != nil {
		printed, last := a.console(i.ID)
		out.ConsoleOutput = new(base64.StdEncoding.EncodeToString([]byte(printed)))
		if !last.IsZero() {
			out.LastUpdateTime = resource.Time(last)
		}
	}
	return out, nil
}

// member finds the interface that a call on the members of groups is about: the
// instance's, or the one named.
func (a *api) member(ctx context.Context, instance, eni *string) (*cloud.Interface, error) {
	switch {
	case text(instance) != "" && text(eni) != "":
		return nil, resource.Fault("InvalidParameter.Conflict", "InstanceId and NetworkInterfaceId cannot both be specified.")
	case text(instance) != "":
		i, err := a.instance(ctx, *instance)
		if err != nil {
			return nil, err
		}
		return a.netif(ctx, string(i.Interface))
	case text(eni) != "":
		i, err := a.netif(ctx, *eni)
		if err == nil && i.Attachment != nil {
			err = forbidden("InvalidOperation.InvalidEniType", "The groups of a primary network interface are those of its instance.")
		}
		return i, err
	}
	return nil, resource.Fault("MissingParameter", "InstanceId or NetworkInterfaceId must be specified.")
}

func (a *api) setGroups(ctx context.Context, i *cloud.Interface, groups []cloud.SecurityGroupID) error {
	names := each(groups, func(id cloud.SecurityGroupID) string { return string(id) })
	ids, err := a.groupsOf(ctx, nil, names)
	if err != nil {
		return err
	}
	return a.control.ModifyInterface(ctx, resource.Caller(ctx), i.ID, control.ModifyInterface{Groups: ids})
}

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-joinsecuritygroup
func (a *api) joinSecurityGroup(ctx context.Context, in *JoinSecurityGroupInput) (*JoinSecurityGroupOutput, error) {
	g, err := a.group(ctx, *in.SecurityGroupId)
	if err != nil {
		return nil, err
	}
	i, err := a.member(ctx, in.InstanceId, in.NetworkInterfaceId)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(i.SecurityGroups, g.ID):
		return nil, forbidden("InvalidInstanceId.AlreadyExists", "The specified instance already exists in the specified security group.")
	}
	return nil, a.setGroups(ctx, i, append(slices.Clone(i.SecurityGroups), g.ID))
}

func (a *api) leaveSecurityGroup(ctx context.Context, in *LeaveSecurityGroupInput) (*LeaveSecurityGroupOutput, error) {
	g, err := a.group(ctx, *in.SecurityGroupId)
	if err != nil {
		return nil, err
	}
	i, err := a.member(ctx, in.InstanceId, in.NetworkInterfaceId)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(i.SecurityGroups, g.ID):
		return nil, forbidden("InstanceNotInSecurityGroup", "The instance not in the group.")
	case len(i.SecurityGroups) == 1:
		return nil, forbidden("InstanceLastSecurityGroup", "The specified security group is the last security group of the instance.")
	}
	return nil, a.setGroups(ctx, i, slices.DeleteFunc(slices.Clone(i.SecurityGroups), func(id cloud.SecurityGroupID) bool { return id == g.ID }))
}
