package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (w *world) transit() (id, table *string) {
	w.Helper()
	g := do(w.CreateTransitGateway(w.Context(), &sdk.CreateTransitGatewayInput{})).TransitGateway
	return g.TransitGatewayId, g.Options.AssociationDefaultRouteTableId
}

func (w *world) subnetAt(vpc, cidr, zone string) string {
	w.Helper()
	return *do(w.CreateSubnet(w.Context(), &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: &zone})).Subnet.SubnetId
}

func (w *world) attach(gateway *string, vpc string, subnets ...string) (string, error) {
	out, err := w.CreateTransitGatewayVpcAttachment(w.Context(), &sdk.CreateTransitGatewayVpcAttachmentInput{TransitGatewayId: gateway, VpcId: &vpc, SubnetIds: subnets})
	if err != nil {
		return "", err
	}
	return *out.TransitGatewayVpcAttachment.TransitGatewayAttachmentId, nil
}

func (w *world) detach(id string) error {
	return failure(w.DeleteTransitGatewayVpcAttachment(w.Context(), &sdk.DeleteTransitGatewayVpcAttachmentInput{TransitGatewayAttachmentId: &id}))
}

// TestTransitAttachment: what a VPC's attachment may be, and what it keeps from being deleted.
// https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
func TestTransitAttachment(t *testing.T) {
	w := newWorld(t)
	vpc, other := w.vpcAt(w.Client, "10.0.0.0/16"), w.vpcAt(w.Client, "10.1.0.0/16")
	a, same, far := w.subnetAt(vpc, "10.0.0.0/24", "us-east-1a"), w.subnetAt(vpc, "10.0.1.0/24", "us-east-1a"), w.subnetAt(other, "10.1.0.0/24", "us-east-1a")
	gateway, table := w.transit()
	refused := func(code string, gateway *string, vpc string, subnets ...string) {
		t.Helper()
		w.refused(failure(w.attach(gateway, vpc, subnets...)), code, "")
	}
	refused("InvalidTransitGatewayID.NotFound", s("tgw-0123456789abcdef0"), vpc, a)
	refused("InvalidTransitGatewayID.Malformed", s("tgw-x"), vpc, a)
	refused("InvalidVpcID.NotFound", gateway, "vpc-0123456789abcdef0", a)
	refused("InvalidSubnetID.NotFound", gateway, vpc, "subnet-0123456789abcdef0")
	refused("InvalidParameterValue", gateway, vpc, far)
	refused("DuplicateSubnetsInSameZone", gateway, vpc, a, same)
	id := do(w.attach(gateway, vpc, a))
	refused("DuplicateTransitGatewayAttachment", gateway, vpc, a)

	modify := func(in sdk.ModifyTransitGatewayVpcAttachmentInput) error {
		in.TransitGatewayAttachmentId = &id
		return failure(w.ModifyTransitGatewayVpcAttachment(t.Context(), &in))
	}
	w.refused(modify(sdk.ModifyTransitGatewayVpcAttachmentInput{AddSubnetIds: []string{same}}), "DuplicateSubnetsInSameZone", "")
	w.refused(modify(sdk.ModifyTransitGatewayVpcAttachmentInput{RemoveSubnetIds: []string{a}}), "InvalidParameterValue", "")
	w.refused(modify(sdk.ModifyTransitGatewayVpcAttachmentInput{RemoveSubnetIds: []string{same}}), "InvalidSubnetID.NotFound", "")

	w.refused(failure(w.DeleteTransitGateway(t.Context(), &sdk.DeleteTransitGatewayInput{TransitGatewayId: gateway})), "IncorrectState", *gateway+" has non-deleted VPC Attachments: "+id+".")
	w.refused(failure(w.DeleteTransitGatewayRouteTable(t.Context(), &sdk.DeleteTransitGatewayRouteTableInput{TransitGatewayRouteTableId: table})), "IncorrectState", "")
	w.refused(failure(w.DeleteSubnet(t.Context(), &sdk.DeleteSubnetInput{SubnetId: &a})), "DependencyViolation", "")
	w.refused(failure(w.DeleteTransitGatewayPeeringAttachment(t.Context(), &sdk.DeleteTransitGatewayPeeringAttachmentInput{TransitGatewayAttachmentId: &id})), "InvalidTransitGatewayAttachmentID.NotFound", "")

	if err := w.detach(id); err != nil {
		t.Fatal(err)
	}
	w.refused(w.detach(id), "InvalidTransitGatewayAttachmentID.NotFound", "Transit Gateway Attachment "+id+" was deleted or does not exist.")
	shown := func() int {
		return len(do(w.DescribeTransitGatewayVpcAttachments(t.Context(), &sdk.DescribeTransitGatewayVpcAttachmentsInput{})).TransitGatewayVpcAttachments)
	}
	equal(w, "deleted, still shown", shown(), 1)
	w.now = w.now.Add(2 * time.Hour)
	equal(w, "two hours later", shown(), 0)
	do(w.DeleteTransitGateway(t.Context(), &sdk.DeleteTransitGatewayInput{TransitGatewayId: gateway}))
	refused("InvalidTransitGatewayID.NotFound", gateway, vpc, a)
}

