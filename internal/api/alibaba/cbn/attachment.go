package cbn

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) attachments(s *wire.Service) {
	wire.Handle(s, "CreateTransitRouterVpcAttachment", a.createVpcAttachment)
	wire.Handle(s, "ListTransitRouterVpcAttachments", a.listVpcAttachments)
	wire.Handle(s, "UpdateTransitRouterVpcAttachmentAttribute", a.updateVpcAttachment)
	wire.Handle(s, "UpdateTransitRouterVpcAttachmentZones", a.updateVpcAttachmentZones)
	wire.Handle(s, "DeleteTransitRouterVpcAttachment", a.deleteVpcAttachment)
	wire.Handle(s, "CreateTransitRouterPeerAttachment", a.createPeerAttachment)
	wire.Handle(s, "ListTransitRouterPeerAttachments", a.listPeerAttachments)
	wire.Handle(s, "UpdateTransitRouterPeerAttachmentAttribute", a.updatePeerAttachment)
	wire.Handle(s, "DeleteTransitRouterPeerAttachment", a.deletePeerAttachment)
}

// private are the blocks that AutoCreateVpcRoute leads to the transit router.
// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-createtransitroutervpcattachment
var private = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}

// plainOptions refuses options of an attachment that are not "disable".
func plainOptions(options *string) error {
	if text(options) == "" {
		return nil
	}
	set := map[string]string{}
	if err := json.Unmarshal([]byte(*options), &set); err != nil {
		return resource.Fault("IllegalParam.TransitRouterVPCAttachmentOptions", "The specified TransitRouterVPCAttachmentOptions is illegal.")
	}
	for name, v := range set {
		if v != "disable" {
			return resource.Unsupported("TransitRouterVPCAttachmentOptions." + name)
		}
	}
	return nil
}

// mapped are the vSwitches of zone mappings, which must be in the zones named.
func (a *api) mapped(list []CreateTransitRouterVpcAttachmentZoneMapping) (ids []cloud.SubnetID, err error) {
	for _, m := range list {
		s, ok := cloud.Subnets.Get(a.control.View(), cloud.SubnetID(text(m.VSwitchId)))
		if ok && text(m.ZoneId) != s.Zone {
			return nil, resource.Fault("IllegalParam.ZoneMappings", "The specified ZoneMappings is illegal: vSwitch "+string(s.ID)+" is in the zone "+s.Zone+".")
		}
		ids = append(ids, cloud.SubnetID(text(m.VSwitchId)))
	}
	return ids, nil
}

// systemTable is the system route table of a transit router, if wanted.
func (a *api) systemTable(r *cloud.TransitRouter, wanted *bool) cloud.TransitTableID {
	if yes(wanted) {
		for t := range cloud.TransitTables.By(a.control.View(), "router", string(r.ID)) {
			if t.Deleted.IsZero() && t.Attrs[attrType] == system {
				return t.ID
			}
		}
	}
	return ""
}

func (a *api) createVpcAttachment(ctx context.Context, q *CreateTransitRouterVpcAttachmentInput) (*CreateTransitRouterVpcAttachmentOutput, error) {
	if err := plainOptions(q.TransitRouterVPCAttachmentOptions); err != nil {
		return nil, err
	}
	owner, err := account(ctx, q.VpcOwnerId, "VpcOwnerId")
	if err != nil {
		return nil, err
	}
	r, err := a.routerOf(ctx, q.TransitRouterId, q.CenId, wire.CallFrom(ctx).Region)
	if err != nil {
		return nil, err
	}
	subnets, err := a.mapped(q.ZoneMappings)
	if err != nil {
		return nil, err
	}
	l, err := labels(q.TransitRouterAttachmentName, q.TransitRouterAttachmentDescription, q.Tag)
	if err != nil {
		return nil, err
	}
	want := control.CreateTransitAttachment{
		Labels: l, Router: r.ID, VPC: cloud.VPCID(*q.VpcId), VPCAccount: owner, Subnets: subnets, Publish: yes(q.AutoPublishRouteEnabled),
		Associate: a.systemTable(r, q.RouteTableAssociationEnabled), Propagate: a.systemTable(r, q.RouteTablePropagationEnabled),
	}
	if id := text(q.AssociateRouteTableId); id != "" {
		t, err := a.table(ctx, id)
		if err != nil {
			return nil, err
		}
		want.Associate = t.ID
	}
	if yes(q.AutoCreateVpcRoute) {
		want.Routes = private
	}
	made, err := a.control.CreateTransitAttachment(ctx, in(ctx, r.Region), want)
	if err != nil {
		return nil, err
	}
	return &CreateTransitRouterVpcAttachmentOutput{TransitRouterAttachmentId: new(string(made.ID))}, nil
}

