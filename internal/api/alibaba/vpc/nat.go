package vpc

import (
	"cmp"
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

func (a *api) nats(s *wire.Service) {
	wire.Handle(s, "CreateNatGateway", a.createNatGateway)
	wire.Handle(s, "DescribeNatGateways", a.describeNatGateways)
	wire.Handle(s, "DeleteNatGateway", a.deleteNatGateway)
	wire.Handle(s, "GetNatGatewayAttribute", a.getNatGatewayAttribute)
	wire.Handle(s, "ModifyNatGatewayAttribute", a.modifyNatGatewayAttribute)
	wire.Handle(s, "CreateSnatEntry", a.createSnatEntry)
	wire.Handle(s, "DeleteSnatEntry", a.deleteSnatEntry)
	wire.Handle(s, "ModifySnatEntry", a.modifySnatEntry)
	wire.Handle(s, "DescribeSnatTableEntries", a.describeSnatTableEntries)
}

// A gateway's SNAT table has an ID that follows from the gateway's.
func snatTable(id cloud.NATGatewayID) string { return "stb-" + strings.TrimPrefix(string(id), "ngw-") }

// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-createnatgateway-natgws
func (a *api) createNatGateway(ctx context.Context, in *CreateNatGatewayInput) (*CreateNatGatewayOutput, error) {
	kind, network, bind := text(in.NatType), cmp.Or(text(in.NetworkType), internet), text(in.EipBindMode)
	if err := resource.Refuse(map[string]bool{
		"NatType": kind != "" && kind != "Enhanced", "NetworkType": network != internet && network != intranet, "EipBindMode": bind != "" && bind != "NAT",
		"InstanceChargeType": text(in.InstanceChargeType) == "PrePaid", "NatIp": network == internet && text(in.NatIp) != "", "PrivateLinkEnabled": in.PrivateLinkEnabled != nil && *in.PrivateLinkEnabled,
		"AccessMode": in.AccessMode != nil, "Ipv4Prefix": in.Ipv4Prefix != nil, "SecurityProtectionEnabled": in.SecurityProtectionEnabled != nil && *in.SecurityProtectionEnabled,
	}); err != nil {
		return nil, err
	}
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	s, err := a.vSwitch(ctx, text(in.VSwitchId))
	if err != nil {
		return nil, err
	}
	if s.VPC != v.ID {
		return nil, resource.Missing("InvalidVswitchID.NotFound", "Specified virtual switch does not exist in the VPC.")
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.Name, Description: in.Description}, nil, in.Tag, "InvalidName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	addr, err := natIP(in.NatIp)
	if err != nil {
		return nil, err
	}
	g, err := a.control.CreateNATGateway(ctx, resource.Caller(ctx), control.CreateNATGateway{Labels: labels, Subnet: s.ID, Selective: true, Private: network == intranet, Addr: addr})
	switch {
	case err != nil:
		return nil, err
	case g.Failure == control.NATNoAddress:
		return nil, resource.Fault("InvalidVSwitchId.IpNotEnough", "The specified vSwitch has not enough IP addresses.")
	case g.Failure != "":
		return nil, resource.Fault("IncorrectVpcStatus", "The VPC has no way to the internet.")
	}
	return &CreateNatGatewayOutput{NatGatewayId: new(string(g.ID)), SnatTableIds: []string{snatTable(g.ID)}, ForwardTableIds: []string{forwardTable(g.ID)}}, nil
}

// natGateways are the caller's gateways that this dialect made.
func (a *api) natGateways(ctx context.Context) (all []*cloud.NATGateway) {
	for g := range cloud.NATGateways.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if g.Selective && g.Deleted.IsZero() {
			all = append(all, g)
		}
	}
	return all
}

