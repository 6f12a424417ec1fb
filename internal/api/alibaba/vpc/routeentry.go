package vpc

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) routeEntries(s *wire.Service) {
	wire.Handle(s, "CreateRouteEntry", a.createRouteEntry)
	wire.Handle(s, "CreateRouteEntries", a.createRouteEntries)
	wire.Handle(s, "DeleteRouteEntry", a.deleteRouteEntry)
	wire.Handle(s, "DeleteRouteEntries", a.deleteRouteEntries)
	wire.Handle(s, "ModifyRouteEntry", a.modifyRouteEntry)
	wire.Handle(s, "DescribeRouteEntryList", a.describeRouteEntryList)
}

// entryID is a route's ID: it follows from its table and destination, of which there is one.
func entryID(table cloud.RouteTableID, dest netip.Prefix) string {
	sum := sha256.Sum256([]byte(string(table) + " " + dest.String()))
	return "rte-bp1" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:18]
}

// destination reads a block; an address is a block of its own.
func destination(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, resource.Fault("InvalidCidrBlock.Malformed", "Specified CIDR block is not valid.")
	}
	return p.Masked(), nil
}

// noHop are the codes for next hops that do not exist.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createrouteentry
var noHop = map[cloud.Resource]string{
	cloud.KindNATGateway: "InvalidNatGateway.NotFound", cloud.KindInterface: "ResourceNotFound.NetworkInterface", cloud.KindPeering: "ResourceNotFound.VpcPeer",
	cloud.KindInternetGateway: "ResourceNotFound.Ipv4Gateway", cloud.KindIPv6Gateway: "ResourceNotFound.Ipv6Gateway",
	cloud.KindTransitRouter: "InvalidAttachment.NotFound",
}

// hopFault says of what does not exist that it was a next hop.
func hopFault(err error) error {
	var e *cloud.Error
	if errors.As(err, &e) && e.Kind == cloud.NotFound && noHop[e.Resource] != "" {
		return resource.Fault(noHop[e.Resource], "Specified next hop does not exist.")
	}
	return err
}

// wanted is an entry that a caller asks for.
type wanted struct{ table, dest, hopKind, hop, name, description *string }

func (a *api) addEntry(ctx context.Context, w wanted) (id string, err error) {
	t, err := a.table(ctx, text(w.table))
	if err != nil {
		return "", err
	}
	r := cloud.Route{}
	if r.Dest, err = destination(text(w.dest)); err != nil {
		return "", err
	}
	if text(w.hop) == "" {
		return "", resource.Fault("MissingParameter", "Miss mandatory parameter: the next hop.")
	}
	attrs, err := resource.Described{Name: w.name, Description: w.description}.Attrs("InvalidRouteEntryName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return "", err
	}
	if r.Target, r.Attrs, err = resource.HopTarget(a.control.View(), text(w.hopKind), *w.hop); err != nil {
		return "", err
	}
	maps.Copy(attrs, r.Attrs)
	r.Attrs = attrs
	if err := a.control.CreateRoute(ctx, resource.Caller(ctx), t.ID, r); err != nil {
		return "", hopFault(err)
	}
	return entryID(t.ID, r.Dest), nil
}

func (a *api) createRouteEntry(ctx context.Context, in *CreateRouteEntryInput) (*CreateRouteEntryOutput, error) {
	if err := resource.Refuse(map[string]bool{"NextHopList": len(in.NextHopList) > 0}); err != nil {
		return nil, err
	}
	id, err := a.addEntry(ctx, wanted{in.RouteTableId, in.DestinationCidrBlock, in.NextHopType, in.NextHopId, in.RouteEntryName, in.Description})
	if err != nil {
		return nil, err
	}
	return &CreateRouteEntryOutput{RouteEntryId: &id}, nil
}

// failure is an error's code and message, as the lists of failed entries have them.
func failure(err error) (code, msg *string) {
	var e *cloud.Error
	var w *wire.Error
	if errors.As(err, &e) {
		w = mapError(e)
	}
	if w == nil && !errors.As(err, &w) {
		return new("InternalError"), new(err.Error())
	}
	return &w.Code, &w.Msg
}

