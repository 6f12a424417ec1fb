package ec2

import (
	"context"
	"fmt"
	"net/netip"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func prefixListShape(l *cloud.PrefixList) ManagedPrefixList {
	out := ManagedPrefixList{
		PrefixListId: new(string(l.ID)), PrefixListName: new(l.Name), OwnerId: new(l.Account), AddressFamily: new("IPv4"),
		PrefixListArn: new(arn(&l.Meta, "prefix-list", string(l.ID))), State: PrefixListStateCreateComplete, Tags: tagList(l.Tags),
	}
	if l.IPv6 {
		out.AddressFamily = new("IPv6")
	}
	if l.Account == "" { // Amazon's own has no size and no version
		out.OwnerId = new("AWS")
		out.PrefixListArn = new("arn:aws:ec2:" + l.Region + ":aws:prefix-list/" + string(l.ID))
		return out
	}
	out.MaxEntries, out.Version = new(int32(l.MaxEntries)), new(l.Version)
	if l.Version > 1 {
		out.State = PrefixListStateModifyComplete
	}
	return out
}

var prefixListListing = listing[ManagedPrefixList]{
	kind: cloud.KindPrefixList, param: "prefixListIds",
	id:   func(l ManagedPrefixList) *string { return l.PrefixListId },
	tags: func(l ManagedPrefixList) []Tag { return l.Tags },
	fields: wire.Fields[ManagedPrefixList]{
		"owner-id":         func(l ManagedPrefixList) []string { return fact(l.OwnerId) },
		"prefix-list-id":   func(l ManagedPrefixList) []string { return fact(l.PrefixListId) },
		"prefix-list-name": func(l ManagedPrefixList) []string { return fact(l.PrefixListName) },
	},
}

// visibleLists are Amazon's lists of the region and the caller's own.
func visibleLists[T any](v cloud.View, who control.Caller, shape func(*cloud.PrefixList) T) []T {
	all := collect(v, cloud.PrefixLists, cloud.Scope("", who.Region), shape)
	return append(all, collect(v, cloud.PrefixLists, cloud.Scope(who.Account, who.Region), shape)...)
}

func (a *api) createManagedPrefixList(ctx context.Context, in *CreateManagedPrefixListInput) (*CreateManagedPrefixListOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	family := *in.AddressFamily
	if family != "IPv4" && family != "IPv6" {
		return nil, badValue("AddressFamily", family, "Must be IPv4 or IPv6.")
	}
	if name := *in.PrefixListName; len(name) >= 13 && name[:13] == "com.amazonaws" || len(name) > 255 {
		return nil, badValue("PrefixListName", name, "The name is reserved or too long.")
	}
	c := control.CreatePrefixList{Name: *in.PrefixListName, IPv6: family == "IPv6", MaxEntries: int(*in.MaxEntries)}
	if c.Labels, err = labels(cloud.KindPrefixList, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	if c.Entries, err = listEntries(in.Entries); err != nil {
		return nil, err
	}
	l, err := a.control.CreatePrefixList(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := prefixListShape(l)
	out.State = PrefixListStateCreateInProgress
	return &CreateManagedPrefixListOutput{PrefixList: &out}, nil
}

func listEntries(in []AddPrefixListEntry) ([]cloud.PrefixListEntry, error) {
	var out []cloud.PrefixListEntry
	for _, e := range in {
		p, err := netip.ParsePrefix(*e.Cidr)
		if err != nil {
			return nil, badValue("Cidr", *e.Cidr, "This is not a valid CIDR block.")
		}
		out = append(out, cloud.PrefixListEntry{Prefix: p, Description: text(e.Description)})
	}
	return out, nil
}

func (a *api) modifyManagedPrefixList(ctx context.Context, in *ModifyManagedPrefixListInput) (*ModifyManagedPrefixListOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	m := control.ModifyPrefixList{Name: in.PrefixListName, Version: in.CurrentVersion}
	entries := len(in.AddEntries)+len(in.RemoveEntries) > 0
	switch {
	case entries && in.CurrentVersion == nil:
		return nil, missing("CurrentVersion")
	case entries && in.MaxEntries != nil:
		return nil, combination("You cannot modify the entries and the maximum number of entries of a prefix list in the same request.")
	}
	if in.MaxEntries != nil {
		m.MaxEntries = new(int(*in.MaxEntries))
	}
	if m.Add, err = listEntries(in.AddEntries); err != nil {
		return nil, err
	}
	for _, e := range in.RemoveEntries {
		p, err := netip.ParsePrefix(*e.Cidr)
		if err != nil {
			return nil, badValue("Cidr", *e.Cidr, "This is not a valid CIDR block.")
		}
		m.Remove = append(m.Remove, p)
	}
	l, err := a.control.ModifyPrefixList(ctx, who, cloud.PrefixListID(*in.PrefixListId), m)
	if err != nil {
		return nil, err
	}
	out := prefixListShape(l)
	out.State = PrefixListStateModifyInProgress
	return &ModifyManagedPrefixListOutput{PrefixList: &out}, nil
}

func (a *api) deleteManagedPrefixList(ctx context.Context, in *DeleteManagedPrefixListInput) (*DeleteManagedPrefixListOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := a.control.DeletePrefixList(ctx, who, cloud.PrefixListID(*in.PrefixListId))
	if err != nil {
		return nil, err
	}
	out := prefixListShape(l)
	out.State = PrefixListStateDeleteInProgress
	return &DeleteManagedPrefixListOutput{PrefixList: &out}, nil
}

func (a *api) describeManagedPrefixLists(ctx context.Context, in *DescribeManagedPrefixListsInput) (*DescribeManagedPrefixListsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	out := &DescribeManagedPrefixListsOutput{}
	out.PrefixLists, out.NextToken, err = prefixListListing.answer(ctx, visibleLists(a.control.View(), who, prefixListShape), question{in.PrefixListIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

// visibleList is a list the caller may read.
func (a *api) visibleList(ctx context.Context, id string) (*cloud.PrefixList, control.Caller, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, who, err
	}
	l, ok := cloud.PrefixLists.Get(a.control.View(), cloud.PrefixListID(id))
	if !ok || l.Region != who.Region || l.Account != "" && l.Account != who.Account {
		return nil, who, noSuch(cloud.KindPrefixList, id)
	}
	return l, who, nil
}

var prefixEntryListing = listing[PrefixListEntry]{id: func(e PrefixListEntry) *string { return e.Cidr }}

func (a *api) getManagedPrefixListEntries(ctx context.Context, in *GetManagedPrefixListEntriesInput) (*GetManagedPrefixListEntriesOutput, error) {
	l, _, err := a.visibleList(ctx, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	entries := l.Entries
	if in.TargetVersion != nil {
		var ok bool
		if entries, ok = l.History[*in.TargetVersion]; !ok {
			return nil, &wire.Error{Code: "InvalidParameterValue", Msg: fmt.Sprintf("The prefix list '%s' has no version %d", l.ID, *in.TargetVersion)}
		}
	}
	var all []PrefixListEntry
	for _, e := range entries {
		all = append(all, PrefixListEntry{Cidr: new(e.Prefix.String()), Description: given(e.Description)})
	}
	out := &GetManagedPrefixListEntriesOutput{}
	out.Entries, out.NextToken, err = prefixEntryListing.answer(ctx, all, question{max: in.MaxResults, token: in.NextToken})
	return out, err
}

var prefixUserListing = listing[PrefixListAssociation]{id: func(u PrefixListAssociation) *string { return u.ResourceId }}

func (a *api) getManagedPrefixListAssociations(ctx context.Context, in *GetManagedPrefixListAssociationsInput) (*GetManagedPrefixListAssociationsOutput, error) {
	l, who, err := a.visibleList(ctx, *in.PrefixListId)
	if err != nil {
		return nil, err
	}
	var all []PrefixListAssociation
	for _, u := range control.PrefixListUsers(a.control.View(), who, l.ID) {
		all = append(all, PrefixListAssociation{ResourceId: new(u.ID), ResourceOwner: new(who.Account)})
	}
	out := &GetManagedPrefixListAssociationsOutput{}
	out.PrefixListAssociations, out.NextToken, err = prefixUserListing.answer(ctx, all, question{max: in.MaxResults, token: in.NextToken})
	return out, err
}

func (a *api) restoreManagedPrefixListVersion(ctx context.Context, in *RestoreManagedPrefixListVersionInput) (*RestoreManagedPrefixListVersionOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := a.control.RestorePrefixList(ctx, who, cloud.PrefixListID(*in.PrefixListId), *in.PreviousVersion, in.CurrentVersion)
	if err != nil {
		return nil, err
	}
	out := prefixListShape(l)
	out.State = PrefixListStateRestoreInProgress
	return &RestoreManagedPrefixListVersionOutput{PrefixList: &out}, nil
}

var servicePrefixListing = listing[PrefixList]{
	kind: cloud.KindPrefixList, param: "prefixListIds",
	id: func(l PrefixList) *string { return l.PrefixListId },
	fields: wire.Fields[PrefixList]{
		"prefix-list-id":   func(l PrefixList) []string { return fact(l.PrefixListId) },
		"prefix-list-name": func(l PrefixList) []string { return fact(l.PrefixListName) },
	},
}

// describePrefixLists lists Amazon's own lists with their blocks.
func (a *api) describePrefixLists(ctx context.Context, in *DescribePrefixListsInput) (*DescribePrefixListsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	all := collect(a.control.View(), cloud.PrefixLists, cloud.Scope("", who.Region), func(l *cloud.PrefixList) PrefixList {
		out := PrefixList{PrefixListId: new(string(l.ID)), PrefixListName: new(l.Name)}
		for _, e := range l.Entries {
			out.Cidrs = append(out.Cidrs, e.Prefix.String())
		}
		return out
	})
	out := &DescribePrefixListsOutput{}
	out.PrefixLists, out.NextToken, err = servicePrefixListing.answer(ctx, all, question{in.PrefixListIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}
