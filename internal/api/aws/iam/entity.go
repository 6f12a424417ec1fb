package iam

import (
	"context"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// entity is a user, group or role that uses a policy.
type entity struct {
	kind, id, name string
}

// entities lists who has a policy attached, or is bounded by it.
func entities(v cloud.View, account, arn string, filter EntityType, usage PolicyUsageType, prefix string) []entity {
	var out []entity
	add := func(kind, id, name, path string, attached []string, boundary string) {
		uses := usage != "PermissionsBoundary" && slices.Contains(attached, arn) || usage != "PermissionsPolicy" && boundary == arn
		if uses && (filter == "" || string(filter) == kind) && strings.HasPrefix(path, prefix) {
			out = append(out, entity{kind, id, name})
		}
	}
	for g := range cloud.Groups.By(v, "account", account) {
		add("Group", g.ID, g.Name, g.Path, g.Attached, "")
	}
	for r := range cloud.Roles.By(v, "account", account) {
		add("Role", r.ID, r.Name, r.Path, r.Attached, r.Boundary)
	}
	for u := range cloud.Users.By(v, "account", account) {
		add("User", u.ID, u.Name, u.Path, u.Attached, u.Boundary)
	}
	return out
}

func (a *api) listEntitiesForPolicy(ctx context.Context, in *ListEntitiesForPolicyInput) (*ListEntitiesForPolicyOutput, error) {
	account := account(ctx)
	if _, err := a.control.Policy(account, *in.PolicyArn); err != nil {
		return nil, err
	}
	all := entities(a.control.View(), account, *in.PolicyArn, in.EntityFilter, in.PolicyUsageFilter, pathOr(in.PathPrefix))
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(e entity) string { return e.kind + "/" + e.name })
	out := &ListEntitiesForPolicyOutput{Marker: next, IsTruncated: more, PolicyGroups: []PolicyGroup{}, PolicyRoles: []PolicyRole{}, PolicyUsers: []PolicyUser{}}
	for _, e := range all {
		switch e.kind {
		case "Group":
			out.PolicyGroups = append(out.PolicyGroups, PolicyGroup{GroupId: &e.id, GroupName: &e.name})
		case "Role":
			out.PolicyRoles = append(out.PolicyRoles, PolicyRole{RoleId: &e.id, RoleName: &e.name})
		case "User":
			out.PolicyUsers = append(out.PolicyUsers, PolicyUser{UserId: &e.id, UserName: &e.name})
		}
	}
	return out, err
}
