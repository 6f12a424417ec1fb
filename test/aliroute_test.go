package test

import "testing"

// The entries of a vSwitch's own route table decide where its packets go: those of
// the system table have no part in it, a custom one may hold vSwitches, which stay
// what they are, and cloud services may lose a part of their block.
// https://www.alibabacloud.com/help/en/vpc/user-guide/route-table-overview
func TestAlibabaRoutes(t *testing.T) {
	t.Parallel()
	a := newAliyun(t, newDaemon(t))
	v, group := a.makeVpc("10.0.0.0/8")
	near, own := a.vSwitch(v.VpcId, "10.1.0.0/24"), a.vSwitch(v.VpcId, "10.2.0.0/24")
	nat := a.nat(v.VpcId, near)
	ip := a.eip("Nat", nat.NatGatewayId).EipAddress
	a.snat(nat, "10.0.0.0/8", ip)
	echo, other := "http://198.51.100.7/", "http://198.51.100.80/"
	a.wants("by the NAT gateway's entry in the system table", a.curl(own, group, "10", echo), ip)

	table := a.routeTable(v.VpcId, own)
	a.wants("in a table without entries", a.curl(own, group, "1", echo), "")
	a.wants("in the system table", a.curl(near, group, "10", echo), ip)
	entry := a.route(table, "198.51.100.7", "NatGateway", nat.NatGatewayId)
	a.wants("with an entry for an address", a.curl(own, group, "10", echo), ip)
	a.wants("another address", a.curl(own, group, "1", other), "")
	a.unroute(entry)
	a.wants("without the entry", a.curl(own, group, "1", echo), "")

	services := func(what, vswitch, status string) {
		t.Helper()
		a.wants(what, a.host(vswitch, group, "sh", "-c", "curl -s -o /dev/null -m 2 http://100.100.5.5/; echo status $?"), "status "+status)
	}
	services("cloud services", near, "0")
	a.route(v.RouteTableId, "100.100.5.0/24", "NatGateway", nat.NatGatewayId) // which sends it back
	services("a part of their block that leads elsewhere", near, "28")
	services("the other table", own, "0")

	// an entry that holds the VPC's block leaves vSwitches where they are
	a.route(table, "10.0.0.0/8", "NatGateway", nat.NatGatewayId)
	a.allowIn(group, "tcp", "7777/7777", "10.2.0.0/24")
	a.d.attach(t, "-region "+aliRegion+" -subnet "+near+" -security-group "+group+" -ip 10.1.0.50", "/usr/bin/python3", "-c", serve)
	a.wants("another vSwitch", a.host(own, group, "/usr/bin/python3", "-c", ask, "10.1.0.50"), "hello 10.2.0.")
}
