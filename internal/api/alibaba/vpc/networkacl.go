package vpc

import (
	"context"
	"slices"
	"strconv"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) networkACLs(s *wire.Service) {
	wire.Handle(s, "CreateNetworkAcl", a.createNetworkAcl)
	wire.Handle(s, "DeleteNetworkAcl", a.deleteNetworkAcl)
	wire.Handle(s, "DescribeNetworkAcls", a.describeNetworkAcls)
	wire.Handle(s, "DescribeNetworkAclAttributes", a.describeNetworkAclAttributes)
	wire.Handle(s, "ModifyNetworkAclAttributes", a.modifyNetworkAclAttributes)
	wire.Handle(s, "UpdateNetworkAclEntries", a.updateNetworkAclEntries)
	wire.Handle(s, "CopyNetworkAclEntries", a.copyNetworkAclEntries)
	wire.Handle(s, "AssociateNetworkAcl", a.associateNetworkAcl)
	wire.Handle(s, "UnassociateNetworkAcl", a.unassociateNetworkAcl)
}

// createNetworkAcl makes an ACL that lets everything pass, by a rule of each direction
// that may be changed.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createnetworkacl
func (a *api) createNetworkAcl(ctx context.Context, in *CreateNetworkAclInput) (*CreateNetworkAclOutput, error) {
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.NetworkAclName, Description: in.Description}, nil, in.Tag, "IllegalParam.NetworkAclName", "IllegalParam.Description")
	if err != nil {
		return nil, err
	}
	made, err := a.control.CreateNetworkACL(ctx, resource.Caller(ctx), control.CreateNetworkACL{Labels: labels, VPC: v.ID, Open: true})
	if err != nil {
		return nil, err
	}
	f := a.aclFacts(made)
	out := &NetworkAclAttribute{
		NetworkAclId: f.NetworkAclId, NetworkAclName: f.NetworkAclName, Description: f.Description, VpcId: f.VpcId, RegionId: f.RegionId, CreationTime: f.CreationTime,
		Status: f.Status, Resources: []Resource{}, EgressAclEntries: []CreateNetworkAclNetworkAclAttributeEgressAclEntry{}, IngressAclEntries: []CreateNetworkAclNetworkAclAttributeIngressAclEntry{},
	}
	for _, e := range f.EgressAclEntries {
		out.EgressAclEntries = append(out.EgressAclEntries, CreateNetworkAclNetworkAclAttributeEgressAclEntry{e.Description, e.DestinationCidrIp, e.NetworkAclEntryId, e.NetworkAclEntryName, e.Policy, e.Port, e.Protocol})
	}
	for _, e := range f.IngressAclEntries {
		out.IngressAclEntries = append(out.IngressAclEntries, CreateNetworkAclNetworkAclAttributeIngressAclEntry{
			Description: e.Description, SourceCidrIp: e.SourceCidrIp, NetworkAclEntryId: e.NetworkAclEntryId, NetworkAclEntryName: e.NetworkAclEntryName, Policy: e.Policy, Port: e.Port, Protocol: e.Protocol,
		})
	}
	return &CreateNetworkAclOutput{NetworkAclId: f.NetworkAclId, NetworkAclAttribute: out}, nil
}

// networkACL finds one of the caller's ACLs. A VPC's default one, which is behind
// what has no other, is not shown: by this dialect there is none then.
func (a *api) networkACL(ctx context.Context, id string) (*cloud.NetworkACL, error) {
	if n, ok := cloud.NetworkACLs.Get(a.control.View(), cloud.NetworkACLID(id)); ok && n.Scope() == resource.Scope(ctx) && !n.Default {
		return n, nil
	}
	return nil, resource.Missing("InvalidNetworkAcl.NotFound", "Specified network ACL does not exist.")
}

