package vpc

import (
	"context"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) tagging(s *wire.Service) {
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UnTagResources", a.unTagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
	wire.Handle(s, "MoveResourceGroup", a.moveResourceGroup)
}

// tagKinds are the types of resource that carry tags.
var tagKinds = map[string]cloud.Resource{
	"vpc": cloud.KindVPC, "vswitch": cloud.KindSubnet, "routetable": cloud.KindRouteTable, "eip": cloud.KindElasticIP, "natgateway": cloud.KindNATGateway, "flowlog": cloud.KindFlowLog,
	"ipv4gateway": cloud.KindInternetGateway, "ipv6gateway": cloud.KindIPv6Gateway, "networkacl": cloud.KindNetworkACL,
	"vpngateway": "", "commonbandwidthpackage": "",
}

// groupKinds are those that are in a resource group of their own: what is part of
// a VPC is where the VPC is.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-moveresourcegroup
var groupKinds = map[string]cloud.Resource{
	"vpc": cloud.KindVPC, "eip": cloud.KindElasticIP, "flowlog": cloud.KindFlowLog, "ipv4gateway": cloud.KindInternetGateway, "ipv6gateway": cloud.KindIPv6Gateway, "bandwidthpackage": "", "havip": "", "publicipaddresspool": "", "trafficmirrorfilter": "", "trafficmirrorsession": "",
}

func (a *api) tags(kinds map[string]cloud.Resource) resource.Tagging {
	return resource.Tagging{Control: a.control, Kinds: kinds, Shown: func(ctx context.Context, r cloud.Ref) bool {
		m := control.MetaOf(a.control.View(), r.ID)
		return m != nil && m.Scope() == resource.Scope(ctx)
	}}
}

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	t, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	return nil, a.tags(tagKinds).Tag(ctx, *in.ResourceType, in.ResourceId, t)
}

func (a *api) unTagResources(ctx context.Context, in *UnTagResourcesInput) (*UnTagResourcesOutput, error) {
	return nil, a.tags(tagKinds).Untag(ctx, *in.ResourceType, in.ResourceId, in.TagKey, in.All)
}

func (a *api) listTagResources(ctx context.Context, in *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	all, err := a.tags(tagKinds).List(ctx, *in.ResourceType, in.ResourceId, want)
	if err != nil {
		return nil, err
	}
	all, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 50, Max: 50}, *in.ResourceType, func(t resource.Tagged) string { return t.ID + " " + t.Key })
	if err != nil {
		return nil, err
	}
	out := &ListTagResourcesOutput{NextToken: next, TagResources: []TagResource{}}
	for _, t := range all {
		out.TagResources = append(out.TagResources, TagResource{ResourceId: &t.ID, ResourceType: in.ResourceType, TagKey: &t.Key, TagValue: &t.Value})
	}
	return out, nil
}

func (a *api) moveResourceGroup(ctx context.Context, in *MoveResourceGroupInput) (*MoveResourceGroupOutput, error) {
	return nil, a.tags(groupKinds).Move(ctx, *in.ResourceType, *in.ResourceId, *in.NewResourceGroupId)
}
