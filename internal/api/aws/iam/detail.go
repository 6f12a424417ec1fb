package iam

import (
	"context"
	"maps"
	"slices"

	"weir/internal/cloud"
	"weir/internal/control"
)

// detail is one entry of the account's details, not yet written out.
type detail struct {
	key string // kind and name, for paging
	put func(*GetAccountAuthorizationDetailsOutput)
}

func policyDetails(inline map[string]string) []PolicyDetail {
	out := []PolicyDetail{}
	for _, name := range slices.Sorted(maps.Keys(inline)) {
		out = append(out, PolicyDetail{PolicyName: &name, PolicyDocument: document(inline[name])})
	}
	return out
}

func attachedDetails(v cloud.View, arns []string) []AttachedPolicy {
	out := []AttachedPolicy{}
	for _, arn := range arns {
		if p, ok := cloud.Policies.Get(v, arn); ok {
			out = append(out, AttachedPolicy{PolicyArn: &p.ARN, PolicyName: &p.Name})
		}
	}
	return out
}

func userDetail(v cloud.View, u *cloud.User) UserDetail {
	s := userOf(u, true)
	return UserDetail{
		Arn: s.Arn, UserId: s.UserId, UserName: s.UserName, Path: s.Path, CreateDate: s.CreateDate, Tags: s.Tags,
		PermissionsBoundary: s.PermissionsBoundary, GroupList: append([]string{}, u.Groups...),
		UserPolicyList: policyDetails(u.Inline), AttachedManagedPolicies: attachedDetails(v, u.Attached),
	}
}

func groupDetail(v cloud.View, g *cloud.Group) GroupDetail {
	s := groupOf(g)
	return GroupDetail{
		Arn: s.Arn, GroupId: s.GroupId, GroupName: s.GroupName, Path: s.Path, CreateDate: s.CreateDate,
		GroupPolicyList: policyDetails(g.Inline), AttachedManagedPolicies: attachedDetails(v, g.Attached),
	}
}

func roleDetail(v cloud.View, r *cloud.Role) RoleDetail {
	s := roleOf(r, true)
	d := RoleDetail{
		Arn: s.Arn, RoleId: s.RoleId, RoleName: s.RoleName, Path: s.Path, CreateDate: s.CreateDate, Tags: s.Tags,
		AssumeRolePolicyDocument: s.AssumeRolePolicyDocument, PermissionsBoundary: s.PermissionsBoundary, RoleLastUsed: s.RoleLastUsed,
		RolePolicyList: policyDetails(r.Inline), AttachedManagedPolicies: attachedDetails(v, r.Attached), InstanceProfileList: []InstanceProfile{},
	}
	for p := range cloud.InstanceProfiles.By(v, "account", r.Account) {
		if slices.Contains(p.Roles, r.Name) {
			d.InstanceProfileList = append(d.InstanceProfileList, *profileOf(v, p, false))
		}
	}
	return d
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
func (a *api) getAccountAuthorizationDetails(ctx context.Context, in *GetAccountAuthorizationDetailsInput) (*GetAccountAuthorizationDetailsOutput, error) {
	all, next, more, err := page(ctx, a.details(account(ctx), in.Filter), in.Marker, in.MaxItems, func(d detail) string { return d.key })
	out := &GetAccountAuthorizationDetailsOutput{
		Marker: next, IsTruncated: more,
		UserDetailList: []UserDetail{}, GroupDetailList: []GroupDetail{}, RoleDetailList: []RoleDetail{}, Policies: []ManagedPolicyDetail{},
	}
	for _, d := range all {
		d.put(out)
	}
	return out, err
}

// details lists what the filter wants, which is everything if it is empty.
func (a *api) details(account string, filter []EntityType) []detail {
	v := a.control.View()
	var all []detail
	add := func(kind EntityType, name string, put func(*GetAccountAuthorizationDetailsOutput)) {
		if len(filter) == 0 || slices.Contains(filter, kind) {
			all = append(all, detail{string(kind) + "/" + name, put})
		}
	}
	type out = GetAccountAuthorizationDetailsOutput
	for u := range cloud.Users.By(v, "account", account) {
		add(EntityTypeUser, u.Name, func(o *out) { o.UserDetailList = append(o.UserDetailList, userDetail(v, u)) })
	}
	for g := range cloud.Groups.By(v, "account", account) {
		add(EntityTypeGroup, g.Name, func(o *out) { o.GroupDetailList = append(o.GroupDetailList, groupDetail(v, g)) })
	}
	for r := range cloud.Roles.By(v, "account", account) {
		add(EntityTypeRole, r.Name, func(o *out) { o.RoleDetailList = append(o.RoleDetailList, roleDetail(v, r)) })
	}
	a.managedDetails(v, account, add)
	return all
}

// managedDetails adds the account's own policies, and those of AWS that it uses.
func (a *api) managedDetails(v cloud.View, account string, add func(EntityType, string, func(*GetAccountAuthorizationDetailsOutput))) {
	uses := control.PolicyUses(v, account)
	for p := range cloud.Policies.All(v) {
		kind, use := EntityTypeLocalManagedPolicy, uses[p.ARN]
		if p.Account == "" {
			if kind = EntityTypeAWSManagedPolicy; use.Attached+use.Bounds == 0 {
				continue
			}
		} else if p.Account != account {
			continue
		}
		add(kind, p.ARN, func(o *GetAccountAuthorizationDetailsOutput) {
			s := policyOf(p, use)
			d := ManagedPolicyDetail{
				Arn: s.Arn, PolicyId: s.PolicyId, PolicyName: s.PolicyName, Path: s.Path, DefaultVersionId: s.DefaultVersionId, Description: s.Description,
				IsAttachable: s.IsAttachable, AttachmentCount: s.AttachmentCount, PermissionsBoundaryUsageCount: s.PermissionsBoundaryUsageCount,
				CreateDate: s.CreateDate, UpdateDate: s.UpdateDate, PolicyVersionList: []PolicyVersion{},
			}
			for i := range p.Versions {
				d.PolicyVersionList = append(d.PolicyVersionList, *versionOf(p, &p.Versions[i], true))
			}
			o.Policies = append(o.Policies, d)
		})
	}
}
