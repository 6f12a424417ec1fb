package ec2_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/api/aws/ec2"
	"weir/internal/cloud"
	"weir/internal/control"
)

const stranger = "210987654321" // another account

func (w *world) vpcAt(c *sdk.Client, cidr string) string {
	w.Helper()
	return *do(c.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: &cidr})).Vpc.VpcId
}

func (w *world) peer(in sdk.CreateVpcPeeringConnectionInput) *types.VpcPeeringConnection {
	w.Helper()
	return do(w.CreateVpcPeeringConnection(w.Context(), &in)).VpcPeeringConnection
}

func (w *world) accept(c *sdk.Client, id *string) error {
	return failure(c.AcceptVpcPeeringConnection(w.Context(), &sdk.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: id}))
}

func (w *world) unpeer(c *sdk.Client, id *string) error {
	return failure(c.DeleteVpcPeeringConnection(w.Context(), &sdk.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: id}))
}

// peering is what one side sees of a connection; nil if it is not shown.
func (w *world) peering(c *sdk.Client, id *string) *types.VpcPeeringConnection {
	w.Helper()
	list := do(c.DescribeVpcPeeringConnections(w.Context(), &sdk.DescribeVpcPeeringConnectionsInput{
		Filters: []types.Filter{{Name: s("vpc-peering-connection-id"), Values: []string{*id}}}})).VpcPeeringConnections
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

func TestPeeringLife(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpcAt(w.Client, "10.0.0.0/16"), w.vpcAt(w.Client, "10.1.0.0/16")
	p := w.peer(sdk.CreateVpcPeeringConnectionInput{VpcId: &a, PeerVpcId: &b})
	id := p.VpcPeeringConnectionId
	equal(w, "first", p.Status.Code, types.VpcPeeringConnectionStateReasonCodeInitiatingRequest)
	p = w.peering(w.Client, id)
	equal(w, "then", p.Status.Code, types.VpcPeeringConnectionStateReasonCodePendingAcceptance)
	equal(w, "message", *p.Status.Message, "Pending Acceptance by "+account)
	equal(w, "expires", p.ExpirationTime.Sub(w.now), 7*24*time.Hour)
	w.refused(failure(w.CreateVpcPeeringConnection(t.Context(), &sdk.CreateVpcPeeringConnectionInput{VpcId: &b, PeerVpcId: &a})), "VpcPeeringConnectionAlreadyExists", "")
	options := &sdk.ModifyVpcPeeringConnectionOptionsInput{VpcPeeringConnectionId: id, AccepterPeeringConnectionOptions: &types.PeeringConnectionOptionsRequest{AllowDnsResolutionFromRemoteVpc: aws.Bool(true)}}
	w.refused(failure(w.ModifyVpcPeeringConnectionOptions(t.Context(), options)), "OperationNotPermitted",
		"Peering "+*id+" is not active. Peering options can be added only to active peerings.")

	// A route may be there before; it is a blackhole until the connection is active.
	table := w.table(a)
	do(w.CreateRoute(t.Context(), &sdk.CreateRouteInput{RouteTableId: table, DestinationCidrBlock: s("10.1.0.0/16"), VpcPeeringConnectionId: id}))
	state := func() types.RouteState {
		for _, r := range do(w.DescribeRouteTables(t.Context(), &sdk.DescribeRouteTablesInput{RouteTableIds: []string{*table}})).RouteTables[0].Routes {
			if r.VpcPeeringConnectionId != nil {
				return r.State
			}
		}
		return ""
	}
	equal(w, "route while pending", state(), types.RouteStateBlackhole)
	if err := w.accept(w.Client, id); err != nil {
		t.Fatal(err)
	}
	equal(w, "route while active", state(), types.RouteStateActive)
	p = w.peering(w.Client, id)
	equal(w, "accepted", p.Status.Code, types.VpcPeeringConnectionStateReasonCodeActive)
	equal(w, "accepter's block", *p.AccepterVpcInfo.CidrBlock, "10.1.0.0/16")
	do(w.ModifyVpcPeeringConnectionOptions(t.Context(), options))
	equal(w, "DNS", *w.peering(w.Client, id).AccepterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc, true)
	w.refused(w.accept(w.Client, id), "InvalidStateTransition", "")
	w.refused(failure(w.DeleteVpc(t.Context(), &sdk.DeleteVpcInput{VpcId: &b})), "DependencyViolation", "")
	w.refused(failure(w.AssociateVpcCidrBlock(t.Context(), &sdk.AssociateVpcCidrBlockInput{VpcId: &b, CidrBlock: s("10.0.128.0/17")})), "InvalidVpc.Range", "")
	other := w.table(w.vpcAt(w.Client, "10.2.0.0/16"))
	w.refused(failure(w.CreateRoute(t.Context(), &sdk.CreateRouteInput{RouteTableId: other, DestinationCidrBlock: s("10.1.0.0/16"), VpcPeeringConnectionId: id})), "InvalidParameterValue", "")

	if err := w.unpeer(w.Client, id); err != nil {
		t.Fatal(err)
	}
	equal(w, "route to a deleted connection", state(), types.RouteStateBlackhole)
	equal(w, "deleted", *w.peering(w.Client, id).Status.Message, "Deleted by "+account)
	w.refused(w.unpeer(w.Client, id), "InvalidStateTransition", "")
	w.now = w.now.Add(2 * time.Hour)
	if w.peering(w.Client, id) != nil {
		t.Error("a deleted connection is shown after two hours")
	}
	w.refused(w.unpeer(w.Client, s("pcx-0123456789abcdef0")), "InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID 'pcx-0123456789abcdef0' does not exist")
	w.refused(w.unpeer(w.Client, s("pcx-x")), "InvalidVpcPeeringConnectionId.Malformed", "")
}

func TestPeeringFails(t *testing.T) {
	w := newWorld(t)
	a, same := w.vpcAt(w.Client, "10.0.0.0/16"), w.vpcAt(w.Client, "10.0.0.0/20")
	for name, in := range map[string]sdk.CreateVpcPeeringConnectionInput{
		"overlapping blocks":  {VpcId: &a, PeerVpcId: &same},
		"no such VPC there":   {VpcId: &a, PeerVpcId: s("vpc-0123456789abcdef0"), PeerRegion: s("eu-west-1")},
		"not of that account": {VpcId: &a, PeerVpcId: &same, PeerOwnerId: s(stranger)},
		"with itself":         {VpcId: &same, PeerVpcId: &same},
	} {
		id := w.peer(in).VpcPeeringConnectionId
		p := w.peering(w.Client, id)
		if p == nil || p.Status.Code != types.VpcPeeringConnectionStateReasonCodeFailed {
			t.Errorf("%s: %+v, want failed", name, p)
			continue
		}
		w.refused(w.unpeer(w.Client, id), "InvalidStateTransition", "")
	}
	w.refused(failure(w.CreateVpcPeeringConnection(t.Context(), &sdk.CreateVpcPeeringConnectionInput{VpcId: &a, PeerVpcId: s("vpc-0123456789abcdef0")})), "InvalidVpcID.NotFound", "")
	w.refused(failure(w.CreateVpcPeeringConnection(t.Context(), &sdk.CreateVpcPeeringConnectionInput{VpcId: &a, PeerVpcId: &same, PeerRegion: s("mars-1")})), "InvalidParameterValue", "")
}

// TestPeeringAcrossRegions: each side acts from its own region.
func TestPeeringAcrossRegions(t *testing.T) {
	w := newWorld(t)
	eu := client(w.url, "eu-west-1")
	a, b := w.vpcAt(w.Client, "10.0.0.0/16"), w.vpcAt(eu, "10.1.0.0/16")
	ask := sdk.CreateVpcPeeringConnectionInput{VpcId: &a, PeerVpcId: &b, PeerRegion: s("eu-west-1")}
	id := w.peer(ask).VpcPeeringConnectionId
	w.refused(w.accept(w.Client, id), "OperationNotPermitted", "User "+account+" cannot accept peering "+*id)
	w.refused(w.unpeer(eu, id), "OperationNotPermitted", "")
	do(eu.RejectVpcPeeringConnection(t.Context(), &sdk.RejectVpcPeeringConnectionInput{VpcPeeringConnectionId: id}))
	equal(w, "rejected", w.peering(w.Client, id).Status.Code, types.VpcPeeringConnectionStateReasonCodeRejected)

	id = w.peer(ask).VpcPeeringConnectionId
	w.now = w.now.Add(7 * 24 * time.Hour)
	equal(w, "expired", w.peering(eu, id).Status.Code, types.VpcPeeringConnectionStateReasonCodeExpired)
	w.refused(w.accept(eu, id), "InvalidStateTransition", "")

	id = w.peer(ask).VpcPeeringConnectionId
	if err := w.accept(eu, id); err != nil {
		t.Fatal(err)
	}
	do(eu.CreateTags(t.Context(), &sdk.CreateTagsInput{Resources: []string{*id}, Tags: []types.Tag{{Key: s("side"), Value: s("eu")}}}))
	equal(w, "tags there", len(w.peering(eu, id).Tags), 1)
	equal(w, "tags here", len(w.peering(w.Client, id).Tags), 0)
	g, far := w.group(a, "web"), do(eu.CreateSecurityGroup(t.Context(), &sdk.CreateSecurityGroupInput{VpcId: &b, GroupName: s("far"), Description: s("x")})).GroupId
	w.refused(w.allow(g, refer(far, "")), "InvalidGroup.NotFound", "")
	if err := w.unpeer(eu, id); err != nil {
		t.Fatal(err)
	}
	equal(w, "deleted by the other side", w.peering(w.Client, id).Status.Code, types.VpcPeeringConnectionStateReasonCodeDeleted)
}

func refer(group *string, owner string) []types.IpPermission {
	pair := types.UserIdGroupPair{GroupId: group}
	if owner != "" {
		pair.UserId = &owner
	}
	return []types.IpPermission{{IpProtocol: s("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), UserIdGroupPairs: []types.UserIdGroupPair{pair}}}
}

func TestPeerGroups(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpcAt(w.Client, "10.0.0.0/16"), w.vpcAt(w.Client, "10.1.0.0/16")
	web, db := w.group(a, "web"), w.group(b, "db")
	w.refused(w.allow(db, refer(web, "")), "InvalidGroup.NotFound", "")
	id := w.peer(sdk.CreateVpcPeeringConnectionInput{VpcId: &a, PeerVpcId: &b}).VpcPeeringConnectionId
	if err := w.accept(w.Client, id); err != nil {
		t.Fatal(err)
	}
	if err := w.allow(db, refer(web, "")); err != nil {
		t.Fatal(err)
	}
	pair := func() types.UserIdGroupPair {
		return do(w.DescribeSecurityGroups(t.Context(), &sdk.DescribeSecurityGroupsInput{GroupIds: []string{*db}})).SecurityGroups[0].IpPermissions[0].UserIdGroupPairs[0]
	}
	equal(w, "its VPC", *pair().VpcId, a)
	equal(w, "its connection", *pair().VpcPeeringConnectionId, *id)
	equal(w, "its status", *pair().PeeringStatus, "active")
	refs := do(w.DescribeSecurityGroupReferences(t.Context(), &sdk.DescribeSecurityGroupReferencesInput{GroupId: []string{*web, *db}})).SecurityGroupReferenceSet
	if len(refs) != 1 || *refs[0].GroupId != *web || *refs[0].ReferencingVpcId != b || *refs[0].VpcPeeringConnectionId != *id {
		t.Errorf("references: %+v", refs)
	}
	stale := func() []types.StaleSecurityGroup {
		return do(w.DescribeStaleSecurityGroups(t.Context(), &sdk.DescribeStaleSecurityGroupsInput{VpcId: &b})).StaleSecurityGroupSet
	}
	equal(w, "stale groups before", len(stale()), 0)
	if err := w.unpeer(w.Client, id); err != nil {
		t.Fatal(err)
	}
	equal(w, "its status then", *pair().PeeringStatus, "deleted")
	if got := stale(); len(got) != 1 || *got[0].GroupId != *db || *got[0].StaleIpPermissions[0].UserIdGroupPairs[0].GroupId != *web {
		t.Errorf("stale groups: %+v", got)
	}
	do(w.DeleteSecurityGroup(t.Context(), &sdk.DeleteSecurityGroupInput{GroupId: web}))
}

// TestPeeringAcrossAccounts: the other account accepts; its groups are found
// only with its number.
func TestPeeringAcrossAccounts(t *testing.T) {
	w := newWorld(t)
	who := control.Caller{Account: stranger, Region: "us-east-1", NewID: ec2.NewID}
	theirs := do(w.control.CreateVPC(t.Context(), who, control.CreateVPC{CIDR: netip.MustParsePrefix("10.1.0.0/16")}))
	a := w.vpcAt(w.Client, "10.0.0.0/16")
	id := w.peer(sdk.CreateVpcPeeringConnectionInput{VpcId: &a, PeerVpcId: s(string(theirs.ID)), PeerOwnerId: s(stranger)}).VpcPeeringConnectionId
	equal(w, "waits for", *w.peering(w.Client, id).Status.Message, "Pending Acceptance by "+stranger)
	w.refused(w.accept(w.Client, id), "OperationNotPermitted", "User "+account+" cannot accept peering "+*id)
	do(w.control.AcceptPeering(t.Context(), who, cloud.PeeringID(*id)))
	far := do(w.control.CreateSecurityGroup(t.Context(), who, control.CreateSecurityGroup{VPC: theirs.ID, Name: "far"}))
	g := w.group(a, "web")
	w.refused(w.allow(g, refer(s(string(far.ID)), "")), "InvalidGroup.NotFound", "")
	if err := w.allow(g, refer(s(string(far.ID)), stranger)); err != nil {
		t.Fatal(err)
	}
	third := who
	third.Account = "333333333333"
	if err := w.control.DeletePeering(t.Context(), third, cloud.PeeringID(*id)); !cloud.IsKind(err, cloud.NotFound) {
		t.Errorf("a third account deletes it: %v", err)
	}
}

// TestInsightsAcrossPeers: the analyser's path leads through the connection.
func TestInsightsAcrossPeers(t *testing.T) {
	w := newWorld(t)
	a, b := w.vpcAt(w.Client, "10.0.0.0/16"), w.vpcAt(w.Client, "10.1.0.0/16")
	eni := func(vpc, cidr string) *string {
		sub := do(w.CreateSubnet(t.Context(), &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr})).Subnet.SubnetId
		g := w.group(vpc, "open")
		if err := w.allow(g, port(8080, "10.0.0.0/8")); err != nil {
			t.Fatal(err)
		}
		return do(w.CreateNetworkInterface(t.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: sub, Groups: []string{*g}})).NetworkInterface.NetworkInterfaceId
	}
	from, to := eni(a, "10.0.0.0/24"), eni(b, "10.1.0.0/24")
	path := do(w.CreateNetworkInsightsPath(t.Context(), &sdk.CreateNetworkInsightsPathInput{Source: from, Destination: to, Protocol: types.ProtocolTcp})).NetworkInsightsPath.NetworkInsightsPathId
	found := func() (bool, []string) {
		id := do(w.StartNetworkInsightsAnalysis(t.Context(), &sdk.StartNetworkInsightsAnalysisInput{NetworkInsightsPathId: path})).NetworkInsightsAnalysis.NetworkInsightsAnalysisId
		w.now = w.now.Add(time.Minute)
		got := do(w.DescribeNetworkInsightsAnalyses(t.Context(), &sdk.DescribeNetworkInsightsAnalysesInput{NetworkInsightsAnalysisIds: []string{*id}})).NetworkInsightsAnalyses[0]
		var through []string
		for _, c := range got.ForwardPathComponents {
			through = append(through, aws.ToString(c.Component.Id))
		}
		return aws.ToBool(got.NetworkPathFound), through
	}
	if ok, _ := found(); ok {
		t.Error("a path is found before there is a connection")
	}
	id := w.peer(sdk.CreateVpcPeeringConnectionInput{VpcId: &a, PeerVpcId: &b}).VpcPeeringConnectionId
	if err := w.accept(w.Client, id); err != nil {
		t.Fatal(err)
	}
	for vpc, cidr := range map[string]string{a: "10.1.0.0/16", b: "10.0.0.0/16"} {
		main := do(w.DescribeRouteTables(t.Context(), &sdk.DescribeRouteTablesInput{Filters: []types.Filter{{Name: s("vpc-id"), Values: []string{vpc}}}})).RouteTables[0].RouteTableId
		do(w.CreateRoute(t.Context(), &sdk.CreateRouteInput{RouteTableId: main, DestinationCidrBlock: &cidr, VpcPeeringConnectionId: id}))
	}
	ok, through := found()
	if !ok || !slices.Contains(through, *id) || !slices.Contains(through, *to) {
		t.Errorf("found %v, through %v", ok, through)
	}
}

// TestInsightsAcrossAccounts: nothing that belongs to another account is shown,
// and nothing of it decides: the path ends at the connection.
func TestInsightsAcrossAccounts(t *testing.T) {
	st := newSite(t)
	who := control.Caller{Account: stranger, Region: "us-east-1", NewID: ec2.NewID}
	theirs := do(st.control.CreateVPC(t.Context(), who, control.CreateVPC{CIDR: netip.MustParsePrefix("10.1.0.0/16")}))
	id := st.peer(sdk.CreateVpcPeeringConnectionInput{VpcId: &st.vpc, PeerVpcId: s(string(theirs.ID)), PeerOwnerId: s(stranger)}).VpcPeeringConnectionId
	do(st.control.AcceptPeering(t.Context(), who, cloud.PeeringID(*id)))
	do(st.CreateRoute(t.Context(), &sdk.CreateRouteInput{RouteTableId: &st.publicTable, DestinationCidrBlock: s("10.1.0.0/16"), VpcPeeringConnectionId: id}))
	a := st.analyse(&sdk.CreateNetworkInsightsPathInput{Source: &st.web, DestinationIp: s("10.1.0.10"), DestinationPort: aws.Int32(443)})
	equal(st.world, "found", *a.NetworkPathFound, false)
	equal(st.world, "code", *a.Explanations[0].ExplanationCode, "NO_POSSIBLE_DESTINATION")
	equal(st.world, "at", *a.Explanations[0].VpcPeeringConnection.Id, *id)
	last := a.ForwardPathComponents[len(a.ForwardPathComponents)-1]
	equal(st.world, "the last component", *last.Component.Id, *id)
	equal(st.world, "components of the answer", len(a.ReturnPathComponents), 0)
}
