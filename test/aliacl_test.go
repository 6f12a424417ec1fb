package test

import (
	"testing"

	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// A network ACL keeps no state: what it lets in it must let out again. The first
// rule that matches decides, and a vSwitch without an ACL is open.
// https://www.alibabacloud.com/help/en/vpc/user-guide/overview-of-network-acls
func TestAlibabaNetworkACL(t *testing.T) {
	t.Parallel()
	a := newAliyun(t, newDaemon(t))
	v, group := a.makeVpc("10.0.0.0/8")
	client, server := a.vSwitch(v.VpcId, "10.1.0.0/24"), a.vSwitch(v.VpcId, "10.2.0.0/24")
	a.allowIn(group, "tcp", "7777/7777", "10.0.0.0/8")
	a.d.attach(t, "-region "+aliRegion+" -subnet "+server+" -security-group "+group+" -ip 10.2.0.50", "/usr/bin/python3", "-c", serve)
	asks := func(what, from, want string) {
		t.Helper()
		a.wants(what, a.host(from, group, "/usr/bin/python3", "-c", ask, "10.2.0.50"), want)
	}
	create := toDaemon(a.d, sdkvpc.CreateCreateNetworkAclRequest())
	create.VpcId = v.VpcId
	acl := must[*sdkvpc.CreateNetworkAclResponse](t)(a.vpc.CreateNetworkAcl(create)).NetworkAclId
	join := toDaemon(a.d, sdkvpc.CreateAssociateNetworkAclRequest())
	join.NetworkAclId, join.Resource = acl, &[]sdkvpc.AssociateNetworkAclResource{{ResourceId: server, ResourceType: "VSwitch"}}
	must[*sdkvpc.AssociateNetworkAclResponse](t)(a.vpc.AssociateNetworkAcl(join))
	asks("as it was made", client, "hello 10.1.0.")

	in := func(rules ...sdkvpc.UpdateNetworkAclEntriesIngressAclEntries) {
		r := toDaemon(a.d, sdkvpc.CreateUpdateNetworkAclEntriesRequest())
		r.NetworkAclId, r.UpdateIngressAclEntries, r.IngressAclEntries = acl, "true", &rules
		must[*sdkvpc.UpdateNetworkAclEntriesResponse](t)(a.vpc.UpdateNetworkAclEntries(r))
	}
	out := func(rules ...sdkvpc.UpdateNetworkAclEntriesEgressAclEntries) {
		r := toDaemon(a.d, sdkvpc.CreateUpdateNetworkAclEntriesRequest())
		r.NetworkAclId, r.UpdateEgressAclEntries, r.EgressAclEntries = acl, "true", &rules
		must[*sdkvpc.UpdateNetworkAclEntriesResponse](t)(a.vpc.UpdateNetworkAclEntries(r))
	}
	accept := sdkvpc.UpdateNetworkAclEntriesIngressAclEntries{Protocol: "tcp", Port: "7777/7777", Policy: "accept", SourceCidrIp: "10.1.0.0/24"}
	drop := sdkvpc.UpdateNetworkAclEntriesIngressAclEntries{Protocol: "all", Port: "-1/-1", Policy: "drop", SourceCidrIp: "0.0.0.0/0"}
	in(drop, accept)
	asks("with a rule behind one that drops", client, "")
	asks("inside the vSwitch", server, "hello 10.2.0.")
	in(accept, drop)
	asks("with a rule before one that drops", client, "hello 10.1.0.")
	out(sdkvpc.UpdateNetworkAclEntriesEgressAclEntries{Protocol: "tcp", Port: "1/1023", Policy: "accept", DestinationCidrIp: "10.1.0.0/24"})
	asks("with no rule that lets answers out", client, "")
	out(sdkvpc.UpdateNetworkAclEntriesEgressAclEntries{Protocol: "tcp", Port: "1024/65535", Policy: "accept", DestinationCidrIp: "10.1.0.0/24"})
	asks("with one that lets answers out", client, "hello 10.1.0.")
	in()
	asks("without rules", client, "")
	leave := toDaemon(a.d, sdkvpc.CreateUnassociateNetworkAclRequest())
	leave.NetworkAclId, leave.Resource = acl, &[]sdkvpc.UnassociateNetworkAclResource{{ResourceId: server, ResourceType: "VSwitch"}}
	must[*sdkvpc.UnassociateNetworkAclResponse](t)(a.vpc.UnassociateNetworkAcl(leave))
	asks("without the ACL", client, "hello 10.1.0.")
}