// TestTransitTable: associations, propagations and static routes of one table.
// https://docs.aws.amazon.com/vpc/latest/tgw/tgw-route-tables.html
func TestTransitTable(t *testing.T) {
	w := newWorld(t)
	vpc := w.vpcAt(w.Client, "10.0.0.0/16")
	gateway, table := w.transit()
	_, foreign := w.transit()
	at := do(w.attach(gateway, vpc, w.subnetAt(vpc, "10.0.0.0/24", "us-east-1a")))
	associate := func(table *string, at string) error {
		return failure(w.AssociateTransitGatewayRouteTable(t.Context(), &sdk.AssociateTransitGatewayRouteTableInput{TransitGatewayRouteTableId: table, TransitGatewayAttachmentId: &at}))
	}
	propagate := func(table *string, at string) error {
		return failure(w.EnableTransitGatewayRouteTablePropagation(t.Context(), &sdk.EnableTransitGatewayRouteTablePropagationInput{TransitGatewayRouteTableId: table, TransitGatewayAttachmentId: &at}))
	}
	w.refused(associate(table, at), "Resource.AlreadyAssociated", "Transit Gateway Attachment "+at+" is already associated to a route table.")
	w.refused(associate(foreign, at), "InvalidParameterValue", "")
	w.refused(associate(table, "tgw-attach-0123456789abcdef0"), "InvalidTransitGatewayAttachmentID.NotFound", "")
	w.refused(associate(s("tgw-rtb-0123456789abcdef0"), at), "InvalidRouteTableID.NotFound", "")
	w.refused(propagate(table, at), "TransitGatewayRouteTablePropagation.Duplicate", "")
	w.refused(propagate(foreign, at), "InvalidParameterValue", "")

	second := do(w.CreateTransitGatewayRouteTable(t.Context(), &sdk.CreateTransitGatewayRouteTableInput{TransitGatewayId: gateway})).TransitGatewayRouteTable.TransitGatewayRouteTableId
	w.refused(failure(w.DisassociateTransitGatewayRouteTable(t.Context(), &sdk.DisassociateTransitGatewayRouteTableInput{TransitGatewayRouteTableId: second, TransitGatewayAttachmentId: &at})), "InvalidAssociation.NotFound", "")
	w.refused(failure(w.DisableTransitGatewayRouteTablePropagation(t.Context(), &sdk.DisableTransitGatewayRouteTablePropagationInput{TransitGatewayRouteTableId: second, TransitGatewayAttachmentId: &at})), "TransitGatewayRouteTablePropagation.NotFound", "")

	route := func(dest string, attachment *string, hole bool) error {
		return failure(w.CreateTransitGatewayRoute(t.Context(), &sdk.CreateTransitGatewayRouteInput{TransitGatewayRouteTableId: second, DestinationCidrBlock: &dest, TransitGatewayAttachmentId: attachment, Blackhole: aws.Bool(hole)}))
	}
	if err := route("10.9.0.0/16", nil, true); err != nil {
		t.Fatal(err)
	}
	w.refused(route("10.9.0.0/16", &at, false), "RouteAlreadyExists", "")
	w.refused(route("10.9.0.0/40", &at, false), "InvalidParameterValue", "")
	w.refused(route("10.8.0.0/16", nil, false), "MissingParameter", "")
	w.refused(failure(w.DeleteTransitGatewayRoute(t.Context(), &sdk.DeleteTransitGatewayRouteInput{TransitGatewayRouteTableId: second, DestinationCidrBlock: s("10.7.0.0/16")})), "InvalidRoute.NotFound", "")
	do(w.DeleteTransitGatewayRouteTable(t.Context(), &sdk.DeleteTransitGatewayRouteTableInput{TransitGatewayRouteTableId: second}))
	w.refused(route("10.6.0.0/16", nil, true), "InvalidRouteTableID.NotFound", "")
}

