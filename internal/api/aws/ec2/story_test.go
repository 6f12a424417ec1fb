package ec2_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/sdktest"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/logs"
	"weir/internal/store"
)

const account = "123456789012"

// world is a fresh platform with an SDK client to it.
type world struct {
	*testing.T
	*sdk.Client
	control *control.Control
	store   *store.Store
	now     time.Time
	url     string
}

// nobody knows no key, so that every caller is the root of the account.
type nobody struct{}

func (nobody) Credential(string, string) (string, cloud.Principal, bool, error) {
	return "", cloud.Principal{}, false, errors.New("unknown key")
}

func newWorld(t *testing.T, change ...func(*control.Options)) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	opt := control.Options{
		Account: account, Region: "us-east-1",
		Regions: []control.RegionInfo{
			{Name: "us-east-1", Zones: []control.ZoneInfo{{Name: "us-east-1a", ID: "use1-az1"}, {Name: "us-east-1b", ID: "use1-az2"}, {Name: "us-east-1c", ID: "use1-az3"}}},
			{Name: "eu-west-1", Zones: []control.ZoneInfo{{Name: "eu-west-1a", ID: "euw1-az1"}}},
		},
		PublicPool: netip.MustParsePrefix("203.0.113.0/24"), IPv6Pool: netip.MustParsePrefix("2001:db8:1000::/36"),
	}
	for _, f := range change {
		f(&opt)
	}
	w.store = store.NewMemory(cloud.Schema())
	w.control = control.New(control.Deps{Store: w.store, Logs: logs.NewMemory(), Now: func() time.Time { return w.now }}, opt)
	server := wire.NewServer(wire.Config{Verify: nobody{}, Any: true, Account: account, Region: "us-east-1"})
	server.Add(ec2.New(w.control))
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	w.url, w.Client = h.URL, client(h.URL, "us-east-1")
	return w
}

func client(url, region string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: region, BaseEndpoint: aws.String(url), HTTPClient: sdktest.Client, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// do is the answer of an API call that must succeed.
func do[T any](out T, err error) T {
	if err != nil {
		panic(err)
	}
	return out
}

// refused checks an error's code and, unless "", its message.
func (w *world) refused(err error, code, msg string) {
	w.Helper()
	var e smithy.APIError
	switch {
	case !errors.As(err, &e):
		w.Errorf("got error %v, want code %s", err, code)
	case e.ErrorCode() != code || msg != "" && e.ErrorMessage() != msg:
		w.Errorf("got %s: %q, want %s: %q", e.ErrorCode(), e.ErrorMessage(), code, msg)
	}
}

func equal[T comparable](w *world, what string, got, want T) {
	w.Helper()
	if got != want {
		w.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// network is what most tests start from: a VPC with a subnet.
func (w *world) network() (vpc, subnet string) {
	w.Helper()
	v, err := w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})
	if err != nil {
		w.Fatal(err)
	}
	s, err := w.CreateSubnet(w.Context(), &sdk.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24"), AvailabilityZone: aws.String("us-east-1a")})
	if err != nil {
		w.Fatal(err)
	}
	return *v.Vpc.VpcId, *s.Subnet.SubnetId
}

// TestDocumentStory builds the network of "internet access for functions in a
// VPC" step by step, and takes it down in the wrong and in the right order.
func TestDocumentStory(t *testing.T) {
	w := newWorld(t)
	d := w.buildDocument()
	w.tearDownWrongly(d)
	w.tearDown(d)
}

// document are the IDs of the document's network.
type document struct {
	vpc, public, private, igw, publicTable, publicAssoc, privateTable, address, nat *string
}

func (w *world) buildDocument() document {
	ctx := w.Context()
	made := do(w.CreateVpc(ctx, &sdk.CreateVpcInput{
		CidrBlock: aws.String("10.0.0.0/16"),
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeVpc, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("demo")}},
		}},
	}))
	vpc := made.Vpc.VpcId
	equal(w, "state in the answer", made.Vpc.State, types.VpcStatePending)
	found := do(w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("tag:Name"), Values: []string{"demo"}}}}))
	equal(w, "VPCs named demo", len(found.Vpcs), 1)
	equal(w, "state afterwards", found.Vpcs[0].State, types.VpcStateAvailable)
	equal(w, "block", *found.Vpcs[0].CidrBlock, "10.0.0.0/16")

	public := do(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: vpc, CidrBlock: aws.String("10.0.0.0/24"), AvailabilityZone: aws.String("us-east-1a")})).Subnet
	private := do(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: vpc, CidrBlock: aws.String("10.0.1.0/24"), AvailabilityZone: aws.String("us-east-1a")})).Subnet
	equal(w, "free addresses of a /24", *public.AvailableIpAddressCount, 251)

	igw := do(w.CreateInternetGateway(ctx, &sdk.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	do(w.AttachInternetGateway(ctx, &sdk.AttachInternetGatewayInput{InternetGatewayId: igw, VpcId: vpc}))
	publicTable := do(w.CreateRouteTable(ctx, &sdk.CreateRouteTableInput{VpcId: vpc})).RouteTable.RouteTableId
	publicAssoc := do(w.AssociateRouteTable(ctx, &sdk.AssociateRouteTableInput{RouteTableId: publicTable, SubnetId: public.SubnetId})).AssociationId
	do(w.CreateRoute(ctx, &sdk.CreateRouteInput{RouteTableId: publicTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: igw}))

	eip := do(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{Domain: types.DomainTypeVpc}))
	equal(w, "first public address", *eip.PublicIp, "203.0.113.2")
	nat := do(w.CreateNatGateway(ctx, &sdk.CreateNatGatewayInput{SubnetId: public.SubnetId, AllocationId: eip.AllocationId})).NatGateway
	equal(w, "NAT state in the answer", nat.State, types.NatGatewayStatePending)
	nats := do(w.DescribeNatGateways(ctx, &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{*nat.NatGatewayId}}))
	equal(w, "NAT state afterwards", nats.NatGateways[0].State, types.NatGatewayStateAvailable)
	equal(w, "NAT's public address", *nats.NatGateways[0].NatGatewayAddresses[0].PublicIp, "203.0.113.2")
	equal(w, "NAT's private address", *nats.NatGateways[0].NatGatewayAddresses[0].PrivateIp, "10.0.0.4")
	privateTable := do(w.CreateRouteTable(ctx, &sdk.CreateRouteTableInput{VpcId: vpc})).RouteTable.RouteTableId
	do(w.AssociateRouteTable(ctx, &sdk.AssociateRouteTableInput{RouteTableId: privateTable, SubnetId: private.SubnetId}))
	do(w.CreateRoute(ctx, &sdk.CreateRouteInput{RouteTableId: privateTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: nat.NatGatewayId}))

	eni := do(w.DescribeNetworkInterfaces(ctx, &sdk.DescribeNetworkInterfacesInput{Filters: []types.Filter{{Name: aws.String("interface-type"), Values: []string{"nat_gateway"}}}})).NetworkInterfaces
	equal(w, "NAT interfaces", len(eni), 1)
	equal(w, "its description", *eni[0].Description, "Interface for NAT Gateway "+*nat.NatGatewayId)
	equal(w, "its status", eni[0].Status, types.NetworkInterfaceStatusInUse)

	return document{vpc, public.SubnetId, private.SubnetId, igw, publicTable, publicAssoc, privateTable, eip.AllocationId, nat.NatGatewayId}
}

