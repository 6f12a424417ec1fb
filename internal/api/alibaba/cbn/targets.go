package cbn

import "weir/internal/api/alibaba/resource"

// Acts says what calls act on; all but VPCs are of no region.
// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-ram
var Acts = resource.Acts{
	Product: "cen", Global: true,
	Named: []resource.Named{
		{Field: "CenId", Type: "ceninstance"}, {Field: "TransitRouterId", Type: "centransitrouter"}, {Field: "TransitRouterAttachmentId", Type: "centransitrouterattachment"},
		{Field: "TransitRouterRouteTableId", Type: "centransitroutertable"}, {Field: "VpcId", Type: "vpc", Product: "vpc"},
	},
	Own: []resource.Part{
		{Name: "TransitRouterService"}, {Name: "AvailableResource"}, {Name: "RouteTable", Type: "centransitroutertable"}, {Name: "RouteEntr", Type: "centransitroutertable"},
		{Name: "Attachment", Type: "centransitrouterattachment"}, {Name: "TransitRouter", Type: "centransitrouter"}, {Name: "Cen", Type: "ceninstance"},
	},
	Types: map[string]string{
		"cen": "ceninstance", "transitrouter": "centransitrouter", "transitroutervpcattachment": "centransitrouterattachment",
		"transitrouterpeerattachment": "centransitrouterattachment", "transitrouterroutetable": "centransitroutertable",
	},
}
