package lambda

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) publishVersion(ctx context.Context, in *PublishVersionInput) (*FunctionConfiguration, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	if in.PublishTo != "" {
		return nil, a.refused("PublishTo is not implemented.")
	}
	if want := value(in.CodeSha256); want != "" && want != fn.Latest.CodeDigest {
		return nil, invalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", want, fn.Latest.CodeDigest)
	}
	pv, err := a.control.PublishVersion(ctx, caller(ctx, r.account), control.PublishVersion{
		Name: r.name, Description: in.Description, CodeDigest: value(in.CodeSha256), RevisionID: value(in.RevisionId)})
	if err != nil {
		return nil, err
	}
	return a.configuration(fn, &pv.Version, pv.Version.Label()), nil
}

func (a *api) listVersionsByFunction(ctx context.Context, in *ListVersionsByFunctionInput) (*ListVersionsByFunctionOutput, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	all := []*cloud.Version{&fn.Latest}
	for _, pv := range control.FunctionVersions(a.control.View(), fn.Key) {
		all = append(all, &pv.Version)
	}
	page, next, err := wire.Page(all, wire.Paging{Max: capped(in.MaxItems, 50), Token: in.Marker, Default: 50, Scope: "versions " + r.arn()},
		func(v *cloud.Version) string { return fmt.Sprintf("%09d", v.Number) })
	if err != nil {
		return nil, err
	}
	out := &ListVersionsByFunctionOutput{Versions: []FunctionConfiguration{}, NextMarker: next}
	for _, v := range page {
		c := a.listed(fn, v)
		c.FunctionArn = ptr(r.with(v.Label()).arn())
		out.Versions = append(out.Versions, c)
	}
	return out, nil
}

func (a *api) createAlias(ctx context.Context, in *CreateAliasInput) (*AliasConfiguration, error) {
	return a.putAlias(ctx, in.FunctionName, in.FunctionVersion, in.RoutingConfig, control.AliasSettings{
		Name: *in.Name, Description: in.Description}, a.control.CreateAlias)
}

func (a *api) updateAlias(ctx context.Context, in *UpdateAliasInput) (*AliasConfiguration, error) {
	return a.putAlias(ctx, in.FunctionName, in.FunctionVersion, in.RoutingConfig, control.AliasSettings{
		Name: *in.Name, Description: in.Description, RevisionID: value(in.RevisionId)}, a.control.UpdateAlias)
}

type aliasCall = func(context.Context, control.Caller, control.AliasSettings) (*cloud.Alias, error)

func (a *api) putAlias(ctx context.Context, name, version *string, routing *AliasRoutingConfiguration, s control.AliasSettings, put aliasCall) (*AliasConfiguration, error) {
	r, fn, err := a.unqualified(ctx, name)
	if fn == nil && r.name != "" && version != nil { // AWS misses the version
		return nil, notFound(r.with(*version))
	}
	if err != nil {
		return nil, err
	}
	s.Function = r.name
	if _, err := strconv.Atoi(s.Name); err == nil {
		return nil, constraint(s.Name, "name", "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
	}
	if version != nil {
		n, ok := versionNumber(*version)
		if !ok {
			return nil, notFound(r.with(*version))
		}
		s.Version = &n
	}
	if routing != nil {
		s.Weights = map[int]float64{}
		for label, w := range routing.AdditionalVersionWeights {
			n, ok := versionNumber(label)
			if !ok {
				return nil, notFound(r.with(label))
			}
			s.Weights[n] = w
		}
	}
	alias, err := put(ctx, caller(ctx, r.account), s)
	switch {
	case cloud.IsKind(err, cloud.Exists):
		return nil, conflict("Alias already exists: %s", r.with(s.Name).arn())
	case cloud.IsKind(err, cloud.NotFound):
		return nil, a.absent(r, fn, s)
	case err != nil:
		return nil, err
	}
	return aliasConfiguration(r, alias), nil
}

// absent names what an alias's settings look for in vain: a version of them, or the alias.
func (a *api) absent(r ref, fn *cloud.Function, s control.AliasSettings) *wire.Error {
	numbers := slices.Sorted(maps.Keys(s.Weights))
	if s.Version != nil {
		numbers = append([]int{*s.Version}, numbers...)
	}
	for _, n := range numbers {
		if _, err := fn.Numbered(a.control.View(), n); err != nil {
			return notFound(r.with(strconv.Itoa(n)))
		}
	}
	return &wire.Error{Code: "ResourceNotFoundException", Msg: "Alias not found: " + r.with(s.Name).arn()}
}

func noAlias(r ref) *wire.Error {
	return &wire.Error{Code: "ResourceNotFoundException", Msg: "Cannot find alias arn: " + r.arn()}
}

func aliasConfiguration(r ref, alias *cloud.Alias) *AliasConfiguration {
	c := &AliasConfiguration{
		AliasArn:        ptr(r.with(alias.Name).arn()),
		Description:     ptr(alias.Description),
		FunctionVersion: ptr(label(alias.Version)),
		Name:            ptr(alias.Name),
		RevisionId:      ptr(alias.RevisionID),
	}
	if len(alias.Weights) > 0 {
		c.RoutingConfig = &AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{}}
		for n, w := range alias.Weights {
			c.RoutingConfig.AdditionalVersionWeights[label(n)] = w
		}
	}
	return c
}

func label(version int) string { return (&cloud.Version{Number: version}).Label() }

func (a *api) getAlias(ctx context.Context, in *GetAliasInput) (*AliasConfiguration, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	alias, ok := cloud.Aliases.Get(a.control.View(), cloud.MakeAliasKey(fn.Key, *in.Name))
	if !ok {
		return nil, noAlias(r.with(*in.Name))
	}
	return aliasConfiguration(r, alias), nil
}

func (a *api) listAliases(ctx context.Context, in *ListAliasesInput) (*ListAliasesOutput, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slices.Collect(cloud.Aliases.By(a.control.View(), "function", string(fn.Key))), func(alias *cloud.Alias) bool {
		return in.FunctionVersion != nil && label(alias.Version) != *in.FunctionVersion
	})
	page, next, err := wire.Page(all, wire.Paging{Max: capped(in.MaxItems, 50), Token: in.Marker, Default: 50, Scope: "aliases " + r.arn()},
		func(alias *cloud.Alias) string { return alias.Name })
	if err != nil {
		return nil, err
	}
	out := &ListAliasesOutput{Aliases: []AliasConfiguration{}, NextMarker: next}
	for _, alias := range page {
		out.Aliases = append(out.Aliases, *aliasConfiguration(r, alias))
	}
	return out, nil
}

func (a *api) deleteAlias(ctx context.Context, in *DeleteAliasInput) (*DeleteAliasOutput, error) {
	r, _, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteAlias(ctx, caller(ctx, r.account), r.name, *in.Name)
}
