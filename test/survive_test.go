package test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// count sends a number every few milliseconds, over one connection, to whoever connects.
const count = `
import socket, time
s = socket.create_server(("", 7777))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    n = 0
    try:
        while True:
            n += 1
            c.sendall(b"%d\n" % n)
            time.sleep(0.02)
    except OSError: pass`

// hear prints every number that HOST sends, as it comes.
const hear = `
import socket, sys
c = socket.create_connection((sys.argv[1], 7777), 5)
c.settimeout(20)
print("ready", flush=True)
for line in c.makefile(): print(line.strip(), flush=True)
print("closed", flush=True)`

// knock connects to HOST, to its port if given.
const knock = `
import socket, sys
try: socket.create_connection((sys.argv[1], int((sys.argv[2:] or [7777])[0])), 2)
except OSError as e: print("failed:", e); sys.exit(7)`

// next reads the stream's next number and expects it to follow the last.
func (a *attached) next(t *testing.T, last int) int {
	t.Helper()
	line, err := a.out.ReadString('\n')
	if err != nil || line != fmt.Sprintf("%d\n", last+1) {
		t.Fatalf("the stream says %q after %d: %v\n%s", line, last, err, a.errs.String())
	}
	return last + 1
}

// flows reads the stream for a while and expects that much of it.
func (a *attached) flows(t *testing.T, last, numbers int) int {
	t.Helper()
	for range numbers {
		last = a.next(t, last)
	}
	return last
}

// TestTrafficSurvives kills the daemon under a TCP stream between two hosts: the
// stream goes on while there is no daemon, and with the next one, whose rules
// then count.
func TestTrafficSurvives(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("a rootless daemon's networks end with it; needs root")
	}
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, _ := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	front := c.group(vpc, "front", "", 0)
	back := c.group(vpc, "back", front, 7777)
	server := d.attach(t, "-subnet "+subnet+" -security-group "+back+" -ip 10.0.1.50 -name server", "/usr/bin/python3", "-c", count)
	client := d.attach(t, "-subnet "+subnet+" -security-group "+front, "/usr/bin/python3", "-c", hear, "10.0.1.50")
	last := client.flows(t, 0, 20)
	inst := d.instance(c, subnet, back, "#!/bin/sh\nhead -c 12 /dev/urandom | base64 >/root/mark\n/usr/bin/python3 -c '"+count+"' &\n")
	d.printed(c, *inst.InstanceId, "ready", 1)
	other := d.attach(t, "-subnet "+subnet+" -security-group "+front, "/usr/bin/python3", "-c", hear, *inst.PrivateIpAddress)
	lastOfOther := other.flows(t, 0, 20)

	if err := d.kill(); err != nil {
		t.Fatal(err)
	}
	last = client.flows(t, last, 100) // two seconds' worth, so no buffer's
	lastOfOther = other.flows(t, lastOfOther, 100)
	d.start(t)
	last = client.flows(t, last, 50)
	lastOfOther = other.flows(t, lastOfOther, 100)
	if n := c.interfaces(subnet); n != 4 {
		t.Errorf("%d interfaces after the restart, want those of three hosts and an instance", n)
	}
	d.printed(c, *inst.InstanceId, "went on while there was no daemon", 1)
	if s := c.state(*inst.InstanceId); s != ec2types.InstanceStateNameRunning {
		t.Errorf("the instance is %s", s)
	}
	reach := func(group string) bool {
		t.Helper()
		status, out := d.command(t, "", "attach -subnet "+subnet+" -security-group "+group+" -- "+d.script(t, knock)+" 10.0.1.50")
		if status != 0 && status != 7 {
			t.Fatalf("a host ended with exit status %d: %s", status, out)
		}
		return status == 0
	}
	if !reach(front) {
		t.Error("after the restart the server's security group lets nobody in")
	}
	if reach(back) {
		t.Error("after the restart the server's security group lets everybody in")
	}
	port := aws.Int32(7777)
	_, err := c.ec2.RevokeSecurityGroupIngress(c.ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &back, IpPermissions: []ec2types.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: port, ToPort: port, UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: &front}}}}})
	c.check(err)
	if reach(front) {
		t.Error("a rule revoked after the restart still lets in")
	}
	_ = client.flows(t, last, 20) // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html: a tracked flow is not interrupted
	_ = other.flows(t, lastOfOther, 20)
	other.ends(t, syscall.SIGTERM)
	_, err = c.ec2.TerminateInstances(c.ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{*inst.InstanceId}})
	c.check(err)
	until(t, 10*time.Second, "an instance from before the restart ends", func() bool { return c.state(*inst.InstanceId) == ec2types.InstanceStateNameTerminated })
	client.ends(t, syscall.SIGTERM)
	if n := c.interfaces(subnet); n != 1 {
		t.Errorf("%d interfaces after hosts from before the restart ended, want the server's", n)
	}
	d.downEnds(t, server)
}

// downEnds stops the daemon and expects that a host ends and nothing is left.
func (d *daemon) downEnds(t *testing.T, a *attached) {
	t.Helper()
	d.down(t)
	_, _ = io.Copy(io.Discard, bufio.NewReader(a.out))
	_ = a.Wait()
	if a.ProcessState.Success() || !strings.Contains(a.errs.String(), "the daemon ended the connection") {
		t.Errorf("weir attach after down: %v\n%s", a.ProcessState, a.errs.String())
	}
	until(t, 5*time.Second, "no mount is left", func() bool { return len(mountsBelow(d.data)) == 0 })
	if left, _ := filepath.Glob(filepath.Join(d.data, "network", "*", "*")); len(left) > 0 {
		t.Errorf("names of namespaces after down: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(d.data, "attached", "*")); len(left) > 0 {
		t.Errorf("attached hosts after down: %v", left)
	}
}
