package vpc

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) vpcs(s *wire.Service) {
	wire.Handle(s, "CreateVpc", a.createVpc)
	wire.Handle(s, "DescribeVpcs", a.describeVpcs)
	wire.Handle(s, "DescribeVpcAttribute", a.describeVpcAttribute)
	wire.Handle(s, "ModifyVpcAttribute", a.modifyVpcAttribute)
	wire.Handle(s, "DeleteVpc", a.deleteVpc)
	wire.Handle(s, "AssociateVpcCidrBlock", a.associateVpcCidrBlock)
	wire.Handle(s, "UnassociateVpcCidrBlock", a.unassociateVpcCidrBlock)
}

// sizes of pages of the product's lists.
var sizes = page.Sizes{Default: 10, Max: 50}

// A VPC's block: any but these, from /8 to /28.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createvpc
var forbidden = []netip.Prefix{
	control.ServiceRange, netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
}

const (
	widest      = 8
	defaultCIDR = "172.16.0.0/12"
)

// block reads a CIDR block for a VPC.
func block(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p != p.Masked() || slices.ContainsFunc(forbidden, p.Overlaps) {
		return p, resource.Fault("InvalidCidrBlock.Malformed", "Specified CIDR block is not valid.")
	}
	return p, nil
}

func (a *api) createVpc(ctx context.Context, in *CreateVpcInput) (*CreateVpcOutput, error) {
	if err := resource.Refuse(map[string]bool{
		"Ipv6CidrBlock": in.Ipv6CidrBlock != nil, "Ipv6IpamPoolId": in.Ipv6IpamPoolId != nil, "Ipv6Isp": isp(in.Ipv6Isp), "Ipv6CidrMask": mask(in.Ipv6CidrMask, 56),
		"Ipv4IpamPoolId": in.Ipv4IpamPoolId != nil,
		"UserCidr":       text(in.UserCidr) != "", "EnableDnsHostname": in.EnableDnsHostname != nil && *in.EnableDnsHostname,
	}); err != nil {
		return nil, err
	}
	cidr := defaultCIDR
	if text(in.CidrBlock) != "" {
		cidr = *in.CidrBlock
	}
	p, err := block(cidr)
	if err != nil {
		return nil, err
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.VpcName, Description: in.Description}, in.ResourceGroupId, in.Tag, "InvalidVpcName.Malformed", "InvalidVpcDiscription.Malformed")
	if err != nil {
		return nil, err
	}
	c := NewVPC(p, labels)
	c.IPv6 = in.EnableIpv6 != nil && *in.EnableIpv6
	v, err := a.control.CreateVPC(ctx, resource.Caller(ctx), c)
	if err != nil {
		return nil, err
	}
	f := a.facts(v)
	return &CreateVpcOutput{VpcId: f.VpcId, VRouterId: f.VRouterId, RouteTableId: &f.RouterTableIds[0], ResourceGroupId: f.ResourceGroupId}, nil
}

// NewVPC is a VPC as this dialect makes them.
func NewVPC(cidr netip.Prefix, labels control.Labels) control.CreateVPC {
	return control.CreateVPC{
		Labels: labels, CIDR: cidr, Widest: widest, DNSSupport: true,
		Services: control.ServiceRange, Resolvers: control.ServiceResolvers, DirectPublic: true, SubnetRoutes: true, IPv6ByRule: true,
	}
}

func (a *api) labels(ctx context.Context, d resource.Described, group *string, list []Tag, nameCode, descriptionCode string) (control.Labels, error) {
	t, err := tags(list)
	if err != nil {
		return control.Labels{}, err
	}
	return resource.Labels(ctx, a.control, d, group, t, nameCode, descriptionCode)
}

// vpc finds one of the caller's VPCs.
func (a *api) vpc(ctx context.Context, id string) (*cloud.VPC, error) {
	if v, ok := cloud.VPCs.Get(a.control.View(), cloud.VPCID(id)); ok && v.Scope() == resource.Scope(ctx) {
		return v, nil
	}
	return nil, resource.Missing("InvalidVpcId.NotFound", "Specified VPC does not exist.")
}

