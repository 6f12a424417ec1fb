package clients

import (
	"errors"
	"fmt"
	"testing"

	"github.com/alibabacloud-go/tea/tea"

	"weir/internal/api/alibaba/region"
)

// product calls one product's operations by their names, with the third signature.
type product struct {
	*testing.T
	w       *world
	version string
}

// does is a call in a region that succeeds; pairs are names and values of parameters.
func (p product) does(action string, pairs ...string) map[string]any {
	p.Helper()
	out, code := p.call(action, pairs...)
	if code != "" {
		p.Fatalf("%s %v: %s", action, pairs, code)
	}
	return out
}

// fails is a call that is refused with a code.
func (p product) fails(code, action string, pairs ...string) {
	p.Helper()
	if _, got := p.call(action, pairs...); got != code {
		p.Errorf("%s %v: %q, want %s", action, pairs, got, code)
	}
}

func (p product) call(action string, pairs ...string) (map[string]any, string) {
	p.Helper()
	query := map[string]*string{"RegionId": tea.String(region.Default)}
	for i := 0; i < len(pairs); i += 2 {
		query[pairs[i]] = &pairs[i+1]
	}
	out, err := p.w.generic(p.T, "test", action, p.version, query)
	var e *tea.SDKError
	switch {
	case errors.As(err, &e):
		return nil, tea.StringValue(e.Code)
	case err != nil:
		p.Fatal(err)
	}
	return out["body"].(map[string]any), ""
}

// first is the first of a list in an answer; none is an error.
func (p product) first(answer map[string]any, path ...string) map[string]any {
	p.Helper()
	var at any = answer
	for _, k := range path {
		at = at.(map[string]any)[k]
	}
	list, _ := at.([]any)
	if len(list) == 0 {
		p.Fatalf("no %v in %v", path, answer)
	}
	return list[0].(map[string]any)
}

// is wants a member of an answer.
func (p product) is(answer map[string]any, name, want string) {
	p.Helper()
	if got := fmt.Sprint(answer[name]); got != want {
		p.Errorf("%s is %q, want %q", name, got, want)
	}
}