// attachment finds an attachment of one of the account's transit routers, in any
// region, that has not ended; peer tells those of transit routers from those of VPCs.
func (a *api) attachment(ctx context.Context, id string, peer bool) (*cloud.TransitAttachment, error) {
	t, ok := cloud.TransitAttachments.Get(a.control.View(), cloud.TransitAttachmentID(id))
	if !ok || !a.shown(ctx, t) || (t.Peer != nil) != peer {
		return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindTransitAttachment, ID: id}
	}
	return t, nil
}

func (a *api) shown(ctx context.Context, t *cloud.TransitAttachment) bool {
	r, ok := cloud.TransitRouters.Get(a.control.View(), t.Router)
	return ok && r.Domain != "" && r.Account == wire.CallFrom(ctx).Account && control.TransitLive(t)
}

// facts are what the API says of an attachment of either kind.
func (a *api) facts(t *cloud.TransitAttachment) TransitRouterAttachment {
	view := a.control.View()
	out := TransitRouterAttachment{
		TransitRouterAttachmentId: new(string(t.ID)), TransitRouterAttachmentName: new(t.Attrs[resource.AttrName]), TransitRouterAttachmentDescription: new(t.Attrs[resource.AttrDescription]),
		TransitRouterId: new(string(t.Router)), CreationTime: stamp(t.Created), Status: new("Attached"), AutoPublishRouteEnabled: &t.Publish, Tags: tagList(t.Tags),
	}
	if t.State == cloud.TransitPending || a.control.Now().Before(t.ReadyAt) {
		out.Status = new("Attaching")
	}
	if r, ok := cloud.TransitRouters.Get(view, t.Router); ok {
		out.CenId, out.RegionId, out.TransitRouterRegionId = new(string(r.Domain)), &r.Region, &r.Region
	}
	if t.Peer != nil {
		out.ResourceType, out.PeerTransitRouterId, out.PeerTransitRouterRegionId, out.PeerTransitRouterOwnerId = new("TR"), new(string(t.Peer.Router)), &t.Peer.Region, resource.Owner(t.Peer.Account)
		out.BandwidthType, out.DefaultLinkType = new("DataTransfer"), new("Gold")
		if n, err := strconv.ParseInt(t.Attrs[attrBandwidth], 10, 64); err == nil {
			out.Bandwidth = &n
		}
		return out
	}
	out.ResourceType, out.VpcId, out.VpcOwnerId, out.VpcRegionId, out.ChargeType = new("VPC"), new(string(t.VPC)), resource.Owner(t.Account), &t.Region, new("POSTPAY")
	out.OrderType, out.ZoneMappings = new(payer), []ZoneMapping{}
	for i, id := range t.Subnets {
		if s, ok := cloud.Subnets.Get(view, id); ok {
			out.ZoneMappings = append(out.ZoneMappings, ZoneMapping{ZoneId: &s.Zone, VSwitchId: new(string(id)), NetworkInterfaceId: new(string(t.Interfaces[i]))})
		}
	}
	return out
}

// tokenSizes are those of pages by token.
var tokenSizes = page.Sizes{Default: 20, Max: 100}

// find lists the account's attachments of a kind that match.
func (a *api) find(ctx context.Context, peer bool, match func(f TransitRouterAttachment) bool, tags []Tag) (out []TransitRouterAttachment, err error) {
	want, err := resource.Tags(tags, tagOf)
	if err != nil {
		return nil, err
	}
	for t := range cloud.TransitAttachments.All(a.control.View()) {
		if (t.Peer != nil) != peer || !a.shown(ctx, t) || !page.HasTags(t.Tags, want) {
			continue
		}
		if f := a.facts(t); match(f) {
			out = append(out, f)
		}
	}
	return out, nil
}