func (a *api) natFacts(g *cloud.NATGateway) NatGateway {
	view := a.control.View()
	out := NatGateway{
		NatGatewayId: new(string(g.ID)), VpcId: new(string(g.VPC)), RegionId: &g.Region, Name: new(g.Attrs[resource.AttrName]), Description: new(g.Attrs[resource.AttrDescription]),
		Status: new("Available"), BusinessStatus: new("Normal"), NatType: new("Enhanced"), NetworkType: new(internet), CreationTime: resource.Time(g.Created),
		InstanceChargeType: new("PostPaid"), InternetChargeType: new("PayByLcu"), SnatTableIds: []string{snatTable(g.ID)}, ForwardTableIds: []string{forwardTable(g.ID)}, IpLists: []IpList{},
		Tags: resource.TagList(g.Tags, func(k, v *string) DescribeNatGatewaysNatGatewayTag { return DescribeNatGatewaysNatGatewayTag{k, v} }),
	}
	if g.Private {
		out.NetworkType = new(intranet)
	} else {
		out.EipBindMode = new("NAT")
	}
	if a.control.Now().Before(g.ReadyAt) {
		out.Status = new("Creating")
	}
	if s, ok := cloud.Subnets.Get(view, g.Subnet); ok {
		out.NatGatewayPrivateInfo = &NatGatewayPrivateInfo{EniInstanceId: new(string(g.Interface)), IzNo: &s.Zone, VswitchId: new(string(s.ID))}
		if i, ok := cloud.Interfaces.Get(view, g.Interface); ok {
			out.NatGatewayPrivateInfo.PrivateIpAddress = new(i.Addrs[0].String())
		}
	}
	for e := range cloud.ElasticIPs.By(view, "interface", string(g.Interface)) {
		out.IpLists = append(out.IpLists, IpList{AllocationId: new(string(e.ID)), IpAddress: new(e.Addr.String()), PrivateIpAddress: new(e.Private.String()), UsingStatus: usedBy(g, e.ID)})
	}
	return out
}

// usedBy says which of a gateway's tables an elastic IP is in.
func usedBy(g *cloud.NATGateway, id cloud.AllocationID) *string {
	switch {
	case slices.ContainsFunc(g.Rules, func(r cloud.NATRule) bool { return slices.Contains(r.Addresses, id) }):
		return new("UsedBySnatTable")
	case slices.ContainsFunc(g.Forwards, func(f cloud.NATForward) bool { return f.Address == id }):
		return new("UsedByForwardTable")
	}
	return new("Idle")
}

