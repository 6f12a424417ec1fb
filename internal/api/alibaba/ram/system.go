package ram

import (
	"time"

	"weir/internal/cloud"
)

// systemPrefix begins the ARNs of system policies.
const systemPrefix = "acs:ram::system:policy/"

// systemSince is when the policies below were (or, here, might have been) made.
var systemSince = time.Date(2015, 4, 28, 17, 14, 45, 0, time.UTC)

func allow(actions string) string {
	return `{"Version":"1","Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":"*"}]}`
}

// passing adds that roles may be passed to a service.
func passing(actions, service string) string {
	return `{"Version":"1","Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":"*"},` +
		`{"Effect":"Allow","Action":"ram:PassRole","Resource":"*","Condition":{"StringEquals":{"acs:Service":"` + service + `"}}}]}`
}

// What Function Compute does in a user's network and logs.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/service-linked-role
const functionNetwork = `"vpc:DescribeVSwitchAttributes","vpc:DescribeVpcAttribute","vpc:DescribeVpcs","vpc:DescribeVSwitches",` +
	`"ecs:CreateNetworkInterface","ecs:DeleteNetworkInterface","ecs:DescribeNetworkInterfaces","ecs:CreateNetworkInterfacePermission",` +
	`"ecs:DescribeNetworkInterfacePermissions","ecs:DeleteNetworkInterfacePermission","ecs:AttachNetworkInterface","ecs:DetachNetworkInterface",` +
	`"ecs:DescribeSecurityGroups","ecs:DescribeSecurityGroupAttribute"`

