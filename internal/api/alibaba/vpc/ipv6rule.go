package vpc

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) ipv6Rules(s *wire.Service) {
	wire.Handle(s, "DescribeIpv6Addresses", a.describeIpv6Addresses)
	wire.Handle(s, "AllocateIpv6InternetBandwidth", a.allocateIpv6InternetBandwidth)
	wire.Handle(s, "ModifyIpv6InternetBandwidth", a.modifyIpv6InternetBandwidth)
	wire.Handle(s, "DeleteIpv6InternetBandwidth", a.deleteIpv6InternetBandwidth)
	wire.Handle(s, "CreateIpv6EgressOnlyRule", a.createIpv6EgressOnlyRule)
	wire.Handle(s, "DescribeIpv6EgressOnlyRules", a.describeIpv6EgressOnlyRules)
	wire.Handle(s, "DeleteIpv6EgressOnlyRule", a.deleteIpv6EgressOnlyRule)
}

// address6 is an IPv6 address as long as an interface has it.
type address6 struct {
	id   string
	addr netip.Addr
	of   *cloud.Interface
}

// address6ID follows from the address and the interface that has it.
func address6ID(i cloud.InterfaceID, addr netip.Addr) string {
	sum := sha256.Sum256([]byte(string(i) + " " + addr.String()))
	return "ipv6-bp1" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:18]
}

// addresses6 are the IPv6 addresses of the caller's hosts, and of
// interfaces that may become theirs.
func (a *api) addresses6(ctx context.Context) (out []address6) {
	for i := range cloud.Interfaces.By(a.control.View(), "scope", resource.Scope(ctx)) {
		for _, addr := range i.Addrs6 {
			if i.Use == cloud.UseHost {
				out = append(out, address6{address6ID(i.ID, addr), addr, i})
			}
		}
	}
	slices.SortFunc(out, func(x, y address6) int { return x.addr.Compare(y.addr) })
	return out
}

func (a *api) address6(ctx context.Context, id string) (address6, error) {
	for _, x := range a.addresses6(ctx) {
		if x.id == id {
			return x, nil
		}
	}
	return address6{}, resource.Missing("InvalidIpv6AddressId.NotFound", "Specified IPv6 address does not exist.")
}

// rule6 is the rule of one kind about an address, or nil.
func (a *api) rule6(x address6, outward bool) *cloud.IPv6Rule {
	for r := range cloud.IPv6Rules.By(a.control.View(), "interface", string(x.of.ID)) {
		if r.Addr == x.addr && r.Outward == outward {
			return r
		}
	}
	return nil
}

const attrCharge = "alibaba.internet-charge-type" // echoed: Weir bills nothing

