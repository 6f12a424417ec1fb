package iam

import (
	"context"
	"slices"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) handleInstanceProfiles(s *wire.Service) {
	wire.Handle(s, "ListInstanceProfilesForRole", a.listInstanceProfilesForRole)
}

// profileOf is an instance profile as the API shows it.
func (a *api) profileOf(p *cloud.InstanceProfile) *InstanceProfile {
	out := &InstanceProfile{
		Arn: arn(p.Account, "instance-profile", p.Path, p.Name), InstanceProfileId: &p.ID, InstanceProfileName: &p.Name,
		Path: &p.Path, CreateDate: &p.Created, Roles: []Role{},
	}
	for _, name := range p.Roles {
		if r, err := a.control.Role(p.Account, name); err == nil {
			out.Roles = append(out.Roles, *roleOf(r, false))
		}
	}
	return out
}

func (a *api) listInstanceProfilesForRole(ctx context.Context, in *ListInstanceProfilesForRoleInput) (*ListInstanceProfilesForRoleOutput, error) {
	account := wire.CallFrom(ctx).Account
	if _, err := a.control.Role(account, *in.RoleName); err != nil {
		return nil, err
	}
	var all []*cloud.InstanceProfile
	for p := range cloud.InstanceProfiles.By(a.control.View(), "account", account) {
		if slices.Contains(p.Roles, *in.RoleName) {
			all = append(all, p)
		}
	}
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(p *cloud.InstanceProfile) string { return p.Name })
	if err != nil {
		return nil, err
	}
	out := &ListInstanceProfilesForRoleOutput{Marker: next, IsTruncated: more, InstanceProfiles: []InstanceProfile{}}
	for _, p := range all {
		out.InstanceProfiles = append(out.InstanceProfiles, *a.profileOf(p))
	}
	return out, nil
}
