package cbn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// entryID is the ID of a route of a table: of one destination a table has one static route.
func entryID(t *cloud.TransitTable, dest netip.Prefix, kind string) string {
	sum := sha256.Sum256([]byte(string(t.ID) + "\x00" + dest.String() + "\x00" + kind))
	return "rte-" + hex.EncodeToString(sum[:9])
}

// entryKey is the attribute of a table with a static route's name or description.
func entryKey(what string, dest netip.Prefix) string {
	return "cbn.entry-" + what + "." + dest.String()
}

// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-createtransitrouterrouteentry
func (a *api) createRouteEntry(ctx context.Context, q *CreateTransitRouterRouteEntryInput) (*CreateTransitRouterRouteEntryOutput, error) {
	t, err := a.table(ctx, *q.TransitRouterRouteTableId)
	if err != nil {
		return nil, err
	}
	dest, err := netip.ParsePrefix(*q.TransitRouterRouteEntryDestinationCidrBlock)
	if err != nil || dest != dest.Masked() {
		return nil, resource.Fault("IllegalParam.TransitRouterRouteEntryDestinationCidrBlock", "The specified TransitRouterRouteEntryDestinationCidrBlock is illegal.")
	}
	r := cloud.TransitRoute{Dest: dest}
	switch kind := *q.TransitRouterRouteEntryNextHopType; {
	case kind == "Attachment" && text(q.TransitRouterRouteEntryNextHopId) != "":
		r.Attachment = cloud.TransitAttachmentID(*q.TransitRouterRouteEntryNextHopId)
	case kind == "Attachment":
		return nil, resource.Fault("MissingParam.TransitRouterRouteEntryNextHopId", "TransitRouterRouteEntryNextHopId is required.")
	case kind != "BlackHole":
		return nil, resource.Fault("IllegalParam.TransitRouterRouteEntryNextHopType", "The specified TransitRouterRouteEntryNextHopType is illegal.")
	}
	labels, err := entryLabels(dest, q.TransitRouterRouteEntryName, q.TransitRouterRouteEntryDescription, true)
	if err != nil {
		return nil, err
	}
	who := in(ctx, t.Region)
	if err := a.control.CreateTransitRoute(ctx, who, t.ID, r); err != nil {
		return nil, err
	}
	return &CreateTransitRouterRouteEntryOutput{TransitRouterRouteEntryId: new(entryID(t, dest, "Static"))},
		a.control.SetAttrs(ctx, who, cloud.Ref{Kind: cloud.KindTransitTable, ID: string(t.ID)}, labels)
}

// entryLabels are a route's name and description as attributes of its table; all
// writes what is not given too, over what an earlier route had.
func entryLabels(dest netip.Prefix, name, description *string, all bool) (map[string]string, error) {
	attrs, err := names(name, description)
	out := map[string]string{}
	for what, key := range map[string]string{"name": resource.AttrName, "description": resource.AttrDescription} {
		if v, given := attrs[key]; given || all {
			out[entryKey(what, dest)] = v
		}
	}
	return out, err
}

// static finds a static route by its ID.
func (a *api) static(ctx context.Context, id string) (*cloud.TransitTable, cloud.TransitRoute, error) {
	for t := range cloud.TransitTables.All(a.control.View()) {
		if _, err := a.table(ctx, string(t.ID)); err != nil {
			continue
		}
		routes, _ := a.entries(t)
		for _, r := range routes {
			if entryID(t, r.Dest, "Static") == id {
				return t, r, nil
			}
		}
	}
	return nil, cloud.TransitRoute{}, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindTransitRoute, ID: id}
}

func (a *api) updateRouteEntry(ctx context.Context, q *UpdateTransitRouterRouteEntryInput) (*UpdateTransitRouterRouteEntryOutput, error) {
	t, r, err := a.static(ctx, *q.TransitRouterRouteEntryId)
	if err != nil {
		return nil, err
	}
	labels, err := entryLabels(r.Dest, q.TransitRouterRouteEntryName, q.TransitRouterRouteEntryDescription, false)
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, in(ctx, t.Region), cloud.Ref{Kind: cloud.KindTransitTable, ID: string(t.ID)}, labels)
}

// A route is deleted by its ID, or by its table, destination and next hop.
func (a *api) deleteRouteEntry(ctx context.Context, q *DeleteTransitRouterRouteEntryInput) (*DeleteTransitRouterRouteEntryOutput, error) {
	if id := text(q.TransitRouterRouteEntryId); id != "" {
		t, r, err := a.static(ctx, id)
		if err != nil {
			return nil, err
		}
		_, err = a.control.DeleteTransitRoute(ctx, in(ctx, t.Region), t.ID, r)
		return nil, err
	}
	t, err := a.table(ctx, text(q.TransitRouterRouteTableId))
	if err != nil {
		return nil, err
	}
	dest, _ := netip.ParsePrefix(text(q.TransitRouterRouteEntryDestinationCidrBlock))
	routes, _ := a.entries(t)
	for _, r := range routes {
		if r.Dest == dest && matches(q.TransitRouterRouteEntryNextHopId, string(r.Attachment)) && matches(q.TransitRouterRouteEntryNextHopType, hopType(r)) {
			_, err := a.control.DeleteTransitRoute(ctx, in(ctx, t.Region), t.ID, r)
			return nil, err
		}
	}
	return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindTransitRoute}
}

