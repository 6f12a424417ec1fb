package clients

import (
	"testing"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
	"weir/internal/control"
)

// TestEndpointServices drives the API of PrivateLink: what packets do is tested elsewhere.
// https://www.alibabacloud.com/help/en/privatelink/developer-reference/api-privatelink-2020-04-15-overview
func TestEndpointServices(t *testing.T) {
	w := newWorld(t)
	p, c := product{t, w, "2020-04-15"}, w.root()
	vpc := ok(c.createVpc("10.1.0.0/16"))(t).VpcId
	const h, i = "cn-hangzhou-h", "cn-hangzhou-i"
	inH, inI := ok(c.createVSwitch(vpc, h, "10.1.1.0/24"))(t).VSwitchId, ok(c.createVSwitch(vpc, i, "10.1.2.0/24"))(t).VSwitchId
	g := to(w, sdkecs.CreateCreateSecurityGroupRequest())
	g.VpcId = vpc
	group := ok(ecsOf(t).CreateSecurityGroup(g))(t).SecurityGroupId
	who := control.Caller{Account: account, Region: region.Default, NewID: resource.NewID}
	b, err := w.control.CreateLoadBalancer(w.ctx, who, control.CreateLoadBalancer{Name: "lb", Domain: "example.com",
		Subnets: []control.BalancerSubnet{{ID: cloud.SubnetID(inH)}, {ID: cloud.SubnetID(inI)}}, Groups: []cloud.SecurityGroupID{cloud.SecurityGroupID(group)}})
	if err != nil {
		t.Fatal(err)
	}
	lb := string(b.ID)

	p.fails("UnsupportedParameter", "CreateVpcEndpointService", "ServiceResourceType", "slb")
	p.fails("UnsupportedParameter", "CreateVpcEndpointService", "Resource.1.ResourceType", "alb", "Resource.1.ResourceId", lb)
	p.fails("ResourceNotFound", "CreateVpcEndpointService", "Resource.1.ResourceType", "nlb", "Resource.1.ResourceId", "nlb-none")
	p.fails("EndpointServiceResourceZoneInvalid", "CreateVpcEndpointService", "Resource.1.ResourceType", "nlb", "Resource.1.ResourceId", lb, "Resource.1.ZoneId", "cn-hangzhou-j")
	p.fails("UnsupportedParameter", "CreateVpcEndpointService", "SupportedRegionList.1", "cn-shanghai")
	made := p.does("CreateVpcEndpointService", "AutoAcceptEnabled", "true", "Resource.1.ResourceType", "nlb", "Resource.1.ResourceId", lb, "Resource.1.ZoneId", h, "Payer", "EndpointService")
	service := made["ServiceId"].(string)
	p.is(made, "ServiceName", "com.aliyuncs.privatelink.cn-hangzhou."+service)
	p.is(made, "ServiceDomain", service+".cn-hangzhou.privatelink.aliyuncs.com")
	res := []string{"ServiceId", service, "ResourceType", "nlb", "ResourceId", lb}
	p.fails("EndpointServiceResourceUsed", "AttachResourceToVpcEndpointService", "ServiceId", p.does("CreateVpcEndpointService")["ServiceId"].(string), "ResourceType", "nlb", "ResourceId", lb)
	p.does("UpdateVpcEndpointServiceAttribute", "ServiceId", service, "ServiceDescription", "d", "ConnectBandwidth", "103")
	p.fails("InvalidBandwidth", "UpdateVpcEndpointServiceAttribute", "ServiceId", service, "ConnectBandwidth", "1")
	got := p.does("GetVpcEndpointServiceAttribute", "ServiceId", service)
	p.is(got, "ServiceDescription", "d")
	p.is(got, "ConnectBandwidth", "103")
	p.is(got, "Payer", "EndpointService")
	p.is(got, "Zones", "["+h+"]")
	listed := p.first(p.does("ListVpcEndpointServiceResources", "ServiceId", service), "Resources")
	p.is(listed, "ZoneId", h)
	p.is(listed, "ResourceId", lb)

	ask := []string{"VpcId", vpc, "ServiceId", service, "EndpointName", "one", "SecurityGroupId.1", group}
	p.fails("EndpointSecurityGroupRequired", "CreateVpcEndpoint", ask[:6]...)
	for _, bad := range [][]string{{"PolicyDocument", "{}"}, {"EndpointType", "Reverse"}, {"ProtectedEnabled", "true"}, {"AddressIpVersion", "DualStack"}, {"ServiceRegionId", "cn-beijing"}, {"ZonePrivateIpAddressCount", "2"}} {
		p.fails("UnsupportedParameter", "CreateVpcEndpoint", append(ask, bad...)...)
	}
	p.fails("VSwitchZoneMismatch", "CreateVpcEndpoint", append(ask, "Zone.1.ZoneId", i, "Zone.1.VSwitchId", inH)...)
	p.fails("EndpointServiceZoneNotSupported", "CreateVpcEndpoint", append(ask, "Zone.1.ZoneId", i, "Zone.1.VSwitchId", inI)...)
	e := p.does("CreateVpcEndpoint", append(ask, "Tag.1.Key", "team", "Tag.1.Value", "red")...)["EndpointId"].(string)
	p.is(p.does("GetVpcEndpointAttribute", "EndpointId", e), "Bandwidth", "103")
	p.does("UpdateVpcEndpointAttribute", "EndpointId", e, "EndpointDescription", "d")
	zone := []string{"EndpointId", e, "ZoneId"}
	p.fails("EndpointServiceZoneNotSupported", "AddZoneToVpcEndpoint", append(zone, i, "VSwitchId", inI)...)
	p.does("AttachResourceToVpcEndpointService", append(res, "ZoneId", i)...)
	p.does("AddZoneToVpcEndpoint", append(zone, i, "VSwitchId", inI)...)
	p.does("AddZoneToVpcEndpoint", append(zone, h, "VSwitchId", inH, "ip", "10.1.1.77")...)
	zones := p.does("ListVpcEndpointZones", "EndpointId", e)
	p.is(p.first(zones, "Zones"), "EniIp", "10.1.1.77")
	p.is(p.first(zones, "Zones"), "ZoneDomain", e+"-"+h+"."+service+".cn-hangzhou.privatelink.aliyuncs.com")
	p.fails("EndpointServiceConnectionDependence", "DetachResourceFromVpcEndpointService", append(res, "ZoneId", i)...)
	p.does("RemoveZoneFromVpcEndpoint", append(zone, i)...)
	p.fails("EndpointZoneNotFound", "RemoveZoneFromVpcEndpoint", append(zone, i)...)
	p.does("DetachResourceFromVpcEndpointService", append(res, "ZoneId", i)...)
	found := p.first(p.does("ListVpcEndpoints", "VpcId", vpc, "ConnectionStatus", "Connected", "Tag.1.Key", "team"), "Endpoints")
	p.is(found, "EndpointDescription", "d")
	p.is(found, "EndpointDomain", e+"."+service+".cn-hangzhou.privatelink.aliyuncs.com")

	p.fails("InvalidBandwidth", "UpdateVpcEndpointConnectionAttribute", "ServiceId", service, "EndpointId", e, "Bandwidth", "7")
	p.does("UpdateVpcEndpointConnectionAttribute", "ServiceId", service, "EndpointId", e, "Bandwidth", "4096")
	p.is(p.first(p.does("ListVpcEndpointConnections", "ServiceId", service, "ResourceId", lb), "Connections"), "Bandwidth", "4096")
	p.fails("EndpointConnectionOperationDenied", "EnableVpcEndpointConnection", "ServiceId", service, "EndpointId", e)

	p.fails("InvalidUser", "AddUserToVpcEndpointService", "ServiceId", service, "UserARN", "somebody")
	p.does("AddUserToVpcEndpointService", "ServiceId", service, "UserId", otherUID)
	p.does("AddUserToVpcEndpointService", "ServiceId", service, "UserARN", "acs:ram:*:*:*")
	users := p.does("ListVpcEndpointServiceUsers", "ServiceId", service)
	p.is(users, "TotalCount", "2")
	p.is(p.first(users, "Users"), "UserId", otherUID)
	p.does("RemoveUserFromVpcEndpointService", "ServiceId", service, "UserId", otherUID)
	p.does("TagResources", "ResourceType", "vpcendpointservice", "ResourceId.1", service, "Tag.1.Key", "a", "Tag.1.Value", "b")
	p.is(p.first(p.does("ListVpcEndpointServices", "ResourceId", lb, "Tag.1.Key", "a"), "Services"), "ServiceId", service)
	p.fails("InvalidResourceGroup.NotFound", "ChangeResourceGroup", "ResourceId", e, "ResourceGroupId", "rg-none")
	p.is(p.first(p.does("DescribeZones"), "Zones", "Zone"), "ZoneId", "cn-hangzhou-h")
	p.is(p.does("CheckProductOpen"), "Success", "true")
	p.fails("EndpointServiceConnectionDependence", "DeleteVpcEndpointService", "ServiceId", service)
	p.does("DeleteVpcEndpoint", "EndpointId", e)
	p.does("DeleteVpcEndpointService", "ServiceId", service)
	p.fails("EndpointServiceNotFound", "GetVpcEndpointServiceAttribute", "ServiceId", service)
}
