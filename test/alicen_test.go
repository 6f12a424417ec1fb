package test

import (
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/cbn"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// cen is a CEN instance and a client of one region's transit router.
type cen struct {
	*cbn.Client
	u  *aliUser
	id string
}

func (u *aliUser) cbn() *cbn.Client {
	c, err := cbn.NewClientWithAccessKey(u.region, u.id, u.secret)
	u.check(err)
	return c
}

// router makes the region's transit router and returns its ID and its system table's.
func (c *cen) router() (id, table string) {
	c.u.Helper()
	r := aim(c.u.fcUser, cbn.CreateCreateTransitRouterRequest())
	r.CenId = c.id
	made, err := c.CreateTransitRouter(r)
	c.u.check(err)
	if _, err := c.CreateTransitRouter(r); err == nil || !strings.Contains(err.Error(), "OperationFailed.TransitRouterExist") {
		c.u.Errorf("a second transit router in a region: %v", err)
	}
	l := aim(c.u.fcUser, cbn.CreateListTransitRouterRouteTablesRequest())
	l.TransitRouterId = made.TransitRouterId
	tables, err := c.ListTransitRouterRouteTables(l)
	c.u.check(err)
	if t := tables.TransitRouterRouteTables; len(t) != 1 || t[0].TransitRouterRouteTableType != "System" || t[0].TransitRouterRouteTableStatus != "Active" {
		c.u.Fatalf("tables of a new transit router: %+v", t)
	}
	return made.TransitRouterId, tables.TransitRouterRouteTables[0].TransitRouterRouteTableId
}

// attach attaches a VPC, which is then Attached.
func (c *cen) attach(n *aliNet, zone string, edit func(*cbn.CreateTransitRouterVpcAttachmentRequest)) string {
	c.u.Helper()
	r := aim(c.u.fcUser, cbn.CreateCreateTransitRouterVpcAttachmentRequest())
	r.CenId, r.VpcId, r.ZoneMappings = c.id, n.vpc, &[]cbn.CreateTransitRouterVpcAttachmentZoneMappings{{VSwitchId: n.vswitch, ZoneId: zone}}
	edit(r)
	made, err := c.CreateTransitRouterVpcAttachment(r)
	c.u.check(err)
	l := aim(c.u.fcUser, cbn.CreateListTransitRouterVpcAttachmentsRequest())
	l.CenId, l.TransitRouterAttachmentId = c.id, made.TransitRouterAttachmentId
	got, err := c.ListTransitRouterVpcAttachments(l)
	c.u.check(err)
	if at := got.TransitRouterAttachments; len(at) != 1 || at[0].Status != "Attached" || at[0].VpcId != n.vpc || at[0].ZoneMappings[0].VSwitchId != n.vswitch {
		c.u.Fatalf("attachment: %+v", at)
	}
	return made.TransitRouterAttachmentId
}

// uses has a table route what comes from an attachment, and learn its routes.
func (c *cen) uses(table, attachment string) {
	c.u.Helper()
	r := aim(c.u.fcUser, cbn.CreateAssociateTransitRouterAttachmentWithRouteTableRequest())
	r.TransitRouterRouteTableId, r.TransitRouterAttachmentId = table, attachment
	_, err := c.AssociateTransitRouterAttachmentWithRouteTable(r)
	c.u.check(err)
	p := aim(c.u.fcUser, cbn.CreateEnableTransitRouterRouteTablePropagationRequest())
	p.TransitRouterRouteTableId, p.TransitRouterAttachmentId = table, attachment
	_, err = c.EnableTransitRouterRouteTablePropagation(p)
	c.u.check(err)
}

// entries are a table's routes: their destinations with their kinds.
func (c *cen) entries(table string) string {
	c.u.Helper()
	r := aim(c.u.fcUser, cbn.CreateListTransitRouterRouteEntriesRequest())
	r.TransitRouterRouteTableId = table
	got, err := c.ListTransitRouterRouteEntries(r)
	c.u.check(err)
	var out []string
	for _, e := range got.TransitRouterRouteEntries {
		out = append(out, e.TransitRouterRouteEntryDestinationCidrBlock+" "+e.TransitRouterRouteEntryType+" "+e.TransitRouterRouteEntryNextHopType+" "+e.TransitRouterRouteEntryStatus)
	}
	return strings.Join(out, "\n")
}

// TestAlibabaCEN joins two VPCs by a transit router, and a third in another region
// by another. A function reaches what the transit routers' tables and the VPCs'
// tables lead to, which attachments may fill.
// https://www.alibabacloud.com/help/en/cen/user-guide/use-enterprise-edition-transit-router-to-connect-vpcs-in-the-same-region
func TestAlibabaCEN(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, "--region", "eu-central-1")
	me, far := d.aliUser(t, "eu-central-1", "test", "test"), d.aliUser(t, "eu-west-1", "test", "test")
	a, b, c := me.net("10.1.0.0/16", "eu-central-1a", "10.1.1.0/24", "10.0.0.0/8"), me.net("10.2.0.0/16", "eu-central-1b", "10.2.1.0/24", "10.0.0.0/8"), far.net("10.3.0.0/16", "eu-west-1a", "10.3.1.0/24", "10.0.0.0/8")
	b.host(t, "10.2.1.50")
	c.host(t, "10.3.1.50")
	me.function("fn", map[string]any{"vpcConfig": a.config(), "internetAccess": false})
	reaches := func(when string, near, away bool) {
		t.Helper()
		got, refusal := me.ask("fn", map[string]any{"connect": map[string]any{"near": []any{"10.2.1.50", 7777}, "far": []any{"10.3.1.50", 7777}}})
		if refusal != "" {
			t.Fatal(refusal)
		}
		for what, want := range map[string]bool{"near": near, "far": away} {
			if strings.HasPrefix(got[what], "hello 10.1.1.") != want {
				t.Errorf("%s: %s: %q, want reached %v", when, what, got[what], want)
			}
		}
	}
	here := &cen{me.cbn(), me, ""}
	made, err := here.CreateCen(aim(me.fcUser, cbn.CreateCreateCenRequest()))
	me.check(err)
	here.id = made.CenId
	there := &cen{far.cbn(), far, here.id}
	router, table := here.router()
	farRouter, farTable := there.router()
	reaches("nothing attached", false, false)

	atA := here.attach(a, "eu-central-1a", func(r *cbn.CreateTransitRouterVpcAttachmentRequest) {
		r.RouteTableAssociationEnabled, r.RouteTablePropagationEnabled, r.AutoPublishRouteEnabled = "true", "true", "true"
	})
	atB := here.attach(b, "eu-central-1b", func(r *cbn.CreateTransitRouterVpcAttachmentRequest) { r.TransitRouterId = router })
	atC := there.attach(c, "eu-west-1a", func(r *cbn.CreateTransitRouterVpcAttachmentRequest) { r.AutoCreateVpcRoute = "true" })
	reaches("the other is associated with no table", false, false)
	here.uses(table, atB)
	there.uses(farTable, atC)
	reaches("the other's VPC has no route back", false, false)
	b.route("10.0.0.0/8", "Attachment", atB)
	reaches("attached, with routes", true, false)
	if got := here.entries(table); !strings.Contains(got, "10.2.1.0/24 Propagated Attachment Active") {
		t.Errorf("the system table has\n%s", got)
	}
	list := aim(me.fcUser, sdkvpc.CreateDescribeRouteEntryListRequest())
	list.RouteTableId, list.DestinationCidrBlock = a.table, "10.2.1.0/24"
	told, err := me.vpc.DescribeRouteEntryList(list)
	me.check(err)
	if r := told.RouteEntrys.RouteEntry; len(r) != 1 || r[0].NextHops.NextHop[0].NextHopType != "Attachment" || r[0].NextHops.NextHop[0].NextHopId != atA {
		t.Errorf("the VPC's table was told %+v", r)
	}

	peer := aim(me.fcUser, cbn.CreateCreateTransitRouterPeerAttachmentRequest())
	peer.CenId, peer.TransitRouterId, peer.PeerTransitRouterId, peer.PeerTransitRouterRegionId = here.id, router, farRouter, far.region
	peer.BandwidthType, peer.Bandwidth, peer.RouteTableAssociationEnabled, peer.RouteTablePropagationEnabled = "DataTransfer", "10", "true", "true"
	joined, err := here.CreateTransitRouterPeerAttachment(peer)
	me.check(err)
	link := joined.TransitRouterAttachmentId
	reaches("joined, but nothing is published", true, false)
	publish := aim(me.fcUser, cbn.CreateUpdateTransitRouterPeerAttachmentAttributeRequest())
	publish.TransitRouterAttachmentId, publish.AutoPublishRouteEnabled = link, "true"
	_, err = here.UpdateTransitRouterPeerAttachmentAttribute(publish)
	me.check(err)
	reaches("joined", true, true)

	hole := aim(me.fcUser, cbn.CreateCreateTransitRouterRouteEntryRequest())
	hole.TransitRouterRouteTableId, hole.TransitRouterRouteEntryDestinationCidrBlock, hole.TransitRouterRouteEntryNextHopType = table, "10.2.1.0/24", "BlackHole"
	entry, err := here.CreateTransitRouterRouteEntry(hole)
	me.check(err)
	if _, err := here.CreateTransitRouterRouteEntry(hole); err == nil || !strings.Contains(err.Error(), "OperationFailed.CreateRouteEntryWithSameDestinationCidrBlock") {
		t.Errorf("the same again: %v", err)
	}
	if got := here.entries(table); !strings.Contains(got, "10.2.1.0/24 Static BlackHole Active") || !strings.Contains(got, "10.2.1.0/24 Propagated Attachment Rejected") {
		t.Errorf("with a blackhole the system table has\n%s", got)
	}
	reaches("a blackhole", false, true)
	noHole := aim(me.fcUser, cbn.CreateDeleteTransitRouterRouteEntryRequest())
	noHole.TransitRouterRouteEntryId = entry.TransitRouterRouteEntryId
	_, err = here.DeleteTransitRouterRouteEntry(noHole)
	me.check(err)
	stop := aim(far.fcUser, cbn.CreateDisableTransitRouterRouteTablePropagationRequest())
	stop.TransitRouterRouteTableId, stop.TransitRouterAttachmentId = farTable, link
	_, err = there.DisableTransitRouterRouteTablePropagation(stop)
	me.check(err)
	reaches("the far router does not learn the way back", true, false)
	here.clear(there, []string{atA, atB}, atC, link, router, farRouter)
	reaches("nothing left", false, false)
}

