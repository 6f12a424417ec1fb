package ec2

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleTransitRoutes(s *wire.Service) {
	wire.Handle(s, "CreateTransitGatewayRoute", a.createTransitGatewayRoute)
	wire.Handle(s, "ReplaceTransitGatewayRoute", a.replaceTransitGatewayRoute)
	wire.Handle(s, "DeleteTransitGatewayRoute", a.deleteTransitGatewayRoute)
	wire.Handle(s, "SearchTransitGatewayRoutes", a.searchTransitGatewayRoutes)
	wire.Handle(s, "CreateTransitGatewayPrefixListReference", a.createTransitGatewayPrefixListReference)
	wire.Handle(s, "ModifyTransitGatewayPrefixListReference", a.modifyTransitGatewayPrefixListReference)
	wire.Handle(s, "DeleteTransitGatewayPrefixListReference", a.deleteTransitGatewayPrefixListReference)
	wire.Handle(s, "GetTransitGatewayPrefixListReferences", a.getTransitGatewayPrefixListReferences)
}

// transitDest reads a block of either family.
func transitDest(p *string) (netip.Prefix, error) {
	if text(p) == "" {
		return netip.Prefix{}, missing("DestinationCidrBlock")
	}
	return cidr("DestinationCidrBlock", p, strings.Contains(*p, ":"))
}

// transitTarget reads where a route leads: to an attachment, or nowhere.
func transitTarget(attachment *string, blackhole *bool) (cloud.TransitAttachmentID, error) {
	switch {
	case yes(blackhole) && text(attachment) != "":
		return "", combination("Only one of TransitGatewayAttachmentId and Blackhole may be specified")
	case !yes(blackhole) && text(attachment) == "":
		return "", missing("TransitGatewayAttachmentId")
	}
	return cloud.TransitAttachmentID(text(attachment)), nil
}

// staticRoute shows a static route as a table has it.
func (a *api) staticRoute(v cloud.View, t *cloud.TransitTable, r cloud.TransitRoute) TransitGatewayRoute {
	return a.transitRouteShape(v, t, r, TransitGatewayRouteTypeStatic)
}

func (a *api) transitRouteShape(v cloud.View, t *cloud.TransitTable, r cloud.TransitRoute, kind TransitGatewayRouteType) TransitGatewayRoute {
	out := TransitGatewayRoute{State: TransitGatewayRouteStateBlackhole, Type: kind, PrefixListId: given(r.PrefixList)}
	if r.Dest.IsValid() {
		out.DestinationCidrBlock = new(r.Dest.String())
	}
	at, ok := cloud.TransitAttachments.Get(v, r.Attachment)
	if !ok {
		return out
	}
	if at.State == cloud.TransitAvailable {
		out.State = TransitGatewayRouteStateActive
	}
	id, resource, _ := transitEnd{at: at, router: t.Router}.resource()
	out.TransitGatewayAttachments = []TransitGatewayRouteAttachment{{ResourceId: &id, ResourceType: resource, TransitGatewayAttachmentId: new(string(at.ID))}}
	return out
}

// transitRouteInput is what operations on static routes have in common.
type transitRouteInput struct {
	table, dest, attachment *string
	blackhole               *bool
}

func (a *api) putTransitRoute(ctx context.Context, in transitRouteInput, put func(context.Context, control.Caller, cloud.TransitTableID, cloud.TransitRoute) error) (*TransitGatewayRoute, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	r := cloud.TransitRoute{}
	if r.Dest, err = transitDest(in.dest); err != nil {
		return nil, err
	}
	if r.Attachment, err = transitTarget(in.attachment, in.blackhole); err != nil {
		return nil, err
	}
	if err := put(ctx, who, cloud.TransitTableID(*in.table), r); err != nil {
		return nil, err
	}
	t, err := a.control.TransitTable(who, cloud.TransitTableID(*in.table))
	if err != nil {
		return nil, err
	}
	r.Dest = r.Dest.Masked()
	return new(a.staticRoute(a.control.View(), t, r)), nil
}

func (a *api) createTransitGatewayRoute(ctx context.Context, in *CreateTransitGatewayRouteInput) (*CreateTransitGatewayRouteOutput, error) {
	r, err := a.putTransitRoute(ctx, transitRouteInput{in.TransitGatewayRouteTableId, in.DestinationCidrBlock, in.TransitGatewayAttachmentId, in.Blackhole}, a.control.CreateTransitRoute)
	if err != nil {
		return nil, err
	}
	return &CreateTransitGatewayRouteOutput{Route: r}, nil
}

