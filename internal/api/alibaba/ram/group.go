package ram

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) groups(s *wire.Service) {
	wire.Handle(s, "CreateGroup", a.createGroup)
	wire.Handle(s, "GetGroup", a.getGroup)
	wire.Handle(s, "UpdateGroup", a.updateGroup)
	wire.Handle(s, "DeleteGroup", a.deleteGroup)
	wire.Handle(s, "ListGroups", a.listGroups)
	wire.Handle(s, "AddUserToGroup", a.addUserToGroup)
	wire.Handle(s, "RemoveUserFromGroup", a.removeUserFromGroup)
	wire.Handle(s, "ListGroupsForUser", a.listGroupsForUser)
	wire.Handle(s, "ListUsersForGroup", a.listUsersForGroup)
}

func groupFacts(g *cloud.Group) Group {
	return Group{GroupId: &g.ID, GroupName: &g.Name, Comments: attr(&g.Meta, attrComments), CreateDate: date(g.Created), UpdateDate: updated(&g.Meta)}
}

func (a *api) createGroup(ctx context.Context, in *CreateGroupInput) (*CreateGroupOutput, error) {
	if err := first(check("GroupName", *in.GroupName, nameForm, 64), optional("Comments", in.Comments, anyForm, 128)); err != nil {
		return nil, err
	}
	g, err := a.control.CreateGroup(ctx, Caller(ctx), *in.GroupName, "/", attrs(map[string]*string{attrComments: in.Comments}))
	if err != nil {
		return nil, err
	}
	return &CreateGroupOutput{Group: &CreateGroupGroup{
		GroupId: &g.ID, GroupName: &g.Name, Comments: attr(&g.Meta, attrComments), CreateDate: date(g.Created),
	}}, nil
}

func (a *api) getGroup(ctx context.Context, in *GetGroupInput) (*GetGroupOutput, error) {
	g, err := a.control.Group(account(ctx), *in.GroupName)
	if err != nil {
		return nil, err
	}
	return &GetGroupOutput{Group: new(groupFacts(g))}, nil
}

func (a *api) updateGroup(ctx context.Context, in *UpdateGroupInput) (*UpdateGroupOutput, error) {
	if err := first(optional("NewGroupName", in.NewGroupName, nameForm, 64), optional("NewComments", in.NewComments, anyForm, 128)); err != nil {
		return nil, err
	}
	g, err := a.control.Group(account(ctx), *in.GroupName)
	if err != nil {
		return nil, err
	}
	next := changed(g.Attrs, map[string]*string{attrComments: in.NewComments})
	if err := a.control.EditGroup(ctx, account(ctx), *in.GroupName, text(in.NewGroupName), "", next); err != nil {
		return nil, err
	}
	name := *in.GroupName
	if text(in.NewGroupName) != "" {
		name = *in.NewGroupName
	}
	if g, err = a.control.Group(account(ctx), name); err != nil {
		return nil, err
	}
	return &UpdateGroupOutput{Group: new(groupFacts(g))}, nil
}

func (a *api) deleteGroup(ctx context.Context, in *DeleteGroupInput) (*DeleteGroupOutput, error) {
	return nil, a.control.DeleteGroup(ctx, account(ctx), *in.GroupName)
}

func (a *api) listGroups(ctx context.Context, in *ListGroupsInput) (*ListGroupsOutput, error) {
	all := slices.Collect(cloud.Groups.By(a.control.View(), "account", account(ctx)))
	list, more, next, err := pageOf(ctx, all, in.MaxItems, in.Marker, func(g *cloud.Group) string { return strings.ToLower(g.Name) })
	if err != nil {
		return nil, err
	}
	out := &ListGroupsOutput{IsTruncated: more, Marker: next}
	for _, g := range list {
		out.Groups = append(out.Groups, groupFacts(g))
	}
	return out, nil
}

func (a *api) addUserToGroup(ctx context.Context, in *AddUserToGroupInput) (*AddUserToGroupOutput, error) {
	if u, ok := cloud.Users.Get(a.control.View(), cloud.AccountKey(account(ctx), *in.UserName)); ok && slices.Contains(u.Groups, *in.GroupName) {
		return nil, &wire.Error{Code: "EntityAlreadyExists.User.Group", Status: 409, Msg: "The user is already in the group."}
	}
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
	out := &ListGroupsForUserOutput{}
	for _, name := range u.Groups {
		if g, err := a.control.Group(account(ctx), name); err == nil {
			out.Groups = append(out.Groups, ListGroupsForUserGroup{GroupId: &g.ID, GroupName: &g.Name, Comments: attr(&g.Meta, attrComments)})
		}
	}
	return out, nil
}

func (a *api) listUsersForGroup(ctx context.Context, in *ListUsersForGroupInput) (*ListUsersForGroupOutput, error) {
	if _, err := a.control.Group(account(ctx), *in.GroupName); err != nil {
		return nil, err
	}
	list, more, next, err := pageOf(ctx, a.control.Members(account(ctx), *in.GroupName), in.MaxItems, in.Marker, func(u *cloud.User) string { return strings.ToLower(u.Name) })
	if err != nil {
		return nil, err
	}
	out := &ListUsersForGroupOutput{IsTruncated: more, Marker: next}
	for _, u := range list {
		out.Users = append(out.Users, ListUsersForGroupUser{UserName: &u.Name, DisplayName: attr(&u.Meta, attrDisplay)})
	}
	return out, nil
}