// TestTransitPeering: a request that nobody can answer, or only its receiver may.
// https://docs.aws.amazon.com/vpc/latest/tgw/tgw-peering.html
func TestTransitPeering(t *testing.T) {
	w := newWorld(t)
	a, table := w.transit()
	b, _ := w.transit()
	join := func(peer *string, region string) (*types.TransitGatewayPeeringAttachment, error) {
		out, err := w.CreateTransitGatewayPeeringAttachment(t.Context(), &sdk.CreateTransitGatewayPeeringAttachmentInput{TransitGatewayId: a, PeerTransitGatewayId: peer, PeerAccountId: s(account), PeerRegion: &region})
		if err != nil {
			return nil, err
		}
		return out.TransitGatewayPeeringAttachment, nil
	}
	accept := func(id *string) error {
		return failure(w.AcceptTransitGatewayPeeringAttachment(t.Context(), &sdk.AcceptTransitGatewayPeeringAttachmentInput{TransitGatewayAttachmentId: id}))
	}
	remove := func(id *string) error {
		return failure(w.DeleteTransitGatewayPeeringAttachment(t.Context(), &sdk.DeleteTransitGatewayPeeringAttachmentInput{TransitGatewayAttachmentId: id}))
	}
	w.refused(failure(join(a, "us-east-1")), "InvalidParameterValue", "")
	w.refused(failure(join(b, "moon-1")), "InvalidParameterValue", "")
	nobody := do(join(s("tgw-0123456789abcdef0"), "us-east-1"))
	equal(w, "first", nobody.State, types.TransitGatewayAttachmentStateInitiatingRequest)
	w.refused(accept(nobody.TransitGatewayAttachmentId), "IncorrectState", "")
	equal(w, "to what is not there", do(w.DescribeTransitGatewayPeeringAttachments(t.Context(), &sdk.DescribeTransitGatewayPeeringAttachmentsInput{})).TransitGatewayPeeringAttachments[0].State, types.TransitGatewayAttachmentStateFailed)

	id := do(join(b, "us-east-1")).TransitGatewayAttachmentId
	w.refused(failure(join(b, "us-east-1")), "DuplicateTransitGatewayAttachment", "")
	early := &sdk.CreateTransitGatewayRouteInput{TransitGatewayRouteTableId: table, DestinationCidrBlock: s("10.9.0.0/16"), TransitGatewayAttachmentId: id}
	w.refused(failure(w.CreateTransitGatewayRoute(t.Context(), early)), "IncorrectState", "")
	if err := accept(id); err != nil {
		t.Fatal(err)
	}
	do(w.CreateTransitGatewayRoute(t.Context(), early))
	w.refused(accept(id), "IncorrectState", "")
	w.refused(failure(w.RejectTransitGatewayPeeringAttachment(t.Context(), &sdk.RejectTransitGatewayPeeringAttachmentInput{TransitGatewayAttachmentId: id})), "IncorrectState", "")
	w.refused(failure(w.EnableTransitGatewayRouteTablePropagation(t.Context(), &sdk.EnableTransitGatewayRouteTablePropagationInput{TransitGatewayRouteTableId: table, TransitGatewayAttachmentId: id})), "InvalidParameterValue", "")
	w.refused(failure(w.DeleteTransitGateway(t.Context(), &sdk.DeleteTransitGatewayInput{TransitGatewayId: b})), "IncorrectState", *b+" has non-deleted Peering Attachments: "+*id+".")
	if err := remove(id); err != nil {
		t.Fatal(err)
	}
	w.refused(remove(id), "InvalidTransitGatewayAttachmentID.NotFound", "") // as either side's Terraform may find it
	do(w.DeleteTransitGateway(t.Context(), &sdk.DeleteTransitGatewayInput{TransitGatewayId: b}))
}