// TestCEN drives the API of transit routers: what packets do is tested elsewhere.
// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-overview
func TestCEN(t *testing.T) {
	w := newWorld(t)
	p, c := product{t, w, "2017-09-12"}, w.root()
	vpc := ok(c.createVpc("10.1.0.0/16"))(t).VpcId
	here, there := ok(c.createVSwitch(vpc, "cn-hangzhou-h", "10.1.1.0/24"))(t).VSwitchId, ok(c.createVSwitch(vpc, "cn-hangzhou-i", "10.1.2.0/24"))(t).VSwitchId

	p.fails("UnsupportedParameter", "CreateCen", "ProtectionLevel", "FULL")
	cen := p.does("CreateCen", "Name", "one", "Tag.1.Key", "team", "Tag.1.Value", "red")["CenId"].(string)
	p.does("ModifyCenAttribute", "CenId", cen, "Name", "two", "Description", "d")
	p.does("TagResources", "ResourceType", "cen", "ResourceId.1", cen, "Tag.1.Key", "x", "Tag.1.Value", "y")
	p.does("UntagResources", "ResourceType", "cen", "ResourceId.1", cen, "TagKey.1", "team")
	p.is(p.first(p.does("ListTagResources", "ResourceType", "cen", "ResourceId.1", cen), "TagResources", "TagResource"), "TagKey", "x")
	found := p.first(p.does("DescribeCens", "Filter.1.Key", "CenId", "Filter.1.Value.1", cen), "Cens", "Cen")
	p.is(found, "Name", "two")
	p.is(found, "Status", "Active")
	if n := len(p.does("DescribeCens", "Filter.1.Key", "Name", "Filter.1.Value.1", "one")["Cens"].(map[string]any)["Cen"].([]any)); n != 0 {
		t.Errorf("%d CEN instances of a name that none has", n)
	}

	p.fails("ParameterCenInstanceId", "CreateTransitRouter", "CenId", "cen-none")
	p.fails("UnsupportedParameter", "CreateTransitRouter", "CenId", cen, "SupportMulticast", "true")
	p.fails("DryRunOperation", "CreateTransitRouter", "CenId", cen, "DryRun", "true")
	router := p.does("CreateTransitRouter", "CenId", cen, "TransitRouterName", "hz")["TransitRouterId"].(string)
	p.does("UpdateTransitRouter", "TransitRouterId", router, "TransitRouterDescription", "d")
	p.is(p.first(p.does("ListTransitRouters", "CenId", cen), "TransitRouters"), "TransitRouterDescription", "d")
	p.fails("ParameterInstanceId", "UpdateTransitRouter", "TransitRouterId", "tr-none")

	zones := []string{"CenId", cen, "VpcId", vpc, "ZoneMappings.1.VSwitchId", here, "ZoneMappings.1.ZoneId"}
	p.fails("IllegalParam.ZoneMappings", "CreateTransitRouterVpcAttachment", append(zones, "cn-hangzhou-i")...)
	zones = append(zones, "cn-hangzhou-h")
	p.fails("UnsupportedParameter", "CreateTransitRouterVpcAttachment", append(zones, "TransitRouterVPCAttachmentOptions", `{"Ipv6Support":"enable"}`)...)
	at := p.does("CreateTransitRouterVpcAttachment", append(zones, "TransitRouterVPCAttachmentOptions", `{"Ipv6Support":"disable"}`)...)["TransitRouterAttachmentId"].(string)
	p.fails("OperationFailed.AttachmentExist", "CreateTransitRouterVpcAttachment", zones...)
	p.does("UpdateTransitRouterVpcAttachmentAttribute", "TransitRouterAttachmentId", at, "TransitRouterAttachmentName", "a", "AutoPublishRouteEnabled", "true")
	p.does("UpdateTransitRouterVpcAttachmentZones", "TransitRouterAttachmentId", at, "AddZoneMappings.1.VSwitchId", there, "AddZoneMappings.1.ZoneId", "cn-hangzhou-i",
		"RemoveZoneMappings.1.VSwitchId", here, "RemoveZoneMappings.1.ZoneId", "cn-hangzhou-h")
	attached := p.first(p.does("ListTransitRouterVpcAttachments", "CenId", cen, "VpcId", vpc), "TransitRouterAttachments")
	p.is(attached, "TransitRouterAttachmentName", "a")
	p.is(attached, "AutoPublishRouteEnabled", "true")
	p.is(p.first(attached, "ZoneMappings"), "VSwitchId", there)

	network := product{t, w, "2016-04-28"}
	p.is(p.first(network.does("DescribeVpcAttribute", "VpcId", vpc), "AssociatedCens", "AssociatedCen"), "CenId", cen)
	p.is(p.first(network.does("DescribeVpcs", "VpcId", vpc), "Vpcs", "Vpc"), "CenStatus", "Attached")

	system := p.first(p.does("ListTransitRouterRouteTables", "TransitRouterId", router), "TransitRouterRouteTables")["TransitRouterRouteTableId"].(string)
	p.fails("InvalidOperation.SystemRouteTable", "DeleteTransitRouterRouteTable", "TransitRouterRouteTableId", system)
	table := p.does("CreateTransitRouterRouteTable", "TransitRouterId", router, "TransitRouterRouteTableName", "t")["TransitRouterRouteTableId"].(string)
	p.does("UpdateTransitRouterRouteTable", "TransitRouterRouteTableId", table, "TransitRouterRouteTableName", "u")
	p.is(p.first(p.does("ListTransitRouterRouteTables", "TransitRouterRouteTableIds.1", table), "TransitRouterRouteTables"), "TransitRouterRouteTableName", "u")
	both := []string{"TransitRouterAttachmentId", at, "TransitRouterRouteTableId"}
	p.fails("InvalidOperation.NotFound", "DissociateTransitRouterAttachmentFromRouteTable", append(both, table)...)
	p.does("AssociateTransitRouterAttachmentWithRouteTable", append(both, system)...)
	p.fails("OperationFailed.AttachmentExist", "AssociateTransitRouterAttachmentWithRouteTable", append(both, table)...)
	p.does("ReplaceTransitRouterRouteTableAssociation", append(both, table)...)
	p.is(p.first(p.does("ListTransitRouterRouteTableAssociations", "TransitRouterAttachmentId", at), "TransitRouterAssociations"), "TransitRouterRouteTableId", table)
	p.does("EnableTransitRouterRouteTablePropagation", append(both, table)...)
	p.fails("OperationFailed.PropagationExist", "EnableTransitRouterRouteTablePropagation", append(both, table)...)
	p.is(p.first(p.does("ListTransitRouterRouteTablePropagations", "TransitRouterRouteTableId", table), "TransitRouterPropagations"), "ResourceId", vpc)
	p.fails("InvalidOperation.RouteTableInUse", "DeleteTransitRouterRouteTable", "TransitRouterRouteTableId", table)

	entry := []string{"TransitRouterRouteTableId", table, "TransitRouterRouteEntryDestinationCidrBlock", "10.9.0.0/16", "TransitRouterRouteEntryNextHopType"}
	p.fails("MissingParam.TransitRouterRouteEntryNextHopId", "CreateTransitRouterRouteEntry", append(entry, "Attachment")...)
	p.fails("IllegalParam.TransitRouterRouteEntryNextHopType", "CreateTransitRouterRouteEntry", append(entry, "Elsewhere")...)
	id := p.does("CreateTransitRouterRouteEntry", append(entry, "Attachment", "TransitRouterRouteEntryNextHopId", at, "TransitRouterRouteEntryName", "r")...)["TransitRouterRouteEntryId"].(string)
	p.does("UpdateTransitRouterRouteEntry", "TransitRouterRouteEntryId", id, "TransitRouterRouteEntryDescription", "d")
	static := p.first(p.does("ListTransitRouterRouteEntries", "TransitRouterRouteTableId", table, "TransitRouterRouteEntryIds.1", id), "TransitRouterRouteEntries")
	p.is(static, "TransitRouterRouteEntryName", "r")
	p.is(static, "TransitRouterRouteEntryDescription", "d")
	p.is(static, "TransitRouterRouteEntryNextHopResourceId", vpc)
	p.does("DeleteTransitRouterRouteEntry", append(entry, "Attachment", "TransitRouterRouteEntryNextHopId", at)...)
	p.fails("IllegalParam.TransitRouterRouteEntryId", "DeleteTransitRouterRouteEntry", "TransitRouterRouteEntryId", id)
	p.does("DisableTransitRouterRouteTablePropagation", append(both, table)...)
	p.does("DissociateTransitRouterAttachmentFromRouteTable", append(both, table)...)
	p.does("DeleteTransitRouterVpcAttachment", "TransitRouterAttachmentId", at)
	p.does("DeleteTransitRouterRouteTable", "TransitRouterRouteTableId", table)
	p.fails("IllegalParam.PeerTransitRouterId", "CreateTransitRouterPeerAttachment", "CenId", cen, "PeerTransitRouterId", "tr-none")
	p.fails("UnsupportedParameter", "CreateTransitRouterPeerAttachment", "CenId", cen, "PeerTransitRouterId", router, "BandwidthType", "BandwidthPackage")
	p.fails("InvalidAction.NotFound", "AttachCenChildInstance", "CenId", cen, "ChildInstanceId", vpc, "ChildInstanceRegionId", region.Default, "ChildInstanceType", "VPC")
	p.does("DeleteTransitRouter", "TransitRouterId", router)
	p.does("DeleteCen", "CenId", cen)
}
