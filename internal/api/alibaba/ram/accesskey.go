package ram

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) keys(s *wire.Service) {
	wire.Handle(s, "CreateAccessKey", a.createAccessKey)
	wire.Handle(s, "UpdateAccessKey", a.updateAccessKey)
	wire.Handle(s, "DeleteAccessKey", a.deleteAccessKey)
	wire.Handle(s, "ListAccessKeys", a.listAccessKeys)
	wire.Handle(s, "GetAccessKeyLastUsed", a.getAccessKeyLastUsed)
}

// owner is the user whose keys a call is about: the one it names, else the
// caller; "" is the account's root.
func owner(ctx context.Context, name *string) (string, error) {
	if text(name) != "" {
		return *name, nil
	}
	switch p := wire.CallFrom(ctx).Principal; p.Kind {
	case cloud.PrincipalRoot:
		return "", nil
	case cloud.PrincipalUser:
		return p.Name, nil
	}
	return "", &wire.Error{Code: "MissingUserName", Msg: "UserName is mandatory for this action."}
}

// newKey makes an access key's ID, 24 letters and digits that begin with LTAI, and its secret of 30.
func newKey() (id, secret string) {
	b := make([]byte, 30)
	rand.Read(b)
	letters := base64.RawURLEncoding.EncodeToString(b)
	return "LTAI" + rand.Text()[:20], cleaned(letters)[:30]
}

// cleaned has letters and digits only.
func cleaned(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c == '-' || c == '_' {
			b[i] = 'x'
		}
	}
	return string(b)
}

func keyStatus(k *cloud.AccessKey) *string {
	if k.Active {
		return new("Active")
	}
	return new("Inactive")
}

func (a *api) createAccessKey(ctx context.Context, in *CreateAccessKeyInput) (*CreateAccessKeyOutput, error) {
	user, err := owner(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	id, secret := newKey()
	k, err := a.control.CreateAccessKey(ctx, account(ctx), user, id, secret)
	if err != nil {
		return nil, err
	}
	return &CreateAccessKeyOutput{AccessKey: &AccessKey{AccessKeyId: &k.ID, AccessKeySecret: &k.Secret, Status: keyStatus(k), CreateDate: date(k.Created)}}, nil
}

func (a *api) updateAccessKey(ctx context.Context, in *UpdateAccessKeyInput) (*UpdateAccessKeyOutput, error) {
	user, err := owner(ctx, in.UserName)
	switch {
	case err != nil:
		return nil, err
	case *in.Status != "Active" && *in.Status != "Inactive":
		return nil, &wire.Error{Code: "InvalidParameter.Status", Msg: `The parameter - "Status" should be "Active" or "Inactive".`}
	}
	return nil, a.control.EditAccessKey(ctx, account(ctx), user, *in.UserAccessKeyId, func(k *cloud.AccessKey) { k.Active = *in.Status == "Active" })
}

func (a *api) deleteAccessKey(ctx context.Context, in *DeleteAccessKeyInput) (*DeleteAccessKeyOutput, error) {
	user, err := owner(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, a.control.EditAccessKey(ctx, account(ctx), user, *in.UserAccessKeyId, nil)
}

func (a *api) listAccessKeys(ctx context.Context, in *ListAccessKeysInput) (*ListAccessKeysOutput, error) {
	user, err := owner(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	keys, err := a.control.AccessKeys(account(ctx), user)
	if err != nil {
		return nil, err
	}
	out := &ListAccessKeysOutput{}
	for _, k := range keys {
		out.AccessKeys = append(out.AccessKeys, ListAccessKeysAccessKey{AccessKeyId: &k.ID, Status: keyStatus(k), CreateDate: date(k.Created)})
	}
	return out, nil
}

func (a *api) getAccessKeyLastUsed(ctx context.Context, in *GetAccessKeyLastUsedInput) (*GetAccessKeyLastUsedOutput, error) {
	user, err := owner(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	keys, err := a.control.AccessKeys(account(ctx), user)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(keys, func(k *cloud.AccessKey) bool { return k.ID == *in.UserAccessKeyId })
	if i < 0 {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindAccessKey, *in.UserAccessKeyId, "", "no such key")
	}
	used := &AccessKeyLastUsed{}
	if k := keys[i]; !k.LastUsed.IsZero() {
		used.LastUsedDate = date(k.LastUsed)
	}
	return &GetAccessKeyLastUsedOutput{AccessKeyLastUsed: used}, nil
}