func (a *api) deleteNetworkAcl(ctx context.Context, in *DeleteNetworkAclInput) (*DeleteNetworkAclOutput, error) {
	n, err := a.networkACL(ctx, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteNetworkACL(ctx, resource.Caller(ctx), n.ID)
}

func (a *api) aclFacts(n *cloud.NetworkACL) NetworkAcl {
	out := NetworkAcl{
		NetworkAclId: new(string(n.ID)), NetworkAclName: new(n.Attrs[resource.AttrName]), Description: new(n.Attrs[resource.AttrDescription]), VpcId: new(string(n.VPC)),
		RegionId: &n.Region, OwnerId: resource.Owner(n.Account), CreationTime: resource.Time(n.Created), Status: new("Available"), Tags: tagList(n.Tags),
		Resources: []Resource{}, EgressAclEntries: []EgressAclEntry{}, IngressAclEntries: []IngressAclEntry{},
	}
	for s := range cloud.Subnets.By(a.control.View(), "acl", string(n.ID)) {
		out.Resources = append(out.Resources, Resource{ResourceId: new(string(s.ID)), ResourceType: new("VSwitch"), Status: new("BINDED")})
	}
	for _, e := range n.Entries {
		l := aclLine(n.ID, e)
		if e.Egress {
			out.EgressAclEntries = append(out.EgressAclEntries, EgressAclEntry{l.description, l.cidr, new("custom"), l.version, l.id, l.name, l.policy, l.port, l.protocol})
		} else {
			out.IngressAclEntries = append(out.IngressAclEntries, IngressAclEntry{l.description, new("custom"), l.version, l.id, l.name, l.policy, l.port, l.protocol, l.cidr})
		}
	}
	return out
}

func (a *api) describeNetworkAcls(ctx context.Context, in *DescribeNetworkAclsInput) (*DescribeNetworkAclsOutput, error) {
	want, err := tags(in.Tags)
	if err != nil {
		return nil, err
	}
	var all []*cloud.NetworkACL
	for n := range cloud.NetworkACLs.By(a.control.View(), "scope", resource.Scope(ctx)) {
		f := a.aclFacts(n)
		holds := func(r Resource) bool { return matches(in.ResourceId, *r.ResourceId) }
		if !n.Default && matches(in.NetworkAclId, *f.NetworkAclId) && matches(in.NetworkAclName, *f.NetworkAclName) && matches(in.VpcId, *f.VpcId) &&
			(text(in.ResourceId) == "" || slices.ContainsFunc(f.Resources, holds)) && page.HasTags(n.Tags, want) {
			all = append(all, n)
		}
	}
	newest(all, func(n *cloud.NetworkACL) (*cloud.Meta, string) { return &n.Meta, string(n.ID) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	number := func(n *int64) *string { return new(strconv.FormatInt(*n, 10)) }
	out := &DescribeNetworkAclsOutput{PageNumber: number(p.Number), PageSize: number(p.Size), TotalCount: number(p.Total), NetworkAcls: []NetworkAcl{}}
	for _, n := range p.Items {
		out.NetworkAcls = append(out.NetworkAcls, a.aclFacts(n))
	}
	return out, nil
}

func (a *api) describeNetworkAclAttributes(ctx context.Context, in *DescribeNetworkAclAttributesInput) (*DescribeNetworkAclAttributesOutput, error) {
	n, err := a.networkACL(ctx, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	return &DescribeNetworkAclAttributesOutput{NetworkAclAttribute: new(DescribeNetworkAclAttributesNetworkAclAttribute(a.aclFacts(n)))}, nil
}

func (a *api) modifyNetworkAclAttributes(ctx context.Context, in *ModifyNetworkAclAttributesInput) (*ModifyNetworkAclAttributesOutput, error) {
	n, err := a.networkACL(ctx, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.NetworkAclName, Description: in.Description}.Attrs("IllegalParam.NetworkAclName", "IllegalParam.Description")
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindNetworkACL, ID: string(n.ID)}, attrs)
}

// boundSwitch finds a vSwitch that a call wants to have to do with an ACL.
func (a *api) boundSwitch(ctx context.Context, r AssociateNetworkAclResource) (*cloud.Subnet, error) {
	if text(r.ResourceType) != "VSwitch" {
		return nil, resource.Fault("IllegalParam.ResourceType", "The specified resource type is illegal: it is VSwitch.")
	}
	return a.vSwitch(ctx, text(r.ResourceId))
}

func (a *api) associateNetworkAcl(ctx context.Context, in *AssociateNetworkAclInput) (*AssociateNetworkAclOutput, error) {
	n, err := a.networkACL(ctx, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	var assocs []string
	for _, r := range in.Resource {
		s, err := a.boundSwitch(ctx, r)
		if err != nil {
			return nil, err
		}
		if old, ok := cloud.NetworkACLs.Get(a.control.View(), s.NetworkACL); ok && !old.Default {
			return nil, resource.Fault("ResourceAlreadyAssociated.VSwitch", "The vSwitch has a network ACL already.")
		}
		assocs = append(assocs, s.ACLAssoc)
	}
	return nil, a.control.ReplaceACLAssociations(ctx, resource.Caller(ctx), assocs, n.ID)
}

func (a *api) unassociateNetworkAcl(ctx context.Context, in *UnassociateNetworkAclInput) (*UnassociateNetworkAclOutput, error) {
	n, err := a.networkACL(ctx, *in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	var assocs []string
	for _, r := range in.Resource {
		s, err := a.boundSwitch(ctx, r)
		if err != nil {
			return nil, err
		}
		if s.NetworkACL != n.ID {
			return nil, resource.Fault("ResourceNotAssociated.VSwitch", "The vSwitch is not associated with the network ACL.")
		}
		assocs = append(assocs, s.ACLAssoc)
	}
	for other := range cloud.NetworkACLs.By(a.control.View(), "vpc", string(n.VPC)) {
		if other.Default {
			return nil, a.control.ReplaceACLAssociations(ctx, resource.Caller(ctx), assocs, other.ID)
		}
	}
	return nil, resource.Missing("InvalidVpcId.NotFound", "Specified VPC does not exist.")
}