func attachmentKey(f TransitRouterAttachment) string { return *f.TransitRouterAttachmentId }

func (a *api) listVpcAttachments(ctx context.Context, q *ListTransitRouterVpcAttachmentsInput) (*ListTransitRouterVpcAttachmentsOutput, error) {
	all, err := a.find(ctx, false, func(f TransitRouterAttachment) bool {
		return matches(q.CenId, *f.CenId) && matches(q.RegionId, *f.RegionId) && matches(q.TransitRouterId, *f.TransitRouterId) && matches(q.VpcId, *f.VpcId) &&
			matches(q.Status, *f.Status) && matches(q.TransitRouterAttachmentId, *f.TransitRouterAttachmentId) && matches(q.OrderType, *f.OrderType)
	}, q.Tag)
	if err != nil {
		return nil, err
	}
	question := fmt.Sprint(text(q.CenId), text(q.RegionId), text(q.TransitRouterId), text(q.VpcId), text(q.Status), text(q.TransitRouterAttachmentId), text(q.OrderType), len(q.Tag))
	items, next, err := page.ByToken(ctx, all, q.MaxResults, q.NextToken, tokenSizes, question, attachmentKey)
	if err != nil {
		return nil, err
	}
	return &ListTransitRouterVpcAttachmentsOutput{TransitRouterAttachments: items, NextToken: next, MaxResults: size(q.MaxResults), TotalCount: new(int64(len(all)))}, nil
}

func size(asked *int64) *int64 {
	if asked != nil {
		return asked
	}
	return new(tokenSizes.Default)
}

func (a *api) updateVpcAttachment(ctx context.Context, q *UpdateTransitRouterVpcAttachmentAttributeInput) (*UpdateTransitRouterVpcAttachmentAttributeOutput, error) {
	if err := plainOptions(q.TransitRouterVPCAttachmentOptions); err != nil {
		return nil, err
	}
	t, err := a.attachment(ctx, *q.TransitRouterAttachmentId, false)
	if err != nil {
		return nil, err
	}
	attrs, err := names(q.TransitRouterAttachmentName, q.TransitRouterAttachmentDescription)
	if err != nil {
		return nil, err
	}
	return nil, a.control.PublishTransit(ctx, in(ctx, t.Region), t.ID, q.AutoPublishRouteEnabled, attrs)
}

func (a *api) updateVpcAttachmentZones(ctx context.Context, q *UpdateTransitRouterVpcAttachmentZonesInput) (*UpdateTransitRouterVpcAttachmentZonesOutput, error) {
	t, err := a.attachment(ctx, *q.TransitRouterAttachmentId, false)
	if err != nil {
		return nil, err
	}
	var change control.ModifyTransitAttachment
	var add, remove []CreateTransitRouterVpcAttachmentZoneMapping
	for _, m := range q.AddZoneMappings {
		add = append(add, CreateTransitRouterVpcAttachmentZoneMapping(m))
	}
	for _, m := range q.RemoveZoneMappings {
		remove = append(remove, CreateTransitRouterVpcAttachmentZoneMapping(m))
	}
	if change.AddSubnets, err = a.mapped(add); err != nil {
		return nil, err
	}
	if change.RemoveSubnets, err = a.mapped(remove); err != nil {
		return nil, err
	}
	_, err = a.control.ModifyTransitAttachment(ctx, in(ctx, t.Region), t.ID, change)
	return nil, err
}

func (a *api) deleteVpcAttachment(ctx context.Context, q *DeleteTransitRouterVpcAttachmentInput) (*DeleteTransitRouterVpcAttachmentOutput, error) {
	t, err := a.attachment(ctx, *q.TransitRouterAttachmentId, false)
	if err != nil {
		return nil, err
	}
	return nil, a.control.RemoveTransitAttachment(ctx, in(ctx, t.Region), t.ID, yes(q.Force))
}
