package ecs

import (
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
)

// Acts says what calls act on.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-ram
var Acts = resource.Acts{
	Product: "ecs",
	Named: []resource.Named{
		{Field: "InstanceId", Type: "instance"}, {Field: "InstanceIds", Type: "instance"}, {Field: "NetworkInterfaceId", Type: "eni"},
		{Field: "SecurityGroupId", Type: "securitygroup"}, {Field: "SecurityGroupIds", Type: "securitygroup"}, {Field: "PrefixListId", Type: "prefixlist"},
		{Field: "ImageId", Type: "image"}, {Field: "VSwitchId", Type: "vswitch", Product: "vpc"},
	},
	Own: []resource.Part{
		{Name: "NetworkInterface", Type: "eni"}, {Name: "IpAddresses", Type: "eni"}, {Name: "Ipv6Addresses", Type: "eni"}, {Name: "SecurityGroup", Type: "securitygroup"},
		{Name: "PrefixList", Type: "prefixlist"}, {Name: "InstanceType"}, {Name: "Instance", Type: "instance"}, {Name: "UserData", Type: "instance"},
	},
	Types: map[string]string{"instance": "instance", "eni": "eni", "securitygroup": "securitygroup", "image": "image"},
	Makes: []string{"RunInstances"},
	More:  passesRole,
}

// passesRole wants the permission to hand an instance the role that the call names.
func passesRole(call *wire.Call, in any) []access.Target {
	role := access.Text(in, "RamRoleName")
	if role == "" || strings.HasPrefix(call.Operation, "Describe") || call.Operation == "DetachInstanceRamRole" {
		return nil
	}
	return []access.Target{{Action: "ram:PassRole", ARN: access.RAM(call.Account, "role", role)}}
}
