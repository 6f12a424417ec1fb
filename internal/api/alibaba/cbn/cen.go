package cbn

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) cens(s *wire.Service) {
	wire.Handle(s, "CreateCen", a.createCen)
	wire.Handle(s, "DescribeCens", a.describeCens)
	wire.Handle(s, "ModifyCenAttribute", a.modifyCenAttribute)
	wire.Handle(s, "DeleteCen", a.deleteCen)
	wire.Handle(s, "MoveResourceGroup", a.moveResourceGroup)
}

// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-createcen
func (a *api) createCen(ctx context.Context, q *CreateCenInput) (*CreateCenOutput, error) {
	if err := resource.Refuse(map[string]bool{"ProtectionLevel": text(q.ProtectionLevel) != "" && *q.ProtectionLevel != "REDUCED", "Ipv6Level": text(q.Ipv6Level) == "ENABLED"}); err != nil {
		return nil, err
	}
	l, err := labels(q.Name, q.Description, q.Tag)
	if err != nil {
		return nil, err
	}
	if g := text(q.ResourceGroupId); g != "" {
		if err := resource.CheckGroup(ctx, a.control, g); err != nil {
			return nil, err
		}
		l.Attrs[resource.AttrGroup] = g
	}
	d, err := a.control.CreateTransitDomain(ctx, in(ctx, ""), l)
	if err != nil {
		return nil, err
	}
	return &CreateCenOutput{CenId: new(string(d.ID))}, nil
}

// cen finds one of the account's CEN instances.
func (a *api) cen(ctx context.Context, id string) (*cloud.TransitDomain, error) {
	d, ok := cloud.TransitDomains.Get(a.control.View(), cloud.TransitDomainID(id))
	if !ok || d.Account != wire.CallFrom(ctx).Account {
		return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindTransitDomain, ID: id}
	}
	return d, nil
}

func cenFacts(d *cloud.TransitDomain) Cen {
	return Cen{
		CenId: new(string(d.ID)), Name: new(d.Attrs[resource.AttrName]), Description: new(d.Attrs[resource.AttrDescription]), Status: new("Active"), ProtectionLevel: new("REDUCED"),
		Ipv6Level: new("DISABLED"), CreationTime: stamp(d.Created), ResourceGroupId: new(resource.Group(&d.Meta)), CenBandwidthPackageIds: []string{}, Tags: tagList(d.Tags),
	}
}

// filtered tells whether a CEN instance is among those that filters ask for.
func filtered(filters []Filter, d *cloud.TransitDomain) (bool, error) {
	for _, f := range filters {
		var have string
		switch strings.ToLower(text(f.Key)) {
		case "cenid":
			have = string(d.ID)
		case "name":
			have = d.Attrs[resource.AttrName]
		default:
			return false, resource.Fault("InvalidParameter.Filter", "The filter "+text(f.Key)+" is not supported: CenId and Name are.")
		}
		if !slices.Contains(f.Value, have) {
			return false, nil
		}
	}
	return true, nil
}

func (a *api) describeCens(ctx context.Context, q *DescribeCensInput) (*DescribeCensOutput, error) {
	want, err := resource.Tags(q.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	var all []*cloud.TransitDomain
	for d := range cloud.TransitDomains.By(a.control.View(), "scope", cloud.Scope(wire.CallFrom(ctx).Account, "")) {
		ok, err := filtered(q.Filter, d)
		if err != nil {
			return nil, err
		}
		if ok && matches(q.ResourceGroupId, resource.Group(&d.Meta)) && page.HasTags(d.Tags, want) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(x, y *cloud.TransitDomain) int { return strings.Compare(string(x.ID), string(y.ID)) })
	p, err := page.ByNumber(all, q.PageNumber, q.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeCensOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, Cens: []Cen{}}
	for _, d := range p.Items {
		out.Cens = append(out.Cens, cenFacts(d))
	}
	return out, nil
}

// sizes of pages by number.
var sizes = page.Sizes{Default: 10, Max: 50}

func (a *api) modifyCenAttribute(ctx context.Context, q *ModifyCenAttributeInput) (*ModifyCenAttributeOutput, error) {
	if err := resource.Refuse(map[string]bool{"ProtectionLevel": text(q.ProtectionLevel) != "" && *q.ProtectionLevel != "REDUCED", "Ipv6Level": text(q.Ipv6Level) == "ENABLED"}); err != nil {
		return nil, err
	}
	attrs, err := names(q.Name, q.Description)
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, in(ctx, ""), cloud.Ref{Kind: cloud.KindTransitDomain, ID: *q.CenId}, attrs)
}

func (a *api) deleteCen(ctx context.Context, q *DeleteCenInput) (*DeleteCenOutput, error) {
	return nil, a.control.DeleteTransitDomain(ctx, in(ctx, ""), cloud.TransitDomainID(*q.CenId))
}

func (a *api) moveResourceGroup(ctx context.Context, q *MoveResourceGroupInput) (*MoveResourceGroupOutput, error) {
	if !strings.EqualFold(*q.ResourceType, "cen") {
		return nil, resource.Unsupported("ResourceType")
	}
	if err := resource.CheckGroup(ctx, a.control, *q.NewResourceGroupId); err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, in(ctx, ""), cloud.Ref{Kind: cloud.KindTransitDomain, ID: *q.ResourceId}, map[string]string{resource.AttrGroup: *q.NewResourceGroupId})
}
