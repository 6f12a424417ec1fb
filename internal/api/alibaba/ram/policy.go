package ram

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Types of policy.
const (
	custom = "Custom"
	system = "System"
)

func (a *api) policies(s *wire.Service) {
	wire.Handle(s, "CreatePolicy", a.createPolicy)
	wire.Handle(s, "GetPolicy", a.getPolicy)
	wire.Handle(s, "UpdatePolicyDescription", a.updatePolicyDescription)
	wire.Handle(s, "DeletePolicy", a.deletePolicy)
	wire.Handle(s, "ListPolicies", a.listPolicies)
}

// PolicyARN is the key under which a policy is kept: an account's own, or the system's.
func PolicyARN(account, kind, name string) (string, error) {
	switch kind {
	case custom:
		return access.RAM(account, "policy", name), nil
	case system:
		return systemPrefix + name, nil
	}
	return "", &wire.Error{Code: "InvalidParameter.PolicyType", Msg: `The parameter - "PolicyType" should be "System" or "Custom".`}
}

func own(ctx context.Context, name string) string { return access.RAM(account(ctx), "policy", name) }

// PolicyType is the type of a policy of this dialect; "" if it is another's.
func PolicyType(p *cloud.Policy) string {
	switch {
	case strings.HasPrefix(p.ARN, systemPrefix):
		return system
	case strings.HasPrefix(p.ARN, "acs:"):
		return custom
	}
	return ""
}

// https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-createpolicy
func (a *api) createPolicy(ctx context.Context, in *CreatePolicyInput) (*CreatePolicyOutput, error) {
	if err := first(check("PolicyName", *in.PolicyName, dashForm, 128), optional("Description", in.Description, anyForm, 1024),
		checkVersion(*in.PolicyDocument)); err != nil {
		return nil, err
	}
	tags, err := tagMap(in.Tag)
	if err != nil {
		return nil, err
	}
	p, err := a.control.CreatePolicy(ctx, Caller(ctx), control.CreatePolicy{
		ARN: own(ctx, *in.PolicyName), Name: *in.PolicyName, Path: "/", Description: text(in.Description), Document: *in.PolicyDocument, Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	return &CreatePolicyOutput{Policy: &CreatePolicyPolicy{
		PolicyName: &p.Name, PolicyType: new(custom), Description: &p.Description, DefaultVersion: &p.Default, CreateDate: date(p.Created),
	}}, nil
}

// find finds a policy by type and name.
func (a *api) find(ctx context.Context, kind, name string) (*cloud.Policy, error) {
	arn, err := PolicyARN(account(ctx), kind, name)
	if err != nil {
		return nil, err
	}
	return a.control.Policy(account(ctx), arn)
}

func (a *api) getPolicy(ctx context.Context, in *GetPolicyInput) (*GetPolicyOutput, error) {
	p, err := a.find(ctx, *in.PolicyType, *in.PolicyName)
	if err != nil {
		return nil, err
	}
	v := p.Versions[slices.IndexFunc(p.Versions, func(v cloud.PolicyVersion) bool { return v.ID == p.Default })]
	uses := control.PolicyUses(a.control.View(), account(ctx))[p.ARN].Attached
	return &GetPolicyOutput{
		Policy: &GetPolicyPolicy{
			PolicyName: &p.Name, PolicyType: in.PolicyType, Description: &p.Description, DefaultVersion: &p.Default,
			CreateDate: date(p.Created), UpdateDate: updated(&p.Meta), AttachmentCount: new(int64(uses)), PolicyDocument: &v.Document,
		},
		DefaultPolicyVersion: &DefaultPolicyVersion{
			VersionId: &v.ID, IsDefaultVersion: new(true), PolicyDocument: &v.Document, CreateDate: date(v.Created),
		},
	}, nil
}

func (a *api) updatePolicyDescription(ctx context.Context, in *UpdatePolicyDescriptionInput) (*UpdatePolicyDescriptionOutput, error) {
	if err := optional("NewDescription", in.NewDescription, anyForm, 1024); err != nil {
		return nil, err
	}
	p, err := a.control.EditPolicy(ctx, account(ctx), own(ctx, *in.PolicyName), func(p *cloud.Policy) error {
		p.Description, p.Attrs = text(in.NewDescription), changed(p.Attrs, nil)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdatePolicyDescriptionOutput{Policy: &UpdatePolicyDescriptionPolicy{
		PolicyName: &p.Name, PolicyType: new(custom), Description: &p.Description, DefaultVersion: &p.Default,
		CreateDate: date(p.Created), UpdateDate: updated(&p.Meta),
	}}, nil
}

// deletePolicy says to what the policy is still attached. CascadingDelete
// removes the versions that are not the default with it.
func (a *api) deletePolicy(ctx context.Context, in *DeletePolicyInput) (*DeletePolicyOutput, error) {
	arn := own(ctx, *in.PolicyName)
	p, err := a.control.Policy(account(ctx), arn)
	if err != nil {
		return nil, err
	}
	for _, h := range a.holders(ctx, arn) {
		return nil, &wire.Error{Code: "DeleteConflict.Policy." + entities[h.Kind], Status: 409,
			Msg: "The policy must not be attached to any " + nouns[h.Kind] + " while deleting it."}
	}
	if in.CascadingDelete != nil && *in.CascadingDelete {
		for _, v := range p.Versions {
			if v.ID != p.Default {
				if err := a.control.DeletePolicyVersion(ctx, account(ctx), arn, v.ID); err != nil {
					return nil, err
				}
			}
		}
	}
	return nil, a.control.DeletePolicy(ctx, account(ctx), arn)
}

func (a *api) listPolicies(ctx context.Context, in *ListPoliciesInput) (*ListPoliciesOutput, error) {
	want, err := tagMap(in.Tag)
	if err != nil {
		return nil, err
	}
	if k := text(in.PolicyType); k != "" && k != custom && k != system {
		_, err := PolicyARN("", k, "")
		return nil, err
	}
	v := a.control.View()
	var all []*cloud.Policy
	for _, owner := range []string{account(ctx), ""} {
		for p := range cloud.Policies.By(v, "account", owner) {
			kind := PolicyType(p)
			if kind != "" && (text(in.PolicyType) == "" || kind == *in.PolicyType) && page.HasTags(p.Tags, want) {
				all = append(all, p)
			}
		}
	}
	list, more, next, err := pageOf(ctx, all, in.MaxItems, in.Marker, func(p *cloud.Policy) string { return p.Name + "/" + PolicyType(p) })
	if err != nil {
		return nil, err
	}
	uses := control.PolicyUses(v, account(ctx))
	out := &ListPoliciesOutput{IsTruncated: more, Marker: next}
	for _, p := range list {
		out.Policies = append(out.Policies, ListPoliciesPolicy{
			PolicyName: &p.Name, PolicyType: new(PolicyType(p)), Description: &p.Description, DefaultVersion: &p.Default,
			CreateDate: date(p.Created), UpdateDate: updated(&p.Meta), AttachmentCount: new(int64(uses[p.ARN].Attached)), Tags: tagList(p.Tags),
		})
	}
	return out, nil
}
