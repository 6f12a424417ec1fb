package ram

import (
	"context"
	"slices"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) attachments(s *wire.Service) {
	wire.Handle(s, "AttachPolicyToUser", a.attachPolicyToUser)
	wire.Handle(s, "AttachPolicyToGroup", a.attachPolicyToGroup)
	wire.Handle(s, "AttachPolicyToRole", a.attachPolicyToRole)
	wire.Handle(s, "DetachPolicyFromUser", a.detachPolicyFromUser)
	wire.Handle(s, "DetachPolicyFromGroup", a.detachPolicyFromGroup)
	wire.Handle(s, "DetachPolicyFromRole", a.detachPolicyFromRole)
	wire.Handle(s, "ListPoliciesForUser", a.listPoliciesForUser)
	wire.Handle(s, "ListPoliciesForGroup", a.listPoliciesForGroup)
	wire.Handle(s, "ListPoliciesForRole", a.listPoliciesForRole)
	wire.Handle(s, "ListEntitiesForPolicy", a.listEntitiesForPolicy)
}

// Attach gives a holder a policy: everywhere, or (group not "") in one resource
// group. Having it already is an error.
func Attach(ctx context.Context, c *control.Control, account string, h control.Holder, kind, name, group string) error {
	arn, err := PolicyARN(account, kind, name)
	if err != nil {
		return err
	}
	again := &wire.Error{Code: "EntityAlreadyExists." + entities[h.Kind] + ".Policy", Status: 409, Msg: "The policy is already attached to the " + nouns[h.Kind] + "."}
	if group != "" {
		if err := c.GrantInGroup(ctx, account, group, h, arn); !cloud.IsKind(err, cloud.Exists) {
			return err
		}
		return again
	}
	_, have, err := c.Grants(account, h)
	switch {
	case err != nil:
		return err
	case slices.Contains(have, arn):
		return again
	}
	return c.AttachPolicy(ctx, account, h, arn)
}

// Detach takes a policy from a holder.
func Detach(ctx context.Context, c *control.Control, account string, h control.Holder, kind, name, group string) error {
	arn, err := PolicyARN(account, kind, name)
	if err != nil {
		return err
	}
	_, have, err := c.Grants(account, h)
	if err != nil {
		return err
	}
	gone := &wire.Error{Code: "EntityNotExist." + entities[h.Kind] + ".Policy", Status: 404, Msg: "The policy is not attached to the " + nouns[h.Kind] + "."}
	if group != "" {
		if err := c.RevokeInGroup(ctx, account, group, h, arn); !cloud.IsKind(err, cloud.NotFound) {
			return err
		}
		return gone
	}
	if !slices.Contains(have, arn) {
		return gone
	}
	return c.DetachPolicy(ctx, account, h, arn)
}

func user(name *string) control.Holder  { return control.Holder{Kind: cloud.KindUser, Name: *name} }
func group(name *string) control.Holder { return control.Holder{Kind: cloud.KindGroup, Name: *name} }
func role(name *string) control.Holder  { return control.Holder{Kind: cloud.KindRole, Name: *name} }

func (a *api) attachPolicyToUser(ctx context.Context, in *AttachPolicyToUserInput) (*AttachPolicyToUserOutput, error) {
	return nil, Attach(ctx, a.control, account(ctx), user(in.UserName), *in.PolicyType, *in.PolicyName, text(in.ResourceGroupId))
}

func (a *api) attachPolicyToGroup(ctx context.Context, in *AttachPolicyToGroupInput) (*AttachPolicyToGroupOutput, error) {
	return nil, Attach(ctx, a.control, account(ctx), group(in.GroupName), *in.PolicyType, *in.PolicyName, text(in.ResourceGroupId))
}

func (a *api) attachPolicyToRole(ctx context.Context, in *AttachPolicyToRoleInput) (*AttachPolicyToRoleOutput, error) {
	return nil, Attach(ctx, a.control, account(ctx), role(in.RoleName), *in.PolicyType, *in.PolicyName, text(in.ResourceGroupId))
}

func (a *api) detachPolicyFromUser(ctx context.Context, in *DetachPolicyFromUserInput) (*DetachPolicyFromUserOutput, error) {
	return nil, Detach(ctx, a.control, account(ctx), user(in.UserName), *in.PolicyType, *in.PolicyName, text(in.ResourceGroupId))
}

