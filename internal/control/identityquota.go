package control

// IdentityQuotas are how much of each kind an account may have, and how large
// policies may be, by the names that the vendor's summary gives them.
func IdentityQuotas() map[string]int32 {
	return map[string]int32{
		"UsersQuota": maxUsers, "GroupsQuota": maxGroups, "RolesQuota": maxRoles, "PoliciesQuota": maxPolicies,
		"InstanceProfilesQuota": maxInstanceProfiles, "GroupsPerUserQuota": maxGroupsPerUser, "AccessKeysPerUserQuota": maxAccessKeys,
		"UserPolicySizeQuota": maxInlineUser, "GroupPolicySizeQuota": maxInlineGroup, "RolePolicySizeQuota": maxInlineRole,
		"PolicySizeQuota": maxManagedPolicy, "VersionsPerPolicyQuota": maxPolicyVersions, "AssumeRolePolicySizeQuota": maxTrustPolicy,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached,
	}
}
