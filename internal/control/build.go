package control

import (
	"context"
	"net/netip"

	"weir/internal/cloud"
)

// BuildRules are what differs between dialects when a blueprint is carried out.
type BuildRules struct {
	ReservedFirst, ReservedLast int    // addresses of a subnet that nobody gets
	StoreService                string // of the object store's gateway endpoint
	Names                       HostNames
}

// BuildVPC creates everything in a blueprint, or nothing, and returns the
// blueprint with the IDs filled in.
func (c *Control) BuildVPC(ctx context.Context, who Caller, plan *Blueprint, rules BuildRules) (*Blueprint, error) {
	b := *plan
	err := c.transact(ctx, func(tx cloud.Tx) error {
		w := &builder{c: c, ctx: context.WithValue(ctx, txKey{}, tx), tx: tx, who: who, b: &b, rules: rules}
		for _, step := range []func() error{w.vpc, w.subnets, w.gateways, w.nats, w.tables, w.endpoint} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &b, nil
}

// builder carries out one blueprint inside one transaction.
type builder struct {
	c     *Control
	ctx   context.Context // carries tx, so that use cases join the transaction
	tx    cloud.Tx
	who   Caller
	b     *Blueprint
	rules BuildRules

	made *cloud.VPC
	igw  *cloud.InternetGateway
	eigw *cloud.EgressOnlyGateway
}

func name(tag string) Labels {
	if tag == "" {
		return Labels{}
	}
	return Labels{Tags: map[string]string{"Name": tag}}
}

func (w *builder) vpc() (err error) {
	s := w.b.Spec
	w.made, err = w.c.CreateVPC(w.ctx, w.who, CreateVPC{
		Labels: name(w.b.VPC.Name), CIDR: w.b.VPC.CIDR, IPv6: s.IPv6, DNSSupport: !s.NoDNSSupport, DNSHostnames: !s.NoDNSHostnames,
		Names: w.rules.Names,
	})
	if err == nil {
		w.b.VPC.ID = string(w.made.ID)
	}
	return err
}

func (w *builder) subnets() error {
	w.b.Subnets = append([]BlueprintSubnet(nil), w.b.Subnets...)
	for i := range w.b.Subnets {
		s := &w.b.Subnets[i]
		in := CreateSubnet{
			Labels: name(s.Name), VPC: w.made.ID, Zone: s.Zone, CIDR: s.CIDR,
			ReservedFirst: w.rules.ReservedFirst, ReservedLast: w.rules.ReservedLast,
		}
		if w.b.Spec.IPv6 {
			in.IPv6 = netip.PrefixFrom(shifted(w.made.CIDRs6[0].Prefix.Addr(), uint64(i), 64), 64)
		}
		made, err := w.c.CreateSubnet(w.ctx, w.who, in)
		if err != nil {
			return err
		}
		s.ID = string(made.ID)
	}
	return nil
}

func (w *builder) gateways() (err error) {
	if w.b.Gateway != "" || w.b.Spec.PublicSubnets > 0 {
		if w.igw, err = w.c.CreateInternetGateway(w.ctx, w.who, name(w.b.Gateway)); err != nil {
			return err
		}
		if err := w.c.AttachInternetGateway(w.ctx, w.who, w.igw.ID, w.made.ID); err != nil {
			return err
		}
	}
	if w.b.Spec.EgressOnly {
		w.eigw, err = w.c.CreateEgressOnlyGateway(w.ctx, w.who, CreateEgressOnlyGateway{Labels: name(w.b.Egress), VPC: w.made.ID})
	}
	return err
}

func (w *builder) nats() error {
	w.b.NATs = append([]BlueprintNAT(nil), w.b.NATs...)
	for i := range w.b.NATs {
		n := &w.b.NATs[i]
		eip, err := w.c.AllocateAddress(w.ctx, w.who, name(n.EIPName), netip.Addr{})
		if err != nil {
			return err
		}
		made, err := w.c.CreateNATGateway(w.ctx, w.who, CreateNATGateway{
			Labels: name(n.Name), Subnet: cloud.SubnetID(w.b.Subnets[n.Subnet].ID), Allocation: eip.ID,
		})
		if err != nil {
			return err
		}
		n.ID, n.Address = string(made.ID), eip.Addr.String()
	}
	return nil
}

func (w *builder) tables() error {
	w.b.Tables = append([]BlueprintTable(nil), w.b.Tables...)
	for i := range w.b.Tables {
		t := &w.b.Tables[i]
		made, err := w.c.CreateRouteTable(w.ctx, w.who, CreateRouteTable{Labels: name(t.Name), VPC: w.made.ID})
		if err != nil {
			return err
		}
		t.ID = string(made.ID)
		for _, r := range t.Routes {
			route := cloud.Route{Dest: netip.MustParsePrefix(r.Dest), Target: w.target(r)}
			if err := w.c.CreateRoute(w.ctx, w.who, made.ID, route); err != nil {
				return err
			}
		}
		for _, s := range t.Subnets {
			if _, err := w.c.AssociateRouteTable(w.ctx, w.who, made.ID, cloud.SubnetID(w.b.Subnets[s].ID)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *builder) target(r BlueprintRoute) cloud.RouteTarget {
	id := ""
	switch r.To {
	case cloud.TargetInternetGateway:
		id = string(w.igw.ID)
	case cloud.TargetEgressOnlyGateway:
		id = string(w.eigw.ID)
	case cloud.TargetNATGateway:
		id = w.b.NATs[r.NAT].ID
	}
	return cloud.RouteTarget{Kind: r.To, ID: id}
}

// endpoint gives the private subnets' tables a way to the object store, as the workflow does.
func (w *builder) endpoint() error {
	if !w.b.Spec.S3Endpoint {
		return nil
	}
	in := CreateEndpoint{Labels: name(w.b.S3), VPC: w.made.ID, Service: w.rules.StoreService}
	for _, t := range w.b.Tables {
		if len(t.Subnets) > 0 && !w.b.Subnets[t.Subnets[0]].Public {
			in.RouteTables = append(in.RouteTables, cloud.RouteTableID(t.ID))
		}
	}
	_, err := w.c.CreateEndpoint(w.ctx, w.who, in)
	return err
}
