package iam

import (
	"context"
	"crypto/rand"
	"encoding/base64"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) handleAccessKeys(s *wire.Service) {
	wire.Handle(s, "CreateAccessKey", a.createAccessKey)
	wire.Handle(s, "ListAccessKeys", a.listAccessKeys)
	wire.Handle(s, "UpdateAccessKey", a.updateAccessKey)
	wire.Handle(s, "DeleteAccessKey", a.deleteAccessKey)
	wire.Handle(s, "GetAccessKeyLastUsed", a.getAccessKeyLastUsed)
}

func keyStatus(k *cloud.AccessKey) StatusType {
	if k.Active {
		return StatusTypeActive
	}
	return StatusTypeInactive
}

// keyOwner is a key's user as the API shows it: root has no name.
func keyOwner(user string) *string {
	if user == "" {
		return nil
	}
	return &user
}

func (a *api) createAccessKey(ctx context.Context, in *CreateAccessKeyInput) (*CreateAccessKeyOutput, error) {
	user, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 30)
	rand.Read(b)
	k, err := a.control.CreateAccessKey(ctx, account(ctx), user, newID(cloud.KindAccessKey), base64.StdEncoding.EncodeToString(b))
	if err != nil {
		return nil, err
	}
	return &CreateAccessKeyOutput{AccessKey: &AccessKey{
		AccessKeyId: &k.ID, SecretAccessKey: &k.Secret, Status: keyStatus(k), UserName: keyOwner(user), CreateDate: &k.Created,
	}}, nil
}

func (a *api) listAccessKeys(ctx context.Context, in *ListAccessKeysInput) (*ListAccessKeysOutput, error) {
	user, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	all, err := a.control.AccessKeys(account(ctx), user)
	if err != nil {
		return nil, err
	}
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(k *cloud.AccessKey) string { return k.ID })
	out := &ListAccessKeysOutput{AccessKeyMetadata: []AccessKeyMetadata{}, Marker: next, IsTruncated: more}
	for _, k := range all {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, AccessKeyMetadata{
			AccessKeyId: &k.ID, Status: keyStatus(k), UserName: keyOwner(user), CreateDate: &k.Created,
		})
	}
	return out, err
}

func (a *api) updateAccessKey(ctx context.Context, in *UpdateAccessKeyInput) (*UpdateAccessKeyOutput, error) {
	user, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, a.control.EditAccessKey(ctx, account(ctx), user, *in.AccessKeyId, func(k *cloud.AccessKey) {
		k.Active = in.Status == StatusTypeActive
	})
}

func (a *api) deleteAccessKey(ctx context.Context, in *DeleteAccessKeyInput) (*DeleteAccessKeyOutput, error) {
	user, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, a.control.EditAccessKey(ctx, account(ctx), user, *in.AccessKeyId, nil)
}

// getAccessKeyLastUsed tells of a key that was never used what IAM does: "N/A".
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html
func (a *api) getAccessKeyLastUsed(ctx context.Context, in *GetAccessKeyLastUsedInput) (*GetAccessKeyLastUsedOutput, error) {
	k, ok := cloud.AccessKeys.Get(a.control.View(), *in.AccessKeyId)
	if !ok || k.Account != account(ctx) {
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Msg: "The user is not authorized to perform iam:GetAccessKeyLastUsed on the access key " + *in.AccessKeyId + "."}
	}
	used := &AccessKeyLastUsed{ServiceName: ptr("N/A"), Region: ptr("N/A")}
	if !k.LastUsed.IsZero() {
		used = &AccessKeyLastUsed{LastUsedDate: &k.LastUsed, ServiceName: &k.LastService, Region: &k.LastRegion}
	}
	return &GetAccessKeyLastUsedOutput{UserName: keyOwner(k.User), AccessKeyLastUsed: used}, nil
}
