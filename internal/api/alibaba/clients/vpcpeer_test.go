package clients

import (
	"net/netip"
	"testing"

	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkvpcpeer "github.com/aliyun/alibaba-cloud-sdk-go/services/vpcpeer"

	"weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
	"weir/internal/control"
)

const (
	otherAccount = "444455556666"
	otherUID     = "1000444455556666"
)

// another is the root of a second account.
func (w *world) another() caller {
	w.t.Helper()
	k, err := w.control.CreateAccessKey(w.ctx, otherAccount, "", "AKIAOTHEROTHER000000", "othersecret")
	if err != nil {
		w.t.Fatal(err)
	}
	return w.as(k.ID, k.Secret, "")
}

// route leads a table of an account's somewhere.
func (w *world) route(account string, table cloud.RouteTableID, dest string, to cloud.RouteTarget) {
	w.t.Helper()
	who := control.Caller{Account: account, Region: region.Default, NewID: resource.NewID}
	if err := w.control.CreateRoute(w.ctx, who, table, cloud.Route{Dest: netip.MustParsePrefix(dest), Target: to}); err != nil {
		w.t.Fatal(err)
	}
}

// peers calls VpcPeer with the vendor's client.
type peers struct {
	w *world
	*sdkvpcpeer.Client
}

func (w *world) peers(id, secret string) peers {
	c, err := sdkvpcpeer.NewClientWithAccessKey(region.Default, id, secret)
	if err != nil {
		w.t.Fatal(err)
	}
	return peers{w, c}
}

func (p peers) join(vpc, uid, peerRegion, peer string, edit ...func(*sdkvpcpeer.CreateVpcPeerConnectionRequest)) (*sdkvpcpeer.CreateVpcPeerConnectionResponse, error) {
	r := to(p.w, sdkvpcpeer.CreateCreateVpcPeerConnectionRequest())
	r.VpcId, r.AcceptingAliUid, r.AcceptingRegionId, r.AcceptingVpcId = vpc, requests.Integer(uid), peerRegion, peer
	for _, f := range edit {
		f(r)
	}
	return p.CreateVpcPeerConnection(r)
}

func (p peers) get(id string) (*sdkvpcpeer.GetVpcPeerConnectionAttributeResponse, error) {
	r := to(p.w, sdkvpcpeer.CreateGetVpcPeerConnectionAttributeRequest())
	r.InstanceId = id
	return p.GetVpcPeerConnectionAttribute(r)
}

func (p peers) is(t *testing.T, id, status string) {
	t.Helper()
	if got := ok(p.get(id))(t); got.Status != status || got.BizStatus != "Normal" {
		t.Errorf("%s is %s %s, want %s", id, got.Status, got.BizStatus, status)
	}
}

func (p peers) drop(id string, force bool) (*sdkvpcpeer.DeleteVpcPeerConnectionResponse, error) {
	r := to(p.w, sdkvpcpeer.CreateDeleteVpcPeerConnectionRequest())
	r.InstanceId, r.Force = id, requests.NewBoolean(force)
	return p.DeleteVpcPeerConnection(r)
}

func (p peers) decide(id string, accept bool) error {
	if accept {
		r := to(p.w, sdkvpcpeer.CreateAcceptVpcPeerConnectionRequest())
		r.InstanceId = id
		_, err := p.AcceptVpcPeerConnection(r)
		return err
	}
	r := to(p.w, sdkvpcpeer.CreateRejectVpcPeerConnectionRequest())
	r.InstanceId = id
	_, err := p.RejectVpcPeerConnection(r)
	return err
}

func (p peers) find(edit func(*sdkvpcpeer.ListVpcPeerConnectionsRequest)) (ids []string, next string) {
	p.w.t.Helper()
	r := to(p.w, sdkvpcpeer.CreateListVpcPeerConnectionsRequest())
	edit(r)
	out := ok(p.ListVpcPeerConnections(r))(p.w.t)
	for _, c := range out.VpcPeerConnects {
		ids = append(ids, c.InstanceId)
	}
	return ids, out.NextToken
}

