package iam

import (
	"context"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) handleGroups(s *wire.Service) {
	wire.Handle(s, "CreateGroup", a.createGroup)
	wire.Handle(s, "GetGroup", a.getGroup)
	wire.Handle(s, "ListGroups", a.listGroups)
	wire.Handle(s, "UpdateGroup", a.updateGroup)
	wire.Handle(s, "DeleteGroup", a.deleteGroup)
	wire.Handle(s, "AddUserToGroup", a.addUserToGroup)
	wire.Handle(s, "RemoveUserFromGroup", a.removeUserFromGroup)
	wire.Handle(s, "ListGroupsForUser", a.listGroupsForUser)
	a.handleGroupPolicies(s)
}

func groupOf(g *cloud.Group) *Group {
	return &Group{Arn: arn(g.Account, "group", g.Path, g.Name), GroupId: &g.ID, GroupName: &g.Name, Path: &g.Path, CreateDate: &g.Created}
}

func groupsOf(all []*cloud.Group) []Group {
	out := []Group{}
	for _, g := range all {
		out = append(out, *groupOf(g))
	}
	return out
}

func (a *api) createGroup(ctx context.Context, in *CreateGroupInput) (*CreateGroupOutput, error) {
	g, err := a.control.CreateGroup(ctx, caller(ctx), *in.GroupName, pathOr(in.Path), nil)
	if err != nil {
		return nil, err
	}
	return &CreateGroupOutput{Group: groupOf(g)}, nil
}

func (a *api) getGroup(ctx context.Context, in *GetGroupInput) (*GetGroupOutput, error) {
	g, err := a.control.Group(account(ctx), *in.GroupName)
	if err != nil {
		return nil, err
	}
	users, next, more, err := page(ctx, a.control.Members(g.Account, g.Name), in.Marker, in.MaxItems, func(u *cloud.User) string { return u.Name })
	return &GetGroupOutput{Group: groupOf(g), Users: usersOf(users), Marker: next, IsTruncated: more}, err
}

func (a *api) listGroups(ctx context.Context, in *ListGroupsInput) (*ListGroupsOutput, error) {
	var all []*cloud.Group
	for g := range cloud.Groups.By(a.control.View(), "account", account(ctx)) {
		if strings.HasPrefix(g.Path, pathOr(in.PathPrefix)) {
			all = append(all, g)
		}
	}
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(g *cloud.Group) string { return g.Name })
	return &ListGroupsOutput{Groups: groupsOf(all), Marker: next, IsTruncated: more}, err
}

func (a *api) updateGroup(ctx context.Context, in *UpdateGroupInput) (*UpdateGroupOutput, error) {
	return nil, a.control.EditGroup(ctx, account(ctx), *in.GroupName, str(in.NewGroupName), str(in.NewPath), nil)
}

func (a *api) deleteGroup(ctx context.Context, in *DeleteGroupInput) (*DeleteGroupOutput, error) {
	return nil, a.control.DeleteGroup(ctx, account(ctx), *in.GroupName)
}

func (a *api) addUserToGroup(ctx context.Context, in *AddUserToGroupInput) (*AddUserToGroupOutput, error) {
	return nil, a.control.SetMember(ctx, account(ctx), *in.GroupName, *in.UserName, true)
}

func (a *api) removeUserFromGroup(ctx context.Context, in *RemoveUserFromGroupInput) (*RemoveUserFromGroupOutput, error) {
	return nil, a.control.SetMember(ctx, account(ctx), *in.GroupName, *in.UserName, false)
}

func (a *api) listGroupsForUser(ctx context.Context, in *ListGroupsForUserInput) (*ListGroupsForUserOutput, error) {
	u, err := a.control.User(account(ctx), *in.UserName)
	if err != nil {
		return nil, err
	}
	var all []*cloud.Group
	for _, name := range u.Groups {
		g, err := a.control.Group(u.Account, name)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(g *cloud.Group) string { return g.Name })
	return &ListGroupsForUserOutput{Groups: groupsOf(all), Marker: next, IsTruncated: more}, err
}
