package test

import (
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// attach joins the land to a transit gateway and routes 10.0.0.0/8 there.
func (l *land) attach(gateway string) string {
	l.t.Helper()
	out, err := l.ec2.CreateTransitGatewayVpcAttachment(l.ctx, &ec2.CreateTransitGatewayVpcAttachmentInput{TransitGatewayId: &gateway, VpcId: &l.vpc, SubnetIds: []string{l.subnet}})
	l.check(err)
	l.route(ec2.CreateRouteInput{RouteTableId: &l.table, DestinationCidrBlock: aws.String("10.0.0.0/8"), TransitGatewayId: &gateway})
	return *out.TransitGatewayVpcAttachment.TransitGatewayAttachmentId
}

// TestTransitGateway joins two VPCs, and by a second transit gateway one in
// another region, which static routes lead to. What a route table does not know,
// or sends nowhere, does not arrive.
// https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html
func TestTransitGateway(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	a, b, far := settle(c, "us-east-1", "10.0.0.0/16"), settle(c, "us-east-1", "10.1.0.0/16"), settle(c, "eu-west-1", "10.2.0.0/16")
	gateway := func(l *land) (id, table string) {
		out, err := l.ec2.CreateTransitGateway(c.ctx, &ec2.CreateTransitGatewayInput{})
		c.check(err)
		return *out.TransitGateway.TransitGatewayId, *out.TransitGateway.Options.AssociationDefaultRouteTableId
	}
	hub, table := gateway(a)
	hubFar, tableFar := gateway(far)
	atA := a.attach(hub)
	b.attach(hub)
	far.attach(hubFar)
	a.python("fn", a.role("transit"), fetchCode, at(a.subnet, a.group))
	dbAddr, farAddr := b.server(d, "db"), far.server(d, "far")
	get := func(what, to, want string) {
		t.Helper()
		var f fetched
		a.invoke("fn", map[string]any{"url": "http://" + to + ":8080/"}).into(t, &f)
		if got := f.Error; got != want || want == "" && f.Status != 200 {
			t.Errorf("%s: %+v, want error %q", what, f, want)
		}
	}
	why := func(to, want string) {
		t.Helper()
		_, out := d.command(t, "", "why fn "+to+":8080")
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("weir why fn %s:\n%s\nwant %s", to, out, want)
		}
	}
	tenEight := ec2types.IpPermission{IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}}

	get("without a rule", dbAddr, "TimeoutError")
	why(dbAddr, b.group)
	b.admit(tenEight)
	far.admit(tenEight)
	get("attached", dbAddr, "")

	why(farAddr, "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT")
	join, err := a.ec2.CreateTransitGatewayPeeringAttachment(c.ctx, &ec2.CreateTransitGatewayPeeringAttachmentInput{
		TransitGatewayId: &hub, PeerTransitGatewayId: &hubFar, PeerAccountId: aws.String("000000000000"), PeerRegion: &far.region})
	c.check(err)
	peering := join.TransitGatewayPeeringAttachment.TransitGatewayAttachmentId
	_, err = far.ec2.AcceptTransitGatewayPeeringAttachment(c.ctx, &ec2.AcceptTransitGatewayPeeringAttachmentInput{TransitGatewayAttachmentId: peering})
	c.check(err)
	static := func(l *land, table, dest string) {
		t.Helper()
		_, err := l.ec2.CreateTransitGatewayRoute(c.ctx, &ec2.CreateTransitGatewayRouteInput{TransitGatewayRouteTableId: &table, DestinationCidrBlock: &dest, TransitGatewayAttachmentId: peering})
		c.check(err)
	}
	static(a, table, "10.2.0.0/16")
	static(far, tableFar, "10.0.0.0/15")
	get("another region", farAddr, "")

	_, err = a.ec2.CreateTransitGatewayRoute(c.ctx, &ec2.CreateTransitGatewayRouteInput{TransitGatewayRouteTableId: &table, DestinationCidrBlock: aws.String("10.1.0.0/24"), Blackhole: aws.Bool(true)})
	c.check(err)
	get("a blackhole", dbAddr, "TimeoutError")
	why(dbAddr, "TGW_RTB_BAD_STATE_ROUTE")
	_, err = a.ec2.DisassociateTransitGatewayRouteTable(c.ctx, &ec2.DisassociateTransitGatewayRouteTableInput{TransitGatewayRouteTableId: &table, TransitGatewayAttachmentId: &atA})
	c.check(err)
	get("no route table", farAddr, "TimeoutError")
	why(farAddr, "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION")
	_, err = a.ec2.DeleteTransitGatewayVpcAttachment(c.ctx, &ec2.DeleteTransitGatewayVpcAttachmentInput{TransitGatewayAttachmentId: &atA})
	c.check(err)
	why(farAddr, "BAD_STATE_ROUTE")
}
