package resourcemanager

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/ram"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// principalForms are how a principal is written: a user or group as
// name@<account>.onaliyun.com, a role as name@role.<uid>.onaliyunservice.com.
// https://www.alibabacloud.com/help/en/resource-management/resource-group/developer-reference/api-resourcemanager-2020-03-31-attachpolicy
var principalForms = map[string]struct {
	kind   cloud.Resource
	form   *regexp.Regexp
	suffix func(uid string) string
}{
	"IMSUser":     {cloud.KindUser, regexp.MustCompile(`^([A-Za-z0-9._-]+)@[a-z0-9.-]+$`), func(uid string) string { return "@" + uid + ".onaliyun.com" }},
	"IMSGroup":    {cloud.KindGroup, regexp.MustCompile(`^([A-Za-z0-9._-]+)@[a-z0-9.-]+$`), func(uid string) string { return "@group." + uid + ".onaliyun.com" }},
	"ServiceRole": {cloud.KindRole, regexp.MustCompile(`^([A-Za-z0-9._-]+)@[a-z0-9.-]+$`), func(uid string) string { return "@role." + uid + ".onaliyunservice.com" }},
}

func holder(kind, principal string) (control.Holder, error) {
	f, ok := principalForms[kind]
	if !ok {
		return control.Holder{}, &wire.Error{Code: "InvalidParameter.PrincipalType", Msg: `The parameter - "PrincipalType" should be "IMSUser", "IMSGroup" or "ServiceRole".`}
	}
	m := f.form.FindStringSubmatch(principal)
	if m == nil {
		return control.Holder{}, &wire.Error{Code: "InvalidParameter.PrincipalName", Msg: `The parameter - "PrincipalName" is not valid.`}
	}
	return control.Holder{Kind: f.kind, Name: m[1]}, nil
}

func principalName(uid string, h control.Holder) (kind, name string) {
	for k, f := range principalForms {
		if f.kind == h.Kind {
			return k, h.Name + f.suffix(uid)
		}
	}
	return "", h.Name
}

// scope is the resource group of a grant; "" where the account itself is named.
func scope(ctx context.Context, group string) string {
	if group == access.UID(account(ctx)) || group == account(ctx) {
		return ""
	}
	return group
}

func (a *api) attachPolicy(ctx context.Context, in *AttachPolicyInput) (*AttachPolicyOutput, error) {
	h, err := holder(*in.PrincipalType, *in.PrincipalName)
	if err != nil {
		return nil, err
	}
	if err := a.ensure(ctx); err != nil {
		return nil, err
	}
	return nil, ram.Attach(ctx, a.control, account(ctx), h, *in.PolicyType, *in.PolicyName, scope(ctx, *in.ResourceGroupId))
}

func (a *api) detachPolicy(ctx context.Context, in *DetachPolicyInput) (*DetachPolicyOutput, error) {
	h, err := holder(*in.PrincipalType, *in.PrincipalName)
	if err != nil {
		return nil, err
	}
	return nil, ram.Detach(ctx, a.control, account(ctx), h, *in.PolicyType, *in.PolicyName, scope(ctx, *in.ResourceGroupId))
}

// attachment is one policy that somebody has.
type attachment struct {
	holder control.Holder
	policy string
	group  string // "" is everywhere
	since  *string
}

// attachments lists what everybody of the account has.
func (a *api) attachments(account string) []attachment {
	v := a.control.View()
	var out []attachment
	add := func(kind cloud.Resource, name string, arns []string) {
		for _, arn := range arns {
			out = append(out, attachment{holder: control.Holder{Kind: kind, Name: name}, policy: arn})
		}
	}
	for u := range cloud.Users.By(v, "account", account) {
		add(cloud.KindUser, u.Name, u.Attached)
	}
	for g := range cloud.Groups.By(v, "account", account) {
		add(cloud.KindGroup, g.Name, g.Attached)
	}
	for r := range cloud.Roles.By(v, "account", account) {
		add(cloud.KindRole, r.Name, r.Attached)
	}
	for _, g := range a.control.GroupGrants(account) {
		out = append(out, attachment{control.Holder{Kind: g.Holder, Name: g.Name}, g.Policy, g.Group, date(g.Created)})
	}
	return out
}

func (a *api) listPolicyAttachments(ctx context.Context, in *ListPolicyAttachmentsInput) (*ListPolicyAttachmentsOutput, error) {
	uid, v := access.UID(account(ctx)), a.control.View()
	var all []PolicyAttachment
	for _, t := range a.attachments(account(ctx)) {
		p, ok := cloud.Policies.Get(v, t.policy)
		if !ok || ram.PolicyType(p) == "" {
			continue
		}
		kind, name := principalName(uid, t.holder)
		f := PolicyAttachment{
			PolicyName: &p.Name, PolicyType: new(ram.PolicyType(p)), Description: &p.Description, PrincipalType: &kind, PrincipalName: &name,
			ResourceGroupId: new(t.group), AttachDate: t.since,
		}
		if t.group == "" {
			f.ResourceGroupId = &uid
		}
		if in.wants(f) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b PolicyAttachment) int {
		return strings.Compare(*a.PolicyName+"\x00"+*a.PrincipalName+*a.ResourceGroupId, *b.PolicyName+"\x00"+*b.PrincipalName+*b.ResourceGroupId)
	})
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	return &ListPolicyAttachmentsOutput{PolicyAttachments: p.Items, PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total}, err
}

func (in *ListPolicyAttachmentsInput) wants(f PolicyAttachment) bool {
	same := func(want, have *string) bool { return want == nil || *want == "" || *want == *have }
	return same(in.PolicyName, f.PolicyName) && same(in.PolicyType, f.PolicyType) && same(in.PrincipalType, f.PrincipalType) &&
		same(in.PrincipalName, f.PrincipalName) && same(in.ResourceGroupId, f.ResourceGroupId)
}
