package iam

import (
	"context"

	"weir/internal/api/wire"
)

// handleAbsent answers truthfully about what no user here can have: passwords,
// MFA devices, certificates. Clients ask before they delete a user.
func (a *api) handleAbsent(s *wire.Service) {
	wire.Handle(s, "GetLoginProfile", a.getLoginProfile)
	wire.Handle(s, "DeleteLoginProfile", a.deleteLoginProfile)
	wire.Handle(s, "ListMFADevices", a.listMFADevices)
	wire.Handle(s, "ListVirtualMFADevices", a.listVirtualMFADevices)
	wire.Handle(s, "ListSSHPublicKeys", a.listSSHPublicKeys)
	wire.Handle(s, "ListSigningCertificates", a.listSigningCertificates)
	wire.Handle(s, "ListServiceSpecificCredentials", a.listServiceSpecificCredentials)
}

// known wants the user that a call means to exist.
func (a *api) known(ctx context.Context, name *string) error {
	user, err := self(ctx, name)
	if err != nil || user == "" {
		return err
	}
	_, err = a.control.User(account(ctx), user)
	return err
}

func (a *api) noLoginProfile(ctx context.Context, name *string) error {
	if err := a.known(ctx, name); err != nil {
		return err
	}
	return &wire.Error{Code: "NoSuchEntity", Status: 404, Msg: "Login Profile for User " + str(name) + " cannot be found."}
}

func (a *api) getLoginProfile(ctx context.Context, in *GetLoginProfileInput) (*GetLoginProfileOutput, error) {
	return nil, a.noLoginProfile(ctx, in.UserName)
}

func (a *api) deleteLoginProfile(ctx context.Context, in *DeleteLoginProfileInput) (*DeleteLoginProfileOutput, error) {
	return nil, a.noLoginProfile(ctx, in.UserName)
}

func (a *api) listMFADevices(ctx context.Context, in *ListMFADevicesInput) (*ListMFADevicesOutput, error) {
	return &ListMFADevicesOutput{MFADevices: []MFADevice{}, IsTruncated: ptr(false)}, a.known(ctx, in.UserName)
}

func (a *api) listVirtualMFADevices(context.Context, *ListVirtualMFADevicesInput) (*ListVirtualMFADevicesOutput, error) {
	return &ListVirtualMFADevicesOutput{VirtualMFADevices: []VirtualMFADevice{}, IsTruncated: ptr(false)}, nil
}

func (a *api) listSSHPublicKeys(ctx context.Context, in *ListSSHPublicKeysInput) (*ListSSHPublicKeysOutput, error) {
	return &ListSSHPublicKeysOutput{SSHPublicKeys: []SSHPublicKeyMetadata{}, IsTruncated: ptr(false)}, a.known(ctx, in.UserName)
}

func (a *api) listSigningCertificates(ctx context.Context, in *ListSigningCertificatesInput) (*ListSigningCertificatesOutput, error) {
	return &ListSigningCertificatesOutput{Certificates: []SigningCertificate{}, IsTruncated: ptr(false)}, a.known(ctx, in.UserName)
}

func (a *api) listServiceSpecificCredentials(ctx context.Context, in *ListServiceSpecificCredentialsInput) (*ListServiceSpecificCredentialsOutput, error) {
	return &ListServiceSpecificCredentialsOutput{ServiceSpecificCredentials: []ServiceSpecificCredentialMetadata{}}, a.known(ctx, in.UserName)
}
