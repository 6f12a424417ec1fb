package vpc

import (
	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// Acts says what calls act on.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-ram
var Acts = resource.Acts{
	Product: "vpc",
	Named: []resource.Named{
		{Field: "VpcId", Type: "vpc"}, {Field: "VSwitchId", Type: "vswitch"}, {Field: "RouteTableId", Type: "routetable"}, {Field: "RouteEntries.RouteTableId", Type: "routetable"}, {Field: "VRouterId", Type: "vrouter"},
		{Field: "NatGatewayId", Type: "natgateway"}, {Field: "NatIpId", Type: "natgateway", Of: natGatewayOf}, {Field: "SnatTableId", Type: "snattable"}, {Field: "ForwardTableId", Type: "forwardtable"},
		{Field: "AllocationId", Type: "eip"}, {Field: "Ipv4GatewayId", Type: "ipv4gateway"}, {Field: "Ipv6GatewayId", Type: "ipv6gateway"}, {Field: "Ipv6InternetBandwidthId", Type: "ipv6bandwidth"},
		{Field: "NetworkAclId", Type: "networkacl"}, {Field: "FlowLogId", Type: "flowlog"}, {Field: "DhcpOptionsSetId", Type: "dhcpoptionsset"}, {Field: "EndpointId", Type: "gatewayendpoint"},
	},
	Own: []resource.Part{
		{Name: "Regions"}, {Name: "Zones"}, {Name: "VSwitch", Type: "vswitch"}, {Name: "Route", Type: "routetable"}, {Name: "VRouter", Type: "vrouter"},
		{Name: "Snat", Type: "snattable"}, {Name: "Forward", Type: "forwardtable"}, {Name: "Nat", Type: "natgateway"}, {Name: "Eip", Type: "eip"},
		{Name: "Ipv4Gateway", Type: "ipv4gateway"}, {Name: "Ipv6InternetBandwidth", Type: "ipv6bandwidth"}, {Name: "Ipv6", Type: "ipv6gateway"}, {Name: "NetworkAcl", Type: "networkacl"}, {Name: "FlowLog", Type: "flowlog"},
		{Name: "DhcpOptions", Type: "dhcpoptionsset"}, {Name: "GatewayEndpoint", Type: "gatewayendpoint"}, {Name: "Vpc", Type: "vpc"},
	},
	Types: map[string]string{
		"vpc": "vpc", "vswitch": "vswitch", "routetable": "routetable", "eip": "eip", "natgateway": "natgateway", "nat_gateway": "natgateway", "networkacl": "networkacl",
		"ipv4gateway": "ipv4gateway", "ipv6gateway": "ipv6gateway", "flowlog": "flowlog", "dhcpoptionsset": "dhcpoptionsset", "vpcgatewayendpoint": "gatewayendpoint",
	},
	Makes: []string{"AllocateEipAddress", "AllocateIpv6InternetBandwidth"},
}

// natGatewayOf is the ID of the gateway with a NAT IP address, or all.
func natGatewayOf(v cloud.View, id string) string {
	for g := range cloud.NATGateways.All(v) {
		if _, ok := ownNATAddress(g, id); ok {
			return string(g.ID)
		}
	}
	return "*"
}
