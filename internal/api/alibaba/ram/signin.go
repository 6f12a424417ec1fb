package ram

import (
	"context"

	"weir/internal/api/wire"
)

// signins registers the operations that look for what users sign in to a console
// with, or take it away: there is none, and whoever cleans up after a user is told
// so rather than that the operation is missing.
func (a *api) signins(s *wire.Service) {
	wire.Handle(s, "GetLoginProfile", func(ctx context.Context, in *GetLoginProfileInput) (*GetLoginProfileOutput, error) {
		return nil, a.without(ctx, in.UserName, "LoginProfile", "The user has no login profile.")
	})
	wire.Handle(s, "DeleteLoginProfile", func(ctx context.Context, in *DeleteLoginProfileInput) (*DeleteLoginProfileOutput, error) {
		return nil, a.without(ctx, in.UserName, "LoginProfile", "The user has no login profile.")
	})
	wire.Handle(s, "GetUserMFAInfo", func(ctx context.Context, in *GetUserMFAInfoInput) (*GetUserMFAInfoOutput, error) {
		return nil, a.without(ctx, in.UserName, "MFADevice", "No MFA device is bound to the user.")
	})
	wire.Handle(s, "UnbindMFADevice", func(ctx context.Context, in *UnbindMFADeviceInput) (*UnbindMFADeviceOutput, error) {
		return nil, a.without(ctx, in.UserName, "MFADevice", "No MFA device is bound to the user.")
	})
}

// without is the error of a user, if there is one of the name, who has nothing of a kind.
// https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-getloginprofile
func (a *api) without(ctx context.Context, name *string, kind, msg string) error {
	if _, err := a.control.User(account(ctx), text(name)); err != nil {
		return err
	}
	return &wire.Error{Code: "EntityNotExist.User." + kind, Status: 404, Msg: msg}
}