func (w *world) tearDownWrongly(d document) {
	ctx := w.Context()
	_, err := w.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: d.vpc})
	w.refused(err, "DependencyViolation", "The vpc '"+*d.vpc+"' has dependencies and cannot be deleted.")
	_, err = w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: d.public})
	w.refused(err, "DependencyViolation", "The subnet '"+*d.public+"' has dependencies and cannot be deleted.")
	_, err = w.DetachInternetGateway(ctx, &sdk.DetachInternetGatewayInput{InternetGatewayId: d.igw, VpcId: d.vpc})
	w.refused(err, "DependencyViolation", "Network "+*d.vpc+" has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
	_, err = w.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: d.address})
	w.refused(err, "InvalidIPAddress.InUse", "")
	_, err = w.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: d.publicTable})
	w.refused(err, "DependencyViolation", "The routeTable '"+*d.publicTable+"' has dependencies and cannot be deleted.")
	_, err = w.DeleteInternetGateway(ctx, &sdk.DeleteInternetGatewayInput{InternetGatewayId: d.igw})
	w.refused(err, "DependencyViolation", "The internetGateway '"+*d.igw+"' has dependencies and cannot be deleted.")
}

func (w *world) tearDown(d document) {
	ctx := w.Context()
	do(w.DeleteNatGateway(ctx, &sdk.DeleteNatGatewayInput{NatGatewayId: d.nat}))
	nats := do(w.DescribeNatGateways(ctx, &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{*d.nat}}))
	equal(w, "NAT state after deletion", nats.NatGateways[0].State, types.NatGatewayStateDeleted)
	routes := do(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{RouteTableIds: []string{*d.privateTable}})).RouteTables[0].Routes
	equal(w, "routes", len(routes), 2)
	equal(w, "the local route", *routes[0].GatewayId, "local")
	equal(w, "the route to the deleted NAT gateway", routes[1].State, types.RouteStateBlackhole)
	w.now = w.now.Add(61 * time.Minute)
	_, err := w.DescribeNatGateways(ctx, &sdk.DescribeNatGatewaysInput{NatGatewayIds: []string{*d.nat}})
	w.refused(err, "NatGatewayNotFound", "NatGateway "+*d.nat+" was not found")
	do(w.ReleaseAddress(ctx, &sdk.ReleaseAddressInput{AllocationId: d.address}))
	do(w.DisassociateRouteTable(ctx, &sdk.DisassociateRouteTableInput{AssociationId: d.publicAssoc}))
	do(w.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: d.publicTable}))
	do(w.DetachInternetGateway(ctx, &sdk.DetachInternetGatewayInput{InternetGatewayId: d.igw, VpcId: d.vpc}))
	do(w.DeleteInternetGateway(ctx, &sdk.DeleteInternetGatewayInput{InternetGatewayId: d.igw}))
	do(w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: d.public}))
	do(w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: d.private}))
	do(w.DeleteRouteTable(ctx, &sdk.DeleteRouteTableInput{RouteTableId: d.privateTable}))
	do(w.DeleteVpc(ctx, &sdk.DeleteVpcInput{VpcId: d.vpc}))
	_, err = w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{VpcIds: []string{*d.vpc}})
	w.refused(err, "InvalidVpcID.NotFound", "The vpc ID '"+*d.vpc+"' does not exist")
}
