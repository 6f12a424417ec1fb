package ecs

import (
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

func (a *api) prefixLists(s *wire.Service) {
	wire.Handle(s, "CreatePrefixList", a.createPrefixList)
	wire.Handle(s, "DescribePrefixLists", a.describePrefixLists)
	wire.Handle(s, "DescribePrefixListAttributes", a.describePrefixListAttributes)
	wire.Handle(s, "DescribePrefixListAssociations", a.describePrefixListAssociations)
	wire.Handle(s, "ModifyPrefixList", a.modifyPrefixList)
	wire.Handle(s, "DeletePrefixList", a.deletePrefixList)
}

// maxEntries is how many entries a prefix list may be made for.
const maxEntries = 200

// prefix reads a CIDR block, whose host bits are zero; an address is a block of one.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-modifyprefixlist
func prefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if addr, e := netip.ParseAddr(s); e == nil && addr.Zone() == "" {
		p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil || p != p.Masked() {
		return p, resource.Fault("InvalidParameter", "The specified CIDR block \""+s+"\" of an entry is not valid.")
	}
	return p, nil
}

// entries reads entries, none of them twice.
func entries[T any](list []T, of func(T) (cidr, description *string)) (out []cloud.PrefixListEntry, err error) {
	for _, e := range list {
		cidr, description := of(e)
		p, err := prefix(*cidr)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o cloud.PrefixListEntry) bool { return o.Prefix == p }) {
			return nil, resource.Fault("InvalidParameter", "The CIDR block "+p.String()+" is in two entries.")
		}
		if _, err := described(description); err != nil {
			return nil, err
		}
		out = append(out, cloud.PrefixListEntry{Prefix: p, Description: text(description)})
	}
	return out, nil
}

// listName checks a prefix list's name.
func listName(name string) error {
	if n := len([]rune(name)); n < 2 || n > 128 || strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "com.aliyun") || strings.HasPrefix(name, "com.alibabacloud") {
		return resource.Fault("InvalidPrefixListName.Malformed", "The specified parameter \"PrefixListName\" is not valid.")
	}
	return nil
}

func (a *api) createPrefixList(ctx context.Context, in *CreatePrefixListInput) (*CreatePrefixListOutput, error) {
	v6 := *in.AddressFamily == "IPv6"
	switch {
	case !v6 && *in.AddressFamily != "IPv4":
		return nil, resource.Fault("InvalidParameter", "The specified parameter \"AddressFamily\" is not valid: it is IPv4 or IPv6.")
	case *in.MaxEntries < 1 || *in.MaxEntries > maxEntries:
		return nil, resource.Fault("InvalidParameter", "The specified parameter \"MaxEntries\" is not valid: it is from 1 to 200.")
	}
	if err := listName(*in.PrefixListName); err != nil {
		return nil, err
	}
	t, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	d := resource.Described{Description: in.Description}
	labels, err := resource.Labels(ctx, a.control, d, in.ResourceGroupId, t, interfaceName, interfaceDescription)
	if err != nil {
		return nil, err
	}
	c := control.CreatePrefixList{Labels: labels, Name: *in.PrefixListName, IPv6: v6, MaxEntries: int(*in.MaxEntries)}
	if c.Entries, err = entries(in.Entry, func(e Entry) (*string, *string) { return e.Cidr, e.Description }); err != nil {
		return nil, err
	}
	l, err := a.control.CreatePrefixList(ctx, resource.Caller(ctx), c)
	if err != nil {
		return nil, err
	}
	return &CreatePrefixListOutput{PrefixListId: new(string(l.ID))}, nil
}

// prefixList finds one of the caller's prefix lists.
func (a *api) prefixList(ctx context.Context, id string) (*cloud.PrefixList, error) {
	if l, ok := cloud.PrefixLists.Get(a.control.View(), cloud.PrefixListID(id)); ok && l.Scope() == resource.Scope(ctx) {
		return l, nil
	}
	return nil, missing(cloud.KindPrefixList)
}

func addressFamily(l *cloud.PrefixList) *string {
	if l.IPv6 {
		return new("IPv6")
	}
	return new("IPv4")
}