// TestPeeringOfOneAccount: VPCs of one account are joined at once.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpcpeer-2022-01-01-createvpcpeerconnection
func TestPeeringOfOneAccount(t *testing.T) {
	w := newWorld(t)
	c, p := w.root(), w.peers("test", "test")
	a, b, alike := ok(c.createVpc("10.1.0.0/16"))(t).VpcId, ok(c.createVpc("10.2.0.0/16"))(t).VpcId, ok(c.createVpc("10.2.0.0/16"))(t).VpcId
	for _, bad := range []struct{ vpc, uid, region, peer, code string }{
		{"vpc-none", uid, region.Default, b, "ResourceNotFound.VpcId"},
		{a, uid, region.Default, "vpc-none", "ResourceNotFound.AcceptingVpcId"},
		{a, otherUID, region.Default, b, "ResourceNotFound.AcceptingVpcId"},
		{a, "17", region.Default, b, "IllegalParam.AcceptingAliUid"},
		{a, uid, "xx-nowhere", b, "IllegalParam.AcceptingRegionId"},
		{a, uid, "cn-shanghai", b, "ResourceNotFound.AcceptingVpcId"},
		{b, uid, region.Default, alike, "OperationDenied.CidrOverlapped"},
		{a, uid, region.Default, a, "OperationDenied.CidrOverlapped"},
	} {
		refused(p.join(bad.vpc, bad.uid, bad.region, bad.peer))(t, 400, bad.code)
	}
	refused(p.join(a, uid, region.Default, b, func(r *sdkvpcpeer.CreateVpcPeerConnectionRequest) { r.DryRun = "true" }))(t, 400, "DryRunOperation")
	named := func(r *sdkvpcpeer.CreateVpcPeerConnectionRequest) {
		r.Name, r.Description, r.ClientToken = "one", "d", "once"
	}
	id := ok(p.join(a, uid, region.Default, b, named))(t).InstanceId
	if again := ok(p.join(a, uid, region.Default, b, named))(t).InstanceId; again != id {
		t.Errorf("the same call with the same token made %s beside %s", again, id)
	}
	refused(p.join(a, uid, region.Default, b))(t, 400, "ResourceAlreadyExist.VpcPeer")
	got := ok(p.get(id))(t)
	if got.Status != "Activated" || got.Name != "one" || got.Vpc.VpcId != a || got.AcceptingVpc.VpcId != b || got.AcceptingVpc.Ipv4Cidrs[0] != "10.2.0.0/16" || got.OwnerId != 1000111122223333 || got.AcceptingOwnerUid != got.OwnerId {
		t.Errorf("connection: %+v", got)
	}
	if err := p.decide(id, true); err == nil {
		t.Error("an active connection was accepted")
	}
	width := map[string]*string{"InstanceId": &id, "Bandwidth": tea.String("100"), "RegionId": tea.String(region.Default)}
	if _, err := w.generic(t, "test", "ModifyVpcPeerConnection", "2022-01-01", width); err == nil {
		t.Error("a connection inside a region got a bandwidth")
	}
	modify := to(w, sdkvpcpeer.CreateModifyVpcPeerConnectionRequest())
	modify.InstanceId, modify.Name = id, "two"
	ok(p.ModifyVpcPeerConnection(modify))(t)

	tag := to(w, sdkvpcpeer.CreateTagResourcesRequest())
	tag.ResourceType, tag.ResourceId, tag.Tag = "PeerConnection", &[]string{id}, &[]sdkvpcpeer.TagResourcesTag{{Key: "team", Value: "red"}, {Key: "x", Value: "y"}}
	ok(p.TagResources(tag))(t)
	untag := to(w, sdkvpcpeer.CreateUnTagResourcesRequest())
	untag.ResourceType, untag.ResourceId, untag.TagKey = "PeerConnection", &[]string{id}, &[]string{"x"}
	ok(p.UnTagResources(untag))(t)
	tags := to(w, sdkvpcpeer.CreateListTagResourcesRequest())
	tags.ResourceType, tags.ResourceId = "PeerConnection", &[]string{id}
	if all := ok(p.ListTagResources(tags))(t).TagResources; len(all) != 1 || all[0].TagKey != "team" || all[0].TagValue != "red" || all[0].ResourceId != id {
		t.Errorf("tags: %+v", all)
	}
	tags.ResourceType = "Vpc"
	refused(p.ListTagResources(tags))(t, 400, "InvalidResourceType.NotFound")

	second := ok(p.join(a, "0", region.Default, alike))(t).InstanceId // Terraform's word for the own account
	page, next := p.find(func(r *sdkvpcpeer.ListVpcPeerConnectionsRequest) { r.MaxResults = "1" })
	rest, _ := p.find(func(r *sdkvpcpeer.ListVpcPeerConnectionsRequest) { r.MaxResults, r.NextToken = "1", next })
	if len(page) != 1 || len(rest) != 1 || page[0] == rest[0] {
		t.Errorf("pages %v and %v", page, rest)
	}
	for name, edit := range map[string]func(*sdkvpcpeer.ListVpcPeerConnectionsRequest){
		"name": func(r *sdkvpcpeer.ListVpcPeerConnectionsRequest) { r.Name = "two" },
		"VPC":  func(r *sdkvpcpeer.ListVpcPeerConnectionsRequest) { r.VpcId = &[]string{b} },
		"tag": func(r *sdkvpcpeer.ListVpcPeerConnectionsRequest) {
			r.Tags = &[]sdkvpcpeer.ListVpcPeerConnectionsTags{{Key: "team", Value: "red"}}
		},
	} {
		if ids, _ := p.find(edit); len(ids) != 1 || ids[0] != id {
			t.Errorf("by %s: %v", name, ids)
		}
	}
	ok(p.drop(second, false))(t)
	refused(p.get(second))(t, 400, "ResourceNotFound.InstanceId")
}