// router is the ID of a VPC's router, which follows from the VPC's.
func router(id cloud.VPCID) *string {
	return new("vrt-" + strings.TrimPrefix(string(id), "vpc-"))
}

// facts are what the API says of a VPC.
func (a *api) facts(v *cloud.VPC) Vpc {
	view := a.control.View()
	out := Vpc{
		VpcId: new(string(v.ID)), VpcName: new(v.Attrs[resource.AttrName]), Description: new(v.Attrs[resource.AttrDescription]),
		CidrBlock: new(v.CIDRs[0].Prefix.String()), CreationTime: resource.Time(v.Created), RegionId: &v.Region, OwnerId: resource.Owner(v.Account),
		IsDefault: &v.Default, Status: new("Available"), VRouterId: router(v.ID), ResourceGroupId: new(resource.Group(&v.Meta)), Tags: tagList(v.Tags),
		EnabledIpv6: new(len(v.CIDRs6) > 0), Ipv6CidrBlock: new(""), Ipv6CidrBlocks: []Ipv6CidrBlock{}, DnsHostnameStatus: new("DISABLED"), DhcpOptionsSetId: new(""), CenStatus: new("Detached"),
		RouterTableIds: []string{}, NatGatewayIds: []string{}, VSwitchIds: []string{}, SecondaryCidrBlocks: []string{}, UserCidrs: []string{},
	}
	for _, b := range v.CIDRs[1:] {
		out.SecondaryCidrBlocks = append(out.SecondaryCidrBlocks, b.Prefix.String())
	}
	if len(v.CIDRs6) > 0 {
		out.Ipv6CidrBlock = new(v.CIDRs6[0].Prefix.String())
	}
	for _, b := range v.CIDRs6 {
		out.Ipv6CidrBlocks = append(out.Ipv6CidrBlocks, Ipv6CidrBlock{Ipv6CidrBlock: new(b.Prefix.String()), Ipv6Isp: new("BGP")})
	}
	if len(a.cens(v.ID)) > 0 {
		out.CenStatus = new("Attached")
	}
	for t := range cloud.RouteTables.By(view, "vpc", string(v.ID)) {
		at := len(out.RouterTableIds)
		if t.Main {
			at = 0
		}
		out.RouterTableIds = slices.Insert(out.RouterTableIds, at, string(t.ID))
	}
	for s := range cloud.Subnets.By(view, "vpc", string(v.ID)) {
		out.VSwitchIds = append(out.VSwitchIds, string(s.ID))
	}
	for n := range cloud.NATGateways.By(view, "vpc", string(v.ID)) {
		if n.Deleted.IsZero() {
			out.NatGatewayIds = append(out.NatGatewayIds, string(n.ID))
		}
	}
	slices.Sort(out.VSwitchIds)
	return out
}

func (a *api) describeVpcs(ctx context.Context, in *DescribeVpcsInput) (*DescribeVpcsOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	ids := list(in.VpcId)
	var all []*cloud.VPC
	for v := range cloud.VPCs.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if page.Has(ids, string(v.ID)) && matches(in.VpcName, v.Attrs[resource.AttrName]) && matches(in.ResourceGroupId, resource.Group(&v.Meta)) &&
			(in.IsDefault == nil || *in.IsDefault == v.Default) && page.HasTags(v.Tags, want) && (in.EnableIpv6 == nil || *in.EnableIpv6 == (len(v.CIDRs6) > 0)) {
			all = append(all, v)
		}
	}
	newest(all, func(v *cloud.VPC) (*cloud.Meta, string) { return &v.Meta, string(v.ID) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeVpcsOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, Vpcs: []Vpc{}}
	for _, v := range p.Items {
		out.Vpcs = append(out.Vpcs, a.facts(v))
	}
	return out, nil
}

// list reads IDs with commas between them.
func list(ids *string) []string {
	if text(ids) == "" {
		return nil
	}
	return strings.Split(*ids, ",")
}

