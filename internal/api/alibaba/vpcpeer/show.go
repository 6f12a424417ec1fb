package vpcpeer

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/alibaba/resourcemanager"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// status are the states in the product's words.
// https://www.alibabacloud.com/help/en/vpc/user-guide/overview-6
var status = map[cloud.PeeringState]string{
	cloud.PeeringPending: "Accepting", cloud.PeeringActive: "Activated", cloud.PeeringRejected: "Rejected", control.PeeringExpired: "Expired",
}

// facts are what the API says of a connection to the caller.
func (a *api) facts(ctx context.Context, p *cloud.Peering) VpcPeerConnect {
	state := control.PeeringState(p, a.control.Now())
	from, from6 := a.blocks(p.Requester.VPC)
	to, to6 := a.blocks(p.Accepter.VPC)
	out := VpcPeerConnect{
		InstanceId: new(string(p.ID)), Name: new(p.Attrs[resource.AttrName]), Description: new(p.Attrs[resource.AttrDescription]), Status: new(status[state]),
		BizStatus: new("Normal"), GmtCreate: resource.Time(p.Created), GmtModified: resource.Time(p.Created), ResourceGroupId: new(group(p, wire.CallFrom(ctx).Account)),
		OwnerId: resource.Owner(p.Requester.Account), RegionId: &p.Requester.Region, Vpc: &Vpc{VpcId: new(string(p.Requester.VPC)), Ipv4Cidrs: from, Ipv6Cidrs: from6},
		AcceptingOwnerUid: resource.Owner(p.Accepter.Account), AcceptingRegionId: &p.Accepter.Region,
		AcceptingVpc: &AcceptingVpc{VpcId: new(string(p.Accepter.VPC)), Ipv4Cidrs: to, Ipv6Cidrs: to6},
		Tags:         resource.TagList(control.PeeringTags(p, resource.Caller(ctx)), func(k, v *string) Tag { return Tag{k, v} }),
	}
	if n, err := strconv.ParseInt(p.Attrs[attrBandwidth], 10, 64); err == nil {
		out.Bandwidth = &n
	}
	if state == cloud.PeeringPending || state == control.PeeringExpired {
		out.GmtExpired = resource.Time(p.Expires)
	}
	return out
}

// group is the resource group of an account's side.
func group(p *cloud.Peering, account string) string {
	if p.Account == account {
		return resource.Group(&p.Meta)
	}
	if g := p.Attrs[resource.AttrPeerGroup]; g != "" {
		return g
	}
	return resourcemanager.DefaultGroup(account)
}

func (a *api) blocks(id cloud.VPCID) (four, six []string) {
	four, six = []string{}, []string{}
	v, ok := cloud.VPCs.Get(a.control.View(), id)
	if !ok {
		return four, six
	}
	for _, b := range v.CIDRs {
		four = append(four, b.Prefix.String())
	}
	for _, b := range v.CIDRs6 {
		six = append(six, b.Prefix.String())
	}
	return four, six
}

func (a *api) get(ctx context.Context, in *GetVpcPeerConnectionAttributeInput) (*GetVpcPeerConnectionAttributeOutput, error) {
	p, err := a.find(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	return new(GetVpcPeerConnectionAttributeOutput(a.facts(ctx, p))), nil
}

// sizes of pages.
var sizes = page.Sizes{Default: 20, Max: 100}

func (a *api) list(ctx context.Context, in *ListVpcPeerConnectionsInput) (*ListVpcPeerConnectionsOutput, error) {
	want, err := resource.Tags(in.Tags, tagOf)
	if err != nil {
		return nil, err
	}
	account := wire.CallFrom(ctx).Account
	is := func(filter *string, have string) bool { return resource.Text(filter) == "" || *filter == have }
	var all []*cloud.Peering
	for p := range cloud.Peerings.By(a.control.View(), "scope", resource.Scope(ctx)) {
		ofVPC := len(in.VpcId) == 0 || slices.Contains(in.VpcId, string(p.Requester.VPC)) || slices.Contains(in.VpcId, string(p.Accepter.VPC))
		if a.shown(ctx, p) && ofVPC && is(in.InstanceId, string(p.ID)) && is(in.Name, p.Attrs[resource.AttrName]) && is(in.ResourceGroupId, group(p, account)) &&
			page.HasTags(control.PeeringTags(p, resource.Caller(ctx)), want) {
			all = append(all, p)
		}
	}
	question := fmt.Sprint(resource.Text(in.InstanceId), resource.Text(in.Name), resource.Text(in.ResourceGroupId), in.VpcId, want)
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, sizes, question, func(p *cloud.Peering) string { return string(p.ID) })
	if err != nil {
		return nil, err
	}
	out := &ListVpcPeerConnectionsOutput{NextToken: next, TotalCount: new(int64(len(all))), MaxResults: size(in.MaxResults), VpcPeerConnects: []VpcPeerConnect{}}
	for _, p := range items {
		out.VpcPeerConnects = append(out.VpcPeerConnects, a.facts(ctx, p))
	}
	return out, nil
}

func size(asked *int64) *int64 {
	if asked != nil {
		return asked
	}
	return new(sizes.Default)
}
