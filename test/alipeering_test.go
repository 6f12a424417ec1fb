package test

import (
	"strings"
	"testing"

	sdkvpcpeer "github.com/aliyun/alibaba-cloud-sdk-go/services/vpcpeer"
)

// TestAlibabaPeering joins the VPC of a function to another account's, and that
// to a third in another region. The function reaches the host of the peered VPC
// where routes and groups say so, and not the one behind it.
// https://www.alibabacloud.com/help/en/vpc/user-guide/overview-6
func TestAlibabaPeering(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, "--region", "eu-central-1")
	id, secret := d.account(t, "111122223333")
	me, other, far := d.aliUser(t, "eu-central-1", id, secret), d.aliUser(t, "eu-central-1", "test", "test"), d.aliUser(t, "eu-west-1", "test", "test")
	a, b, c := me.net("10.1.0.0/16", "eu-central-1a", "10.1.1.0/24", "10.0.0.0/8"), other.net("10.2.0.0/16", "eu-central-1b", "10.2.1.0/24", "10.1.0.0/16"), far.net("10.3.0.0/16", "eu-west-1a", "10.3.1.0/24", "10.0.0.0/8")
	b.host(t, "10.2.1.50")
	c.host(t, "10.3.1.50")
	me.function("fn", map[string]any{"vpcConfig": a.config(), "internetAccess": false})
	reaches := func(when string, want map[string]bool) {
		t.Helper()
		got, refusal := me.ask("fn", map[string]any{"connect": map[string]any{"peer": []any{"10.2.1.50", 7777}, "behind": []any{"10.3.1.50", 7777}}})
		if refusal != "" {
			t.Fatal(refusal)
		}
		for what, is := range got {
			if strings.HasPrefix(is, "hello 10.1.1.") != want[what] {
				t.Errorf("%s: %s: %q, want reached %v", when, what, is, want[what])
			}
		}
	}
	reaches("without a connection", nil)

	ab, bc := me.join(a, b), far.join(c, b)
	if got := other.peering(ab); got.Status != "Accepting" || got.AcceptingVpc.VpcId != b.vpc {
		t.Fatalf("the other account sees %+v", got)
	}
	if got := other.peering(bc); got.Status != "Activated" {
		t.Fatalf("VPCs of one account: %+v", got)
	}
	accept := aim(other.fcUser, sdkvpcpeer.CreateAcceptVpcPeerConnectionRequest())
	accept.InstanceId = ab
	_, err := other.peers().AcceptVpcPeerConnection(accept)
	other.check(err)
	if got := me.peering(ab); got.Status != "Activated" {
		t.Fatalf("accepted: %+v", got)
	}
	reaches("without routes", nil)
	b.peer("10.1.0.0/16", ab)
	reaches("without a route there", nil)
	a.peer("10.2.0.0/15", ab) // the third VPC's block too
	reaches("with routes", map[string]bool{"peer": true})
	b.peer("10.3.0.0/16", bc)
	c.peer("10.0.0.0/14", bc)
	reaches("with routes all the way", map[string]bool{"peer": true})
	b.rule("drop", "1", "10.1.1.0/24")
	reaches("the peer's group drops", nil)

	gone := aim(me.fcUser, sdkvpcpeer.CreateDeleteVpcPeerConnectionRequest())
	gone.InstanceId = ab
	if _, err := me.peers().DeleteVpcPeerConnection(gone); err == nil || !strings.Contains(err.Error(), "OperationDenied.RouteEntryExist") {
		t.Errorf("deleting it with routes: %v", err)
	}
	gone.Force = "true"
	_, err = me.peers().DeleteVpcPeerConnection(gone)
	me.check(err)
	get := aim(me.fcUser, sdkvpcpeer.CreateGetVpcPeerConnectionAttributeRequest())
	get.InstanceId = ab
	if _, err := me.peers().GetVpcPeerConnectionAttribute(get); err == nil || !strings.Contains(err.Error(), "ResourceNotFound.InstanceId") {
		t.Errorf("a deleted connection: %v", err)
	}
	a.peer("10.2.0.0/15", me.join(a, b)) // there is no route in the way
}

func (u *aliUser) peers() *sdkvpcpeer.Client {
	c, err := sdkvpcpeer.NewClientWithAccessKey(u.region, u.id, u.secret)
	u.check(err)
	return c
}

// join asks for a connection of two VPCs and returns its ID.
func (u *aliUser) join(from, to *aliNet) string {
	u.Helper()
	r := aim(u.fcUser, sdkvpcpeer.CreateCreateVpcPeerConnectionRequest())
	r.VpcId, r.AcceptingVpcId, r.AcceptingRegionId, r.AcceptingAliUid = from.vpc, to.vpc, to.u.region, to.u.uid()
	made, err := u.peers().CreateVpcPeerConnection(r)
	u.check(err)
	return made.InstanceId
}

func (u *aliUser) peering(id string) *sdkvpcpeer.GetVpcPeerConnectionAttributeResponse {
	u.Helper()
	r := aim(u.fcUser, sdkvpcpeer.CreateGetVpcPeerConnectionAttributeRequest())
	r.InstanceId = id
	got, err := u.peers().GetVpcPeerConnectionAttribute(r)
	u.check(err)
	return got
}
