package fc

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) createAlias(ctx context.Context, in *CreateAliasInput) (*Alias, error) {
	if !validName(value(in.AliasName)) || *in.AliasName == latest {
		return nil, invalid("aliasName '%s' must match %s", value(in.AliasName), namePattern)
	}
	set, err := a.aliasSettings(ctx, in.FunctionName, in.AliasName, in.VersionId, in.Description, in.AdditionalVersionWeight)
	if err != nil {
		return nil, err
	}
	alias, err := a.control.CreateAlias(ctx, caller(ctx), set)
	if err != nil {
		return nil, err
	}
	return aliasShape(alias), nil
}

func (a *api) updateAlias(ctx context.Context, in *UpdateAliasInput) (*Alias, error) {
	set, err := a.aliasSettings(ctx, in.FunctionName, in.AliasName, in.VersionId, in.Description, in.AdditionalVersionWeight)
	if err != nil {
		return nil, err
	}
	alias, err := a.control.UpdateAlias(ctx, caller(ctx), set)
	if err != nil {
		return nil, err
	}
	return aliasShape(alias), nil
}

// aliasSettings translates a request; weights are shares of an additional version, 1 is all.
func (a *api) aliasSettings(ctx context.Context, function, name, version, description *string, weights map[string]float64) (control.AliasSettings, error) {
	fn, err := a.find(ctx, function)
	if err != nil {
		return control.AliasSettings{}, err
	}
	set := control.AliasSettings{Function: fn.Name, Name: value(name), Description: description}
	if version != nil {
		n, err := versionNumber(fn, *version)
		if err != nil {
			return set, err
		}
		set.Version = &n
	}
	if weights != nil {
		set.Weights = map[int]float64{}
	}
	for v, share := range weights {
		n, err := versionNumber(fn, v)
		if err != nil {
			return set, err
		}
		if share < 0 || share > 1 {
			return set, invalid("additionalVersionWeight is set to an invalid value: want 0 to 1")
		}
		set.Weights[n] = share
	}
	return set, nil
}

func versionNumber(fn *cloud.Function, id string) (int, error) {
	if id == latest {
		return 0, nil
	}
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 {
		return 0, missing("Version", "version '%s' of function '%s' does not exist", id, fn.Name)
	}
	return n, nil
}

func aliasShape(alias *cloud.Alias) *Alias {
	out := &Alias{AliasName: &alias.Name, Description: &alias.Description, VersionId: ptr(latest), CreatedTime: stamp(alias.Created), LastModifiedTime: stamp(alias.Created)}
	if alias.Version > 0 {
		out.VersionId = ptr(strconv.Itoa(alias.Version))
	}
	for n, share := range alias.Weights {
		if out.AdditionalVersionWeight == nil {
			out.AdditionalVersionWeight = map[string]float64{}
		}
		out.AdditionalVersionWeight[strconv.Itoa(n)] = share
	}
	return out
}

func (a *api) findAlias(ctx context.Context, function, name *string) (*cloud.Alias, error) {
	fn, err := a.find(ctx, function)
	if err != nil {
		return nil, err
	}
	alias, ok := cloud.Aliases.Get(a.control.View(), cloud.MakeAliasKey(fn.Key, value(name)))
	if !ok {
		return nil, missing("Alias", "alias '%s' of function '%s' does not exist", value(name), fn.Name)
	}
	return alias, nil
}

func (a *api) getAlias(ctx context.Context, in *GetAliasInput) (*Alias, error) {
	alias, err := a.findAlias(ctx, in.FunctionName, in.AliasName)
	if err != nil {
		return nil, err
	}
	return aliasShape(alias), nil
}

func (a *api) listAliases(ctx context.Context, in *ListAliasesInput) (*ListAliasesOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	all := slices.Collect(cloud.Aliases.By(a.control.View(), "function", string(fn.Key)))
	all = slices.DeleteFunc(all, func(x *cloud.Alias) bool { return !strings.HasPrefix(x.Name, value(in.Prefix)) })
	page, next, err := pageOf(all, in.Limit, in.NextToken, "aliases "+string(fn.Key)+value(in.Prefix), func(x *cloud.Alias) string { return x.Name })
	if err != nil {
		return nil, err
	}
	out := &ListAliasesOutput{Aliases: []Alias{}, NextToken: next}
	for _, x := range page {
		out.Aliases = append(out.Aliases, *aliasShape(x))
	}
	return out, nil
}

func (a *api) deleteAlias(ctx context.Context, in *DeleteAliasInput) (*DeleteAliasOutput, error) {
	alias, err := a.findAlias(ctx, in.FunctionName, in.AliasName)
	if err != nil {
		return nil, err
	}
	return &DeleteAliasOutput{}, a.control.DeleteAlias(ctx, caller(ctx), value(in.FunctionName), alias.Name)
}
