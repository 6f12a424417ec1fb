package iam

import (
	"context"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleUsers(s *wire.Service) {
	wire.Handle(s, "CreateUser", a.createUser)
	wire.Handle(s, "GetUser", a.getUser)
	wire.Handle(s, "ListUsers", a.listUsers)
	wire.Handle(s, "UpdateUser", a.updateUser)
	wire.Handle(s, "DeleteUser", a.deleteUser)
	wire.Handle(s, "TagUser", a.tagUser)
	wire.Handle(s, "UntagUser", a.untagUser)
	wire.Handle(s, "ListUserTags", a.listUserTags)
	wire.Handle(s, "PutUserPermissionsBoundary", a.putUserBoundary)
	wire.Handle(s, "DeleteUserPermissionsBoundary", a.deleteUserBoundary)
	a.handleUserPolicies(s)
	a.handleAccessKeys(s)
}

// userOf is a user as the API shows it; lists leave out tags and boundary.
func userOf(u *cloud.User, full bool) *User {
	out := &User{Arn: arn(u.Account, "user", u.Path, u.Name), UserId: &u.ID, UserName: &u.Name, Path: &u.Path, CreateDate: &u.Created}
	if full {
		out.PermissionsBoundary = boundary(u.Boundary)
		if len(u.Tags) > 0 {
			out.Tags = tagList(u.Tags)
		}
	}
	return out
}

func (a *api) createUser(ctx context.Context, in *CreateUserInput) (*CreateUserOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	u, err := a.control.CreateUser(ctx, caller(ctx), control.CreateUser{
		Name: *in.UserName, Path: pathOr(in.Path), Boundary: str(in.PermissionsBoundary), Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	return &CreateUserOutput{User: userOf(u, true)}, nil
}

// self is the user that a call means: the one it names, else the caller; "" is
// the account's root.
func self(ctx context.Context, name *string) (string, error) {
	p := wire.CallFrom(ctx).Principal
	switch {
	case name != nil:
		return *name, nil
	case p.Kind == cloud.PrincipalUser:
		return p.Name, nil
	case p.Kind == cloud.PrincipalRoot:
		return "", nil
	}
	return "", &wire.Error{Code: "ValidationError", Msg: "Must specify userName when calling with non-User credentials"}
}

func (a *api) getUser(ctx context.Context, in *GetUserInput) (*GetUserOutput, error) {
	name, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	if name == "" {
		p := wire.CallFrom(ctx).Principal
		return &GetUserOutput{User: &User{Arn: ptr(access.ARN(p)), UserId: &p.Account, Path: ptr("/"), CreateDate: &managedSince}}, nil
	}
	u, err := a.control.User(account(ctx), name)
	if err != nil {
		return nil, err
	}
	return &GetUserOutput{User: userOf(u, true)}, nil
}

func (a *api) listUsers(ctx context.Context, in *ListUsersInput) (*ListUsersOutput, error) {
	var all []*cloud.User
	for u := range cloud.Users.By(a.control.View(), "account", account(ctx)) {
		if strings.HasPrefix(u.Path, pathOr(in.PathPrefix)) {
			all = append(all, u)
		}
	}
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(u *cloud.User) string { return u.Name })
	return &ListUsersOutput{Marker: next, IsTruncated: more, Users: usersOf(all)}, err
}

func usersOf(all []*cloud.User) []User {
	out := []User{}
	for _, u := range all {
		out = append(out, *userOf(u, false))
	}
	return out
}

func (a *api) editUser(ctx context.Context, name *string, edit func(*cloud.User) error) error {
	_, err := a.control.EditUser(ctx, account(ctx), *name, edit)
	return err
}

func (a *api) updateUser(ctx context.Context, in *UpdateUserInput) (*UpdateUserOutput, error) {
	return nil, a.editUser(ctx, in.UserName, func(u *cloud.User) error {
		if in.NewUserName != nil {
			u.Name = *in.NewUserName
		}
		if in.NewPath != nil {
			u.Path = *in.NewPath
		}
		return nil
	})
}

func (a *api) deleteUser(ctx context.Context, in *DeleteUserInput) (*DeleteUserOutput, error) {
	return nil, a.control.DeleteUser(ctx, account(ctx), *in.UserName)
}

func (a *api) tagUser(ctx context.Context, in *TagUserInput) (*TagUserOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, a.editUser(ctx, in.UserName, func(u *cloud.User) error { return control.Retag(&u.Meta, tags, nil) })
}

func (a *api) untagUser(ctx context.Context, in *UntagUserInput) (*UntagUserOutput, error) {
	return nil, a.editUser(ctx, in.UserName, func(u *cloud.User) error { return control.Retag(&u.Meta, nil, in.TagKeys) })
}

func (a *api) listUserTags(ctx context.Context, in *ListUserTagsInput) (*ListUserTagsOutput, error) {
	u, err := a.control.User(account(ctx), *in.UserName)
	if err != nil {
		return nil, err
	}
	tags, next, more, err := page(ctx, tagList(u.Tags), in.Marker, in.MaxItems, func(t Tag) string { return *t.Key })
	return &ListUserTagsOutput{Tags: tags, Marker: next, IsTruncated: more}, err
}

func (a *api) putUserBoundary(ctx context.Context, in *PutUserPermissionsBoundaryInput) (*PutUserPermissionsBoundaryOutput, error) {
	return nil, a.editUser(ctx, in.UserName, func(u *cloud.User) error { u.Boundary = *in.PermissionsBoundary; return nil })
}

func (a *api) deleteUserBoundary(ctx context.Context, in *DeleteUserPermissionsBoundaryInput) (*DeleteUserPermissionsBoundaryOutput, error) {
	return nil, a.editUser(ctx, in.UserName, func(u *cloud.User) error { u.Boundary = ""; return nil })
}