func (a *api) facts6(x address6) Ipv6Address {
	out := Ipv6Address{
		Ipv6AddressId: &x.id, Ipv6Address: new(x.addr.String()), Ipv6AddressName: new(""), Ipv6AddressDescription: new(""), AddressType: new("IPv6Address"),
		VpcId: new(string(x.of.VPC)), VSwitchId: new(string(x.of.Subnet)), Status: new("Available"), NetworkType: new("Private"), RealBandwidth: new(int64(0)),
		AllocationTime: resource.Time(x.of.Created), AssociatedInstanceId: new(string(x.of.ID)), AssociatedInstanceType: new("NetworkInterface"), Ipv6Isp: new("BGP"),
		ServiceManaged: new(int64(0)), ResourceGroupId: new(resource.Group(&x.of.Meta)), Tags: []Tag{}, Ipv6GatewayId: new(""), Ipv6InternetBandwidth: &Ipv6InternetBandwidth{},
	}
	for i := range cloud.Instances.By(a.control.View(), "scope", x.of.Scope()) {
		if i.Interface == x.of.ID {
			out.AssociatedInstanceId, out.AssociatedInstanceType = new(string(i.ID)), new("EcsInstance")
		}
	}
	if g := a.ipv6GatewayOf(x.of.VPC); g != nil {
		out.Ipv6GatewayId = new(string(g.ID))
	}
	if r := a.rule6(x, false); r != nil {
		n, _ := strconv.ParseInt(r.Attrs[attrBandwidth], 10, 64)
		out.NetworkType, out.RealBandwidth = new("Public"), &n
		out.Ipv6InternetBandwidth = &Ipv6InternetBandwidth{
			Ipv6InternetBandwidthId: new(string(r.ID)), Bandwidth: &n, InternetChargeType: new(r.Attrs[attrCharge]), InstanceChargeType: new("PostPaid"), BusinessStatus: new("Normal"),
		}
	}
	return out
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-describeipv6addresses
func (a *api) describeIpv6Addresses(ctx context.Context, in *DescribeIpv6AddressesInput) (*DescribeIpv6AddressesOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	all := []Ipv6Address{}
	for _, x := range a.addresses6(ctx) {
		f := a.facts6(x)
		if matches(in.Ipv6AddressId, x.id) && matches(in.Ipv6Address, *f.Ipv6Address) && matches(in.VpcId, *f.VpcId) && matches(in.VSwitchId, *f.VSwitchId) &&
			matches(in.NetworkType, *f.NetworkType) && matches(in.AssociatedInstanceId, *f.AssociatedInstanceId) && matches(in.AssociatedInstanceType, *f.AssociatedInstanceType) &&
			matches(in.Ipv6InternetBandwidthId, text(f.Ipv6InternetBandwidth.Ipv6InternetBandwidthId)) && matches(in.Name, "") && matches(in.AddressType, *f.AddressType) &&
			matches(in.ResourceGroupId, *f.ResourceGroupId) && (in.ServiceManaged == nil || !*in.ServiceManaged) && page.HasTags(nil, want) {
			all = append(all, f)
		}
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	return &DescribeIpv6AddressesOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, Ipv6Addresses: p.Items}, nil
}

// bandwidth6 checks a bandwidth, which is echoed.
func bandwidth6(n int64, charge string) (string, error) {
	most := int64(2000)
	if charge == "PayByTraffic" {
		most = 1000
	}
	if n < 1 || n > most {
		return "", resource.Fault("InvalidBandwidth.Malformed", "The specified Bandwidth is not valid.")
	}
	return strconv.FormatInt(n, 10), nil
}

// allocateIpv6InternetBandwidth joins an address to the internet, both ways.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-allocateipv6internetbandwidth
func (a *api) allocateIpv6InternetBandwidth(ctx context.Context, in *AllocateIpv6InternetBandwidthInput) (*AllocateIpv6InternetBandwidthOutput, error) {
	charge := text(in.InternetChargeType)
	switch charge {
	case "":
		charge = "PayByBandwidth"
	case "PayByBandwidth", "PayByTraffic":
	default:
		return nil, resource.Fault("InvalidInternetChargeType.ValueNotSupported", "The specified InternetChargeType is not valid.")
	}
	speed, err := bandwidth6(*in.Bandwidth, charge)
	if err != nil {
		return nil, err
	}
	x, err := a.address6(ctx, *in.Ipv6AddressId)
	if err != nil {
		return nil, err
	}
	g := a.ipv6GatewayOf(x.of.VPC)
	if g == nil || !matches(in.Ipv6GatewayId, string(g.ID)) {
		return nil, resource.Missing("InvalidIpv6GatewayId.NotFound", "Specified IPv6 gateway does not exist in the VPC of the address.")
	}
	labels := control.Labels{Attrs: map[string]string{attrBandwidth: speed, attrCharge: charge}}
	r, err := a.control.CreateIPv6Rule(ctx, resource.Caller(ctx), control.CreateIPv6Rule{Labels: labels, Gateway: g.ID, Interface: x.of.ID, Addr: x.addr})
	if err != nil {
		return nil, err
	}
	return &AllocateIpv6InternetBandwidthOutput{InternetBandwidthId: new(string(r.ID)), Ipv6AddressId: in.Ipv6AddressId}, nil
}

// bandwidthRule finds the bandwidth with an ID, or of an address.
func (a *api) bandwidthRule(ctx context.Context, id, address *string) (*cloud.IPv6Rule, error) {
	missing := resource.Missing("InvalidIpv6InternetBandwidthId.NotFound", "Specified IPv6 Internet bandwidth does not exist.")
	if text(id) == "" && text(address) == "" {
		return nil, resource.Fault("MissingParameter", "Miss mandatory parameter: Ipv6InternetBandwidthId or Ipv6AddressId.")
	}
	for r := range cloud.IPv6Rules.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if !r.Outward && matches(id, string(r.ID)) && matches(address, address6ID(r.Interface, r.Addr)) {
			return r, nil
		}
	}
	return nil, missing
}