// clear deletes everything, which its users forbid unless it is forced.
func (c *cen) clear(far *cen, attachments []string, farAttachment, link, router, farRouter string) {
	c.u.Helper()
	refused := func(what string, err error, code string) {
		c.u.Helper()
		if err == nil || !strings.Contains(err.Error(), code) {
			c.u.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	drop := func(c *cen, id string, force requests.Boolean) error {
		r := aim(c.u.fcUser, cbn.CreateDeleteTransitRouterVpcAttachmentRequest())
		r.TransitRouterAttachmentId, r.Force = id, force
		_, err := c.DeleteTransitRouterVpcAttachment(r)
		return err
	}
	gone := aim(c.u.fcUser, cbn.CreateDeleteTransitRouterRequest())
	gone.TransitRouterId = router
	_, err := c.DeleteTransitRouter(gone)
	refused("a transit router with attachments", err, "InvalidOperation.AttachedChildInstanceExist")
	refused("an attachment in use", drop(c, attachments[0], "false"), "InvalidOperation.AttachmentInUse")
	for _, id := range attachments {
		c.u.check(drop(c, id, "true"))
	}
	c.u.check(drop(far, farAttachment, "true"))
	refused("an attachment that is gone", drop(c, attachments[0], "true"), "InvalidTransitRouterAttachmentId.NotFound")
	p := aim(c.u.fcUser, cbn.CreateDeleteTransitRouterPeerAttachmentRequest())
	p.TransitRouterAttachmentId, p.Force = link, "true"
	_, err = c.DeleteTransitRouterPeerAttachment(p)
	c.u.check(err)
	all := aim(c.u.fcUser, cbn.CreateDeleteCenRequest())
	all.CenId = c.id
	_, err = c.DeleteCen(all)
	refused("a CEN instance with transit routers", err, "InvalidOperation.CenInstanceStatus")
	for _, id := range []string{router, farRouter} {
		gone.TransitRouterId = id
		_, err = c.DeleteTransitRouter(gone)
		c.u.check(err)
	}
	_, err = c.DeleteCen(all)
	c.u.check(err)
	_, err = c.DeleteCen(all)
	refused("a CEN instance that is gone", err, "ParameterCenInstanceId")
}

// TestAlibabaCENAcrossAccounts attaches a VPC that another account has granted.
// https://www.alibabacloud.com/help/en/cen/user-guide/acquire-permissions-to-connect-to-a-network-instance-that-belongs-to-another-account
func TestAlibabaCENAcrossAccounts(t *testing.T) {
	t.Parallel()
	const zone = "eu-central-1a"
	d := newDaemon(t, "--region", "eu-central-1")
	id, secret := d.account(t, "111122223333")
	me, other := d.aliUser(t, "eu-central-1", id, secret), d.aliUser(t, "eu-central-1", "test", "test")
	a, b := me.net("10.1.0.0/16", zone, "10.1.1.0/24", "10.0.0.0/8"), other.net("10.2.0.0/16", zone, "10.2.1.0/24", "10.1.0.0/16")
	b.host(t, "10.2.1.50")
	me.function("fn", map[string]any{"vpcConfig": a.config(), "internetAccess": false})
	reaches := func(when string, want bool) {
		t.Helper()
		got, refusal := me.ask("fn", map[string]any{"connect": map[string]any{"other": []any{"10.2.1.50", 7777}}})
		if refusal != "" {
			t.Fatal(refusal)
		}
		if strings.HasPrefix(got["other"], "hello 10.1.1.") != want {
			t.Errorf("%s: %q, want reached %v", when, got["other"], want)
		}
	}
	here := &cen{me.cbn(), me, ""}
	made, err := here.CreateCen(aim(me.fcUser, cbn.CreateCreateCenRequest()))
	me.check(err)
	here.id = made.CenId
	_, table := here.router()
	here.attach(a, zone, func(r *cbn.CreateTransitRouterVpcAttachmentRequest) {
		r.RouteTableAssociationEnabled, r.RouteTablePropagationEnabled, r.AutoPublishRouteEnabled = "true", "true", "true"
	})
	ask := aim(me.fcUser, cbn.CreateCreateTransitRouterVpcAttachmentRequest())
	ask.CenId, ask.VpcId, ask.ZoneMappings = here.id, b.vpc, &[]cbn.CreateTransitRouterVpcAttachmentZoneMappings{{VSwitchId: b.vswitch, ZoneId: zone}}
	_, err = here.CreateTransitRouterVpcAttachment(ask)
	me.wants("another account's VPC as one's own", err, "InvalidVpcId.NotFound")
	ask.VpcOwnerId = other.uid()
	_, err = here.CreateTransitRouterVpcAttachment(ask)
	me.wants("a VPC that is not granted", err, "InstanceNotGranted")
	grant := aim(other.fcUser, cbn.CreateGrantInstanceToTransitRouterRequest())
	grant.InstanceType, grant.InstanceId, grant.CenId, grant.CenOwnerId = "VPC", b.vpc, here.id, other.uid()
	_, err = other.cbn().GrantInstanceToTransitRouter(grant)
	other.wants("a grant to an account that has no such CEN instance", err, "ParameterCenInstanceId")
	grant.CenOwnerId = me.uid()
	_, err = other.cbn().GrantInstanceToTransitRouter(grant)
	other.check(err)
	rules := aim(me.fcUser, cbn.CreateDescribeGrantRulesToCenRequest())
	rules.CenId, rules.ProductType = here.id, "VPC"
	got, err := here.DescribeGrantRulesToCen(rules)
	me.check(err)
	if g := got.GrantRules.GrantRule; len(g) != 1 || g[0].ChildInstanceId != b.vpc || g[0].CenId != here.id {
		t.Fatalf("grants: %+v", g)
	}
	at, err := here.CreateTransitRouterVpcAttachment(ask)
	me.check(err)
	here.uses(table, at.TransitRouterAttachmentId)
	reaches("the other account's table leads nowhere", false)
	b.route("10.1.0.0/16", "Attachment", at.TransitRouterAttachmentId)
	reaches("attached, with routes", true)
	revoke := aim(other.fcUser, cbn.CreateRevokeInstanceFromTransitRouterRequest())
	revoke.InstanceType, revoke.InstanceId, revoke.CenId, revoke.CenOwnerId = "VPC", b.vpc, here.id, me.uid()
	_, err = other.cbn().RevokeInstanceFromTransitRouter(revoke)
	other.wants("taking back what is attached", err, "InvalidOperation.AttachedChildInstanceExist")
	gone := aim(me.fcUser, cbn.CreateDeleteTransitRouterVpcAttachmentRequest())
	gone.TransitRouterAttachmentId, gone.Force = at.TransitRouterAttachmentId, "true"
	_, err = here.DeleteTransitRouterVpcAttachment(gone)
	me.check(err)
	reaches("detached", false)
	_, err = other.cbn().RevokeInstanceFromTransitRouter(revoke)
	other.check(err)
}
