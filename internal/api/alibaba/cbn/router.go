package cbn

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) routers(s *wire.Service) {
	wire.Handle(s, "CreateTransitRouter", a.createTransitRouter)
	wire.Handle(s, "ListTransitRouters", a.listTransitRouters)
	wire.Handle(s, "UpdateTransitRouter", a.updateTransitRouter)
	wire.Handle(s, "DeleteTransitRouter", a.deleteTransitRouter)
	wire.Handle(s, "OpenTransitRouterService", a.openTransitRouterService)
	wire.Handle(s, "CheckTransitRouterService", a.checkTransitRouterService)
	wire.Handle(s, "ListTransitRouterAvailableResource", a.listTransitRouterAvailableResource)
}

// attrType marks a transit router's system route table.
const attrType = "cbn.type"

const system, custom = "System", "Custom"

// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-createtransitrouter
func (a *api) createTransitRouter(ctx context.Context, q *CreateTransitRouterInput) (*CreateTransitRouterOutput, error) {
	if err := resource.Refuse(map[string]bool{"SupportMulticast": yes(q.SupportMulticast), "TransitRouterCidrList": len(q.TransitRouterCidrList) > 0, "Type": text(q.Type) == "Basic"}); err != nil {
		return nil, err
	}
	l, err := labels(q.TransitRouterName, q.TransitRouterDescription, q.Tag)
	if err != nil {
		return nil, err
	}
	r, err := a.control.CreateTransitRouter(ctx, resource.Caller(ctx), control.CreateTransitRouter{
		Labels: l, Domain: cloud.TransitDomainID(*q.CenId), Table: control.Labels{Attrs: map[string]string{attrType: system}},
	})
	if err != nil {
		return nil, err
	}
	return &CreateTransitRouterOutput{TransitRouterId: new(string(r.ID))}, nil
}

// router finds one of the account's transit routers, in any region.
func (a *api) router(ctx context.Context, id string) (*cloud.TransitRouter, error) {
	r, ok := cloud.TransitRouters.Get(a.control.View(), cloud.TransitRouterID(id))
	if !ok || r.Account != wire.CallFrom(ctx).Account || r.Domain == "" || !r.Deleted.IsZero() {
		return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindTransitRouter, ID: id}
	}
	return r, nil
}

// routerOf finds a transit router by its ID, or else as that of a CEN instance in a region.
func (a *api) routerOf(ctx context.Context, id, cen *string, where string) (*cloud.TransitRouter, error) {
	if text(id) != "" {
		r, err := a.router(ctx, *id)
		if err == nil && !matches(cen, string(r.Domain)) {
			err = &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindTransitRouter, ID: *id}
		}
		return r, err
	}
	d, err := a.cen(ctx, text(cen))
	if err != nil {
		return nil, err
	}
	for r := range cloud.TransitRouters.By(a.control.View(), "domain", string(d.ID)) {
		if r.Region == where && r.Deleted.IsZero() {
			return r, nil
		}
	}
	return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindTransitRouter}
}

func (a *api) routerFacts(r *cloud.TransitRouter) TransitRouter {
	return TransitRouter{
		TransitRouterId: new(string(r.ID)), CenId: new(string(r.Domain)), RegionId: &r.Region, AliUid: resource.Owner(r.Account), Status: a.status(r),
		Type: new("Enterprise"), CreationTime: stamp(r.Created), TransitRouterName: new(r.Attrs[resource.AttrName]), TransitRouterDescription: new(r.Attrs[resource.AttrDescription]),
		SupportMulticast: new(false), Tags: tagList(r.Tags), TransitRouterCidrList: []ListTransitRoutersTransitRouterTransitRouterCidrList{},
	}
}

func (a *api) status(r *cloud.TransitRouter) *string {
	if a.control.Now().Before(r.ReadyAt) {
		return new("Creating")
	}
	return new("Active")
}

func (a *api) listTransitRouters(ctx context.Context, q *ListTransitRoutersInput) (*ListTransitRoutersOutput, error) {
	want, err := resource.Tags(q.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	var all []*cloud.TransitRouter
	for r := range cloud.TransitRouters.All(a.control.View()) {
		f := a.routerFacts(r)
		if r.Account == wire.CallFrom(ctx).Account && r.Domain != "" && r.Deleted.IsZero() && matches(q.CenId, string(r.Domain)) && matches(q.RegionId, r.Region) &&
			matches(q.TransitRouterId, string(r.ID)) && page.Has(q.TransitRouterIds, string(r.ID)) && matches(q.TransitRouterName, *f.TransitRouterName) &&
			matches(q.Status, *f.Status) && matches(q.Type, *f.Type) && page.HasTags(r.Tags, want) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y *cloud.TransitRouter) int { return strings.Compare(string(x.ID), string(y.ID)) })
	p, err := page.ByNumber(all, q.PageNumber, q.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &ListTransitRoutersOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, TransitRouters: []TransitRouter{}}
	for _, r := range p.Items {
		out.TransitRouters = append(out.TransitRouters, a.routerFacts(r))
	}
	return out, nil
}

func (a *api) updateTransitRouter(ctx context.Context, q *UpdateTransitRouterInput) (*UpdateTransitRouterOutput, error) {
	if err := resource.Refuse(map[string]bool{"SupportMulticast": yes(q.SupportMulticast)}); err != nil {
		return nil, err
	}
	r, err := a.router(ctx, *q.TransitRouterId)
	if err != nil {
		return nil, err
	}
	attrs, err := names(q.TransitRouterName, q.TransitRouterDescription)
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, in(ctx, r.Region), cloud.Ref{Kind: cloud.KindTransitRouter, ID: string(r.ID)}, attrs)
}

func (a *api) deleteTransitRouter(ctx context.Context, q *DeleteTransitRouterInput) (*DeleteTransitRouterOutput, error) {
	r, err := a.router(ctx, *q.TransitRouterId)
	if err != nil {
		return nil, err
	}
	_, err = a.control.DeleteTransitRouter(ctx, in(ctx, r.Region), r.ID)
	return nil, err
}

// The service is always open.
func (a *api) openTransitRouterService(context.Context, *OpenTransitRouterServiceInput) (*OpenTransitRouterServiceOutput, error) {
	return &OpenTransitRouterServiceOutput{OrderId: new("0")}, nil
}

func (a *api) checkTransitRouterService(context.Context, *CheckTransitRouterServiceInput) (*CheckTransitRouterServiceOutput, error) {
	return &CheckTransitRouterServiceOutput{Enabled: new("true")}, nil
}

func (a *api) listTransitRouterAvailableResource(_ context.Context, q *ListTransitRouterAvailableResourceInput) (*ListTransitRouterAvailableResourceOutput, error) {
	r, ok := region.Get(*q.RegionId)
	if !ok {
		return nil, resource.Fault("IllegalParam.Region", "The specified RegionId is illegal.")
	}
	return &ListTransitRouterAvailableResourceOutput{MasterZones: r.Zones, SlaveZones: r.Zones, AvailableZones: r.Zones, SupportMulticast: new(false)}, nil
}