// matches tells whether a filter is absent or equal.
func matches(filter *string, have string) bool { return text(filter) == "" || *filter == have }

// newest sorts what was made last first.
func newest[T any](all []T, of func(T) (*cloud.Meta, string)) {
	slices.SortFunc(all, func(x, y T) int {
		m, a := of(x)
		n, b := of(y)
		if c := n.Created.Compare(m.Created); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
}

func (a *api) describeVpcAttribute(ctx context.Context, in *DescribeVpcAttributeInput) (*DescribeVpcAttributeOutput, error) {
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	f := a.facts(v)
	return &DescribeVpcAttributeOutput{
		VpcId: f.VpcId, VpcName: f.VpcName, Description: f.Description, CidrBlock: f.CidrBlock, CreationTime: f.CreationTime, RegionId: f.RegionId,
		OwnerId: f.OwnerId, IsDefault: f.IsDefault, Status: f.Status, VRouterId: f.VRouterId, ResourceGroupId: f.ResourceGroupId, Tags: f.Tags,
		EnabledIpv6: f.EnabledIpv6, Ipv6CidrBlock: f.Ipv6CidrBlock, Ipv6CidrBlocks: f.Ipv6CidrBlocks, VSwitchIds: f.VSwitchIds, SecondaryCidrBlocks: f.SecondaryCidrBlocks, UserCidrs: f.UserCidrs,
		DnsHostnameStatus: f.DnsHostnameStatus, ClassicLinkEnabled: new(false), AssociatedCens: a.cens(v.ID), CloudResources: a.contents(v.ID), Ipv4GatewayId: a.ipv4GatewayOf(v.ID),
	}, nil
}

// contents counts what a VPC has, by kind.
func (a *api) contents(id cloud.VPCID) []CloudResourceSetType {
	view, out := a.control.View(), []CloudResourceSetType{}
	add := func(kind string, n int64) {
		if n > 0 {
			out = append(out, CloudResourceSetType{ResourceType: &kind, ResourceCount: &n})
		}
	}
	var switches, tables int64
	for range cloud.Subnets.By(view, "vpc", string(id)) {
		switches++
	}
	for range cloud.RouteTables.By(view, "vpc", string(id)) {
		tables++
	}
	add("VSwitch", switches)
	add("VRouter", 1)
	add("RouteTable", tables)
	return out
}

func (a *api) modifyVpcAttribute(ctx context.Context, in *ModifyVpcAttributeInput) (*ModifyVpcAttributeOutput, error) {
	if err := resource.Refuse(map[string]bool{
		"CidrBlock": in.CidrBlock != nil, "Ipv6CidrBlock": in.Ipv6CidrBlock != nil, "Ipv6Isp": isp(in.Ipv6Isp),
		"EnableDnsHostname": in.EnableDnsHostname != nil && *in.EnableDnsHostname,
	}); err != nil {
		return nil, err
	}
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.VpcName, Description: in.Description}.Attrs("InvalidVpcName.Malformed", "InvalidVpcDiscription.Malformed")
	if err != nil {
		return nil, err
	}
	switch has := len(v.CIDRs6) > 0; {
	case in.EnableIPv6 == nil || *in.EnableIPv6 == has:
	case has:
		return nil, resource.Unsupported("EnableIPv6") // take the block away by UnassociateVpcCidrBlock
	default:
		if _, err := a.addBlock6(ctx, v); err != nil {
			return nil, err
		}
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindVPC, ID: *in.VpcId}, attrs)
}

// deleteVpc names what is in the way before control refuses.
// cens are the CEN instances to whose transit routers a VPC is attached.
func (a *api) cens(vpc cloud.VPCID) []AssociatedCen {
	out, view := []AssociatedCen{}, a.control.View()
	for t := range cloud.TransitAttachments.By(view, "vpc", string(vpc)) {
		if r, ok := cloud.TransitRouters.Get(view, t.Router); ok && r.Domain != "" && control.TransitLive(t) {
			out = append(out, AssociatedCen{CenId: new(string(r.Domain)), CenOwnerId: resource.Owner(r.Account), CenStatus: new("Attached")})
		}
	}
	return out
}

