package cbn

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// attrBandwidth is what was asked for in Mbit/s; it is echoed, not enforced.
const attrBandwidth = "cbn.bandwidth"

// link checks what is asked of the line between two regions: no bandwidth plans.
func link(kind, plan, line *string, mbps *int64) (map[string]string, error) {
	if err := resource.Refuse(map[string]bool{
		"BandwidthType": text(kind) != "" && *kind != "DataTransfer", "CenBandwidthPackageId": text(plan) != "", "DefaultLinkType": text(line) != "" && *line != "Gold",
	}); err != nil || mbps == nil {
		return nil, err
	}
	if *mbps < 1 {
		return nil, resource.Fault("IllegalParam.Bandwidth", "The specified Bandwidth is illegal.")
	}
	return map[string]string{attrBandwidth: strconv.FormatInt(*mbps, 10)}, nil
}

// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-createtransitrouterpeerattachment
func (a *api) createPeerAttachment(ctx context.Context, q *CreateTransitRouterPeerAttachmentInput) (*CreateTransitRouterPeerAttachmentOutput, error) {
	width, err := link(q.BandwidthType, q.CenBandwidthPackageId, q.DefaultLinkType, q.Bandwidth)
	if err != nil {
		return nil, err
	}
	r, err := a.routerOf(ctx, q.TransitRouterId, q.CenId, wire.CallFrom(ctx).Region)
	if err != nil {
		return nil, err
	}
	far, err := a.router(ctx, *q.PeerTransitRouterId)
	if err != nil || !matches(q.PeerTransitRouterRegionId, far.Region) {
		return nil, resource.Fault("IllegalParam.PeerTransitRouterId", "The peer transit router is not one of the CEN instance in that region.")
	}
	l, err := labels(q.TransitRouterAttachmentName, q.TransitRouterAttachmentDescription, q.Tag)
	if err != nil {
		return nil, err
	}
	maps.Copy(l.Attrs, width)
	want := control.CreateTransitPeering{Labels: l, Router: r.ID, Peer: far.ID, PeerAccount: far.Account, PeerRegion: far.Region, Direct: true, Publish: yes(q.AutoPublishRouteEnabled)}
	for _, end := range []*cloud.TransitRouter{r, far} {
		want.Associate = append(want.Associate, a.systemTable(end, q.RouteTableAssociationEnabled))
		want.Propagate = append(want.Propagate, a.systemTable(end, q.RouteTablePropagationEnabled))
	}
	made, err := a.control.CreateTransitPeering(ctx, in(ctx, r.Region), want)
	if err != nil {
		return nil, err
	}
	return &CreateTransitRouterPeerAttachmentOutput{TransitRouterAttachmentId: new(string(made.ID))}, nil
}

func (a *api) listPeerAttachments(ctx context.Context, q *ListTransitRouterPeerAttachmentsInput) (*ListTransitRouterPeerAttachmentsOutput, error) {
	all, err := a.find(ctx, true, func(f TransitRouterAttachment) bool {
		here := func(filter *string, one, other *string) bool { return matches(filter, *one) || matches(filter, *other) }
		return matches(q.CenId, *f.CenId) && here(q.RegionId, f.RegionId, f.PeerTransitRouterRegionId) && here(q.TransitRouterId, f.TransitRouterId, f.PeerTransitRouterId) &&
			matches(q.TransitRouterAttachmentId, *f.TransitRouterAttachmentId) && matches(q.DefaultLinkType, *f.DefaultLinkType)
	}, q.Tag)
	if err != nil {
		return nil, err
	}
	question := fmt.Sprint(text(q.CenId), text(q.RegionId), text(q.TransitRouterId), text(q.TransitRouterAttachmentId), len(q.Tag))
	items, next, err := page.ByToken(ctx, all, q.MaxResults, q.NextToken, tokenSizes, question, attachmentKey)
	if err != nil {
		return nil, err
	}
	return &ListTransitRouterPeerAttachmentsOutput{TransitRouterAttachments: items, NextToken: next, MaxResults: size(q.MaxResults), TotalCount: new(int64(len(all)))}, nil
}

func (a *api) updatePeerAttachment(ctx context.Context, q *UpdateTransitRouterPeerAttachmentAttributeInput) (*UpdateTransitRouterPeerAttachmentAttributeOutput, error) {
	width, err := link(q.BandwidthType, q.CenBandwidthPackageId, q.DefaultLinkType, q.Bandwidth)
	if err != nil {
		return nil, err
	}
	t, err := a.attachment(ctx, *q.TransitRouterAttachmentId, true)
	if err != nil {
		return nil, err
	}
	attrs, err := names(q.TransitRouterAttachmentName, q.TransitRouterAttachmentDescription)
	if err != nil {
		return nil, err
	}
	maps.Copy(attrs, width)
	return nil, a.control.PublishTransit(ctx, in(ctx, t.Region), t.ID, q.AutoPublishRouteEnabled, attrs)
}

func (a *api) deletePeerAttachment(ctx context.Context, q *DeleteTransitRouterPeerAttachmentInput) (*DeleteTransitRouterPeerAttachmentOutput, error) {
	t, err := a.attachment(ctx, *q.TransitRouterAttachmentId, true)
	if err != nil {
		return nil, err
	}
	return nil, a.control.RemoveTransitAttachment(ctx, in(ctx, t.Region), t.ID, yes(q.Force))
}
