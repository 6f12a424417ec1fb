package control

import (
	"iter"
	"strings"

	"weir/internal/cloud"
)

// Quotas of identities, as the vendor's defaults.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	maxUsers            = 5000
	maxGroups           = 300
	maxRoles            = 1000
	maxPolicies         = 1500
	maxInstanceProfiles = 1000
	maxGroupsPerUser    = 10
	maxAccessKeys       = 2
	maxIdentityTags     = 50
)

// nameFree refuses a name that one of the account's resources of its kind has in
// any case, and one resource too many.
func nameFree[T any](all iter.Seq[*T], name func(*T) string, want string, taken error, quota string, limit int) error {
	n := 0
	for r := range all {
		if strings.EqualFold(name(r), want) {
			return taken
		}
		n++
	}
	if n >= limit {
		return cloud.Errorf(cloud.Limit, "", want, quota, "Cannot exceed quota for %s: %d", quota, limit)
	}
	return nil
}

// userNameFree, like its siblings, excludes from the count the resource that is renamed.
func userNameFree(v cloud.View, account, name string) error {
	return nameFree(cloud.Users.By(v, "account", account), func(u *cloud.User) string { return u.Name }, name, exists(Holder{cloud.KindUser, name}), "UsersPerAccount", maxUsers)
}

func groupNameFree(v cloud.View, account, name string) error {
	return nameFree(cloud.Groups.By(v, "account", account), func(g *cloud.Group) string { return g.Name }, name, exists(Holder{cloud.KindGroup, name}), "GroupsPerAccount", maxGroups)
}

func roleNameFree(v cloud.View, account, name string) error {
	return nameFree(cloud.Roles.By(v, "account", account), func(r *cloud.Role) string { return r.Name }, name, exists(Holder{cloud.KindRole, name}), "RolesPerAccount", maxRoles)
}

// Retag puts tags with some set and some removed into a resource.
func Retag(m *cloud.Meta, set map[string]string, remove []string) error {
	next := map[string]string{}
	for k, v := range m.Tags {
		next[k] = v
	}
	for k, v := range set {
		// Keys are compared without case, and keep the case they were first given.
		for old := range next {
			if strings.EqualFold(old, k) {
				k = old
				break
			}
		}
		next[k] = v
	}
	for _, k := range remove {
		for old := range next {
			if strings.EqualFold(old, k) {
				delete(next, old)
			}
		}
	}
	if len(next) > maxIdentityTags {
		return cloud.Errorf(cloud.Limit, "", "", "tags", "The number of tags has reached the maximum limit.")
	}
	if m.Tags = next; len(next) == 0 {
		m.Tags = nil
	}
	return nil
}
