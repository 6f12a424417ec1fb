package test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Sizes of the churn: interfaces that come and go, and rules that change.
// docs/churn.md has the full one's results.
func churnSize() (interfaces, rules int) {
	if os.Getenv("WEIR_CHURN") == "full" {
		return 2000, 500
	}
	return 48, 18
}

// greet accepts on three ports, and sends numbers on the first.
const greet = `
import socket, threading, time
def numbers(c):
    n = 0
    try:
        while True:
            n += 1
            c.sendall(b"%d\n" % n)
            time.sleep(0.02)
    except OSError: pass
def serve(port, what):
    s = socket.create_server(("", port), backlog=512)
    while True:
        c, _ = s.accept()
        if what: threading.Thread(target=what, args=(c,), daemon=True).start()
        else: c.close()
for p in (7778, 7779): threading.Thread(target=serve, args=(p, None), daemon=True).start()
threading.Thread(target=serve, args=(7777, numbers), daemon=True).start()
print("ready", flush=True)
time.sleep(1e6)`

// asker connects wherever it is told, with a patience, and says what came of it.
const asker = `
import socket, sys
print("ready", flush=True)
for line in sys.stdin:
    host, port, patience = line.split()
    try: socket.create_connection((host, int(port)), float(patience)).close(); print("yes", flush=True)
    except OSError as e: print("no", flush=True)`

// always connects again and again and expects that it can, or cannot.
const always = `
import socket, sys, time
host, port, want = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "yes"
print("ready", flush=True)
n = 0
try:
    while sys.stdin not in __import__("select").select([sys.stdin], [], [], 0.01)[0]:
        n += 1
        try: socket.create_connection((host, port), 8 if want else 0.1).close(); got = True
        except OSError as e: got = False
        if got != want: print("wrong verdict:", host, port, got, flush=True)
finally: print("tried", n, flush=True)`

// churn is a VPC under change.
type churn struct {
	*daemon
	t                     *testing.T
	c                     *tenant
	vpc, near, far        string // subnets: of who asks, of the server
	table, gateway, acl   string
	front, back, stranger string // groups
	asker                 *attached
	input                 io.Writer
	interfaces, rules     int
	made, changed         atomic.Int64
}

func newChurn(t *testing.T) *churn {
	x := &churn{daemon: newDaemon(t), t: t}
	x.interfaces, x.rules = churnSize()
	c := x.root(t)
	x.c = c
	x.vpc, _, _ = c.vpc("10.0.0.0/16")
	x.near, x.table = c.subnet(x.vpc, "10.0.16.0/20", "")
	x.far, _ = c.subnet(x.vpc, "10.0.2.0/24", "")
	x.gateway = c.internetGateway(x.vpc)
	_, err := c.ec2.ModifySubnetAttribute(c.ctx, &ec2.ModifySubnetAttributeInput{SubnetId: &x.near, MapPublicIpOnLaunch: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}})
	c.check(err)
	x.front, x.stranger = c.group(x.vpc, "front", "", 0), c.group(x.vpc, "stranger", "", 0)
	x.back = c.group(x.vpc, "back", x.front, 7777)
	acls, err := c.ec2.DescribeNetworkAcls(c.ctx, &ec2.DescribeNetworkAclsInput{Filters: in("vpc-id", x.vpc)})
	c.check(err)
	x.acl = *acls.NetworkAcls[0].NetworkAclId
	x.port(7779, true) // open but for the ACL
	return x
}

// port opens or closes a port of the server to the front group.
func (x *churn) port(port int32, open bool) {
	x.t.Helper()
	p := []ec2types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port, UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: &x.front}}}}
	var err error
	if open {
		_, err = x.c.ec2.AuthorizeSecurityGroupIngress(x.c.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &x.back, IpPermissions: p})
	} else {
		_, err = x.c.ec2.RevokeSecurityGroupIngress(x.c.ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &x.back, IpPermissions: p})
	}
	x.c.check(err)
}

// line puts or takes a line of the ACL that denies a port.
func (x *churn) line(open bool) {
	x.t.Helper()
	var err error
	if open {
		_, err = x.c.ec2.DeleteNetworkAclEntry(x.c.ctx, &ec2.DeleteNetworkAclEntryInput{NetworkAclId: &x.acl, RuleNumber: aws.Int32(50), Egress: aws.Bool(false)})
	} else {
		_, err = x.c.ec2.CreateNetworkAclEntry(x.c.ctx, &ec2.CreateNetworkAclEntryInput{NetworkAclId: &x.acl, RuleNumber: aws.Int32(50), Egress: aws.Bool(false),
			Protocol: aws.String("6"), RuleAction: ec2types.RuleActionDeny, CidrBlock: aws.String("10.0.16.0/20"), PortRange: &ec2types.PortRange{From: aws.Int32(7779), To: aws.Int32(7779)}})
	}
	x.c.check(err)
}

