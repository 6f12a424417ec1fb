package ec2

import (
	"context"
	"strconv"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleTransitGateways(s *wire.Service) {
	wire.Handle(s, "CreateTransitGateway", a.createTransitGateway)
	wire.Handle(s, "DescribeTransitGateways", a.describeTransitGateways)
	wire.Handle(s, "ModifyTransitGateway", a.modifyTransitGateway)
	wire.Handle(s, "DeleteTransitGateway", a.deleteTransitGateway)
	a.handleTransitAttachments(s)
	a.handleTransitPeerings(s)
	a.handleTransitTables(s)
	a.handleTransitRoutes(s)
}

// What Amazon's API echoes of a transit gateway and nothing here reads: there
// are no VPNs, no BGP and no sharing between accounts.
const (
	attrTransitText     = "aws.description"
	attrTransitASN      = "aws.asn"
	attrTransitAccept   = "aws.auto-accept"
	attrTransitECMP     = "aws.vpn-ecmp"
	attrTransitGroupRef = "aws.group-references" // of an attachment
	attrTransitDynamic  = "aws.dynamic-routing"  // of a peering attachment, if given
)

const (
	enable  = "enable"
	disable = "disable"
)

func enabled(on bool) string {
	if on {
		return enable
	}
	return disable
}

// ability reads an option that is enabled or disabled; nil if it is not given.
func ability[S ~string](param string, v S) (*bool, error) {
	switch v {
	case "":
		return nil, nil
	case enable, disable:
		return new(v == enable), nil
	}
	return nil, badValue(param, string(v), "Valid values are enable and disable.")
}

// abilities reads several, in the order given.
func abilities(list ...any) (out []*bool, err error) {
	for i := 0; i < len(list); i += 2 {
		b, err := ability(list[i].(string), list[i+1].(string))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func or(p *bool, def bool) bool {
	if p == nil {
		return def
	}
	return *p
}

// asn checks a private autonomous system number.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TransitGatewayRequestOptions.html
func asn(p *int64) (string, error) {
	n := int64(64512)
	if p != nil {
		n = *p
	}
	if n < 64512 || n > 65534 && n < 4200000000 || n > 4294967294 {
		return "", badValue("AmazonSideAsn", strconv.FormatInt(n, 10), "Must be a private ASN.")
	}
	return strconv.FormatInt(n, 10), nil
}

func transitGatewayShape(r *cloud.TransitRouter, state TransitGatewayState) TransitGateway {
	n, _ := strconv.ParseInt(r.Attrs[attrTransitASN], 10, 64)
	return TransitGateway{
		TransitGatewayId: new(string(r.ID)), TransitGatewayArn: new(arn(&r.Meta, "transit-gateway", string(r.ID))), OwnerId: new(r.Account),
		CreationTime: new(r.Created), Description: given(r.Attrs[attrTransitText]), State: state, Tags: shown(tagList(r.Tags)),
		Options: &TransitGatewayOptions{
			AmazonSideAsn: new(n), AutoAcceptSharedAttachments: AutoAcceptSharedAttachmentsValue(r.Attrs[attrTransitAccept]),
			AssociationDefaultRouteTableId: given(r.Associate), DefaultRouteTableAssociation: DefaultRouteTableAssociationValue(enabled(r.Associate != "")),
			PropagationDefaultRouteTableId: given(r.Propagate), DefaultRouteTablePropagation: DefaultRouteTablePropagationValue(enabled(r.Propagate != "")),
			DnsSupport: DnsSupportValue(enabled(r.RemoteNames)), VpnEcmpSupport: VpnEcmpSupportValue(r.Attrs[attrTransitECMP]),
			MulticastSupport: disable, SecurityGroupReferencingSupport: disable,
		},
	}
}

func transitGatewayState(r *cloud.TransitRouter, now time.Time) TransitGatewayState {
	switch {
	case !r.Deleted.IsZero():
		return TransitGatewayStateDeleted
	case now.Before(r.ReadyAt):
		return TransitGatewayStatePending
	}
	return TransitGatewayStateAvailable
}

func (a *api) createTransitGateway(ctx context.Context, in *CreateTransitGatewayInput) (*CreateTransitGatewayOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindTransitRouter, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	o := in.Options
	if o == nil {
		o = &TransitGatewayRequestOptions{}
	}
	b, err := abilities("DefaultRouteTableAssociation", string(o.DefaultRouteTableAssociation), "DefaultRouteTablePropagation", string(o.DefaultRouteTablePropagation),
		"DnsSupport", string(o.DnsSupport), "AutoAcceptSharedAttachments", string(o.AutoAcceptSharedAttachments), "VpnEcmpSupport", string(o.VpnEcmpSupport),
		"MulticastSupport", string(o.MulticastSupport), "SecurityGroupReferencingSupport", string(o.SecurityGroupReferencingSupport))
	if err != nil {
		return nil, err
	}
	if err := a.transitUnsupported(b[5], b[6], o.TransitGatewayCidrBlocks); err != nil {
		return nil, err
	}
	n, err := asn(o.AmazonSideAsn)
	if err != nil {
		return nil, err
	}
	l.Attrs = map[string]string{attrTransitText: text(in.Description), attrTransitASN: n, attrTransitAccept: enabled(or(b[3], false)), attrTransitECMP: enabled(or(b[4], true))}
	r, err := a.control.CreateTransitRouter(ctx, who, control.CreateTransitRouter{Labels: l, Associate: or(b[0], true), Propagate: or(b[1], true), RemoteNames: or(b[2], true)})
	if err != nil {
		return nil, err
	}
	return &CreateTransitGatewayOutput{TransitGateway: new(transitGatewayShape(r, TransitGatewayStatePending))}, nil
}

// transitUnsupported refuses what transit gateways here do not do.
func (a *api) transitUnsupported(multicast, groups *bool, blocks []string) error {
	switch {
	case or(multicast, false):
		return a.unsupported("Multicast through a transit gateway")
	case or(groups, false):
		return a.unsupported("Referring to security groups across a transit gateway")
	case len(blocks) > 0:
		return a.unsupported("A CIDR block of a transit gateway, for Connect attachments,")
	}
	return nil
}

var transitGatewayListing = listing[TransitGateway]{
	kind: cloud.KindTransitRouter, param: "transitGatewayIds",
	id:   func(t TransitGateway) *string { return t.TransitGatewayId },
	tags: func(t TransitGateway) []Tag { return t.Tags },
	fields: wire.Fields[TransitGateway]{
		"options.propagation-default-route-table-id": func(t TransitGateway) []string { return fact(t.Options.PropagationDefaultRouteTableId) },
		"options.association-default-route-table-id": func(t TransitGateway) []string { return fact(t.Options.AssociationDefaultRouteTableId) },
		"options.amazon-side-asn": func(t TransitGateway) []string {
			return []string{strconv.FormatInt(number(t.Options.AmazonSideAsn), 10)}
		},
		"options.auto-accept-shared-attachments":  func(t TransitGateway) []string { return fact(&t.Options.AutoAcceptSharedAttachments) },
		"options.default-route-table-association": func(t TransitGateway) []string { return fact(&t.Options.DefaultRouteTableAssociation) },
		"options.default-route-table-propagation": func(t TransitGateway) []string { return fact(&t.Options.DefaultRouteTablePropagation) },
		"options.dns-support":                     func(t TransitGateway) []string { return fact(&t.Options.DnsSupport) },
		"options.vpn-ecmp-support":                func(t TransitGateway) []string { return fact(&t.Options.VpnEcmpSupport) },
		"owner-id":                                func(t TransitGateway) []string { return fact(t.OwnerId) },
		"state":                                   func(t TransitGateway) []string { return fact(&t.State) },
		"transit-gateway-id":                      func(t TransitGateway) []string { return fact(t.TransitGatewayId) },
	},
}

func (a *api) describeTransitGateways(ctx context.Context, in *DescribeTransitGatewaysInput) (*DescribeTransitGatewaysOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	now := a.control.Now()
	all := []TransitGateway{}
	for r := range cloud.TransitRouters.By(a.control.View(), "scope", cloud.Scope(who.Account, who.Region)) {
		if control.TransitShown(r.Deleted, now) {
			all = append(all, transitGatewayShape(r, transitGatewayState(r, now)))
		}
	}
	out := &DescribeTransitGatewaysOutput{}
	out.TransitGateways, out.NextToken, err = transitGatewayListing.answer(ctx, all, question{in.TransitGatewayIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) modifyTransitGateway(ctx context.Context, in *ModifyTransitGatewayInput) (*ModifyTransitGatewayOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	m := control.ModifyTransitRouter{Attrs: map[string]string{}}
	if in.Description != nil {
		m.Attrs[attrTransitText] = *in.Description
	}
	id := cloud.TransitRouterID(*in.TransitGatewayId)
	if o := in.Options; o != nil {
		if err := a.modifiedTransit(o, id, &m); err != nil {
			return nil, err
		}
	}
	r, err := a.control.ModifyTransitRouter(ctx, who, id, m)
	if err != nil {
		return nil, err
	}
	return &ModifyTransitGatewayOutput{TransitGateway: new(transitGatewayShape(r, TransitGatewayStateModifying))}, nil
}

func (a *api) modifiedTransit(o *ModifyTransitGatewayOptions, id cloud.TransitRouterID, m *control.ModifyTransitRouter) error {
	b, err := abilities("DefaultRouteTableAssociation", string(o.DefaultRouteTableAssociation), "DefaultRouteTablePropagation", string(o.DefaultRouteTablePropagation),
		"DnsSupport", string(o.DnsSupport), "AutoAcceptSharedAttachments", string(o.AutoAcceptSharedAttachments), "VpnEcmpSupport", string(o.VpnEcmpSupport),
		"SecurityGroupReferencingSupport", string(o.SecurityGroupReferencingSupport), "EncryptionSupport", string(o.EncryptionSupport))
	if err != nil {
		return err
	}
	if or(b[6], false) {
		return a.unsupported("Encryption of a transit gateway")
	}
	if err := a.transitUnsupported(nil, b[5], append(o.AddTransitGatewayCidrBlocks, o.RemoveTransitGatewayCidrBlocks...)); err != nil {
		return err
	}
	m.RemoteNames = b[2]
	if b[3] != nil {
		m.Attrs[attrTransitAccept] = enabled(*b[3])
	}
	if b[4] != nil {
		m.Attrs[attrTransitECMP] = enabled(*b[4])
	}
	if o.AmazonSideAsn != nil {
		if m.Attrs[attrTransitASN], err = asn(o.AmazonSideAsn); err != nil {
			return err
		}
	}
	now, _ := cloud.TransitRouters.Get(a.control.View(), id)
	if now == nil {
		now = &cloud.TransitRouter{}
	}
	if m.Associate, err = defaultTable("AssociationDefaultRouteTableId", b[0], o.AssociationDefaultRouteTableId, now.Associate); err != nil {
		return err
	}
	m.Propagate, err = defaultTable("PropagationDefaultRouteTableId", b[1], o.PropagationDefaultRouteTableId, now.Propagate)
	return err
}

// defaultTable reads which table new attachments get: to switch that on, one must be named.
func defaultTable(param string, on *bool, table *string, now cloud.TransitTableID) (*cloud.TransitTableID, error) {
	switch {
	case on != nil && !*on && text(table) != "":
		return nil, combination("%s cannot be specified when the default is disabled", param)
	case on != nil && !*on:
		return new(cloud.TransitTableID("")), nil
	case text(table) != "":
		return new(cloud.TransitTableID(*table)), nil
	case on != nil && now == "":
		return nil, missing(param)
	}
	return nil, nil
}

func (a *api) deleteTransitGateway(ctx context.Context, in *DeleteTransitGatewayInput) (*DeleteTransitGatewayOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.control.DeleteTransitRouter(ctx, who, cloud.TransitRouterID(*in.TransitGatewayId))
	if err != nil {
		return nil, err
	}
	return &DeleteTransitGatewayOutput{TransitGateway: new(transitGatewayShape(r, TransitGatewayStateDeleting))}, nil
}
