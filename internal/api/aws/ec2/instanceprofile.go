package ec2

import (
	"context"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// WithPassRole has the caller asked whether they may give a role to an instance.
func WithPassRole(f func(ctx context.Context, role string) error) Option {
	return func(a *api) { a.passRole = f }
}

// profile reads the instance profile of a request into c.
func (a *api) profile(ctx context.Context, who control.Caller, s *IamInstanceProfileSpecification, c *control.RunInstances) error {
	if s == nil || text(s.Name) == "" && text(s.Arn) == "" {
		return nil
	}
	name := text(s.Name)
	if name != "" && text(s.Arn) != "" {
		return combination("The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'")
	}
	if arn := text(s.Arn); arn != "" {
		name = arn[strings.LastIndexByte(arn, '/')+1:]
	}
	p, err := a.control.InstanceProfile(who.Account, name)
	if err != nil {
		return badProfile("name", name, "Invalid IAM Instance Profile name")
	}
	full := access.IAM(p.Account, "instance-profile", p.Path, p.Name)
	if arn := text(s.Arn); arn != "" && arn != full {
		return badProfile("arn", arn, "Invalid IAM Instance Profile ARN")
	}
	for _, role := range p.Roles {
		r, ok := cloud.Roles.Get(a.control.View(), cloud.AccountKey(p.Account, role))
		if !ok || a.passRole == nil {
			continue
		}
		if err := a.passRole(ctx, access.IAM(r.Account, "role", r.Path, r.Name)); err != nil {
			return err
		}
	}
	c.Profile = p.Name
	c.Attrs[attrProfileARN], c.Attrs[attrProfileID] = full, p.ID
	return nil
}

func badProfile(param, value, why string) *wire.Error {
	return &wire.Error{Code: badParameter, Msg: "Value (" + value + ") for parameter iamInstanceProfile." + param + " is invalid. " + why}
}

// metadata reads how an instance may ask about itself. What is not said is as
// before; the vendor's Amazon Linux 2023 image wants session tokens.
func (a *api) metadata(m cloud.MetadataOptions, in *InstanceMetadataOptionsRequest) (cloud.MetadataOptions, error) {
	if in == nil {
		return m, nil
	}
	if in.HttpProtocolIpv6 == "enabled" {
		return m, a.unsupported("The instance metadata service over IPv6")
	}
	if in.HttpEndpoint != "" {
		m.Off = in.HttpEndpoint == "disabled"
	}
	if in.HttpTokens != "" {
		m.TokensOptional = in.HttpTokens == "optional"
	}
	if in.InstanceMetadataTags != "" {
		m.Tags = in.InstanceMetadataTags == "enabled"
	}
	if n := in.HttpPutResponseHopLimit; n != nil && (*n < 1 || *n > 64) {
		return m, badValue("httpPutResponseHopLimit", "", "It is between 1 and 64.")
	}
	return m, nil
}

// metadataShape shows it. An instance asks without a hop in between.
func metadataShape(m cloud.MetadataOptions) *InstanceMetadataOptionsResponse {
	out := &InstanceMetadataOptionsResponse{
		State: "applied", HttpEndpoint: "enabled", HttpTokens: "required", HttpPutResponseHopLimit: new(int32(2)), HttpProtocolIpv6: "disabled", InstanceMetadataTags: "disabled",
	}
	if m.Off {
		out.HttpEndpoint = "disabled"
	}
	if m.TokensOptional {
		out.HttpTokens = "optional"
	}
	if m.Tags {
		out.InstanceMetadataTags = "enabled"
	}
	return out
}

func (a *api) modifyInstanceMetadataOptions(ctx context.Context, in *ModifyInstanceMetadataOptionsInput) (*ModifyInstanceMetadataOptionsOutput, error) {
	i, err := a.readInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	m, err := a.metadata(i.Metadata, &InstanceMetadataOptionsRequest{
		HttpEndpoint: in.HttpEndpoint, HttpTokens: in.HttpTokens, HttpProtocolIpv6: in.HttpProtocolIpv6, HttpPutResponseHopLimit: in.HttpPutResponseHopLimit, InstanceMetadataTags: in.InstanceMetadataTags,
	})
	if err != nil {
		return nil, err
	}
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	err = a.control.ModifyInstance(ctx, who, i.ID, control.ModifyInstance{Metadata: &m})
	return &ModifyInstanceMetadataOptionsOutput{InstanceId: in.InstanceId, InstanceMetadataOptions: metadataShape(m)}, err
}
