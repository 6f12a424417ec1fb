package ram

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) roles(s *wire.Service) {
	wire.Handle(s, "CreateRole", a.createRole)
	wire.Handle(s, "GetRole", a.getRole)
	wire.Handle(s, "UpdateRole", a.updateRole)
	wire.Handle(s, "DeleteRole", a.deleteRole)
	wire.Handle(s, "ListRoles", a.listRoles)
}

// Sessions of roles last an hour to twelve.
// https://www.alibabacloud.com/help/en/ram/user-guide/specify-the-maximum-session-duration-for-a-ram-role
const minSession, maxSession = 3600, 43200

func sessionLife(parameter string, seconds *int64) (time.Duration, error) {
	if seconds == nil {
		return time.Hour, nil
	}
	if *seconds < minSession || *seconds > maxSession {
		return 0, &wire.Error{Code: "InvalidParameter." + parameter, Msg: `The parameter - "` + parameter + `" should be between 3600 and 43200.`}
	}
	return time.Duration(*seconds) * time.Second, nil
}

// checkVersion wants a document of this dialect's grammar; control checks the rest.
func checkVersion(document string) error {
	var d struct{ Version string }
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		return &wire.Error{Code: "MalformedPolicyDocument", Msg: "The policy document is not a JSON object."}
	}
	if d.Version != "1" {
		return &wire.Error{Code: "MalformedPolicyDocument", Msg: "The Version of the policy document must be 1."}
	}
	return nil
}

// https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-createrole
func (a *api) createRole(ctx context.Context, in *CreateRoleInput) (*CreateRoleOutput, error) {
	life, err := sessionLife("MaxSessionDuration", in.MaxSessionDuration)
	if err := first(check("RoleName", *in.RoleName, nameForm, 64), optional("Description", in.Description, anyForm, 1024), err,
		checkVersion(*in.AssumeRolePolicyDocument)); err != nil {
		return nil, err
	}
	tags, err := tagMap(in.Tag)
	if err != nil {
		return nil, err
	}
	r, err := a.control.CreateRole(ctx, Caller(ctx), control.CreateRole{
		Name: *in.RoleName, Path: "/", Description: text(in.Description), Trust: *in.AssumeRolePolicyDocument, MaxSession: life, Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	f := roleFacts(r)
	return &CreateRoleOutput{Role: &CreateRoleRole{
		Arn: f.Arn, AssumeRolePolicyDocument: f.AssumeRolePolicyDocument, CreateDate: f.CreateDate, Description: f.Description,
		MaxSessionDuration: f.MaxSessionDuration, RoleId: f.RoleId, RoleName: f.RoleName,
	}}, nil
}

func roleFacts(r *cloud.Role) Role {
	return Role{
		RoleId: &r.ID, RoleName: &r.Name, Arn: new(access.RAM(r.Account, "role", r.Name)), Description: &r.Description,
		AssumeRolePolicyDocument: &r.Trust, MaxSessionDuration: new(int64(r.MaxSession / time.Second)),
		CreateDate: date(r.Created), UpdateDate: updated(&r.Meta),
	}
}

func (a *api) getRole(ctx context.Context, in *GetRoleInput) (*GetRoleOutput, error) {
	r, err := a.control.Role(account(ctx), *in.RoleName)
	if err != nil {
		return nil, err
	}
	return &GetRoleOutput{Role: new(roleFacts(r))}, nil
}

func (a *api) updateRole(ctx context.Context, in *UpdateRoleInput) (*UpdateRoleOutput, error) {
	life, err := sessionLife("NewMaxSessionDuration", in.NewMaxSessionDuration)
	if err := first(optional("NewDescription", in.NewDescription, anyForm, 1024), err); err != nil {
		return nil, err
	}
	if in.NewAssumeRolePolicyDocument != nil {
		if err := checkVersion(*in.NewAssumeRolePolicyDocument); err != nil {
			return nil, err
		}
		if err := a.control.SetTrust(ctx, account(ctx), *in.RoleName, *in.NewAssumeRolePolicyDocument); err != nil {
			return nil, err
		}
	}
	r, err := a.control.EditRole(ctx, account(ctx), *in.RoleName, func(r *cloud.Role) error {
		if in.NewDescription != nil {
			r.Description = *in.NewDescription
		}
		if in.NewMaxSessionDuration != nil {
			r.MaxSession = life
		}
		r.Attrs = changed(r.Attrs, nil)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateRoleOutput{Role: new(roleFacts(r))}, nil
}

func (a *api) deleteRole(ctx context.Context, in *DeleteRoleInput) (*DeleteRoleOutput, error) {
	return nil, a.control.DeleteRole(ctx, account(ctx), *in.RoleName)
}

func (a *api) listRoles(ctx context.Context, in *ListRolesInput) (*ListRolesOutput, error) {
	want, err := tagMap(in.Tag)
	if err != nil {
		return nil, err
	}
	var all []*cloud.Role
	for r := range cloud.Roles.By(a.control.View(), "account", account(ctx)) {
		if page.HasTags(r.Tags, want) {
			all = append(all, r)
		}
	}
	list, more, next, err := pageOf(ctx, all, in.MaxItems, in.Marker, func(r *cloud.Role) string { return strings.ToLower(r.Name) })
	if err != nil {
		return nil, err
	}
	out := &ListRolesOutput{IsTruncated: more, Marker: next}
	for _, r := range list {
		f := roleFacts(r)
		out.Roles = append(out.Roles, ListRolesRole{
			Arn: f.Arn, CreateDate: f.CreateDate, Description: f.Description, MaxSessionDuration: f.MaxSessionDuration,
			RoleId: f.RoleId, RoleName: f.RoleName, UpdateDate: f.UpdateDate, Tags: tagList(r.Tags),
		})
	}
	return out, nil
}

// tagMap reads tags; a key stands once.
func tagMap(tags []Tag) (map[string]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for _, t := range tags {
		k := text(t.Key)
		if _, twice := out[k]; twice || k == "" {
			return nil, &wire.Error{Code: "InvalidParameter.Tag", Msg: `The parameter - "Tag" has an empty or a duplicate key.`}
		}
		out[k] = text(t.Value)
	}
	return out, nil
}

func tagList(tags map[string]string) []ListPoliciesPolicyTag {
	var out []ListPoliciesPolicyTag
	for k, v := range tags {
		out = append(out, ListPoliciesPolicyTag{TagKey: &k, TagValue: &v})
	}
	slices.SortFunc(out, func(a, b ListPoliciesPolicyTag) int { return strings.Compare(*a.TagKey, *b.TagKey) })
	return out
}
