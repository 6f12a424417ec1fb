package fc

import (
	"context"
	"slices"
	"strconv"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) publishVersion(ctx context.Context, in *PublishFunctionVersionInput) (*Version, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	pv, err := a.control.PublishVersion(ctx, caller(ctx), control.PublishVersion{Name: fn.Name, Description: ptr(value(in.Description))})
	if err != nil {
		return nil, err
	}
	return versionShape(pv), nil
}

func versionShape(pv *cloud.PublishedVersion) *Version {
	return &Version{VersionId: ptr(strconv.Itoa(pv.Version.Number)), Description: &pv.Version.Description,
		CreatedTime: stamp(pv.Created), LastModifiedTime: stamp(pv.Created)}
}

func (a *api) listVersions(ctx context.Context, in *ListFunctionVersionsInput) (*ListVersionsOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	direction := value(in.Direction)
	if !slices.Contains([]string{"", "BACKWARD", "FORWARD"}, direction) {
		return nil, invalid("direction is set to an invalid value: want BACKWARD or FORWARD")
	}
	all := control.FunctionVersions(a.control.View(), fn.Key)
	key := func(pv *cloud.PublishedVersion) string { // newest first, unless FORWARD
		n := pv.Version.Number
		if direction != "FORWARD" {
			n = 1<<30 - n
		}
		return strconv.FormatInt(1<<32+int64(n), 10)
	}
	page, next, err := pageOf(all, in.Limit, in.NextToken, "versions "+string(fn.Key)+direction, key)
	if err != nil {
		return nil, err
	}
	out := &ListVersionsOutput{Versions: []Version{}, NextToken: next, Direction: in.Direction}
	for _, pv := range page {
		out.Versions = append(out.Versions, *versionShape(pv))
	}
	return out, nil
}

// pageOf is a page of at most 100 items, 20 if the request does not say.
func pageOf[T any](all []T, limit *int64, token *string, scope string, key func(T) string) ([]T, *string, error) {
	var most *int32
	if limit != nil {
		if *limit < 1 || *limit > 100 {
			return nil, nil, invalid("limit is set to an invalid value: want 1 to 100")
		}
		most = ptr(int32(*limit))
	}
	return wire.Page(all, wire.Paging{Max: most, Token: token, Default: 20, Scope: scope}, key)
}

func (a *api) deleteVersion(ctx context.Context, in *DeleteFunctionVersionInput) (*DeleteFunctionVersionOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(value(in.VersionId))
	if err != nil || n < 1 {
		return nil, missing("Version", "version '%s' of function '%s' does not exist", value(in.VersionId), fn.Name)
	}
	return &DeleteFunctionVersionOutput{}, a.control.DeleteFunction(ctx, caller(ctx), fn.Name, n)
}