func (a *api) createRouteEntries(ctx context.Context, in *CreateRouteEntriesInput) (*CreateRouteEntriesOutput, error) {
	out := &CreateRouteEntriesOutput{RouteEntryIds: []string{}, FailedRouteEntries: []FailedRouteEntry{}, SuccessCount: new(int64), FailedCount: new(int64)}
	for _, e := range in.RouteEntries {
		id, err := a.addEntry(ctx, wanted{e.RouteTableId, e.DstCidrBlock, e.NextHopType, e.NextHop, e.Name, e.Description})
		if err != nil {
			code, msg := failure(err)
			out.FailedRouteEntries = append(out.FailedRouteEntries, FailedRouteEntry{DstCidrBlock: e.DstCidrBlock, NextHop: e.NextHop, FailedCode: code, FailedMessage: msg})
			*out.FailedCount++
			continue
		}
		out.RouteEntryIds = append(out.RouteEntryIds, id)
		*out.SuccessCount++
	}
	return out, nil
}

// entry finds a custom entry, by its ID or by its table, destination and next hop.
func (a *api) entry(ctx context.Context, id, table, dest, hop *string) (*cloud.RouteTable, *cloud.Route, error) {
	missing := resource.Missing("InvalidRouteEntry.NotFound", "Specified route entry does not exist.")
	if text(id) == "" && (text(table) == "" || text(dest) == "") {
		return nil, nil, resource.Fault("MissingParameter", "Miss mandatory parameter: RouteEntryId, or RouteTableId and DestinationCidrBlock.")
	}
	if text(table) != "" {
		if _, err := a.table(ctx, *table); err != nil {
			return nil, nil, err
		}
	}
	var want netip.Prefix
	if text(dest) != "" {
		p, err := destination(*dest)
		if err != nil {
			return nil, nil, err
		}
		want = p
	}
	for t := range cloud.RouteTables.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if !matches(table, string(t.ID)) {
			continue
		}
		for i, r := range t.Routes {
			_, next := resource.NextHop(a.control.View(), t.VPC, r)
			if r.Dest.IsValid() && matches(id, entryID(t.ID, r.Dest)) && (!want.IsValid() || want == r.Dest) && matches(hop, next) {
				return t, &t.Routes[i], nil
			}
		}
	}
	return nil, nil, missing
}