// systemPolicies are those that the vendor's documents of Function Compute and its
// networks name.
// https://www.alibabacloud.com/help/en/ram/user-guide/system-policies-overview
var systemPolicies = []struct{ name, description, document string }{
	{"AdministratorAccess", "Provides full access to Alibaba Cloud services and resources.", allow(`"*"`)},
	{"ReadOnlyAccess", "Provides read-only access to Alibaba Cloud services and resources.", allow(`["*:Describe*","*:List*","*:Get*","*:BatchGet*","*:Query*","*:BatchQuery*"]`)},
	{"AliyunOSSFullAccess", "Provides full access to Object Storage Service.", allow(`"oss:*"`)},
	{"AliyunOSSReadOnlyAccess", "Provides read-only access to Object Storage Service.", allow(`["oss:Get*","oss:List*"]`)},
	{"AliyunVPCFullAccess", "Provides full access to Virtual Private Cloud.", allow(`"vpc:*"`)},
	{"AliyunVPCReadOnlyAccess", "Provides read-only access to Virtual Private Cloud.", allow(`["vpc:Describe*","vpc:List*","vpc:Get*"]`)},
	{"AliyunECSFullAccess", "Provides full access to Elastic Compute Service.", passing(`["ecs:*","vpc:CheckCanAllocateVpcPrivateIpAddress","vpc:DescribeVpcs","vpc:DescribeVSwitches"]`, "ecs.aliyuncs.com")},
	{"AliyunECSReadOnlyAccess", "Provides read-only access to Elastic Compute Service.", allow(`["ecs:Describe*","ecs:List*","ecs:Get*","vpc:DescribeVpcs","vpc:DescribeVSwitches"]`)},
	{"AliyunECSNetworkInterfaceManagementAccess", "Provides management of network interfaces of Elastic Compute Service.",
		allow(`["ecs:CreateNetworkInterface","ecs:DeleteNetworkInterface","ecs:DescribeNetworkInterfaces","ecs:CreateNetworkInterfacePermission","ecs:DescribeNetworkInterfacePermissions","ecs:DeleteNetworkInterfacePermission"]`)},
	{"AliyunEIPFullAccess", "Provides full access to Elastic IP Address.", allow(`["vpc:*EipAddress*","vpc:*Eip*"]`)},
	{"AliyunEIPReadOnlyAccess", "Provides read-only access to Elastic IP Address.", allow(`"vpc:DescribeEip*"`)},
	{"AliyunNATGatewayFullAccess", "Provides full access to NAT Gateway.", allow(`["vpc:*NatGateway*","vpc:*ForwardEntry*","vpc:*ForwardTable*","vpc:*SnatEntry*","vpc:*SnatTable*","vpc:DescribeVpcs","vpc:DescribeVSwitches","vpc:DescribeEipAddresses","vpc:AssociateEipAddress","vpc:UnassociateEipAddress"]`)},
	{"AliyunNATGatewayReadOnlyAccess", "Provides read-only access to NAT Gateway.", allow(`["vpc:DescribeNatGateways","vpc:GetNatGatewayAttribute","vpc:DescribeForwardTableEntries","vpc:DescribeSnatTableEntries"]`)},
	{"AliyunPvtzFullAccess", "Provides full access to PrivateZone.", allow(`"pvtz:*"`)},
	{"AliyunCENFullAccess", "Provides full access to Cloud Enterprise Network.", allow(`"cen:*"`)},
	{"AliyunPrivateLinkFullAccess", "Provides full access to PrivateLink.", allow(`"privatelink:*"`)},
	{"AliyunRAMFullAccess", "Provides full access to Resource Access Management.", allow(`"ram:*"`)},
	{"AliyunRAMReadOnlyAccess", "Provides read-only access to Resource Access Management.", allow(`["ram:Get*","ram:List*"]`)},
	{"AliyunSTSAssumeRoleAccess", "Provides access to the AssumeRole operation of Security Token Service.", allow(`"sts:AssumeRole"`)},
	{"AliyunLogFullAccess", "Provides full access to Log Service.", allow(`"log:*"`)},
	{"AliyunLogReadOnlyAccess", "Provides read-only access to Log Service.", allow(`["log:Get*","log:List*"]`)},
	{"AliyunFCFullAccess", "Provides full access to Function Compute.", passing(`"fc:*"`, "fc.aliyuncs.com")},
	{"AliyunFCReadOnlyAccess", "Provides read-only access to Function Compute.", allow(`["fc:Get*","fc:List*"]`)},
	{"AliyunFCInvocationAccess", "Provides invocation of functions of Function Compute.", allow(`"fc:InvokeFunction"`)},
	{"AliyunMaxComputeFullAccess", "Provides full access to MaxCompute.", allow(`"odps:*"`)},
	{"AliyunResourceDirectoryFullAccess", "Provides full access to Resource Management.", allow(`"resourcemanager:*"`)},
	{"AliyunFCDefaultRolePolicy", "The policy for AliyunFCDefaultRole.",
		allow(`[` + functionNetwork + `,"log:PostLogStoreLogs","fc:InvokeFunction","mns:SendMessage","mns:PublishMessage","eventbridge:PutEvents","cr:GetRepository","cr:GetRepositoryTag","cr:GetAuthorizationToken","cr:PullRepository"]`)},
	{"AliyunServiceRolePolicyForFC", "The policy for the service-linked role AliyunServiceRoleForFC.",
		allow(`[` + functionNetwork + `,"log:CreateProject","log:GetProject","log:CreateLogStore","log:GetLogStore","log:CreateIndex","log:GetIndex","log:PostLogStoreLogs","log:GetLogStoreLogs","cr:GetRepository","cr:GetRepositoryTag","cr:GetAuthorizationToken","cr:PullRepository"]`)},
}

// System are the system policies in the state's form.
func System() []cloud.Policy {
	out := make([]cloud.Policy, len(systemPolicies))
	for i, p := range systemPolicies {
		out[i] = cloud.Policy{
			Meta: cloud.Meta{Created: systemSince}, ID: p.name, ARN: systemPrefix + p.name, Name: p.name, Path: "/",
			Description: p.description, Default: "v1", NextVersion: 2,
			Versions: []cloud.PolicyVersion{{ID: "v1", Document: p.document, Created: systemSince}},
		}
	}
	return out
}
