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
	tag := to(w, sdkvpc.CreateTagResourcesRequest())
	tag.ResourceType, tag.ResourceId, tag.Tag = "IPV4GATEWAY", &[]string{id}, &[]sdkvpc.TagResourcesTag{{Key: "team", Value: "net"}}
	ok(c.vpc.TagResources(tag))(t)
	if g := ok(c.vpc.GetIpv4GatewayAttribute(get))(t); len(g.Tags) != 1 || g.Tags[0].Key != "team" {
		t.Errorf("tags: %+v", g.Tags)
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

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-updatenetworkaclentries
func TestNetworkACLs(t *testing.T) {
	w := newWorld(t)
	c := w.root()
	v := ok(c.createVpc("10.0.0.0/8"))(t)
	s := ok(c.createVSwitch(v.VpcId, "cn-hangzhou-h", "10.1.0.0/24"))(t)
	create := to(w, sdkvpc.CreateCreateNetworkAclRequest())
	create.VpcId, create.NetworkAclName = v.VpcId, "front"
	made := ok(c.vpc.CreateNetworkAcl(create))(t)
	if in := made.NetworkAclAttribute.IngressAclEntries.IngressAclEntry; len(in) != 1 || in[0].Policy != "accept" || in[0].Protocol != "all" || in[0].SourceCidrIp != "0.0.0.0/0" || in[0].Port != "-1/-1" {
		t.Errorf("as made: %+v", made.NetworkAclAttribute)
	}
	update := func(rules ...sdkvpc.UpdateNetworkAclEntriesIngressAclEntries) (*sdkvpc.UpdateNetworkAclEntriesResponse, error) {
		r := to(w, sdkvpc.CreateUpdateNetworkAclEntriesRequest())
		r.NetworkAclId, r.UpdateIngressAclEntries, r.IngressAclEntries = made.NetworkAclId, "true", &rules
		return c.vpc.UpdateNetworkAclEntries(r)
	}
	rule := func(protocol, port, policy, cidr string) sdkvpc.UpdateNetworkAclEntriesIngressAclEntries {
		return sdkvpc.UpdateNetworkAclEntriesIngressAclEntries{Protocol: protocol, Port: port, Policy: policy, SourceCidrIp: cidr, NetworkAclEntryName: "one"}
	}
	refused(update(rule("sctp", "-1/-1", "accept", "10.0.0.0/8")))(t, 400, "IllegalParam.Protocol")
	refused(update(rule("tcp", "-1/-1", "accept", "10.0.0.0/8")))(t, 400, "IllegalParam.Port")
	refused(update(rule("icmp", "1/2", "accept", "10.0.0.0/8")))(t, 400, "IllegalParam.Port")
	refused(update(rule("tcp", "1/2", "maybe", "10.0.0.0/8")))(t, 400, "IllegalParam.Policy")
	refused(update(rule("tcp", "1/2", "accept", "10.0.0.0/33")))(t, 400, "IllegalParam.CidrIp")
	many := make([]sdkvpc.UpdateNetworkAclEntriesIngressAclEntries, 21)
	for i := range many {
		many[i] = rule("tcp", "1/2", "accept", "10.0.0.0/8")
	}
	refused(update(many...))(t, 400, "QuotaExceeded.NetworkAclEntry")
	ok(update(many[:2]...))(t)

	join := to(w, sdkvpc.CreateAssociateNetworkAclRequest())
	join.NetworkAclId, join.Resource = made.NetworkAclId, &[]sdkvpc.AssociateNetworkAclResource{{ResourceId: s.VSwitchId, ResourceType: "VSwitch"}}
	ok(c.vpc.AssociateNetworkAcl(join))(t)
	refused(c.vpc.AssociateNetworkAcl(join))(t, 400, "ResourceAlreadyAssociated.VSwitch")
	list := to(w, sdkvpc.CreateDescribeNetworkAclsRequest())
	list.ResourceId, list.ResourceType = s.VSwitchId, "VSwitch"
	got := ok(c.vpc.DescribeNetworkAcls(list))(t).NetworkAcls.NetworkAcl
	if len(got) != 1 || got[0].Status != "Available" || len(got[0].IngressAclEntries.IngressAclEntry) != 2 || got[0].IngressAclEntries.IngressAclEntry[0].NetworkAclEntryName != "one" ||
		len(got[0].EgressAclEntries.EgressAclEntry) != 1 || got[0].Resources.Resource[0].Status != "BINDED" {
		t.Errorf("ACLs: %+v", got)
	}
	remove := to(w, sdkvpc.CreateDeleteNetworkAclRequest())
	remove.NetworkAclId = made.NetworkAclId
	refused(c.vpc.DeleteNetworkAcl(remove))(t, 400, "DependencyViolation.VSwitch")
	leave := to(w, sdkvpc.CreateUnassociateNetworkAclRequest())
	leave.NetworkAclId, leave.Resource = made.NetworkAclId, &[]sdkvpc.UnassociateNetworkAclResource{{ResourceId: s.VSwitchId, ResourceType: "VSwitch"}}
	ok(c.vpc.UnassociateNetworkAcl(leave))(t)
	ok(c.vpc.DeleteNetworkAcl(remove))(t)
	refused(c.vpc.DeleteNetworkAcl(remove))(t, 404, "InvalidNetworkAcl.NotFound")
}
