package vpcpeer

import "weir/internal/api/alibaba/resource"

// Acts says what calls act on.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpcpeer-2022-01-01-ram
var Acts = resource.Acts{
	Product: "vpc",
	Named:   []resource.Named{{Field: "InstanceId", Type: "vpcpeer"}, {Field: "VpcId", Type: "vpc"}},
	Own:     []resource.Part{{Name: "PeerConnection", Type: "vpcpeer"}},
	Types:   map[string]string{"peerconnection": "vpcpeer"},
}
