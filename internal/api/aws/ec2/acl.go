package ec2

import (
	"context"
	"strconv"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// lastLine is the number of the line behind all others, which denies the rest.
const lastLine = 32767

func aclShape(v cloud.View) func(*cloud.NetworkACL) NetworkAcl {
	return func(acl *cloud.NetworkACL) NetworkAcl {
		out := NetworkAcl{NetworkAclId: new(string(acl.ID)), VpcId: new(string(acl.VPC)), OwnerId: new(acl.Account), IsDefault: new(acl.Default), Tags: shown(tagList(acl.Tags)), Associations: []NetworkAclAssociation{}}
		for s := range cloud.Subnets.By(v, "acl", string(acl.ID)) {
			out.Associations = append(out.Associations, NetworkAclAssociation{NetworkAclAssociationId: new(s.ACLAssoc), NetworkAclId: new(string(acl.ID)), SubnetId: new(string(s.ID))})
		}
		for _, egress := range []bool{true, false} {
			for _, e := range acl.Entries {
				if e.Egress == egress {
					out.Entries = append(out.Entries, entryShape(e))
				}
			}
			out.Entries = append(out.Entries, deniedRest(egress, new("0.0.0.0/0"), nil))
			if vpc, ok := cloud.VPCs.Get(v, acl.VPC); ok && len(vpc.CIDRs6) > 0 {
				rest := deniedRest(egress, nil, new("::/0"))
				rest.RuleNumber = new(int32(lastLine + 1))
				out.Entries = append(out.Entries, rest)
			}
		}
		return out
	}
}

func deniedRest(egress bool, cidr4, cidr6 *string) NetworkAclEntry {
	return NetworkAclEntry{
		RuleNumber: new(int32(lastLine)), Egress: new(egress), Protocol: new("-1"), RuleAction: RuleActionDeny, CidrBlock: cidr4, Ipv6CidrBlock: cidr6,
	}
}

func entryShape(e cloud.NetworkACLEntry) NetworkAclEntry {
	out := NetworkAclEntry{RuleNumber: new(int32(e.Number)), Egress: new(e.Egress), Protocol: new(strconv.Itoa(e.Protocol)), RuleAction: RuleAction(e.Action)}
	if e.Prefix.Addr().Is4() {
		out.CidrBlock = new(e.Prefix.String())
	} else {
		out.Ipv6CidrBlock = new(e.Prefix.String())
	}
	switch e.Protocol {
	case tcp, udp:
		out.PortRange = &PortRange{From: new(int32(e.From)), To: new(int32(e.To))}
	case icmp, icmpv6:
		out.IcmpTypeCode = &IcmpTypeCode{Type: new(int32(e.ICMPType)), Code: new(int32(e.ICMPCode))}
	}
	return out
}

func entryFacts(f func(NetworkAclEntry) []string) func(NetworkAcl) []string {
	return func(acl NetworkAcl) []string { return facts(acl.Entries, f) }
}

func icmpFact(f func(*IcmpTypeCode) *int32) func(NetworkAclEntry) []string {
	return of(func(e NetworkAclEntry) *IcmpTypeCode { return e.IcmpTypeCode }, func(t *IcmpTypeCode) []string { return decimal(f(t)) })
}

func portFact(f func(*PortRange) *int32) func(NetworkAclEntry) []string {
	return of(func(e NetworkAclEntry) *PortRange { return e.PortRange }, func(r *PortRange) []string { return decimal(f(r)) })
}

func aclAssocFacts(f func(NetworkAclAssociation) []string) func(NetworkAcl) []string {
	return func(acl NetworkAcl) []string { return facts(acl.Associations, f) }
}

var aclListing = listing[NetworkAcl]{
	kind: cloud.KindNetworkACL, param: "networkAclIds",
	id:   func(acl NetworkAcl) *string { return acl.NetworkAclId },
	tags: func(acl NetworkAcl) []Tag { return acl.Tags },
	fields: wire.Fields[NetworkAcl]{
		"network-acl-id":             func(acl NetworkAcl) []string { return fact(acl.NetworkAclId) },
		"vpc-id":                     func(acl NetworkAcl) []string { return fact(acl.VpcId) },
		"owner-id":                   func(acl NetworkAcl) []string { return fact(acl.OwnerId) },
		"default":                    func(acl NetworkAcl) []string { return flag(acl.IsDefault) },
		"association.association-id": aclAssocFacts(func(x NetworkAclAssociation) []string { return fact(x.NetworkAclAssociationId) }),
		"association.network-acl-id": aclAssocFacts(func(x NetworkAclAssociation) []string { return fact(x.NetworkAclId) }),
		"association.subnet-id":      aclAssocFacts(func(x NetworkAclAssociation) []string { return fact(x.SubnetId) }),
		"entry.cidr":                 entryFacts(func(e NetworkAclEntry) []string { return fact(e.CidrBlock) }),
		"entry.ipv6-cidr":            entryFacts(func(e NetworkAclEntry) []string { return fact(e.Ipv6CidrBlock) }),
		"entry.egress":               entryFacts(func(e NetworkAclEntry) []string { return flag(e.Egress) }),
		"entry.icmp.code":            entryFacts(icmpFact(func(t *IcmpTypeCode) *int32 { return t.Code })),
		"entry.icmp.type":            entryFacts(icmpFact(func(t *IcmpTypeCode) *int32 { return t.Type })),
		"entry.port-range.from":      entryFacts(portFact(func(r *PortRange) *int32 { return r.From })),
		"entry.port-range.to":        entryFacts(portFact(func(r *PortRange) *int32 { return r.To })),
		"entry.protocol":             entryFacts(func(e NetworkAclEntry) []string { return fact(e.Protocol) }),
		"entry.rule-action":          entryFacts(func(e NetworkAclEntry) []string { return fact(&e.RuleAction) }),
		"entry.rule-number":          entryFacts(func(e NetworkAclEntry) []string { return decimal(e.RuleNumber) }),
	},
}

func (a *api) createNetworkAcl(ctx context.Context, in *CreateNetworkAclInput) (*CreateNetworkAclOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindNetworkACL, in.TagSpecifications, in.ClientToken)
	if err != nil {
		return nil, err
	}
	acl, err := a.control.CreateNetworkACL(ctx, who, control.CreateNetworkACL{Labels: l, VPC: cloud.VPCID(*in.VpcId)})
	if err != nil {
		return nil, err
	}
	return &CreateNetworkAclOutput{ClientToken: in.ClientToken, NetworkAcl: new(aclShape(a.control.View())(acl))}, nil
}