func (a *api) detachPolicyFromGroup(ctx context.Context, in *DetachPolicyFromGroupInput) (*DetachPolicyFromGroupOutput, error) {
	return nil, Detach(ctx, a.control, account(ctx), group(in.GroupName), *in.PolicyType, *in.PolicyName, text(in.ResourceGroupId))
}

func (a *api) detachPolicyFromRole(ctx context.Context, in *DetachPolicyFromRoleInput) (*DetachPolicyFromRoleOutput, error) {
	return nil, Detach(ctx, a.control, account(ctx), role(in.RoleName), *in.PolicyType, *in.PolicyName, text(in.ResourceGroupId))
}

// attached lists the policies of this dialect that a holder has everywhere.
func (a *api) attached(ctx context.Context, h control.Holder) ([]Policy, error) {
	_, arns, err := a.control.Grants(account(ctx), h)
	var out []Policy
	for _, arn := range arns {
		p, ok := cloud.Policies.Get(a.control.View(), arn)
		if ok && PolicyType(p) != "" {
			out = append(out, Policy{PolicyName: &p.Name, PolicyType: new(PolicyType(p)), Description: &p.Description, DefaultVersion: &p.Default})
		}
	}
	return out, err
}

func (a *api) listPoliciesForUser(ctx context.Context, in *ListPoliciesForUserInput) (*ListPoliciesForUserOutput, error) {
	list, err := a.attached(ctx, user(in.UserName))
	return &ListPoliciesForUserOutput{Policies: list}, err
}

func (a *api) listPoliciesForGroup(ctx context.Context, in *ListPoliciesForGroupInput) (*ListPoliciesForGroupOutput, error) {
	list, err := a.attached(ctx, group(in.GroupName))
	return &ListPoliciesForGroupOutput{Policies: list}, err
}

func (a *api) listPoliciesForRole(ctx context.Context, in *ListPoliciesForRoleInput) (*ListPoliciesForRoleOutput, error) {
	list, err := a.attached(ctx, role(in.RoleName))
	return &ListPoliciesForRoleOutput{Policies: list}, err
}

// holders lists who has a policy, also those who have it in a resource group only.
func (a *api) holders(ctx context.Context, arn string) []control.Holder {
	v, account := a.control.View(), account(ctx)
	var out []control.Holder
	add := func(kind cloud.Resource, name string, have []string) {
		if slices.Contains(have, arn) {
			out = append(out, control.Holder{Kind: kind, Name: name})
		}
	}
	for u := range cloud.Users.By(v, "account", account) {
		add(cloud.KindUser, u.Name, u.Attached)
	}
	for g := range cloud.Groups.By(v, "account", account) {
		add(cloud.KindGroup, g.Name, g.Attached)
	}
	for r := range cloud.Roles.By(v, "account", account) {
		add(cloud.KindRole, r.Name, r.Attached)
	}
	for _, g := range a.control.GroupGrants(account) {
		if h := (control.Holder{Kind: g.Holder, Name: g.Name}); !slices.Contains(out, h) {
			add(g.Holder, g.Name, []string{g.Policy})
		}
	}
	return out
}

func (a *api) listEntitiesForPolicy(ctx context.Context, in *ListEntitiesForPolicyInput) (*ListEntitiesForPolicyOutput, error) {
	p, err := a.find(ctx, *in.PolicyType, *in.PolicyName)
	if err != nil {
		return nil, err
	}
	v, out := a.control.View(), &ListEntitiesForPolicyOutput{}
	for _, h := range a.holders(ctx, p.ARN) {
		key := cloud.AccountKey(account(ctx), h.Name)
		switch h.Kind {
		case cloud.KindUser:
			if u, ok := cloud.Users.Get(v, key); ok {
				out.Users = append(out.Users, ListEntitiesForPolicyUser{UserId: &u.ID, UserName: &u.Name, DisplayName: attr(&u.Meta, attrDisplay)})
			}
		case cloud.KindGroup:
			if g, ok := cloud.Groups.Get(v, key); ok {
				out.Groups = append(out.Groups, ListEntitiesForPolicyGroup{GroupName: &g.Name, Comments: attr(&g.Meta, attrComments)})
			}
		case cloud.KindRole:
			if r, ok := cloud.Roles.Get(v, key); ok {
				out.Roles = append(out.Roles, ListEntitiesForPolicyRole{RoleId: &r.ID, RoleName: &r.Name, Description: &r.Description, Arn: new(access.RAM(r.Account, "role", r.Name))})
			}
		}
	}
	return out, nil
}
