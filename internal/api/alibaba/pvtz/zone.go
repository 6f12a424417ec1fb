package pvtz

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Attributes of zones.
const (
	attrRemark = "pvtz.remark"
	attrGroup  = "pvtz.resource-group"
)

var sizes = page.Sizes{Default: 20, Max: 100}

// readName reads a name: labels of letters, digits, hyphens and underscores.
func readName(s string) (string, bool) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if len(name) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", false
		}
	}
	return name, true
}

// startOfAuthority makes a zone's NS and SOA records, which this product does not
// show; resolvers tell from them how long a name may be thought not to exist.
func startOfAuthority(zone string) []cloud.DNSRecordSet {
	const ns = "vpcns.alidns.com."
	return []cloud.DNSRecordSet{
		{Name: zone, Type: "NS", TTL: 86400, Values: []string{ns}},
		{Name: zone, Type: "SOA", TTL: 60, Values: []string{ns + " hostmaster.alidns.com. 1 3600 1200 86400 60"}},
	}
}

// https://www.alibabacloud.com/help/en/dns/api-pvtz-2018-01-01-addzone
func (a *api) addZone(ctx context.Context, in *AddZoneInput) (*AddZoneOutput, error) {
	name, ok := readName(text(in.ZoneName))
	switch {
	case !ok:
		return nil, fault("Zone.Invalid.Name", "The zone name is invalid.")
	case text(in.ProxyPattern) != "" && *in.ProxyPattern != "ZONE":
		return nil, fault("Zone.Invalid.ProxyPattern", "Only ProxyPattern ZONE is supported.")
	case text(in.ZoneType) != "" && *in.ZoneType != "AUTH_ZONE":
		return nil, fault("Zone.Invalid.ZoneType", "Only ZoneType AUTH_ZONE is supported.")
	case text(in.DnsGroup) != "" && *in.DnsGroup != "NORMAL_ZONE":
		return nil, fault("Zone.Invalid.DnsGroup", "Only DnsGroup NORMAL_ZONE is supported.")
	}
	attrs := map[string]string{}
	if g := text(in.ResourceGroupId); g != "" {
		attrs[attrGroup] = g
	}
	z, err := a.control.CreateIdleDNSZone(ctx, caller(ctx), control.CreateDNSZone{
		Labels: control.Labels{Attrs: attrs}, Name: name, Records: startOfAuthority(name)})
	if err != nil {
		return nil, err
	}
	return &AddZoneOutput{ZoneId: new(string(z.ID)), ZoneName: &z.Name, Success: new(true)}, nil
}

func (a *api) checkZoneName(_ context.Context, in *CheckZoneNameInput) (*CheckZoneNameOutput, error) {
	_, ok := readName(text(in.ZoneName))
	return &CheckZoneNameOutput{Check: &ok, Success: new(true)}, nil
}

func (a *api) zone(ctx context.Context, id string) (*cloud.DNSZone, error) {
	return control.DNSZone(a.control.View(), caller(ctx), cloud.DNSZoneID(id))
}

func vpcName(v cloud.View, id cloud.VPCID) string {
	if vpc, ok := cloud.VPCs.Get(v, id); ok {
		return vpc.Tags["Name"]
	}
	return ""
}

func (a *api) describeZoneInfo(ctx context.Context, in *DescribeZoneInfoInput) (*DescribeZoneInfoOutput, error) {
	z, err := a.zone(ctx, *in.ZoneId)
	if err != nil {
		return nil, err
	}
	f := a.facts(z)
	out := &DescribeZoneInfoOutput{
		ZoneId: f.ZoneId, ZoneName: f.ZoneName, RecordCount: f.RecordCount, Remark: f.Remark, CreateTime: f.CreateTime, CreateTimestamp: f.CreateTimestamp,
		UpdateTime: f.UpdateTime, UpdateTimestamp: f.UpdateTimestamp, IsPtr: f.IsPtr, ProxyPattern: f.ProxyPattern, ZoneType: f.ZoneType,
		DnsGroup: f.DnsGroup, DnsGroupChanging: new(false), SlaveDns: new(false), ResourceGroupId: f.ResourceGroupId,
	}
	for _, at := range z.VPCs {
		out.BindVpcs = append(out.BindVpcs, DescribeZoneInfoVpc{VpcId: new(string(at.VPC)), RegionId: &at.Region, RegionName: &at.Region,
			VpcName: new(vpcName(a.control.View(), at.VPC)), VpcType: new("STANDARD")})
	}
	return out, nil
}

