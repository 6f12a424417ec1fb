package route53

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// maxZones is how many zones a page has at most, maxRecords how many records.
const (
	maxZones   = 100
	maxRecords = 300
)

func (a *api) handleLists(s *wire.Service) {
	wire.Handle(s, "ListHostedZones", a.listHostedZones)
	wire.Handle(s, "ListHostedZonesByName", a.listHostedZonesByName)
	wire.Handle(s, "ListHostedZonesByVPC", a.listHostedZonesByVPC)
	wire.Handle(s, "GetHostedZoneCount", a.getHostedZoneCount)
}

// zones are the caller's, by ID.
func (a *api) zones(ctx context.Context, v cloud.View) []*cloud.DNSZone {
	return slices.Collect(cloud.DNSZones.By(v, "scope", cloud.Scope(wire.CallFrom(ctx).Account, "")))
}

func zoneShapes(v cloud.View, zones []*cloud.DNSZone) []HostedZone {
	out := []HostedZone{}
	for _, z := range zones {
		out = append(out, *zoneShape(v, z))
	}
	return out
}

func (a *api) getHostedZoneCount(ctx context.Context, _ *GetHostedZoneCountInput) (*GetHostedZoneCountOutput, error) {
	return &GetHostedZoneCountOutput{HostedZoneCount: new(int64(len(a.zones(ctx, a.control.View()))))}, nil
}

func (a *api) listHostedZones(ctx context.Context, in *ListHostedZonesInput) (*ListHostedZonesOutput, error) {
	n, err := maxItems(in.MaxItems, maxZones)
	if err != nil {
		return nil, err
	}
	if in.DelegationSetId != nil {
		return nil, &wire.Error{Code: "NoSuchDelegationSet", Msg: "No delegation set found with ID: " + *in.DelegationSetId}
	}
	v, start := a.control.View(), text(in.Marker)
	page, next := cut(a.zones(ctx, v), n, func(z *cloud.DNSZone) bool { return string(z.ID) < start })
	out := &ListHostedZonesOutput{HostedZones: zoneShapes(v, page), IsTruncated: new(next != nil), Marker: in.Marker, MaxItems: new(strconv.Itoa(n))}
	if next != nil {
		out.NextMarker = new(string((*next).ID))
	}
	return out, nil
}

// listHostedZonesByName lists by name, read from its last label, then by ID.
func (a *api) listHostedZonesByName(ctx context.Context, in *ListHostedZonesByNameInput) (*ListHostedZonesByNameOutput, error) {
	n, err := maxItems(in.MaxItems, maxZones)
	if err != nil {
		return nil, err
	}
	order := func(name string, id cloud.DNSZoneID) string {
		return string(cloud.MakeDNSRecordKey("", name, string(id)))
	}
	start := ""
	switch {
	case in.DNSName != nil:
		name, ok := readName(*in.DNSName)
		if !ok {
			return nil, &wire.Error{Code: "InvalidDomainName", Msg: "The domain name " + *in.DNSName + " is not valid."}
		}
		var id cloud.DNSZoneID
		if in.HostedZoneId != nil {
			id = zoneID(in.HostedZoneId)
		}
		start = order(name, id)
	case in.HostedZoneId != nil:
		return nil, invalid("A hosted zone ID is only taken together with a DNS name.")
	}
	v := a.control.View()
	all := a.zones(ctx, v)
	slices.SortFunc(all, func(a, b *cloud.DNSZone) int { return cmp.Compare(order(a.Name, a.ID), order(b.Name, b.ID)) })
	page, next := cut(all, n, func(z *cloud.DNSZone) bool { return order(z.Name, z.ID) < start })
	out := &ListHostedZonesByNameOutput{
		HostedZones: zoneShapes(v, page), DNSName: in.DNSName, HostedZoneId: in.HostedZoneId, IsTruncated: new(next != nil), MaxItems: new(strconv.Itoa(n)),
	}
	if next != nil {
		out.NextDNSName, out.NextHostedZoneId = new(showName((*next).Name)), new(string((*next).ID))
	}
	return out, nil
}

// listHostedZonesByVPC lists the zones that a VPC of the caller's is associated
// with, whoever they belong to.
func (a *api) listHostedZonesByVPC(ctx context.Context, in *ListHostedZonesByVPCInput) (*ListHostedZonesByVPCOutput, error) {
	n, err := maxItems(in.MaxItems, maxZones)
	if err != nil {
		return nil, err
	}
	v, call := a.control.View(), wire.CallFrom(ctx)
	vpc, ok := cloud.VPCs.Get(v, cloud.VPCID(*in.VPCId))
	if !ok || vpc.Account != call.Account || vpc.Region != string(in.VPCRegion) || vpc.Service {
		return nil, invalid("The VPC %s in region %s is not this account's.", *in.VPCId, in.VPCRegion)
	}
	var all []HostedZoneSummary
	for z := range cloud.DNSZones.By(v, "vpc", *in.VPCId) {
		all = append(all, HostedZoneSummary{HostedZoneId: new(string(z.ID)), Name: new(showName(z.Name)), Owner: &HostedZoneOwner{OwningAccount: new(z.Account)}})
	}
	out := &ListHostedZonesByVPCOutput{MaxItems: new(strconv.Itoa(n))}
	out.HostedZoneSummaries, out.NextToken, err = wire.Page(all, wire.Paging{
		Max: new(int32(n)), Token: in.NextToken, Scope: call.Operation + "/" + call.Account + "/" + *in.VPCId,
	}, func(s HostedZoneSummary) string { return *s.HostedZoneId })
	return out, err
}