func (a *api) describeNatGateways(ctx context.Context, in *DescribeNatGatewaysInput) (*DescribeNatGatewaysOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(a.natGateways(ctx), func(g *cloud.NATGateway) bool {
		f := a.natFacts(g)
		return !matches(in.NetworkType, *f.NetworkType) || !matches(in.Status, *f.Status) || !matches(in.NatGatewayId, string(g.ID)) || !matches(in.VpcId, string(g.VPC)) || !matches(in.Name, g.Attrs[resource.AttrName]) || !page.HasTags(g.Tags, want)
	})
	newest(all, func(g *cloud.NATGateway) (*cloud.Meta, string) { return &g.Meta, string(g.ID) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeNatGatewaysOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, NatGateways: []NatGateway{}}
	for _, g := range p.Items {
		out.NatGateways = append(out.NatGateways, a.natFacts(g))
	}
	return out, nil
}

func (a *api) deleteNatGateway(ctx context.Context, in *DeleteNatGatewayInput) (*DeleteNatGatewayOutput, error) {
	g, err := a.natGateway(ctx, *in.NatGatewayId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.RemoveNATGateway(ctx, resource.Caller(ctx), g.ID, in.Force != nil && *in.Force)
}

// natGateway finds one of the caller's gateways.
func (a *api) natGateway(ctx context.Context, id string) (*cloud.NATGateway, error) {
	for _, g := range a.natGateways(ctx) {
		if string(g.ID) == id {
			return g, nil
		}
	}
	return nil, resource.Missing("InvalidNatGatewayId.NotFound", "Specified NAT gateway does not exist.")
}

// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-getnatgatewayattribute-natgws
func (a *api) getNatGatewayAttribute(ctx context.Context, in *GetNatGatewayAttributeInput) (*GetNatGatewayAttributeOutput, error) {
	g, err := a.natGateway(ctx, *in.NatGatewayId)
	if err != nil {
		return nil, err
	}
	f := a.natFacts(g)
	out := &GetNatGatewayAttributeOutput{
		NatGatewayId: f.NatGatewayId, Name: f.Name, Description: f.Description, VpcId: f.VpcId, RegionId: f.RegionId, Status: f.Status, BusinessStatus: f.BusinessStatus,
		NatType: f.NatType, NetworkType: f.NetworkType, CreationTime: f.CreationTime, ExpiredTime: new(""), ResourceGroupId: a.groupOf(g.VPC), EcsMetricEnabled: new(false),
		EnableSessionLog: new(false), PrivateLinkEnabled: new(false), DeletionProtectionInfo: &DeletionProtectionInfo{Enabled: new(false)}, IpList: []GetNatGatewayAttributeIpList{},
		BillingConfig: &BillingConfig{InstanceChargeType: f.InstanceChargeType, InternetChargeType: f.InternetChargeType, AutoPay: new("false"), Spec: new("")},
		SnatTable:     &SnatTable{SnatTableId: new(snatTable(g.ID)), SnatEntryCount: new(int64(len(g.Rules)))},
		ForwardTable:  &ForwardTable{ForwardTableId: new(forwardTable(g.ID)), ForwardEntryCount: new(int64(len(g.Forwards)))},
	}
	if p := f.NatGatewayPrivateInfo; p != nil {
		out.PrivateInfo = &PrivateInfo{EniInstanceId: p.EniInstanceId, IzNo: p.IzNo, VswitchId: p.VswitchId, PrivateIpAddress: p.PrivateIpAddress}
	}
	for _, ip := range f.IpLists {
		out.IpList = append(out.IpList, GetNatGatewayAttributeIpList{AllocationId: ip.AllocationId, IpAddress: ip.IpAddress, UsingStatus: ip.UsingStatus})
	}
	return out, nil
}

func (a *api) modifyNatGatewayAttribute(ctx context.Context, in *ModifyNatGatewayAttributeInput) (*ModifyNatGatewayAttributeOutput, error) {
	bind := text(in.EipBindMode)
	if err := resource.Refuse(map[string]bool{
		"EipBindMode": bind != "" && bind != "NAT", "EnableSessionLog": in.EnableSessionLog != nil && *in.EnableSessionLog, "LogDelivery": in.LogDelivery != nil,
		"IcmpReplyEnabled": in.IcmpReplyEnabled != nil && *in.IcmpReplyEnabled,
	}); err != nil {
		return nil, err
	}
	g, err := a.natGateway(ctx, *in.NatGatewayId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.Name, Description: in.Description}.Attrs("InvalidName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindNATGateway, ID: string(g.ID)}, attrs)
}

// ofTable finds the gateway with a SNAT table.
func (a *api) ofTable(ctx context.Context, id string) (*cloud.NATGateway, error) {
	for _, g := range a.natGateways(ctx) {
		if snatTable(g.ID) == id {
			return g, nil
		}
	}
	return nil, resource.Missing("InvalidSnatTableId.NotFound", "Specified SNAT table does not exist.")
}

// snatIPs reads the addresses of an entry, with commas between them.
func (a *api) snatIPs(g *cloud.NATGateway, value string) (ids []cloud.AllocationID, err error) {
	for _, ip := range strings.Split(value, ",") {
		addr, _ := netip.ParseAddr(strings.TrimSpace(ip))
		id, ok := a.natAddress(g, addr)
		if !ok {
			return nil, resource.Fault("InvalidSnatIp.NotFound", "Specified SNAT IP address is not one of the NAT gateway.")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-createsnatentry-natgws
func (a *api) createSnatEntry(ctx context.Context, in *CreateSnatEntryInput) (*CreateSnatEntryOutput, error) {
	if err := resource.Refuse(map[string]bool{"NetworkInterfaceId": text(in.NetworkInterfaceId) != "", "EipAffinity": in.EipAffinity != nil && *in.EipAffinity != 0}); err != nil {
		return nil, err
	}
	g, err := a.ofTable(ctx, *in.SnatTableId)
	if err != nil {
		return nil, err
	}
	r := cloud.NATRule{Name: text(in.SnatEntryName), Subnet: cloud.SubnetID(text(in.SourceVSwitchId))}
	switch cidr := text(in.SourceCIDR); {
	case (cidr == "") == (r.Subnet == ""):
		return nil, resource.Fault("MissingParameter", "Either SourceVSwitchId or SourceCIDR is required.")
	case cidr != "":
		if r.Source, err = netip.ParsePrefix(cidr); err != nil || !r.Source.Addr().Is4() {
			return nil, resource.Fault("InvalidSourceCIDR.Malformed", "Specified source CIDR block is not valid.")
		}
	}
	if r.Addresses, err = a.snatIPs(g, text(in.SnatIp)); err != nil {
		return nil, err
	}
	made, err := a.control.AddNATRule(ctx, resource.Caller(ctx), g.ID, r)
	if err != nil {
		return nil, err
	}
	return &CreateSnatEntryOutput{SnatEntryId: &made.ID}, nil
}

func (a *api) deleteSnatEntry(ctx context.Context, in *DeleteSnatEntryInput) (*DeleteSnatEntryOutput, error) {
	g, err := a.ofTable(ctx, *in.SnatTableId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.EditNATRule(ctx, resource.Caller(ctx), g.ID, *in.SnatEntryId, nil)
}

func (a *api) modifySnatEntry(ctx context.Context, in *ModifySnatEntryInput) (*ModifySnatEntryOutput, error) {
	if err := resource.Refuse(map[string]bool{"NetworkInterfaceId": text(in.NetworkInterfaceId) != "", "EipAffinity": in.EipAffinity != nil && *in.EipAffinity != 0}); err != nil {
		return nil, err
	}
	g, err := a.ofTable(ctx, *in.SnatTableId)
	if err != nil {
		return nil, err
	}
	var ids []cloud.AllocationID
	if text(in.SnatIp) != "" {
		if ids, err = a.snatIPs(g, *in.SnatIp); err != nil {
			return nil, err
		}
	}
	return nil, a.control.EditNATRule(ctx, resource.Caller(ctx), g.ID, *in.SnatEntryId, func(r *cloud.NATRule) {
		if ids != nil {
			r.Addresses = ids
		}
		if in.SnatEntryName != nil {
			r.Name = *in.SnatEntryName
		}
	})
}

func (a *api) describeSnatTableEntries(ctx context.Context, in *DescribeSnatTableEntriesInput) (*DescribeSnatTableEntriesOutput, error) {
	all := []SnatTableEntry{}
	for _, g := range a.natGateways(ctx) {
		for _, r := range g.Rules {
			f := a.snatFacts(g, r)
			if matches(in.NatGatewayId, *f.NatGatewayId) && matches(in.SnatTableId, *f.SnatTableId) && matches(in.SnatEntryId, *f.SnatEntryId) &&
				matches(in.SnatEntryName, *f.SnatEntryName) && matches(in.SnatIp, *f.SnatIp) && matches(in.SourceVSwitchId, *f.SourceVSwitchId) && matches(in.SourceCIDR, *f.SourceCIDR) {
				all = append(all, f)
			}
		}
	}
	slices.SortFunc(all, func(x, y SnatTableEntry) int { return strings.Compare(*x.SnatEntryId, *y.SnatEntryId) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	return &DescribeSnatTableEntriesOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, SnatTableEntries: p.Items}, nil
}

func (a *api) snatFacts(g *cloud.NATGateway, r cloud.NATRule) SnatTableEntry {
	var ips []string
	for _, id := range r.Addresses {
		if ip := a.natAddressIP(g, id); ip != "" {
			ips = append(ips, ip)
		}
	}
	cidr := ""
	if r.Source.IsValid() {
		cidr = r.Source.String()
	} else if s, ok := cloud.Subnets.Get(a.control.View(), r.Subnet); ok {
		cidr = s.CIDR.String()
	}
	return SnatTableEntry{
		SnatEntryId: &r.ID, SnatEntryName: &r.Name, SnatTableId: new(snatTable(g.ID)), NatGatewayId: new(string(g.ID)), Status: new("Available"),
		SnatIp: new(strings.Join(ips, ",")), SourceVSwitchId: new(string(r.Subnet)), SourceCIDR: &cidr, EipAffinity: new("0"),
	}
}
