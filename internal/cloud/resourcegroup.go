package cloud

// ResourceGroup is a set of an account's resources, of every kind and region, in
// which policies can be granted.
type ResourceGroup struct {
	Meta
	ID          string
	Name        string
	DisplayName string
}

// GroupGrant is a managed policy that a user, group or role has for the resources
// of one resource group.
type GroupGrant struct {
	Meta
	Group  string   // the resource group
	Holder Resource // KindUser, KindGroup or KindRole
	Name   string   // of the holder
	Policy string   // ARN
}

// Key is the key of the grant in its table.
func (r *GroupGrant) Key() string {
	return HolderKey(r.Account, r.Holder, r.Name) + "/" + r.Group + "/" + r.Policy
}

// HolderKey is the index key ("holder") of what a user, group or role is granted.
func HolderKey(account string, kind Resource, name string) string {
	return account + "/" + string(kind) + "/" + name
}

// Tables of resource groups.
var (
	ResourceGroups = newTable("resource-group", func(r *ResourceGroup) string { return r.ID },
		index[ResourceGroup]{"account": func(r *ResourceGroup) []string { return one(r.Account) }})
	GroupGrants = newTable("group-grant", (*GroupGrant).Key, index[GroupGrant]{
		"account": func(r *GroupGrant) []string { return one(r.Account) },
		"holder":  func(r *GroupGrant) []string { return one(HolderKey(r.Account, r.Holder, r.Name)) },
		"group":   func(r *GroupGrant) []string { return one(r.Group) },
	})
)
