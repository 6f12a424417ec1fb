package iam

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleInstanceProfiles(s *wire.Service) {
	wire.Handle(s, "CreateInstanceProfile", a.createInstanceProfile)
	wire.Handle(s, "GetInstanceProfile", a.getInstanceProfile)
	wire.Handle(s, "ListInstanceProfiles", a.listInstanceProfiles)
	wire.Handle(s, "ListInstanceProfilesForRole", a.listInstanceProfilesForRole)
	wire.Handle(s, "DeleteInstanceProfile", a.deleteInstanceProfile)
	wire.Handle(s, "AddRoleToInstanceProfile", a.addRoleToInstanceProfile)
	wire.Handle(s, "RemoveRoleFromInstanceProfile", a.removeRoleFromInstanceProfile)
	wire.Handle(s, "TagInstanceProfile", a.tagInstanceProfile)
	wire.Handle(s, "UntagInstanceProfile", a.untagInstanceProfile)
	wire.Handle(s, "ListInstanceProfileTags", a.listInstanceProfileTags)
}

func profileOf(v cloud.View, p *cloud.InstanceProfile, full bool) *InstanceProfile {
	out := &InstanceProfile{
		Arn: arn(p.Account, "instance-profile", p.Path, p.Name), InstanceProfileId: &p.ID, InstanceProfileName: &p.Name,
		Path: &p.Path, CreateDate: &p.Created, Roles: []Role{},
	}
	for _, name := range p.Roles {
		if r, ok := cloud.Roles.Get(v, cloud.AccountKey(p.Account, name)); ok {
			out.Roles = append(out.Roles, *roleOf(r, false))
		}
	}
	if full && len(p.Tags) > 0 {
		out.Tags = tagList(p.Tags)
	}
	return out
}

func (a *api) createInstanceProfile(ctx context.Context, in *CreateInstanceProfileInput) (*CreateInstanceProfileOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	p, err := a.control.CreateInstanceProfile(ctx, caller(ctx), *in.InstanceProfileName, pathOr(in.Path), tags)
	if err != nil {
		return nil, err
	}
	return &CreateInstanceProfileOutput{InstanceProfile: profileOf(a.control.View(), p, true)}, nil
}

func (a *api) getInstanceProfile(ctx context.Context, in *GetInstanceProfileInput) (*GetInstanceProfileOutput, error) {
	p, err := a.control.InstanceProfile(account(ctx), *in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	return &GetInstanceProfileOutput{InstanceProfile: profileOf(a.control.View(), p, true)}, nil
}

// profiles is a page of the account's profiles that keep wants.
func (a *api) profiles(ctx context.Context, marker *string, max *int32, keep func(*cloud.InstanceProfile) bool) ([]InstanceProfile, *string, *bool, error) {
	v := a.control.View()
	var all []*cloud.InstanceProfile
	for p := range cloud.InstanceProfiles.By(v, "account", account(ctx)) {
		if keep(p) {
			all = append(all, p)
		}
	}
	all, next, more, err := page(ctx, all, marker, max, func(p *cloud.InstanceProfile) string { return p.Name })
	out := []InstanceProfile{}
	for _, p := range all {
		out = append(out, *profileOf(v, p, false))
	}
	return out, next, more, err
}

func (a *api) listInstanceProfiles(ctx context.Context, in *ListInstanceProfilesInput) (*ListInstanceProfilesOutput, error) {
	list, next, more, err := a.profiles(ctx, in.Marker, in.MaxItems, func(p *cloud.InstanceProfile) bool { return strings.HasPrefix(p.Path, pathOr(in.PathPrefix)) })
	return &ListInstanceProfilesOutput{InstanceProfiles: list, Marker: next, IsTruncated: more}, err
}

func (a *api) listInstanceProfilesForRole(ctx context.Context, in *ListInstanceProfilesForRoleInput) (*ListInstanceProfilesForRoleOutput, error) {
	if _, err := a.control.Role(account(ctx), *in.RoleName); err != nil {
		return nil, err
	}
	list, next, more, err := a.profiles(ctx, in.Marker, in.MaxItems, func(p *cloud.InstanceProfile) bool { return slices.Contains(p.Roles, *in.RoleName) })
	return &ListInstanceProfilesForRoleOutput{InstanceProfiles: list, Marker: next, IsTruncated: more}, err
}

func (a *api) deleteInstanceProfile(ctx context.Context, in *DeleteInstanceProfileInput) (*DeleteInstanceProfileOutput, error) {
	return nil, a.control.DeleteInstanceProfile(ctx, account(ctx), *in.InstanceProfileName)
}

func (a *api) addRoleToInstanceProfile(ctx context.Context, in *AddRoleToInstanceProfileInput) (*AddRoleToInstanceProfileOutput, error) {
	return nil, a.control.AddRoleToProfile(ctx, account(ctx), *in.InstanceProfileName, *in.RoleName)
}

func (a *api) removeRoleFromInstanceProfile(ctx context.Context, in *RemoveRoleFromInstanceProfileInput) (*RemoveRoleFromInstanceProfileOutput, error) {
	return nil, a.control.RemoveRoleFromProfile(ctx, account(ctx), *in.InstanceProfileName, *in.RoleName)
}

func (a *api) tagInstanceProfile(ctx context.Context, in *TagInstanceProfileInput) (*TagInstanceProfileOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, a.retagProfile(ctx, in.InstanceProfileName, tags, nil)
}

func (a *api) untagInstanceProfile(ctx context.Context, in *UntagInstanceProfileInput) (*UntagInstanceProfileOutput, error) {
	return nil, a.retagProfile(ctx, in.InstanceProfileName, nil, in.TagKeys)
}

func (a *api) retagProfile(ctx context.Context, name *string, set map[string]string, remove []string) error {
	return a.control.EditInstanceProfile(ctx, account(ctx), *name, func(_ cloud.View, p *cloud.InstanceProfile) error {
		return control.Retag(&p.Meta, set, remove)
	})
}

func (a *api) listInstanceProfileTags(ctx context.Context, in *ListInstanceProfileTagsInput) (*ListInstanceProfileTagsOutput, error) {
	p, err := a.control.InstanceProfile(account(ctx), *in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	tags, next, more, err := page(ctx, tagList(p.Tags), in.Marker, in.MaxItems, func(t Tag) string { return *t.Key })
	return &ListInstanceProfileTagsOutput{Tags: tags, Marker: next, IsTruncated: more}, err
}