func (a *api) replaceTransitGatewayRoute(ctx context.Context, in *ReplaceTransitGatewayRouteInput) (*ReplaceTransitGatewayRouteOutput, error) {
	r, err := a.putTransitRoute(ctx, transitRouteInput{in.TransitGatewayRouteTableId, in.DestinationCidrBlock, in.TransitGatewayAttachmentId, in.Blackhole}, a.control.ReplaceTransitRoute)
	if err != nil {
		return nil, err
	}
	return &ReplaceTransitGatewayRouteOutput{Route: r}, nil
}

func (a *api) deleteTransitGatewayRoute(ctx context.Context, in *DeleteTransitGatewayRouteInput) (*DeleteTransitGatewayRouteOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	dest, err := transitDest(in.DestinationCidrBlock)
	if err != nil {
		return nil, err
	}
	t, err := a.control.TransitTable(who, cloud.TransitTableID(*in.TransitGatewayRouteTableId))
	if err != nil {
		return nil, err
	}
	gone, err := a.control.DeleteTransitRoute(ctx, who, t.ID, cloud.TransitRoute{Dest: dest})
	if err != nil {
		return nil, err
	}
	r := a.staticRoute(a.control.View(), t, gone)
	r.State = TransitGatewayRouteStateDeleted
	return &DeleteTransitGatewayRouteOutput{Route: &r}, nil
}

// transitRoutes are a table's routes as a search shows them: of those to one
// destination the one that counts.
func (a *api) transitRoutes(v cloud.View, t *cloud.TransitTable) (out []TransitGatewayRoute) {
	seen := map[netip.Prefix]bool{}
	add := func(r cloud.TransitRoute, kind TransitGatewayRouteType) {
		if !seen[r.Dest] {
			seen[r.Dest] = true
			out = append(out, a.transitRouteShape(v, t, r, kind))
		}
	}
	for _, r := range t.Routes {
		if r.PrefixList == "" {
			add(r, TransitGatewayRouteTypeStatic)
		}
	}
	for _, r := range t.Routes {
		if l, ok := cloud.PrefixLists.Get(v, r.PrefixList); ok {
			for _, e := range l.Entries {
				add(cloud.TransitRoute{Dest: e.Prefix.Masked(), PrefixList: r.PrefixList, Attachment: r.Attachment}, TransitGatewayRouteTypeStatic)
			}
		}
	}
	for _, r := range control.TransitPropagated(v, t) {
		add(r, TransitGatewayRouteTypePropagated)
	}
	slices.SortFunc(out, func(x, y TransitGatewayRoute) int {
		return cmp.Compare(*x.DestinationCidrBlock, *y.DestinationCidrBlock)
	})
	return out
}

func (r TransitGatewayRoute) attachmentFacts(f func(TransitGatewayRouteAttachment) []string) []string {
	return facts(r.TransitGatewayAttachments, f)
}

var transitRouteListing = listing[TransitGatewayRoute]{
	id: func(r TransitGatewayRoute) *string { return r.DestinationCidrBlock },
	fields: wire.Fields[TransitGatewayRoute]{
		"attachment.transit-gateway-attachment-id": func(r TransitGatewayRoute) []string {
			return r.attachmentFacts(func(a TransitGatewayRouteAttachment) []string { return fact(a.TransitGatewayAttachmentId) })
		},
		"attachment.resource-id": func(r TransitGatewayRoute) []string {
			return r.attachmentFacts(func(a TransitGatewayRouteAttachment) []string { return fact(a.ResourceId) })
		},
		"attachment.resource-type": func(r TransitGatewayRoute) []string {
			return r.attachmentFacts(func(a TransitGatewayRouteAttachment) []string { return fact(&a.ResourceType) })
		},
		"prefix-list-id":           func(r TransitGatewayRoute) []string { return fact(r.PrefixListId) },
		"route-search.exact-match": func(r TransitGatewayRoute) []string { return fact(r.DestinationCidrBlock) },
		"state":                    func(r TransitGatewayRoute) []string { return fact(&r.State) },
		"type":                     func(r TransitGatewayRoute) []string { return fact(&r.Type) },
	},
}