func (a *api) modifyIpv6InternetBandwidth(ctx context.Context, in *ModifyIpv6InternetBandwidthInput) (*ModifyIpv6InternetBandwidthOutput, error) {
	r, err := a.bandwidthRule(ctx, in.Ipv6InternetBandwidthId, in.Ipv6AddressId)
	if err != nil {
		return nil, err
	}
	speed, err := bandwidth6(*in.Bandwidth, r.Attrs[attrCharge])
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindIPv6Rule, ID: string(r.ID)}, map[string]string{attrBandwidth: speed})
}

func (a *api) deleteIpv6InternetBandwidth(ctx context.Context, in *DeleteIpv6InternetBandwidthInput) (*DeleteIpv6InternetBandwidthOutput, error) {
	r, err := a.bandwidthRule(ctx, in.Ipv6InternetBandwidthId, in.Ipv6AddressId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteIPv6Rule(ctx, resource.Caller(ctx), r.ID)
}

// createIpv6EgressOnlyRule lets nothing open connections to an address; to open some
// itself it still needs bandwidth.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createipv6egressonlyrule
func (a *api) createIpv6EgressOnlyRule(ctx context.Context, in *CreateIpv6EgressOnlyRuleInput) (*CreateIpv6EgressOnlyRuleOutput, error) {
	if kind := text(in.InstanceType); kind != "" && kind != "Ipv6Address" {
		return nil, resource.Fault("InvalidInstanceType.ValueNotSupported", "The specified InstanceType is not valid.")
	}
	g, err := a.ipv6Gateway(ctx, *in.Ipv6GatewayId)
	if err != nil {
		return nil, err
	}
	x, err := a.address6(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.Name, Description: in.Description}, nil, nil, "InvalidName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	r, err := a.control.CreateIPv6Rule(ctx, resource.Caller(ctx), control.CreateIPv6Rule{Labels: labels, Gateway: g.ID, Interface: x.of.ID, Addr: x.addr, Outward: true})
	if err != nil {
		return nil, err
	}
	return &CreateIpv6EgressOnlyRuleOutput{Ipv6EgressRuleId: new(string(r.ID))}, nil
}

func (a *api) describeIpv6EgressOnlyRules(ctx context.Context, in *DescribeIpv6EgressOnlyRulesInput) (*DescribeIpv6EgressOnlyRulesOutput, error) {
	g, err := a.ipv6Gateway(ctx, *in.Ipv6GatewayId)
	if err != nil {
		return nil, err
	}
	var all []*cloud.IPv6Rule
	for r := range cloud.IPv6Rules.By(a.control.View(), "gateway", string(g.ID)) {
		if r.Outward && matches(in.Ipv6EgressOnlyRuleId, string(r.ID)) && matches(in.Name, r.Attrs[resource.AttrName]) &&
			matches(in.InstanceId, address6ID(r.Interface, r.Addr)) && matches(in.InstanceType, "Ipv6Address") {
			all = append(all, r)
		}
	}
	newest(all, func(r *cloud.IPv6Rule) (*cloud.Meta, string) { return &r.Meta, string(r.ID) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeIpv6EgressOnlyRulesOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, Ipv6EgressOnlyRules: []Ipv6EgressOnlyRule{}}
	for _, r := range p.Items {
		out.Ipv6EgressOnlyRules = append(out.Ipv6EgressOnlyRules, Ipv6EgressOnlyRule{
			Ipv6EgressOnlyRuleId: new(string(r.ID)), Name: new(r.Attrs[resource.AttrName]), Description: new(r.Attrs[resource.AttrDescription]),
			InstanceId: new(address6ID(r.Interface, r.Addr)), InstanceType: new("Ipv6Address"), Status: new("Available"),
		})
	}
	return out, nil
}

func (a *api) deleteIpv6EgressOnlyRule(ctx context.Context, in *DeleteIpv6EgressOnlyRuleInput) (*DeleteIpv6EgressOnlyRuleOutput, error) {
	r, ok := cloud.IPv6Rules.Get(a.control.View(), cloud.IPv6RuleID(*in.Ipv6EgressOnlyRuleId))
	if !ok || !r.Outward || r.Scope() != resource.Scope(ctx) {
		return nil, resource.Missing("InvalidIpv6EgressOnlyRuleId.NotFound", "Specified egress-only rule does not exist.")
	}
	return nil, a.control.DeleteIPv6Rule(ctx, resource.Caller(ctx), r.ID)
}
