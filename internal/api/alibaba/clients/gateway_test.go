package clients

import (
	"testing"

	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createipv4gateway
func TestIPv4Gateways(t *testing.T) {
	w := newWorld(t)
	c := w.root()
	v := ok(c.createVpc("10.0.0.0/8"))(t)
	create := to(w, sdkvpc.CreateCreateIpv4GatewayRequest())
	create.VpcId, create.Ipv4GatewayName = v.VpcId, "out"
	id := ok(c.vpc.CreateIpv4Gateway(create))(t).Ipv4GatewayId
	again := to(w, sdkvpc.CreateCreateIpv4GatewayRequest())
	again.VpcId = v.VpcId
	refused(c.vpc.CreateIpv4Gateway(again))(t, 400, "ResourceAlreadyAssociated.Vpc")
	get := to(w, sdkvpc.CreateGetIpv4GatewayAttributeRequest())
	get.Ipv4GatewayId = id
	if g := ok(c.vpc.GetIpv4GatewayAttribute(get))(t); g.Enabled || g.Status != "Created" || g.VpcId != v.VpcId || g.Ipv4GatewayName != "out" {
		t.Errorf("gateway: %+v", g)
	}
	refused(c.deleteVpc(v.VpcId))(t, 400, "DependencyViolation.Ipv4Gateway")
	enable := to(w, sdkvpc.CreateEnableVpcIpv4GatewayRequest())
	enable.Ipv4GatewayId, enable.RouteTableList = id, &[]string{v.RouteTableId}
	ok(c.vpc.EnableVpcIpv4Gateway(enable))(t)
	refused(c.vpc.EnableVpcIpv4Gateway(enable))(t, 400, "IncorrectStatus.Ipv4Gateway")
	if got := c.entries(t, v.RouteTableId)["0.0.0.0/0"]; got != "Custom Ipv4Gateway" {
		t.Errorf("the table has 0.0.0.0/0 by %q", got)
	}
	list := to(w, sdkvpc.CreateListIpv4GatewaysRequest())
	list.VpcId = v.VpcId
	if got := ok(c.vpc.ListIpv4Gateways(list))(t).Ipv4GatewayModels; len(got) != 1 || !got[0].Enabled {
		t.Errorf("gateways: %+v", got)
	}
	remove := to(w, sdkvpc.CreateDeleteIpv4GatewayRequest())
	remove.Ipv4GatewayId, remove.InternetMode = id, "moon"
	refused(c.vpc.DeleteIpv4Gateway(remove))(t, 400, "IllegalParam.InternetMode")
	remove.InternetMode = "private"
	refused(c.vpc.DeleteIpv4Gateway(remove))(t, 400, "DependencyViolation.RouteEntry")
	entry := to(w, sdkvpc.CreateDeleteRouteEntryRequest())
	entry.RouteTableId, entry.DestinationCidrBlock = v.RouteTableId, "0.0.0.0/0"
	ok(c.vpc.DeleteRouteEntry(entry))(t)
	ok(c.vpc.DeleteIpv4Gateway(remove))(t)
	refused(c.vpc.DeleteIpv4Gateway(remove))(t, 404, "ResourceNotFound.Ipv4Gateway")
	ok(c.deleteVpc(v.VpcId))(t)
}