// blockSearches select routes by how their blocks lie to those of a filter.
var blockSearches = map[string]func(route, asked netip.Prefix) bool{
	"route-search.longest-prefix-match": covering,
	"route-search.subnet-of-match":      func(route, asked netip.Prefix) bool { return covering(asked, route) },
	"route-search.supernet-of-match":    covering,
}

func covering(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// searched applies the filters that ask about blocks and returns the others.
func searched(all []TransitGatewayRoute, filters []Filter) ([]TransitGatewayRoute, []Filter, error) {
	var rest []Filter
	for _, f := range filters {
		match, ok := blockSearches[text(f.Name)]
		if !ok {
			rest = append(rest, f)
			continue
		}
		var out []TransitGatewayRoute
		for _, value := range f.Values {
			asked, err := netip.ParsePrefix(value)
			if err != nil {
				if a, err2 := netip.ParseAddr(value); err2 == nil {
					asked, err = netip.PrefixFrom(a, a.BitLen()), nil
				}
			}
			if err != nil {
				return nil, nil, badValue(text(f.Name), value, "This is not a valid CIDR block.")
			}
			var found []TransitGatewayRoute
			for _, r := range all {
				if match(netip.MustParsePrefix(*r.DestinationCidrBlock), asked.Masked()) {
					found = append(found, r)
				}
			}
			if strings.Contains(*f.Name, "longest") && len(found) > 1 {
				found = []TransitGatewayRoute{slices.MaxFunc(found, func(x, y TransitGatewayRoute) int {
					return cmp.Compare(netip.MustParsePrefix(*x.DestinationCidrBlock).Bits(), netip.MustParsePrefix(*y.DestinationCidrBlock).Bits())
				})}
			}
			out = append(out, found...)
		}
		all = out
	}
	return all, rest, nil
}

func (a *api) searchTransitGatewayRoutes(ctx context.Context, in *SearchTransitGatewayRoutesInput) (*SearchTransitGatewayRoutesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	t, err := a.control.TransitTable(who, cloud.TransitTableID(*in.TransitGatewayRouteTableId))
	if err != nil {
		return nil, err
	}
	all, filters, err := searched(a.transitRoutes(a.control.View(), t), in.Filters)
	if err != nil {
		return nil, err
	}
	out := &SearchTransitGatewayRoutesOutput{}
	out.Routes, out.NextToken, err = transitRouteListing.answer(ctx, all, question{filters: filters, max: in.MaxResults, token: in.NextToken})
	out.AdditionalRoutesAvailable = new(out.NextToken != nil)
	return out, err
}

func (a *api) reference(v cloud.View, t *cloud.TransitTable, r cloud.TransitRoute, state TransitGatewayPrefixListReferenceState) *TransitGatewayPrefixListReference {
	out := &TransitGatewayPrefixListReference{
		Blackhole: new(r.Attachment == ""), PrefixListId: new(string(r.PrefixList)), PrefixListOwnerId: new("AWS"), State: state, TransitGatewayRouteTableId: new(string(t.ID)),
	}
	if l, ok := cloud.PrefixLists.Get(v, r.PrefixList); ok && l.Account != "" {
		out.PrefixListOwnerId = new(l.Account)
	}
	for _, at := range a.staticRoute(v, t, r).TransitGatewayAttachments {
		out.TransitGatewayAttachment = &TransitGatewayPrefixListAttachment{ResourceId: at.ResourceId, ResourceType: at.ResourceType, TransitGatewayAttachmentId: at.TransitGatewayAttachmentId}
	}
	return out
}

func (a *api) putReference(ctx context.Context, table, list, attachment *string, blackhole *bool, state TransitGatewayPrefixListReferenceState, put func(context.Context, control.Caller, cloud.TransitTableID, cloud.TransitRoute) error) (*TransitGatewayPrefixListReference, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	r := cloud.TransitRoute{PrefixList: cloud.PrefixListID(*list)}
	if r.Attachment, err = transitTarget(attachment, blackhole); err != nil {
		return nil, err
	}
	if err := put(ctx, who, cloud.TransitTableID(*table), r); err != nil {
		return nil, err
	}
	t, err := a.control.TransitTable(who, cloud.TransitTableID(*table))
	if err != nil {
		return nil, err
	}
	return a.reference(a.control.View(), t, r, state), nil
}

func (a *api) createTransitGatewayPrefixListReference(ctx context.Context, in *CreateTransitGatewayPrefixListReferenceInput) (*CreateTransitGatewayPrefixListReferenceOutput, error) {
	r, err := a.putReference(ctx, in.TransitGatewayRouteTableId, in.PrefixListId, in.TransitGatewayAttachmentId, in.Blackhole, TransitGatewayPrefixListReferenceStatePending, a.control.CreateTransitRoute)
	if err != nil {
		return nil, err
	}
	return &CreateTransitGatewayPrefixListReferenceOutput{TransitGatewayPrefixListReference: r}, nil
}

func (a *api) modifyTransitGatewayPrefixListReference(ctx context.Context, in *ModifyTransitGatewayPrefixListReferenceInput) (*ModifyTransitGatewayPrefixListReferenceOutput, error) {
	r, err := a.putReference(ctx, in.TransitGatewayRouteTableId, in.PrefixListId, in.TransitGatewayAttachmentId, in.Blackhole, TransitGatewayPrefixListReferenceStateModifying, a.control.ReplaceTransitRoute)
	if err != nil {
		return nil, err
	}
	return &ModifyTransitGatewayPrefixListReferenceOutput{TransitGatewayPrefixListReference: r}, nil
}

func (a *api) deleteTransitGatewayPrefixListReference(ctx context.Context, in *DeleteTransitGatewayPrefixListReferenceInput) (*DeleteTransitGatewayPrefixListReferenceOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	t, err := a.control.TransitTable(who, cloud.TransitTableID(*in.TransitGatewayRouteTableId))
	if err != nil {
		return nil, err
	}
	gone, err := a.control.DeleteTransitRoute(ctx, who, t.ID, cloud.TransitRoute{PrefixList: cloud.PrefixListID(*in.PrefixListId)})
	if err != nil {
		return nil, err
	}
	return &DeleteTransitGatewayPrefixListReferenceOutput{TransitGatewayPrefixListReference: a.reference(a.control.View(), t, gone, TransitGatewayPrefixListReferenceStateDeleting)}, nil
}

var referenceListing = listing[TransitGatewayPrefixListReference]{
	id: func(r TransitGatewayPrefixListReference) *string { return r.PrefixListId },
	fields: wire.Fields[TransitGatewayPrefixListReference]{
		"attachment.resource-id":                   referenceFact(func(a *TransitGatewayPrefixListAttachment) []string { return fact(a.ResourceId) }),
		"attachment.resource-type":                 referenceFact(func(a *TransitGatewayPrefixListAttachment) []string { return fact(&a.ResourceType) }),
		"attachment.transit-gateway-attachment-id": referenceFact(func(a *TransitGatewayPrefixListAttachment) []string { return fact(a.TransitGatewayAttachmentId) }),
		"is-blackhole":                             func(r TransitGatewayPrefixListReference) []string { return flag(r.Blackhole) },
		"prefix-list-id":                           func(r TransitGatewayPrefixListReference) []string { return fact(r.PrefixListId) },
		"prefix-list-owner-id":                     func(r TransitGatewayPrefixListReference) []string { return fact(r.PrefixListOwnerId) },
		"state":                                    func(r TransitGatewayPrefixListReference) []string { return fact(&r.State) },
	},
}

func referenceFact(f func(*TransitGatewayPrefixListAttachment) []string) func(TransitGatewayPrefixListReference) []string {
	return func(r TransitGatewayPrefixListReference) []string {
		if r.TransitGatewayAttachment == nil {
			return nil
		}
		return f(r.TransitGatewayAttachment)
	}
}

func (a *api) getTransitGatewayPrefixListReferences(ctx context.Context, in *GetTransitGatewayPrefixListReferencesInput) (*GetTransitGatewayPrefixListReferencesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	t, err := a.control.TransitTable(who, cloud.TransitTableID(*in.TransitGatewayRouteTableId))
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := []TransitGatewayPrefixListReference{}
	for _, r := range t.Routes {
		if r.PrefixList != "" {
			all = append(all, *a.reference(v, t, r, TransitGatewayPrefixListReferenceStateAvailable))
		}
	}
	out := &GetTransitGatewayPrefixListReferencesOutput{}
	out.TransitGatewayPrefixListReferences, out.NextToken, err = referenceListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}