// TestPeeringOfTwoAccounts: the other account decides, and each side has its own
// tags and resource group.
func TestPeeringOfTwoAccounts(t *testing.T) {
	w := newWorld(t)
	p, far := w.peers("test", "test"), w.another()
	q := w.peers("AKIAOTHEROTHER000000", "othersecret")
	a, b := ok(w.root().createVpc("10.1.0.0/16"))(t).VpcId, ok(far.createVpc("10.2.0.0/16"))(t).VpcId

	id := ok(p.join(a, otherUID, region.Default, b))(t).InstanceId
	p.is(t, id, "Accepting")
	q.is(t, id, "Accepting")
	if err := p.decide(id, true); err == nil {
		t.Error("who asked accepted")
	}
	refused(q.drop(id, false))(t, 400, "Forbidden.NoPermission")
	if err := q.decide(id, false); err != nil {
		t.Fatal(err)
	}
	p.is(t, id, "Rejected")
	ok(p.drop(id, false))(t)
	refused(q.get(id))(t, 400, "ResourceNotFound.InstanceId")

	id = ok(p.join(a, otherUID, region.Default, b))(t).InstanceId
	if err := q.decide(id, true); err != nil {
		t.Fatal(err)
	}
	p.is(t, id, "Activated")
	route := func(vpc, dest string) cloud.RouteTableID {
		for table := range cloud.RouteTables.By(w.control.View(), "vpc", vpc) {
			v, _ := cloud.VPCs.Get(w.control.View(), cloud.VPCID(vpc))
			w.route(v.Account, table.ID, dest, cloud.RouteTarget{Kind: cloud.TargetPeering, ID: id})
			return table.ID
		}
		return ""
	}
	route(a, "10.2.0.0/16")
	table := route(b, "10.1.0.0/16")
	refused(p.drop(id, false))(t, 400, "OperationDenied.RouteEntryExist")
	ok(p.drop(id, true))(t)
	if left, _ := cloud.RouteTables.Get(w.control.View(), table); len(left.Routes) != 0 {
		t.Errorf("the routes %v are left", left.Routes)
	}
}