func (a *api) describePrefixLists(ctx context.Context, in *DescribePrefixListsInput) (*DescribePrefixListsOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	var all []PrefixList
	for l := range cloud.PrefixLists.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if !page.Has(in.PrefixListId, string(l.ID)) || !likes(in.PrefixListName, l.Name) || !is(in.AddressFamily, *addressFamily(l)) || !is(in.ResourceGroupId, resource.Group(&l.Meta)) || !page.HasTags(l.Tags, want) {
			continue
		}
		all = append(all, PrefixList{
			PrefixListId: new(string(l.ID)), PrefixListName: &l.Name, AddressFamily: addressFamily(l), MaxEntries: new(int64(l.MaxEntries)), CreationTime: resource.Time(l.Created), Tags: tagList(l.Tags),
			Description: new(l.Attrs[resource.AttrDescription]), ResourceGroupId: new(resource.Group(&l.Meta)), AssociationCount: new(int64(len(a.associations(ctx, l)))),
		})
	}
	key := func(l PrefixList) string { return *l.PrefixListId }
	slices.SortFunc(all, func(x, y PrefixList) int { return strings.Compare(key(x), key(y)) })
	out := &DescribePrefixListsOutput{}
	out.PrefixLists, out.NextToken, err = page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 10, Max: 100}, text(in.PrefixListName), key)
	return out, err
}

// associations are the security groups with rules that name a list.
func (a *api) associations(ctx context.Context, l *cloud.PrefixList) []PrefixListAssociation {
	var out []PrefixListAssociation
	for _, u := range control.PrefixListUsers(a.control.View(), resource.Caller(ctx), l.ID) {
		if u.Kind == cloud.KindSecurityGroup {
			out = append(out, PrefixListAssociation{ResourceId: new(u.ID), ResourceType: new("securitygroup")})
		}
	}
	return out
}

func (a *api) describePrefixListAttributes(ctx context.Context, in *DescribePrefixListAttributesInput) (*DescribePrefixListAttributesOutput, error) {
	l, err := a.prefixList(ctx, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	return &DescribePrefixListAttributesOutput{
		PrefixListId: in.PrefixListId, PrefixListName: &l.Name, AddressFamily: addressFamily(l), MaxEntries: new(int64(l.MaxEntries)), CreationTime: resource.Time(l.Created),
		Description: new(l.Attrs[resource.AttrDescription]),
		Entries: each(l.Entries, func(e cloud.PrefixListEntry) DescribePrefixListAttributesEntry {
			return DescribePrefixListAttributesEntry{Cidr: new(e.Prefix.String()), Description: &e.Description}
		}),
	}, nil
}

func (a *api) describePrefixListAssociations(ctx context.Context, in *DescribePrefixListAssociationsInput) (*DescribePrefixListAssociationsOutput, error) {
	l, err := a.prefixList(ctx, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	key := func(x PrefixListAssociation) string { return *x.ResourceId }
	all := a.associations(ctx, l)
	slices.SortFunc(all, func(x, y PrefixListAssociation) int { return strings.Compare(key(x), key(y)) })
	out := &DescribePrefixListAssociationsOutput{}
	out.PrefixListAssociations, out.NextToken, err = page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 10, Max: 100}, *in.PrefixListId, key)
	return out, err
}

func (a *api) modifyPrefixList(ctx context.Context, in *ModifyPrefixListInput) (*ModifyPrefixListOutput, error) {
	l, err := a.prefixList(ctx, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	m := control.ModifyPrefixList{}
	if in.PrefixListName != nil {
		if err := listName(*in.PrefixListName); err != nil {
			return nil, err
		}
		m.Name = in.PrefixListName
	}
	if m.Attrs, err = (resource.Described{Description: in.Description}).Attrs(interfaceName, interfaceDescription); err != nil {
		return nil, err
	}
	if m.Add, err = entries(in.AddEntry, func(e AddEntry) (*string, *string) { return e.Cidr, e.Description }); err != nil {
		return nil, err
	}
	gone, err := entries(in.RemoveEntry, func(e RemoveEntry) (*string, *string) { return e.Cidr, nil })
	if err != nil {
		return nil, err
	}
	for _, e := range gone {
		if slices.ContainsFunc(m.Add, func(o cloud.PrefixListEntry) bool { return o.Prefix == e.Prefix }) {
			return nil, resource.Fault("InvalidParameter", "The CIDR block "+e.Prefix.String()+" is to be added and to be removed.")
		}
		m.Remove = append(m.Remove, e.Prefix)
	}
	_, err = a.control.ModifyPrefixList(ctx, resource.Caller(ctx), l.ID, m)
	return nil, err
}

func (a *api) deletePrefixList(ctx context.Context, in *DeletePrefixListInput) (*DeletePrefixListOutput, error) {
	_, err := a.control.DeletePrefixList(ctx, resource.Caller(ctx), cloud.PrefixListID(*in.PrefixListId))
	return nil, err
}
