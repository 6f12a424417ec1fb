package privatelink

import "weir/internal/api/alibaba/resource"

// Acts says what calls act on. At the two ends of a connection are two accounts:
// a call is about the caller's own.
// https://www.alibabacloud.com/help/en/privatelink/developer-reference/api-privatelink-2020-04-15-ram
var Acts = resource.Acts{
	Product: "privatelink",
	Named: []resource.Named{
		{Field: "EndpointId", Type: "vpcendpoint", Own: true}, {Field: "ServiceId", Type: "vpcendpointservice", Own: true},
		{Field: "VpcId", Type: "vpc", Product: "vpc"}, {Field: "SecurityGroupId", Type: "securitygroup", Product: "ecs"},
	},
	Own: []resource.Part{
		{Name: "DescribeRegions"}, {Name: "DescribeZones"}, {Name: "OpenPrivateLink"}, {Name: "CheckProduct"}, {Name: "ByEndUser"},
		{Name: "EndpointService", Type: "vpcendpointservice"}, {Name: "EndpointConnection", Type: "vpcendpointservice"}, {Name: "Endpoint", Type: "vpcendpoint"},
	},
	Types: map[string]string{"vpcendpoint": "vpcendpoint", "vpcendpointservice": "vpcendpointservice"},
}
