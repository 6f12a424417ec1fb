package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// sources asks the echo site who is asking. It first opens connections until one
// leaves by the address given, and keeps that; then each line it reads is "old",
// to ask on that one, or "new", to ask on thirty more.
const sources = `
import http.client, sys
def ask(c):
    try:
        c.request("GET", "/", headers={"Accept": "text/plain"})
        return c.getresponse().read().decode()
    except OSError as e: return type(e).__name__
def fresh(): return http.client.HTTPConnection("echo.weir.test", timeout=3)
for n in range(200):
    kept = fresh()
    if sys.argv[1] in ask(kept): break
print("ready", flush=True)
for line in sys.stdin:
    answers = [ask(kept)] if line == "old\n" else [ask(fresh()) for n in range(30)]
    print(" ".join(sorted({word for word in sys.argv[1:] for a in answers if word in a} | {a for a in answers if a.endswith("Error")})), flush=True)
`

// TestNATDrain takes one of its two addresses from a NAT gateway: a flow that has
// it keeps it, new flows get the other one, until the time to drain is over.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateNatGatewayAddress.html
func TestNATDrain(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, group := c.vpc("10.0.0.0/16")
	public, publicTable := c.subnet(vpc, "10.0.0.0/24", "")
	private, privateTable := c.subnet(vpc, "10.0.1.0/24", "")
	c.route(ec2.CreateRouteInput{RouteTableId: &publicTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: aws.String(c.internetGateway(vpc))})
	nat, first := c.nat(public)
	c.route(ec2.CreateRouteInput{RouteTableId: &privateTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &nat})
	eip, err := c.ec2.AllocateAddress(c.ctx, &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc})
	c.check(err)
	second := *eip.PublicIp
	_, err = c.ec2.AssociateNatGatewayAddress(c.ctx, &ec2.AssociateNatGatewayAddressInput{NatGatewayId: &nat, AllocationIds: []string{*eip.AllocationId}})
	c.check(err)
	addresses := func() []ec2types.NatGatewayAddress {
		out, err := c.ec2.DescribeNatGateways(c.ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{nat}})
		c.check(err)
		return out.NatGateways[0].NatGatewayAddresses
	}

	host, in := d.attachWithInput(t, "-subnet "+private+" -security-group "+group, d.script(t, sources), second, first)
	says := func(when, which string, want ...string) {
		t.Helper()
		if _, err := fmt.Fprintln(in, which); err != nil {
			t.Fatal(err)
		}
		line, err := host.out.ReadString('\n')
		if got := strings.Fields(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s, %s connections leave by %v (%v), want %v", when, which, got, err, want)
		}
	}
	both := []string{first, second}
	slices.Sort(both)
	says("with two addresses", "old", second)
	says("with two addresses", "new", both...)
	_, err = c.ec2.DisassociateNatGatewayAddress(c.ctx, &ec2.DisassociateNatGatewayAddressInput{NatGatewayId: &nat,
		AssociationIds: []string{*addresses()[1].AssociationId}, MaxDrainDurationSeconds: aws.Int32(15)})
	c.check(err)
	if got := addresses(); len(got) != 2 || got[1].Status != ec2types.NatGatewayAddressStatusDisassociating {
		t.Errorf("while it drains the gateway has %+v", got)
	}
	d.settled(t, vpc)
	says("while one drains", "new", first)
	says("while one drains", "old", second)
	until(t, 40*time.Second, "the address is gone", func() bool { return len(addresses()) == 1 })
	says("when it has drained", "new", first)
	says("when it has drained", "old", "TimeoutError")
	_, err = c.ec2.ReleaseAddress(c.ctx, &ec2.ReleaseAddressInput{AllocationId: eip.AllocationId})
	c.check(err)
}