func hopType(r cloud.TransitRoute) string {
	if r.Attachment == "" {
		return "BlackHole"
	}
	return "Attachment"
}

// entryFacts are what the API says of a route; a learnt one that a static one of
// the same destination, or an earlier one, wins over is Rejected.
func (a *api) entryFacts(t *cloud.TransitTable, r cloud.TransitRoute, kind string) TransitRouterRouteEntry {
	out := TransitRouterRouteEntry{
		TransitRouterRouteEntryId: new(entryID(t, r.Dest, kind)), TransitRouterRouteEntryDestinationCidrBlock: new(r.Dest.String()), TransitRouterRouteEntryType: new(kind),
		TransitRouterRouteEntryStatus: new("Active"), TransitRouterRouteEntryNextHopType: new(hopType(r)), TransitRouterRouteEntryNextHopId: new(string(r.Attachment)),
		TransitRouterRouteEntryName: new(""), TransitRouterRouteEntryDescription: new(""), CreateTime: stamp(t.Created), OperationalMode: new(kind == "Static"),
	}
	if kind == "Static" {
		out.TransitRouterRouteEntryName, out.TransitRouterRouteEntryDescription = new(t.Attrs[entryKey("name", r.Dest)]), new(t.Attrs[entryKey("description", r.Dest)])
	}
	if at, ok := cloud.TransitAttachments.Get(a.control.View(), r.Attachment); ok {
		id, what := string(at.VPC), "VPC"
		if at.Peer != nil {
			id, what = string(at.Other(t.Router)), "TR"
		}
		out.TransitRouterRouteEntryNextHopResourceId, out.TransitRouterRouteEntryNextHopResourceType = &id, &what
		if kind == "Propagated" {
			out.TransitRouterRouteEntryOriginResourceId, out.TransitRouterRouteEntryOriginResourceType = &id, &what
		}
	}
	return out
}

func (a *api) listRouteEntries(ctx context.Context, q *ListTransitRouterRouteEntriesInput) (*ListTransitRouterRouteEntriesOutput, error) {
	if len(q.RouteFilter) > 0 {
		return nil, resource.Unsupported("RouteFilter")
	}
	t, err := a.table(ctx, *q.TransitRouterRouteTableId)
	if err != nil {
		return nil, err
	}
	static, learnt := a.entries(t)
	taken, all := map[netip.Prefix]bool{}, []TransitRouterRouteEntry{}
	for i, r := range append(static, learnt...) {
		kind := "Static"
		if i >= len(static) {
			kind = "Propagated"
		}
		f := a.entryFacts(t, r, kind)
		if taken[r.Dest] {
			f.TransitRouterRouteEntryStatus = new("Rejected")
		}
		taken[r.Dest] = true
		if wantedEntry(q, f) {
			all = append(all, f)
		}
	}
	question := fmt.Sprint(*q.TransitRouterRouteTableId, q.TransitRouterRouteEntryIds, q.TransitRouterRouteEntryNames, text(q.TransitRouterRouteEntryDestinationCidrBlock), text(q.TransitRouterRouteEntryStatus), text(q.TransitRouterRouteEntryType))
	items, next, err := page.ByToken(ctx, all, q.MaxResults, q.NextToken, tokenSizes, question, func(f TransitRouterRouteEntry) string { return *f.TransitRouterRouteEntryId })
	if err != nil {
		return nil, err
	}
	return &ListTransitRouterRouteEntriesOutput{TransitRouterRouteEntries: items, NextToken: next, MaxResults: size(q.MaxResults), TotalCount: new(int64(len(all)))}, nil
}

// wantedEntry tells whether a route is among those that a question is about.
func wantedEntry(q *ListTransitRouterRouteEntriesInput, f TransitRouterRouteEntry) bool {
	return page.Has(q.TransitRouterRouteEntryIds, *f.TransitRouterRouteEntryId) && page.Has(q.TransitRouterRouteEntryNames, *f.TransitRouterRouteEntryName) &&
		matches(q.TransitRouterRouteEntryDestinationCidrBlock, *f.TransitRouterRouteEntryDestinationCidrBlock) && matches(q.TransitRouterRouteEntryStatus, *f.TransitRouterRouteEntryStatus) &&
		matches(q.TransitRouterRouteEntryType, *f.TransitRouterRouteEntryType) && matches(q.TransitRouterRouteEntryNextHopId, *f.TransitRouterRouteEntryNextHopId) &&
		matches(q.TransitRouterRouteEntryNextHopType, *f.TransitRouterRouteEntryNextHopType) && matches(q.TransitRouterRouteEntryNextHopResourceId, text(f.TransitRouterRouteEntryNextHopResourceId)) &&
		matches(q.TransitRouterRouteEntryNextHopResourceType, text(f.TransitRouterRouteEntryNextHopResourceType)) && matches(q.TransitRouterRouteEntryOriginResourceId, text(f.TransitRouterRouteEntryOriginResourceId)) &&
		matches(q.TransitRouterRouteEntryOriginResourceType, text(f.TransitRouterRouteEntryOriginResourceType)) && matches(q.PrefixListId, "")
}
