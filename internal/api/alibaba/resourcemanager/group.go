package resourcemanager

import (
	"context"
	"crypto/rand"
	"regexp"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/region"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

var (
	groupName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{2,49}$`)
	sizes     = page.Sizes{Default: 10, Max: 100}
)

// newID makes a resource group's ID.
func newID(cloud.Resource) string { return "rg-ae" + strings.ToLower(rand.Text())[:13] }

// ensure makes the account's default resource group, which is there from the start.
func (a *api) ensure(ctx context.Context) error {
	account := account(ctx)
	_, err := a.control.EnsureResourceGroup(ctx, account, DefaultGroup(account), "default", "default resource group")
	return err
}

func groupFacts(g *cloud.ResourceGroup) ResourceGroup {
	out := ResourceGroup{
		Id: &g.ID, Name: &g.Name, DisplayName: &g.DisplayName, AccountId: new(access.UID(g.Account)), Status: new("OK"), CreateDate: date(g.Created),
	}
	for _, r := range region.All() {
		out.RegionStatuses = append(out.RegionStatuses, RegionStatus{RegionId: new(r.ID), Status: new("OK")})
	}
	for _, k := range slices.Sorted(keys(g.Tags)) {
		out.Tags = append(out.Tags, Tag{TagKey: new(k), TagValue: new(g.Tags[k])})
	}
	return out
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func checkDisplay(parameter, name string) error {
	if n := len([]rune(name)); n == 0 || n > 50 {
		return &wire.Error{Code: "InvalidParameter." + parameter, Msg: `The parameter - "` + parameter + `" beyond the length limit.`}
	}
	return nil
}

// https://www.alibabacloud.com/help/en/resource-management/resource-group/developer-reference/api-resourcemanager-2020-03-31-createresourcegroup
func (a *api) createResourceGroup(ctx context.Context, in *CreateResourceGroupInput) (*CreateResourceGroupOutput, error) {
	if err := a.ensure(ctx); err != nil {
		return nil, err
	}
	if !groupName.MatchString(*in.Name) {
		return nil, &wire.Error{Code: "InvalidParameter.Name", Msg: `The parameter - "Name" should be 3 to 50 letters, digits, underscores and hyphens, and begin with a letter.`}
	}
	if err := checkDisplay("DisplayName", *in.DisplayName); err != nil {
		return nil, err
	}
	tags, err := readTags(in.Tag)
	if err != nil {
		return nil, err
	}
	caller := control.Caller{Account: account(ctx), Principal: wire.CallFrom(ctx).Principal, NewID: newID}
	g, err := a.control.CreateResourceGroup(ctx, caller, *in.Name, *in.DisplayName, tags)
	if err != nil {
		return nil, err
	}
	return &CreateResourceGroupOutput{ResourceGroup: new(groupFacts(g))}, nil
}

func (a *api) getResourceGroup(ctx context.Context, in *GetResourceGroupInput) (*GetResourceGroupOutput, error) {
	if err := a.ensure(ctx); err != nil {
		return nil, err
	}
	g, err := a.control.ResourceGroup(account(ctx), *in.ResourceGroupId)
	if err != nil {
		return nil, err
	}
	return &GetResourceGroupOutput{ResourceGroup: new(groupFacts(g))}, nil
}

func (a *api) listResourceGroups(ctx context.Context, in *ListResourceGroupsInput) (*ListResourceGroupsOutput, error) {
	if err := a.ensure(ctx); err != nil {
		return nil, err
	}
	if s := text(in.Status); s != "" && s != "OK" && s != "Creating" && s != "Deleting" && s != "PendingDelete" {
		return nil, &wire.Error{Code: "InvalidParameter.Status", Msg: `The parameter - "Status" is not valid.`}
	}
	var all []*cloud.ResourceGroup
	for _, g := range a.control.ResourceGroups(account(ctx)) {
		if in.wants(g) {
			all = append(all, g)
		}
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &ListResourceGroupsOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total}
	for _, g := range p.Items {
		f := groupFacts(g)
		if in.IncludeTags == nil || !*in.IncludeTags {
			f.Tags = nil
		}
		out.ResourceGroups = append(out.ResourceGroups, f)
	}
	return out, nil
}

func (in *ListResourceGroupsInput) wants(g *cloud.ResourceGroup) bool {
	for _, t := range in.Tag {
		if have, ok := g.Tags[text(t.Key)]; !ok || text(t.Value) != "" && have != *t.Value {
			return false
		}
	}
	return (in.Name == nil || *in.Name == g.Name) && (in.DisplayName == nil || strings.Contains(g.DisplayName, *in.DisplayName)) &&
		(in.ResourceGroupId == nil || *in.ResourceGroupId == g.ID) && (in.Status == nil || *in.Status == "OK") && page.Has(in.ResourceGroupIds, g.ID)
}

func (a *api) updateResourceGroup(ctx context.Context, in *UpdateResourceGroupInput) (*UpdateResourceGroupOutput, error) {
	if err := checkDisplay("NewDisplayName", *in.NewDisplayName); err != nil {
		return nil, err
	}
	if err := a.ensure(ctx); err != nil {
		return nil, err
	}
	g, err := a.control.EditResourceGroup(ctx, account(ctx), *in.ResourceGroupId, func(g *cloud.ResourceGroup) error {
		g.DisplayName = *in.NewDisplayName
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateResourceGroupOutput{ResourceGroup: new(groupFacts(g))}, nil
}

func (a *api) deleteResourceGroup(ctx context.Context, in *DeleteResourceGroupInput) (*DeleteResourceGroupOutput, error) {
	account, id := account(ctx), *in.ResourceGroupId
	g, err := a.control.ResourceGroup(account, id)
	if err != nil {
		return nil, err
	}
	if id == DefaultGroup(account) {
		return nil, &wire.Error{Code: "Invalid.ResourceGroup.Default", Status: 409, Msg: "The default resource group cannot be deleted."}
	}
	for _, holds := range a.holds {
		if holds(a.control.View(), account, id) {
			return nil, &wire.Error{Code: "DeleteConflict.ResourceGroup.Resource", Status: 409, Msg: "Failed to delete the resource group because one or more cloud resources exist in the resource group."}
		}
	}
	if err := a.control.DeleteResourceGroup(ctx, account, id); err != nil {
		return nil, err
	}
	f := groupFacts(g)
	f.Status = new("PendingDelete")
	return &DeleteResourceGroupOutput{ResourceGroup: &f}, nil
}
