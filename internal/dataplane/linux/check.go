package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
)

// Check makes a small network with everything in it, in namespaces that are
// gone afterwards, and names what this machine does not permit or its kernel
// lacks. Nothing is a machine that will do.
func Check() []string {
	if runtime.GOARCH == "s390x" || runtime.GOARCH == "ppc64" {
		return []string{"the processor is big-endian, for which no rules are written"}
	}
	t, err := newThreads()
	if err != nil {
		return []string{err.Error()}
	}
	defer t.close()
	internet, err := t.create("check", func() error { return nil })
	if errors.Is(err, unix.EPERM) {
		return []string{"network namespaces cannot be made: CAP_SYS_ADMIN is missing (be root, or in a user namespace of one's own)"}
	}
	if err != nil {
		return []string{err.Error()}
	}
	defer internet.Close()
	dir, err := os.MkdirTemp("", "weir-check-")
	if err != nil {
		return []string{fmt.Sprintf("no temporary directory: %v", err)}
	}
	defer os.RemoveAll(dir)
	k, err := New(Config{Dir: dir, Internet: internet})
	if err != nil {
		return []string{err.Error()}
	}
	if err := k.internet.rt.LinkSetUp(device(1)); err != nil {
		return []string{err.Error()}
	}
	problems := try(k)
	if err := k.Close(); err != nil {
		problems = append(problems, err.Error())
	}
	return problems
}

func try(k *Kernel) []string {
	n := dataplane.Lower(checkPlan(), dataplane.NewNumbers(1))
	if err := k.Apply(context.Background(), n); err != nil {
		return []string{explain(err)}
	}
	var problems []string
	if diffs, err := k.Verify(n.VPC); err != nil || len(diffs) > 0 {
		problems = append(problems, fmt.Sprintf("nftables: what was written reads back differently: %v %v", diffs, err))
	}
	for num, id := range n.ENIs {
		if id != "eni-function" {
			continue
		}
		s := dataplane.SlotFor(fmt.Sprintf("e%d", num), 0, true)
		f, err := k.AddSlot(context.Background(), n.VPC, s)
		if err != nil {
			problems = append(problems, explain(err))
			continue
		}
		k.DropSlot(n.VPC, s, f)
	}
	return problems
}

// explain adds what to do about an error.
func explain(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return err.Error() + ": CAP_NET_ADMIN is missing"
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOENT), errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT):
		return err.Error() + ": the kernel lacks the feature (it needs veth, policy routing, IPv6, conntrack, and nf_tables with inet, nat, ct, log, reject, connlimit and nfnetlink_log)"
	}
	return err.Error()
}

// checkPlan uses every kind of interface, route and rule.
func checkPlan() *netplan.Plan {
	p := netip.MustParsePrefix
	a := func(s ...string) (out []netip.Addr) {
		for _, x := range s {
			out = append(out, netip.MustParseAddr(x))
		}
		return out
	}
	all := netplan.Rule{Action: cloud.Allow, Protocol: -1, From: -1, To: -1, Prefix: p("0.0.0.0/0")}
	web := netplan.Rule{Action: cloud.Allow, Protocol: 6, From: 80, To: 90, Peers: []netplan.ProfileKey{"sg"}}
	line := netplan.ACLEntry{Number: 1, Action: cloud.Deny, Protocol: 6, Prefix: p("10.9.0.0/16"), From: 1, To: 2}
	return &netplan.Plan{
		VPC: "check", CIDRs: []netip.Prefix{p("10.0.0.0/16"), p("2001:db8::/56")},
		Subnets:  []netplan.Subnet{{ID: "subnet", CIDR4: p("10.0.0.0/24"), CIDR6: p("2001:db8::/64"), Table: "rtb", ACL: "acl"}},
		Profiles: []netplan.Profile{{Key: "sg", In: []netplan.Rule{web, all}, Out: []netplan.Rule{all}}},
		Tables: []netplan.RouteTable{{ID: "rtb", Routes: []netplan.Route{
			{Dest: p("198.51.100.128/28"), Hop: netplan.HopEndpoint}, {Dest: p("198.51.100.0/24"), Hop: netplan.HopNAT, ENI: "eni-nat"},
			{Dest: p("0.0.0.0/0"), Hop: netplan.HopInternet}, {Dest: p("10.0.0.0/16"), Hop: netplan.HopLocal},
			{Dest: p("::/0"), Hop: netplan.HopEgressOnly}, {Dest: p("2001:db8::/56"), Hop: netplan.HopLocal}}}},
		ACLs: []netplan.ACL{{ID: "acl", In: []netplan.ACLEntry{line}, Out: []netplan.ACLEntry{line}}},
		ENIs: []netplan.ENI{
			{ID: "eni-function", Subnet: "subnet", Attach: netplan.AttachShared, Addrs: a("10.0.0.5", "2001:db8::5"), Profile: "sg"},
			{ID: "eni-endpoint", Subnet: "subnet", Attach: netplan.AttachEndpoint, Addrs: a("10.0.0.8", "2001:db8::8"), Profile: "sg"},
			{ID: "eni-host", Subnet: "subnet", Attach: netplan.AttachDirect, Addrs: a("10.0.0.6", "2001:db8::6"), Profile: "sg"},
			{ID: "eni-nat", Subnet: "subnet", Attach: netplan.AttachNAT, Addrs: a("10.0.0.7"), AnySource: true}},
		Gateway: &netplan.InternetGateway{ID: "igw", Public: []netplan.PublicAddr{{Private: a("10.0.0.7")[0], Public: a("203.0.113.7")[0]}}},
		DNS:     netplan.DNS{Enabled: true, Resolvers: a("10.0.0.2", "fd00:ec2::253")},
	}
}
