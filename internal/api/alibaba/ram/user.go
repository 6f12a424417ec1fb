package ram

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) users(s *wire.Service) {
	wire.Handle(s, "CreateUser", a.createUser)
	wire.Handle(s, "GetUser", a.getUser)
	wire.Handle(s, "UpdateUser", a.updateUser)
	wire.Handle(s, "DeleteUser", a.deleteUser)
	wire.Handle(s, "ListUsers", a.listUsers)
}

// https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-createuser
func (a *api) createUser(ctx context.Context, in *CreateUserInput) (*CreateUserOutput, error) {
	display := in.DisplayName
	if text(display) == "" {
		display = in.UserName
	}
	if err := first(check("UserName", *in.UserName, nameForm, 64), optional("DisplayName", display, anyForm, 128),
		optional("Email", in.Email, emailForm, 128), optional("MobilePhone", in.MobilePhone, mobileForm, 32),
		optional("Comments", in.Comments, anyForm, 128)); err != nil {
		return nil, err
	}
	u, err := a.control.CreateUser(ctx, Caller(ctx), control.CreateUser{Name: *in.UserName, Path: "/", Attrs: attrs(map[string]*string{
		attrDisplay: display, attrEmail: in.Email, attrMobile: in.MobilePhone, attrComments: in.Comments,
	})})
	if err != nil {
		return nil, err
	}
	f := userFacts(u)
	return &CreateUserOutput{User: &CreateUserUser{
		Comments: f.Comments, CreateDate: f.CreateDate, DisplayName: f.DisplayName, Email: f.Email, MobilePhone: f.MobilePhone,
		UserId: f.UserId, UserName: f.UserName,
	}}, nil
}

func userFacts(u *cloud.User) User {
	return User{
		UserId: &u.ID, UserName: &u.Name, DisplayName: attr(&u.Meta, attrDisplay), Email: attr(&u.Meta, attrEmail),
		MobilePhone: attr(&u.Meta, attrMobile), Comments: attr(&u.Meta, attrComments),
		CreateDate: date(u.Created), UpdateDate: updated(&u.Meta),
	}
}

func (a *api) getUser(ctx context.Context, in *GetUserInput) (*GetUserOutput, error) {
	u, err := a.control.User(account(ctx), *in.UserName)
	if err != nil {
		return nil, err
	}
	f := userFacts(u)
	return &GetUserOutput{User: &GetUserUser{
		Comments: f.Comments, CreateDate: f.CreateDate, DisplayName: f.DisplayName, Email: f.Email, MobilePhone: f.MobilePhone,
		UserId: f.UserId, UserName: f.UserName, UpdateDate: f.UpdateDate, LastLoginDate: new(""),
	}}, nil
}

func (a *api) updateUser(ctx context.Context, in *UpdateUserInput) (*UpdateUserOutput, error) {
	if err := first(optional("NewUserName", in.NewUserName, nameForm, 64), optional("NewDisplayName", in.NewDisplayName, anyForm, 128),
		optional("NewEmail", in.NewEmail, emailForm, 128), optional("NewMobilePhone", in.NewMobilePhone, mobileForm, 32),
		optional("NewComments", in.NewComments, anyForm, 128)); err != nil {
		return nil, err
	}
	u, err := a.control.EditUser(ctx, account(ctx), *in.UserName, func(u *cloud.User) error {
		if text(in.NewUserName) != "" {
			u.Name = *in.NewUserName
		}
		u.Attrs = changed(u.Attrs, map[string]*string{
			attrDisplay: in.NewDisplayName, attrEmail: in.NewEmail, attrMobile: in.NewMobilePhone, attrComments: in.NewComments,
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateUserOutput{User: new(userFacts(u))}, nil
}

func (a *api) deleteUser(ctx context.Context, in *DeleteUserInput) (*DeleteUserOutput, error) {
	return nil, a.control.DeleteUser(ctx, account(ctx), *in.UserName)
}

func (a *api) listUsers(ctx context.Context, in *ListUsersInput) (*ListUsersOutput, error) {
	all := slices.Collect(cloud.Users.By(a.control.View(), "account", account(ctx)))
	list, more, next, err := pageOf(ctx, all, in.MaxItems, in.Marker, func(u *cloud.User) string { return strings.ToLower(u.Name) })
	if err != nil {
		return nil, err
	}
	out := &ListUsersOutput{IsTruncated: more, Marker: next}
	for _, u := range list {
		out.Users = append(out.Users, userFacts(u))
	}
	return out, nil
}