func (a *api) facts(z *cloud.DNSZone) Zone {
	f := Zone{
		ZoneId: new(string(z.ID)), ZoneName: &z.Name, RecordCount: new(int64(len(records(a.control.View(), z)))), Remark: new(z.Attrs[attrRemark]),
		CreateTime: stamp(z.Created), CreateTimestamp: millis(z.Created), UpdateTime: stamp(z.Created), UpdateTimestamp: millis(z.Created),
		IsPtr: new(strings.HasSuffix(z.Name, ".in-addr.arpa")), ProxyPattern: new("ZONE"), ZoneType: new("AUTH_ZONE"), DnsGroup: new("NORMAL_ZONE"),
		DnsGroupChanging: new(false), Creator: new(access.UID(z.Account)), CreatorType: new("USER"),
	}
	if g := z.Attrs[attrGroup]; g != "" {
		f.ResourceGroupId = &g
	}
	for k, v := range z.Tags {
		f.ResourceTags = append(f.ResourceTags, ResourceTag{Key: &k, Value: &v})
	}
	slices.SortFunc(f.ResourceTags, func(a, b ResourceTag) int { return strings.Compare(*a.Key, *b.Key) })
	return f
}

func (a *api) describeZones(ctx context.Context, in *DescribeZonesInput) (*DescribeZonesOutput, error) {
	v := a.control.View()
	mode := text(in.SearchMode)
	if mode != "" && mode != "LIKE" && mode != "EXACT" {
		return nil, fault("InvalidSearchMode", `The specified parameter "SearchMode" is not valid.`)
	}
	word := strings.ToLower(text(in.Keyword))
	var all []*cloud.DNSZone
	for z := range cloud.DNSZones.By(v, "scope", cloud.Scope(wire.CallFrom(ctx).Account, "")) {
		if mode == "EXACT" && word != "" && z.Name != word || !strings.Contains(z.Name, word) || !in.at(z) ||
			text(in.ResourceGroupId) != "" && z.Attrs[attrGroup] != *in.ResourceGroupId || !in.tagged(z) ||
			text(in.ZoneType) != "" && *in.ZoneType != "AUTH_ZONE" {
			continue
		}
		all = append(all, z)
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeZonesOutput{PageNumber: p.Number, PageSize: p.Size, TotalItems: p.Total, TotalPages: new((*p.Total + *p.Size - 1) / *p.Size), Zones: []Zone{}}
	for _, z := range p.Items {
		out.Zones = append(out.Zones, a.facts(z))
	}
	return out, nil
}

// at tells whether a zone is in the VPC that is asked for.
func (in *DescribeZonesInput) at(z *cloud.DNSZone) bool {
	vpc, region := text(in.QueryVpcId), text(in.QueryRegionId)
	return vpc == "" && region == "" || slices.ContainsFunc(z.VPCs, func(at cloud.ZoneVPC) bool {
		return (vpc == "" || string(at.VPC) == vpc) && (region == "" || at.Region == region)
	})
}

func (in *DescribeZonesInput) tagged(z *cloud.DNSZone) bool {
	return !slices.ContainsFunc(in.ResourceTag, func(t ResourceTag) bool {
		v, ok := z.Tags[text(t.Key)]
		return !ok || text(t.Value) != "" && v != *t.Value
	})
}

func (a *api) updateZoneRemark(ctx context.Context, in *UpdateZoneRemarkInput) (*UpdateZoneRemarkOutput, error) {
	if len([]rune(text(in.Remark))) > 50 {
		return nil, fault("Zone.Invalid.Remark", "The remark has more than 50 characters.")
	}
	_, err := a.control.EditDNSZone(ctx, caller(ctx), cloud.DNSZoneID(*in.ZoneId), map[string]string{attrRemark: text(in.Remark)})
	return &UpdateZoneRemarkOutput{ZoneId: in.ZoneId}, err
}

func (a *api) deleteZone(ctx context.Context, in *DeleteZoneInput) (*DeleteZoneOutput, error) {
	if err := a.control.DropDNSZone(ctx, caller(ctx), cloud.DNSZoneID(*in.ZoneId)); err != nil {
		return nil, err
	}
	return &DeleteZoneOutput{ZoneId: in.ZoneId}, nil
}

// bindZoneVpc replaces the VPCs that a zone is in; none empties it.
// https://www.alibabacloud.com/help/en/dns/api-pvtz-2018-01-01-bindzonevpc
func (a *api) bindZoneVpc(ctx context.Context, in *BindZoneVpcInput) (*BindZoneVpcOutput, error) {
	var all []cloud.ZoneVPC
	for _, v := range in.Vpcs {
		if text(v.VpcType) != "" && *v.VpcType != "STANDARD" {
			return nil, fault("ZoneVpc.Invalid.VpcType", "Only VpcType STANDARD is supported.")
		}
		at := cloud.ZoneVPC{VPC: cloud.VPCID(text(v.VpcId)), Region: text(v.RegionId)}
		if at.VPC == "" || at.Region == "" {
			return nil, fault("ZoneVpc.NotExists.VpcId", "A VPC needs VpcId and RegionId.")
		}
		all = append(all, at)
	}
	if in.Dryrun != nil && *in.Dryrun {
		_, err := a.zone(ctx, *in.ZoneId)
		return nil, err
	}
	_, err := a.control.SetDNSZoneVPCs(ctx, caller(ctx), cloud.DNSZoneID(*in.ZoneId), all)
	return nil, err
}
