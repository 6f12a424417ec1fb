package cloud

import (
	"strings"
	"time"
)

// PrincipalKind tells who signs a request.
type PrincipalKind string

// Kinds of principal.
const (
	PrincipalRoot    PrincipalKind = "root"
	PrincipalUser    PrincipalKind = "user"
	PrincipalSession PrincipalKind = "session" // an assumed role
	// PrincipalFederated is somebody for whom a user or root asked for a session.
	PrincipalFederated PrincipalKind = "federated"
	PrincipalService   PrincipalKind = "service" // the platform itself
)

// Principal is an authenticated caller.
type Principal struct {
	Kind    PrincipalKind
	Account string
	ID      string // unique id: AIDA…, AROA…:session, account number for root
	Name    string // user name or role name; of federated principals the name they were given
	Path    string // of the user or role
	Session string // role session name
	KeyID   string // access key it signed with

	// Temporary tells that the credential is a session's; Issued is since when.
	Temporary bool
	Issued    time.Time
	// Limited says that session policies limit it: Policy, and the managed Policies by ARN.
	Limited  bool
	Policy   string
	Policies []string
	// Tags are the session's; they stand before those of the user or role.
	Tags map[string]string
	// Transitive are the keys of Tags that further sessions inherit.
	Transitive []string
	// SourceIdentity is what the first session of a chain said it is.
	SourceIdentity string
	// By is the user on whose behalf a federated principal acts; "" is root.
	By string
}

// RoleID is the unique ID of the role behind a session.
func (p Principal) RoleID() string {
	id, _, _ := strings.Cut(p.ID, ":")
	return id
}

// User is an IAM user.
type User struct {
	Meta
	ID       string // unique id
	Name     string
	Path     string
	Inline   map[string]string // policy name → document
	Attached []string          // managed policy ARNs
	Groups   []string
	Boundary string
}

// Group is an IAM group.
type Group struct {
	Meta
	ID       string
	Name     string
	Path     string
	Inline   map[string]string
	Attached []string
}

// Role is an IAM role.
type Role struct {
	Meta
	ID          string
	Name        string
	Path        string
	Description string
	Trust       string // trust policy document
	MaxSession  time.Duration
	Inline      map[string]string
	Attached    []string
	Boundary    string
	// Service owns a role that only it may change ("" for the account's own roles).
	Service string
}

// Policy is a managed policy; the platform's own have Account "".
type Policy struct {
	Meta
	ID          string
	ARN         string
	Name        string
	Path        string
	Description string
	Versions    []PolicyVersion
	Default     string // version id
	NextVersion int
}

// PolicyVersion is one document of a managed policy.
type PolicyVersion struct {
	ID       string
	Document string
	Created  time.Time
}

// AccessKey is a long-lived credential of a user, or of an account's root.
type AccessKey struct {
	Meta
	ID     string
	Secret string
	User   string // "" is the account's root
	Active bool
	// LoopbackOnly keys are refused from anywhere but this machine.
	LoopbackOnly bool
	// The last use, as far as it is kept: where and for what, to the hour.
	LastUsed    time.Time
	LastService string
	LastRegion  string
}

// InstanceProfile carries a role to instances.
type InstanceProfile struct {
	Meta
	ID    string
	Name  string
	Path  string
	Roles []string
}

// Setting is a value of the platform itself, such as the key that seals session tokens.
type Setting struct {
	Key   string
	Value string
}

func named(account, name string) string { return account + "/" + name }

// AccountKey names a global resource of one account: "account/name".
func AccountKey(account, name string) string { return named(account, name) }

// Identity tables. Users, groups, roles and profiles are keyed by AccountKey.
var (
	Users            = newTable("user", func(r *User) string { return named(r.Account, r.Name) }, index[User]{"account": func(r *User) []string { return one(r.Account) }, "id": func(r *User) []string { return one(r.ID) }})
	Groups           = newTable("group", func(r *Group) string { return named(r.Account, r.Name) }, index[Group]{"account": func(r *Group) []string { return one(r.Account) }})
	Roles            = newTable("role", func(r *Role) string { return named(r.Account, r.Name) }, index[Role]{"account": func(r *Role) []string { return one(r.Account) }})
	Policies         = newTable("policy", func(r *Policy) string { return r.ARN }, index[Policy]{"account": func(r *Policy) []string { return one(r.Account) }})
	AccessKeys       = newTable("access-key", func(r *AccessKey) string { return r.ID }, index[AccessKey]{"user": func(r *AccessKey) []string { return one(named(r.Account, r.User)) }})
	InstanceProfiles = newTable("instance-profile", func(r *InstanceProfile) string { return named(r.Account, r.Name) }, index[InstanceProfile]{"account": func(r *InstanceProfile) []string { return one(r.Account) }})
	Settings         = newTable("setting", func(r *Setting) string { return r.Key }, nil)
)