func (a *api) deleteVpc(ctx context.Context, in *DeleteVpcInput) (*DeleteVpcOutput, error) {
	if err := resource.Refuse(map[string]bool{"ForceDelete": in.ForceDelete != nil && *in.ForceDelete}); err != nil {
		return nil, err
	}
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if what := a.inTheWay(v.ID); what != "" {
		return nil, resource.Fault("DependencyViolation."+what, "Specified object has dependent resources: "+what+".")
	}
	return nil, a.control.DeleteVPC(ctx, resource.Caller(ctx), v.ID)
}

func (a *api) inTheWay(id cloud.VPCID) string {
	view := a.control.View()
	for n := range cloud.NATGateways.By(view, "vpc", string(id)) {
		if n.Deleted.IsZero() {
			return "NatGateway"
		}
	}
	for range cloud.InternetGateways.By(view, "vpc", string(id)) {
		return "Ipv4Gateway"
	}
	for range cloud.IPv6Gateways.By(view, "vpc", string(id)) {
		return "Ipv6Gateway"
	}
	for range cloud.Subnets.By(view, "vpc", string(id)) {
		return "VSwitch"
	}
	for g := range cloud.SecurityGroups.By(view, "vpc", string(id)) {
		if g.Name != "default" || g.Attrs[resource.AttrGroupType] != "" {
			return "SecurityGroup"
		}
	}
	for n := range cloud.NetworkACLs.By(view, "vpc", string(id)) {
		if !n.Default {
			return "NetworkAcl"
		}
	}
	for t := range cloud.RouteTables.By(view, "vpc", string(id)) {
		if !t.Main {
			return "RouteTable"
		}
		if len(t.Routes) > 0 {
			return "RouteEntry"
		}
	}
	return ""
}

func (a *api) associateVpcCidrBlock(ctx context.Context, in *AssociateVpcCidrBlockInput) (*AssociateVpcCidrBlockOutput, error) {
	version, v6 := text(in.IpVersion), strings.EqualFold(text(in.IpVersion), "ipv6")
	if err := resource.Refuse(map[string]bool{
		"IpVersion": version != "" && !v6 && !strings.EqualFold(version, "ipv4"), "IPv6CidrBlock": in.IPv6CidrBlock != nil, "IpamPoolId": in.IpamPoolId != nil,
		"Ipv6Isp": isp(in.Ipv6Isp), "Ipv6CidrMask": mask(in.Ipv6CidrMask, 56), "SecondaryCidrBlock": v6 && text(in.SecondaryCidrBlock) != "",
	}); err != nil {
		return nil, err
	}
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if v6 {
		p, err := a.addBlock6(ctx, v)
		if err != nil {
			return nil, err
		}
		return &AssociateVpcCidrBlockOutput{CidrBlock: new(p.String()), IpVersion: new("ipv6")}, nil
	}
	p, err := block(text(in.SecondaryCidrBlock))
	if err != nil {
		return nil, err
	}
	if _, err := a.control.AddVPCBlock(ctx, resource.Caller(ctx), v.ID, p, widest); err != nil {
		return nil, err
	}
	return &AssociateVpcCidrBlockOutput{CidrBlock: new(p.String()), IpVersion: new("ipv4")}, nil
}

func (a *api) unassociateVpcCidrBlock(ctx context.Context, in *UnassociateVpcCidrBlockInput) (*UnassociateVpcCidrBlockOutput, error) {
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	given := text(in.SecondaryCidrBlock)
	if given == "" {
		given = text(in.IPv6CidrBlock)
	}
	for _, b := range slices.Concat(v.CIDRs[1:], v.CIDRs6) {
		if b.Prefix.String() == given {
			_, _, err := a.control.RemoveVPCBlock(ctx, resource.Caller(ctx), b.ID)
			return nil, err
		}
	}
	return nil, resource.Fault("InvalidSecondaryCidrBlock.NotFound", "Specified secondary CIDR block does not exist.")
}
