package test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// beats sends a number every few milliseconds, a datagram each, to whoever asks.
const beats = `
import socket, threading, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7777))
print("ready", flush=True)
def beat(to):
    n = 0
    while True:
        n += 1
        s.sendto(b"%d\n" % n, to)
        time.sleep(0.02)
while True: threading.Thread(target=beat, args=(s.recvfrom(9)[1],), daemon=True).start()`

// heeds prints every number that HOST sends, as it comes.
const heeds = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 7777))
s.settimeout(20)
print("ready", flush=True)
s.send(b"hello")
while True: print(s.recv(99).decode(), end="", flush=True)`

// once asks HOST for its first number.
const once = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 7777))
s.settimeout(2)
s.send(b"hello")
try: print("heard", s.recv(99).decode())
except OSError as e: print(type(e).__name__)`

// TestTrafficBetweenVPCsSurvives kills the daemon under datagrams between VPCs,
// over a peering connection and through a transit gateway: none is lost, neither
// while there is no daemon nor when the next one takes over, whose rules then count.
func TestTrafficBetweenVPCsSurvives(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("a rootless daemon's networks end with it; needs root")
	}
	d := newDaemon(t)
	c := d.root(t)
	server, peer, spoke := settle(c, "us-east-1", "10.0.0.0/16"), settle(c, "us-east-1", "10.1.0.0/16"), settle(c, "us-east-1", "10.2.0.0/16")
	server.join(peer, []string{"10.1.0.0/16"}, []string{"10.0.0.0/16"})
	out, err := c.ec2.CreateTransitGateway(c.ctx, &ec2.CreateTransitGatewayInput{})
	c.check(err)
	server.attach(*out.TransitGateway.TransitGatewayId)
	spoke.attach(*out.TransitGateway.TransitGatewayId)
	open := func(cidr string) ec2types.IpPermission {
		return ec2types.IpPermission{IpProtocol: aws.String("udp"), FromPort: aws.Int32(7777), ToPort: aws.Int32(7777), IpRanges: []ec2types.IpRange{{CidrIp: &cidr}}}
	}
	_, err = c.ec2.AuthorizeSecurityGroupIngress(c.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &server.group,
		IpPermissions: []ec2types.IpPermission{open("10.1.0.0/16"), open("10.2.0.0/16")}})
	c.check(err)
	host := func(l *land, more string, argv ...string) *attached {
		return d.attach(t, "-subnet "+l.subnet+" -security-group "+l.group+more, append([]string{"/usr/bin/python3", "-c"}, argv...)...)
	}
	source := host(server, " -ip 10.0.0.50", beats)
	hears := map[string]*attached{"by peering": host(peer, "", heeds, "10.0.0.50"), "through a transit gateway": host(spoke, "", heeds, "10.0.0.50")}
	last := map[string]int{}
	flow := func(when string, numbers int) {
		t.Helper()
		for way, a := range hears {
			t.Log(when, way)
			last[way] = a.flows(t, last[way], numbers)
		}
	}
	flow("at first", 20)
	if err := d.kill(); err != nil {
		t.Fatal(err)
	}
	flow("without a daemon", 100)
	d.start(t)
	flow("with the next daemon", 100)

	_, err = c.ec2.RevokeSecurityGroupIngress(c.ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &server.group, IpPermissions: []ec2types.IpPermission{open("10.1.0.0/16")}})
	c.check(err)
	again := func(l *land) string {
		script := fmt.Sprintf("%s 10.0.0.50", d.script(t, once))
		_, out := d.command(t, "", "attach -subnet "+l.subnet+" -security-group "+l.group+" -- "+script)
		return out
	}
	if got := again(peer); !strings.Contains(got, "TimeoutError") {
		t.Errorf("a rule revoked after the restart still lets a peer in: %s", got)
	}
	if got := again(spoke); !strings.Contains(got, "heard 1") {
		t.Errorf("after the restart nobody gets through the transit gateway: %s", got)
	}
	for _, a := range hears {
		a.ends(t, syscall.SIGTERM)
	}
	d.downEnds(t, source)
}
