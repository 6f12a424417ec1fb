package test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// internet runs a program on the lab internet and returns what it printed, "" if it failed.
func (d *daemon) internet(t *testing.T, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ns := filepath.Join(d.data, "network", "netns", "internet")
	out, err := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + ns, "--"}, argv...)...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// forward adds a DNAT entry and returns its ID.
func (a *aliyun) forward(nat *sdkvpc.CreateNatGatewayResponse, protocol, ip, port, host, hostPort string) string {
	a.t.Helper()
	r := toDaemon(a.d, sdkvpc.CreateCreateForwardEntryRequest())
	r.ForwardTableId, r.IpProtocol, r.ExternalIp, r.ExternalPort, r.InternalIp, r.InternalPort = nat.ForwardTableIds.ForwardTableId[0], protocol, ip, port, host, hostPort
	return must[*sdkvpc.CreateForwardEntryResponse](a.t)(a.vpc.CreateForwardEntry(r)).ForwardEntryId
}

// askPort is ask with a port: it connects to HOST PORT and prints what it says.
const askPort = `
import socket, sys
print(socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).makefile().read())`

// What a DNAT entry names reaches its host from the internet, with the client's
// address; nothing else does. Of all ports, the host also leaves by the address.
// https://www.alibabacloud.com/help/en/nat-gateway/user-guide/create-and-manage-dnat-entries
func TestAlibabaDNAT(t *testing.T) {
	t.Parallel()
	a := newAliyun(t, newDaemon(t))
	v, group := a.makeVpc("10.0.0.0/8")
	inside := a.vSwitch(v.VpcId, "10.1.0.0/24")
	nat := a.nat(v.VpcId, a.vSwitch(v.VpcId, "10.2.0.0/24"))
	one, all := a.eip("Nat", nat.NatGatewayId).EipAddress, a.eip("Nat", nat.NatGatewayId).EipAddress
	a.snat(nat, "10.1.0.0/24", one)
	a.allowIn(group, "tcp", "7777/7777", "198.51.100.0/24")
	host := func(ip string) {
		a.d.attach(t, "-region "+aliRegion+" -subnet "+inside+" -security-group "+group+" -ip "+ip, "/usr/bin/python3", "-c", serve)
	}
	host("10.1.0.50")
	from := func(what, ip, port, want string) {
		t.Helper()
		a.host(inside, group, "true") // which waits for the network to be as it should
		a.wants(what, a.d.internet(t, "/usr/bin/python3", "-c", askPort, ip, port), want)
	}
	from("without an entry", one, "80", "")
	entry := a.forward(nat, "TCP", one, "80", "10.1.0.50", "7777")
	from("port 80", one, "80", "hello 198.51.100.")
	from("port 81, which no entry names", one, "81", "")
	from("port 7777, which no entry names", one, "7777", "")
	a.wants("the host by its SNAT entry", a.curl(inside, group, "10", "http://198.51.100.7/"), one)

	r := toDaemon(a.d, sdkvpc.CreateModifyForwardEntryRequest())
	r.ForwardTableId, r.ForwardEntryId, r.ExternalPort, r.InternalPort = nat.ForwardTableIds.ForwardTableId[0], entry, "90/92", "7775/7777"
	must[*sdkvpc.ModifyForwardEntryResponse](t)(a.vpc.ModifyForwardEntry(r))
	from("port 80, which was changed", one, "80", "")
	from("the last port of a range", one, "92", "hello 198.51.100.")
	from("the first one, where nothing listens", one, "90", "")

	a.forward(nat, "Any", all, "Any", "10.1.0.60", "Any")
	a.wants("its host", a.hostAt(inside, group, "10.1.0.60", "curl", "-s", "-m", "10", "http://198.51.100.7/"), all)
	host("10.1.0.60")
	from("of all ports", all, "7777", "hello 198.51.100.")
	from("of all ports, one that the security group has not", all, "22", "")
	a.wants("another host by its SNAT entry", a.curl(inside, group, "10", "http://198.51.100.7/"), one)

	gone := toDaemon(a.d, sdkvpc.CreateDeleteForwardEntryRequest())
	gone.ForwardTableId, gone.ForwardEntryId = r.ForwardTableId, entry
	must[*sdkvpc.DeleteForwardEntryResponse](t)(a.vpc.DeleteForwardEntry(gone))
	from("without the entry again", one, "92", "")
	from("the other entry", all, "7777", "hello 198.51.100.")
}