func (a *api) deleteRouteEntry(ctx context.Context, in *DeleteRouteEntryInput) (*DeleteRouteEntryOutput, error) {
	if err := resource.Refuse(map[string]bool{"NextHopList": len(in.NextHopList) > 0}); err != nil {
		return nil, err
	}
	t, r, err := a.entry(ctx, in.RouteEntryId, in.RouteTableId, in.DestinationCidrBlock, in.NextHopId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteRoute(ctx, resource.Caller(ctx), t.ID, *r)
}

func (a *api) deleteRouteEntries(ctx context.Context, in *DeleteRouteEntriesInput) (*DeleteRouteEntriesOutput, error) {
	out := &DeleteRouteEntriesOutput{FailedRouteEntries: []DeleteRouteEntriesFailedRouteEntry{}, SuccessCount: new(int64), FailedCount: new(int64)}
	for _, e := range in.RouteEntries {
		t, r, err := a.entry(ctx, e.RouteEntryId, e.RouteTableId, e.DstCidrBlock, e.NextHop)
		if err == nil {
			err = a.control.DeleteRoute(ctx, resource.Caller(ctx), t.ID, *r)
		}
		if err != nil {
			code, msg := failure(err)
			out.FailedRouteEntries = append(out.FailedRouteEntries, DeleteRouteEntriesFailedRouteEntry{DstCidrBlock: e.DstCidrBlock, NextHop: e.NextHop, RouteEntryId: e.RouteEntryId, FailedCode: code, FailedMessage: msg})
			*out.FailedCount++
			continue
		}
		*out.SuccessCount++
	}
	return out, nil
}

// modifyRouteEntry changes an entry's name, description and next hop.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-modifyrouteentry
func (a *api) modifyRouteEntry(ctx context.Context, in *ModifyRouteEntryInput) (*ModifyRouteEntryOutput, error) {
	t, old, err := a.entry(ctx, in.RouteEntryId, in.RouteTableId, in.DestinationCidrBlock, nil)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.RouteEntryName, Description: in.Description}.Attrs("InvalidRouteEntryName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	r := cloud.Route{Dest: old.Dest, Target: old.Target, Attrs: map[string]string{}}
	maps.Copy(r.Attrs, old.Attrs)
	if text(in.NewNextHopId) != "" {
		target, more, err := resource.HopTarget(a.control.View(), text(in.NewNextHopType), *in.NewNextHopId)
		if err != nil {
			return nil, err
		}
		r.Target = target
		delete(r.Attrs, resource.AttrNextHop)
		maps.Copy(r.Attrs, more)
	}
	maps.Copy(r.Attrs, attrs)
	return nil, hopFault(a.control.ReplaceRoute(ctx, resource.Caller(ctx), t.ID, r))
}

func version(p netip.Prefix) *string {
	if p.Addr().Is6() {
		return new("ipv6")
	}
	return new("ipv4")
}

// entries are all of a table's entries: the platform's own, then the custom ones.
func (a *api) entries(t *cloud.RouteTable) (out []DescribeRouteEntryListRouteEntry) {
	view := a.control.View()
	add := func(dest netip.Prefix, kind, hop, id string, attrs map[string]string) {
		out = append(out, DescribeRouteEntryListRouteEntry{
			RouteEntryId: new(entryID(t.ID, dest)), RouteTableId: new(string(t.ID)), DestinationCidrBlock: new(dest.String()), IpVersion: version(dest), Type: &kind,
			RouteEntryName: new(attrs[resource.AttrName]), Description: new(attrs[resource.AttrDescription]), Status: new("Available"),
			NextHops: []NextHop{{NextHopId: &id, NextHopType: &hop, Enabled: new(int64(1)), Weight: new(int64(0))}},
		})
	}
	if v, ok := cloud.VPCs.Get(view, t.VPC); ok {
		if v.Services.IsValid() {
			add(v.Services, "System", "service", "", nil)
		}
		for _, p := range control.LocalBlocks(view, v) {
			add(p, "System", "local", "", nil)
		}
	}
	for _, r := range t.Routes {
		if r.Dest.IsValid() {
			hop, id := resource.NextHop(view, t.VPC, r)
			add(r.Dest, "Custom", hop, id, r.Attrs)
		}
	}
	for _, r := range control.TransitPublished(view, t.VPC) { // what a transit router tells the VPC
		if slices.ContainsFunc(t.Routes, func(own cloud.Route) bool { return own.Dest == r.Dest }) {
			continue
		}
		hop, id := resource.NextHop(view, t.VPC, r)
		add(r.Dest, "CEN", hop, id, nil)
	}
	return out
}

func (a *api) describeRouteEntryList(ctx context.Context, in *DescribeRouteEntryListInput) (*DescribeRouteEntryListOutput, error) {
	t, err := a.table(ctx, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(a.entries(t), func(e DescribeRouteEntryListRouteEntry) bool {
		hop := e.NextHops[0]
		return !matches(in.RouteEntryId, *e.RouteEntryId) || !matches(in.RouteEntryName, *e.RouteEntryName) || !matches(in.RouteEntryType, *e.Type) ||
			!matches(in.DestinationCidrBlock, *e.DestinationCidrBlock) || !page.Has(in.DestCidrBlockList, *e.DestinationCidrBlock) ||
			!matches(in.IpVersion, *e.IpVersion) || !matches(in.NextHopId, *hop.NextHopId) || !matches(in.NextHopType, *hop.NextHopType) ||
			text(in.ServiceType) != ""
	})
	total := int64(len(all))
	items, next, err := page.ByToken(ctx, all, in.MaxResult, in.NextToken, page.Sizes{Default: 50, Max: 500}, string(t.ID), func(e DescribeRouteEntryListRouteEntry) string { return *e.RouteEntryId })
	if err != nil {
		return nil, err
	}
	return &DescribeRouteEntryListOutput{NextToken: next, TotalCount: &total, RouteEntrys: items}, nil
}
