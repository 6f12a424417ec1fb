package vpc

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// natIPs are the operations on NAT IP addresses, which VPC NAT gateways have.
func (a *api) natIPs(s *wire.Service) {
	wire.Handle(s, "CreateNatIp", a.createNatIp)
	wire.Handle(s, "DeleteNatIp", a.deleteNatIp)
	wire.Handle(s, "ModifyNatIpAttribute", a.modifyNatIpAttribute)
	wire.Handle(s, "ListNatIps", a.listNatIps)
	wire.Handle(s, "ListNatIpCidrs", a.listNatIpCidrs)
}

// NetworkTypes: of Internet NAT gateways, and of VPC NAT gateways.
const (
	internet = "internet"
	intranet = "intranet"
)

// byDefault names what a gateway is made with.
const byDefault = "default"

// natIP reads an address that a caller chose, or none.
func natIP(p *string) (netip.Addr, error) {
	if text(p) == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(*p)
	if err != nil || !addr.Is4() {
		return netip.Addr{}, resource.Fault("IllegalParam.NatIp", "The param of NatIp is illegal.")
	}
	return addr, nil
}

// natAddress finds the ID, in rules, of an address of a gateway's: a NAT IP or an elastic one.
func (a *api) natAddress(g *cloud.NATGateway, addr netip.Addr) (cloud.AllocationID, bool) {
	for _, own := range g.Own {
		if own.Addr == addr {
			return own.ID, true
		}
	}
	if g.Private {
		return "", false
	}
	for e := range cloud.ElasticIPs.By(a.control.View(), "interface", string(g.Interface)) {
		if e.Addr == addr {
			return e.ID, true
		}
	}
	return "", false
}

// natAddressIP is the address that rules call id, "" if it is gone.
func (a *api) natAddressIP(g *cloud.NATGateway, id cloud.AllocationID) string {
	if at, ok := ownNATAddress(g, string(id)); ok {
		return g.Own[at].Addr.String()
	}
	if e, ok := cloud.ElasticIPs.Get(a.control.View(), id); ok {
		return e.Addr.String()
	}
	return ""
}

func ownNATAddress(g *cloud.NATGateway, id string) (at int, ok bool) {
	at = slices.IndexFunc(g.Own, func(o cloud.NATAddress) bool { return string(o.ID) == id })
	return at, at >= 0
}

// natIPBlock is the block of a gateway's NAT IPs: its vSwitch's.
func (a *api) natIPBlock(g *cloud.NATGateway) string {
	if s, ok := cloud.Subnets.Get(a.control.View(), g.Subnet); ok {
		return s.CIDR.String()
	}
	return ""
}

// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-createnatip-natgws
func (a *api) createNatIp(ctx context.Context, in *CreateNatIpInput) (*CreateNatIpOutput, error) {
	if err := resource.Refuse(map[string]bool{"Ipv4Prefix": text(in.Ipv4Prefix) != "", "Ipv4PrefixCount": in.Ipv4PrefixCount != nil}); err != nil {
		return nil, err
	}
	g, err := a.natGateway(ctx, *in.NatGatewayId)
	if err != nil {
		return nil, err
	}
	if g.Private && *in.NatIpCidr != a.natIPBlock(g) {
		return nil, resource.Missing("ResourceNotFound.NatIpCidr", "The specified NatIpCidr is not one of the NAT gateway.")
	}
	name, err := natIPName(in.NatIpName, in.NatIpDescription)
	if err != nil {
		return nil, err
	}
	var own cloud.NATAddress
	name(&own)
	if own.Addr, err = natIP(in.NatIp); err != nil {
		return nil, err
	}
	made, err := a.control.AddNATAddress(ctx, resource.Caller(ctx), g.ID, own)
	if err != nil {
		return nil, err
	}
	return &CreateNatIpOutput{NatIpId: new(string(made.ID)), NatIp: new(made.Addr.String())}, nil
}

// natIPName sets what an address is called; what is nil stays.
func natIPName(name, description *string) (func(*cloud.NATAddress), error) {
	if _, err := (resource.Described{Name: name, Description: description}).Attrs("IllegalParam.NatIpName", "IllegalParam.NatIpDescription"); err != nil {
		return nil, err
	}
	return func(o *cloud.NATAddress) {
		if name != nil {
			o.Name = *name
		}
		if description != nil {
			o.Description = *description
		}
	}, nil
}

// ofNatIP finds the gateway with a NAT IP address.
func (a *api) ofNatIP(ctx context.Context, id string) (*cloud.NATGateway, error) {
	for _, g := range a.natGateways(ctx) {
		if _, ok := ownNATAddress(g, id); ok {
			return g, nil
		}
	}
	w := absent[cloud.KindNATAddress]
	return nil, resource.Missing(w[0], w[1])
}

// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-deletenatip-natgws
func (a *api) deleteNatIp(ctx context.Context, in *DeleteNatIpInput) (*DeleteNatIpOutput, error) {
	if err := resource.Refuse(map[string]bool{"Ipv4Prefix": text(in.Ipv4Prefix) != ""}); err != nil {
		return nil, err
	}
	g, err := a.ofNatIP(ctx, text(in.NatIpId))
	if err != nil {
		return nil, err
	}
	return nil, a.control.EditNATAddress(ctx, resource.Caller(ctx), g.ID, cloud.AllocationID(*in.NatIpId), nil)
}

func (a *api) modifyNatIpAttribute(ctx context.Context, in *ModifyNatIpAttributeInput) (*ModifyNatIpAttributeOutput, error) {
	g, err := a.ofNatIP(ctx, *in.NatIpId)
	if err != nil {
		return nil, err
	}
	name, err := natIPName(in.NatIpName, in.NatIpDescription)
	if err != nil {
		return nil, err
	}
	return nil, a.control.EditNATAddress(ctx, resource.Caller(ctx), g.ID, cloud.AllocationID(*in.NatIpId), name)
}

// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-listnatips-natgws
func (a *api) listNatIps(ctx context.Context, in *ListNatIpsInput) (*ListNatIpsOutput, error) {
	g, err := a.natGateway(ctx, *in.NatGatewayId)
	if err != nil {
		return nil, err
	}
	all, cidr := []ListNatIpsNatIp{}, a.natIPBlock(g)
	for n, own := range g.Own {
		f := ListNatIpsNatIp{
			NatIpId: new(string(own.ID)), NatIp: new(own.Addr.String()), NatIpName: &own.Name, NatIpDescription: &own.Description,
			NatIpCidr: &cidr, NatIpStatus: new("Available"), NatGatewayId: new(string(g.ID)), IsDefault: new(n == 0),
		}
		if n == 0 {
			f.NatIpName, f.NatIpDescription = new(cmp.Or(own.Name, byDefault)), new(cmp.Or(own.Description, byDefault))
		}
		if matches(in.NatIpCidr, cidr) && matches(in.NatIpStatus, *f.NatIpStatus) && page.Has(in.NatIpIds, *f.NatIpId) && page.Has(in.NatIpName, *f.NatIpName) {
			all = append(all, f)
		}
	}
	size, err := maxResults(in.MaxResults)
	if err != nil {
		return nil, err
	}
	total, key := strconv.Itoa(len(all)), func(f ListNatIpsNatIp) string { return *f.NatIpId }
	slices.SortFunc(all, func(x, y ListNatIpsNatIp) int { return strings.Compare(key(x), key(y)) })
	all, next, err := page.ByToken(ctx, all, size, in.NextToken, page.Sizes{Default: 20, Max: 100}, string(g.ID), key)
	if err != nil {
		return nil, err
	}
	return &ListNatIpsOutput{NatIps: all, NextToken: next, TotalCount: &total}, nil
}

// maxResults reads a page's size, which these lists have as text.
func maxResults(p *string) (*int64, error) {
	if text(p) == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(*p, 10, 64)
	if err != nil {
		return nil, resource.Fault("IllegalParam.MaxResults", "The param of MaxResults is illegal.")
	}
	return &n, nil
}

// listNatIpCidrs shows the block that a VPC NAT gateway is made with, its only one.
// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-listnatipcidrs-natgws
func (a *api) listNatIpCidrs(ctx context.Context, in *ListNatIpCidrsInput) (*ListNatIpCidrsOutput, error) {
	g, err := a.natGateway(ctx, *in.NatGatewayId)
	if err != nil {
		return nil, err
	}
	all := []NatIpCidr{}
	f := NatIpCidr{
		NatIpCidr: new(a.natIPBlock(g)), NatIpCidrId: new("vpcnatcidr-" + strings.TrimPrefix(string(g.ID), "ngw-")), NatIpCidrName: new(byDefault), NatIpCidrDescription: new(byDefault),
		NatIpCidrStatus: new("Available"), NatGatewayId: new(string(g.ID)), IsDefault: new(true), CreationTime: resource.Time(g.Created),
	}
	if g.Private && matches(in.NatIpCidr, *f.NatIpCidr) && matches(in.NatIpCidrStatus, *f.NatIpCidrStatus) && page.Has(in.NatIpCidrs, *f.NatIpCidr) && page.Has(in.NatIpCidrName, *f.NatIpCidrName) {
		all = append(all, f)
	}
	return &ListNatIpCidrsOutput{NatIpCidrs: all, TotalCount: new(strconv.Itoa(len(all)))}, nil
}