// way puts or takes the route to the internet.
func (x *churn) way(open bool) {
	x.t.Helper()
	var err error
	if open {
		_, err = x.c.ec2.CreateRoute(x.c.ctx, &ec2.CreateRouteInput{RouteTableId: &x.table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &x.gateway})
	} else {
		_, err = x.c.ec2.DeleteRoute(x.c.ctx, &ec2.DeleteRouteInput{RouteTableId: &x.table, DestinationCidrBlock: aws.String("0.0.0.0/0")})
	}
	x.c.check(err)
}

// ask has the asker connect; it is patient with what is allowed: a new
// connection's first packet may be lost while rules change.
func (x *churn) ask(to string, port int, want bool) {
	x.t.Helper()
	patience := 8.0
	if !want {
		patience = 0.15
	}
	fmt.Fprintln(x.input, to, port, patience)
	line, err := x.asker.out.ReadString('\n')
	if err != nil {
		x.t.Fatalf("the asker ended: %v\n%s", err, x.asker.errs.String())
	}
	if got := line == "yes\n"; got != want {
		x.t.Errorf("connecting to %s:%d: %v, want %v", to, port, got, want)
	}
}

// come has interfaces come and go, so many or until stop.
func (x *churn) come(n int, stop *atomic.Bool) {
	ctx := x.t.Context() // a request is not given up: it would be done without us
	for i := 0; i < n && !stop.Load(); i++ {
		out, err := x.c.ec2.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &x.near, Groups: []string{x.stranger}})
		if err != nil {
			time.Sleep(briefly) // the daemon is being killed
			continue
		}
		for !stop.Load() {
			_, err = x.c.ec2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: out.NetworkInterface.NetworkInterfaceId})
			if code, _ := apiError(err); err == nil || code == "InvalidNetworkInterfaceID.NotFound" {
				x.made.Add(1)
				break
			}
			time.Sleep(briefly)
		}
	}
}

// change changes rules, one after the other, and looks what each does.
func (x *churn) change(n int) {
	x.t.Helper()
	for i := range n {
		open := i/3%2 == 0
		switch i % 3 {
		case 0:
			x.port(7778, open)
			x.settled(x.t, x.vpc)
			x.ask("10.0.2.50", 7778, open)
		case 1:
			x.line(!open)
			x.settled(x.t, x.vpc)
			x.ask("10.0.2.50", 7779, !open)
		case 2:
			x.way(open)
			x.settled(x.t, x.vpc)
			x.ask("198.51.100.7", 7, open)
		}
		x.changed.Add(1)
	}
}

// holdings is what the daemon has that could leak.
type holdings struct {
	files, mounts, names, links, routes, rules, processes int
	kilobytes                                             int
}

func (x *churn) holdings() (h holdings) {
	x.t.Helper()
	pid, err := x.pid()
	if err != nil {
		x.t.Fatal(err)
	}
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	names, _ := os.ReadDir(filepath.Join(x.data, "network", "netns"))
	h.files, h.mounts, h.names = len(files), len(mountsBelow(x.data)), len(names)
	h.processes = len(x.traces(x.t).processes)
	status, _ := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	defer status.Close()
	for s := bufio.NewScanner(status); s.Scan(); {
		if f := strings.Fields(s.Text()); f[0] == "VmRSS:" {
			h.kilobytes, _ = strconv.Atoi(f[1])
		}
	}
	for _, e := range names {
		if strings.HasSuffix(e.Name(), ".numbers") {
			continue
		}
		l, r, p := inNamespace(x.t, filepath.Join(x.data, "network", "netns", e.Name()))
		h.links, h.routes, h.rules = h.links+l, h.routes+r, h.rules+p
	}
	return h
}

// inNamespace counts links, routes and policy rules.
func inNamespace(t *testing.T, name string) (links, routes, rules int) {
	t.Helper()
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with it
		f, e := os.Open(name)
		if e != nil {
			err = e
			return
		}
		defer f.Close()
		if err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		h, e := netlink.NewHandle(unix.NETLINK_ROUTE)
		if e != nil {
			err = e
			return
		}
		defer h.Close()
		l, e1 := h.LinkList()
		links = len(l)
		err = e1
		for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
			r, e1 := h.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
			p, e2 := h.RuleList(family)
			routes, rules, err = routes+len(r), rules+len(p), errors.Join(err, e1, e2)
		}
	}()
	<-done
	if err != nil {
		t.Fatalf("look into %s: %v", name, err)
	}
	return links, routes, rules
}

