package control

import (
	"strings"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// ExecutionRole is the role a function runs as.
type ExecutionRole struct {
	ARN     string
	Service string // principal that the role must trust; "" if nobody asks before it is assumed
}

// findRole finds the role that an ARN of either cloud names:
// "arn:aws:iam::<account>:role/<path>/<name>", "acs:ram::<account>:role/<name>".
func findRole(v cloud.View, arn string) (*cloud.Role, bool) {
	parts := strings.Split(arn, ":")
	if len(parts) < 2 {
		return nil, false
	}
	path, account := parts[len(parts)-1], parts[len(parts)-2]
	name := path[strings.LastIndexByte(path, '/')+1:]
	role, ok := cloud.Roles.Get(v, cloud.AccountKey(account, name))
	if !ok || "role"+role.Path+role.Name != path && "role/"+role.Name != path {
		return nil, false
	}
	return role, true
}

// checkRole wants a role that exists and lets the service assume it.
func (c *Control) checkRole(v cloud.View, r ExecutionRole) error {
	role, ok := findRole(v, r.ARN)
	if !ok {
		return cloud.Errorf(cloud.Invalid, cloud.KindRole, r.ARN, "not-assumable", "role %s does not exist", r.ARN)
	}
	if !c.trusts(role, r.Service) {
		return cloud.Errorf(cloud.Invalid, cloud.KindRole, r.ARN, "not-assumable", "the trust policy of role %s does not let %s assume it", r.ARN, r.Service)
	}
	return nil
}

func (c *Control) trusts(role *cloud.Role, service string) bool {
	doc, err := c.document(role.Trust, iam.Trust)
	if err != nil {
		return false
	}
	return iam.Trusts(doc, iam.Request{
		Principals:  []iam.Principal{{Type: "Service", Value: service}},
		Action:      "sts:AssumeRole",
		SameAccount: true,
	})
}

// roleAllows wants a role whose own policies allow the action on everything.
func (c *Control) roleAllows(v cloud.View, arn, action string) error {
	refused := cloud.Errorf(cloud.Denied, cloud.KindRole, arn, action, "execution role %s is not allowed to do %s: attach a policy that allows it", arn, action)
	role, ok := findRole(v, arn)
	if !ok {
		return refused
	}
	set, err := c.policiesOf(v, cloud.Principal{Kind: cloud.PrincipalSession, Account: role.Account, Name: role.Name})
	if err != nil {
		return refused
	}
	req := iam.Request{
		Principals:  []iam.Principal{{Type: "AWS", Value: arn}},
		Action:      action,
		Resource:    "*",
		SameAccount: true,
	}
	if !iam.Evaluate(req, set).Allowed {
		return refused
	}
	return nil
}