func (a *api) describeNetworkAcls(ctx context.Context, in *DescribeNetworkAclsInput) (*DescribeNetworkAclsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := collect(v, cloud.NetworkACLs, cloud.Scope(who.Account, who.Region), aclShape(v))
	out := &DescribeNetworkAclsOutput{}
	out.NetworkAcls, out.NextToken, err = aclListing.answer(ctx, all, question{in.NetworkAclIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteNetworkAcl(ctx context.Context, in *DeleteNetworkAclInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteNetworkACL(ctx, who, cloud.NetworkACLID(*in.NetworkAclId))
}

// entry reads the line of a request; CreateNetworkAclEntryInput and its Replace
// twin have the same members.
func entry(in *CreateNetworkAclEntryInput) (cloud.NetworkACLEntry, error) {
	e := cloud.NetworkACLEntry{Number: int(*in.RuleNumber), Egress: *in.Egress, Action: cloud.Verdict(in.RuleAction)}
	if e.Number < 1 || e.Number >= lastLine {
		return e, badValue("ruleNumber", strconv.Itoa(e.Number), "Must be between 1 and 32766.")
	}
	var err error
	if e.Protocol, err = protocolNumber(*in.Protocol); err != nil {
		return e, err
	}
	switch {
	case in.CidrBlock == nil && in.Ipv6CidrBlock == nil:
		return e, missing("cidrBlock or ipv6CidrBlock")
	case in.CidrBlock != nil && in.Ipv6CidrBlock != nil:
		return e, combination("Only one of cidrBlock and ipv6CidrBlock may be specified")
	case in.CidrBlock != nil:
		e.Prefix, err = cidr("cidrBlock", in.CidrBlock, false)
	default:
		e.Prefix, err = cidr("ipv6CidrBlock", in.Ipv6CidrBlock, true)
	}
	if err != nil {
		return e, err
	}
	return e, entryPorts(&e, in)
}

func entryPorts(e *cloud.NetworkACLEntry, in *CreateNetworkAclEntryInput) error {
	switch e.Protocol {
	case tcp, udp:
		if in.PortRange == nil || in.PortRange.From == nil || in.PortRange.To == nil {
			return missing("portRange")
		}
		from, to, err := ports(e.Protocol, in.PortRange.From, in.PortRange.To)
		e.From, e.To = from, to
		return err
	case icmp, icmpv6:
		if in.IcmpTypeCode == nil {
			return missing("icmpTypeCode")
		}
		kind, code, err := ports(e.Protocol, in.IcmpTypeCode.Type, in.IcmpTypeCode.Code)
		e.ICMPType, e.ICMPCode = kind, code
		return err
	}
	return nil
}

func (a *api) createNetworkAclEntry(ctx context.Context, in *CreateNetworkAclEntryInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	e, err := entry(in)
	if err != nil {
		return nil, err
	}
	return nil, a.control.CreateACLEntry(ctx, who, cloud.NetworkACLID(*in.NetworkAclId), e)
}

func (a *api) replaceNetworkAclEntry(ctx context.Context, in *ReplaceNetworkAclEntryInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	same := CreateNetworkAclEntryInput(*in)
	e, err := entry(&same)
	if err != nil {
		return nil, err
	}
	return nil, a.control.ReplaceACLEntry(ctx, who, cloud.NetworkACLID(*in.NetworkAclId), e)
}

func (a *api) deleteNetworkAclEntry(ctx context.Context, in *DeleteNetworkAclEntryInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteACLEntry(ctx, who, cloud.NetworkACLID(*in.NetworkAclId), int(*in.RuleNumber), *in.Egress)
}

func (a *api) replaceNetworkAclAssociation(ctx context.Context, in *ReplaceNetworkAclAssociationInput) (*ReplaceNetworkAclAssociationOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := a.control.ReplaceACLAssociation(ctx, who, *in.AssociationId, cloud.NetworkACLID(*in.NetworkAclId))
	if err != nil {
		return nil, err
	}
	return &ReplaceNetworkAclAssociationOutput{NewAssociationId: new(id)}, nil
}