// someFiles are the connections that clients keep, which come and go; a file for
// each interface would be more.
const someFiles = 16

// leaks compares; memory may grow by what a garbage collector leaves.
func (before holdings) leaks(t *testing.T, when string, after holdings) {
	t.Helper()
	t.Logf("%s: before %+v, after %+v", when, before, after)
	if after.kilobytes > before.kilobytes+64<<10 {
		t.Errorf("%s: the daemon has %d KB, before %d KB", when, after.kilobytes, before.kilobytes)
	}
	if after.files > before.files+someFiles {
		t.Errorf("%s: the daemon has %d open files, before %d", when, after.files, before.files)
	}
	for what, n := range map[string][2]int{"mounts": {before.mounts, after.mounts}, "names": {before.names, after.names}, "links": {before.links, after.links},
		"routes": {before.routes, after.routes}, "policy rules": {before.rules, after.rules}, "processes": {before.processes, after.processes}} {
		if n[1] > n[0] {
			t.Errorf("%s: %d %s are left, before %d", when, n[1], what, n[0])
		}
	}
}

// TestChurn changes interfaces and rules under traffic and kills the daemon in
// the middle: no verdict is wrong, nothing is left over.
func TestChurn(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("a rootless daemon's networks end with it; needs root")
	}
	x := newChurn(t)
	at := func(subnet, group, more string) string {
		return "-subnet " + subnet + " -security-group " + group + " " + more
	}
	x.attach(t, at(x.far, x.back, "-ip 10.0.2.50"), "/usr/bin/python3", "-c", greet)
	stream := x.attach(t, at(x.near, x.front, ""), "/usr/bin/python3", "-c", hear, "10.0.2.50")
	last := stream.flows(t, 0, 5)
	x.asker, x.input = x.attachWithInput(t, at(x.near, x.front, ""), "/usr/bin/python3", "-c", asker)
	friend, enoughOfFriend := x.attachWithInput(t, at(x.near, x.front, ""), "/usr/bin/python3", "-c", always, "10.0.2.50", "7777", "yes")
	enemy, enoughOfEnemy := x.attachWithInput(t, at(x.near, x.stranger, ""), "/usr/bin/python3", "-c", always, "10.0.2.50", "7777", "no")

	half := func(what string, interfaces, rules int) {
		x.settled(x.t, x.vpc)
		before := x.holdings()
		var never atomic.Bool
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { x.come(interfaces/4, &never) })
		}
		x.change(rules)
		wg.Wait()
		x.settled(x.t, x.vpc)
		var after holdings
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(briefly) { // links go a moment after their namespaces
			if after = x.holdings(); after.links <= before.links && after.files <= before.files+someFiles {
				break
			}
		}
		before.leaks(t, what, after)
	}
	rules := x.rules / 6 * 6 / 2
	half("before the kill", x.interfaces/2, rules/6*6)

	var stop atomic.Bool // the kill falls into changes
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { x.come(1000, &stop) })
	}
	time.Sleep(100 * time.Millisecond)
	if err := x.kill(); err != nil {
		t.Fatal(err)
	}
	x.start(t)
	stop.Store(true)
	wg.Wait()
	x.c = x.root(t)
	x.sweep()
	half("after the kill", x.interfaces/2, rules/6*6)

	for name, w := range map[string]struct {
		*attached
		enough io.Closer
	}{"who may always": {friend, enoughOfFriend}, "who may never": {enemy, enoughOfEnemy}} {
		_ = w.enough.Close()
		said, _ := io.ReadAll(w.out)
		_ = w.Wait()
		if strings.Contains(string(said), "wrong") || !strings.Contains(string(said), "tried ") || strings.Contains(string(said), "tried 0") {
			t.Errorf("%s: %s", name, said)
		}
		t.Logf("%s: %s", name, strings.TrimSpace(string(said)))
	}
	_ = stream.flows(t, last, 100)
	t.Logf("%d interfaces came and went, %d rules changed", x.made.Load(), x.changed.Load())
	x.settled(x.t, x.vpc)
	stream.ends(t, syscall.SIGTERM)
}

// sweep deletes the interfaces that were there when the daemon was killed.
func (x *churn) sweep() {
	x.t.Helper()
	out, err := x.c.ec2.DescribeNetworkInterfaces(x.c.ctx, &ec2.DescribeNetworkInterfacesInput{Filters: in("group-id", x.stranger)})
	x.c.check(err)
	for _, i := range out.NetworkInterfaces {
		if !aws.ToBool(i.RequesterManaged) && i.Status == ec2types.NetworkInterfaceStatusAvailable {
			_, err := x.c.ec2.DeleteNetworkInterface(x.c.ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaceId})
			x.c.check(err)
		}
	}
}
