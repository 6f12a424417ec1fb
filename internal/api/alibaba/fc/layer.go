package fc

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// maxLayers is how many a function may have.
// https://www.alibabacloud.com/help/en/functioncompute/configure-custom-layers-for-a-function
const maxLayers = 5

var layerName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9-_]{0,63}$`)

func (a *api) createLayerVersion(ctx context.Context, in *CreateLayerVersionInput) (*Layer, error) {
	if !layerName.MatchString(value(in.LayerName)) {
		return nil, invalid("layerName '%s' must match %s", value(in.LayerName), layerName)
	}
	archive, err := a.archive(in.Code, false)
	if err != nil {
		return nil, err
	}
	v, err := a.control.PublishLayer(ctx, caller(ctx), control.PublishLayer{Name: *in.LayerName, Description: value(in.Description),
		License: value(in.License), Runtimes: in.CompatibleRuntime, Archive: archive, Attrs: map[string]string{attrChecksum: noteChecksum(archive)}})
	if err != nil {
		return nil, err
	}
	return a.layerShape(v), nil
}

// layerKey is a layer of the caller's account and region.
func layerKey(ctx context.Context, name *string) cloud.LayerKey {
	call := wire.CallFrom(ctx)
	return cloud.MakeLayerKey(call.Account, call.Region, value(name))
}

func layerNumber(text *string) (int, error) {
	n, err := strconv.Atoi(value(text))
	if err != nil || n < 1 {
		return 0, missing("LayerVersion", "layer version '%s' does not exist", value(text))
	}
	return n, nil
}

func (a *api) getLayerVersion(ctx context.Context, in *GetLayerVersionInput) (*Layer, error) {
	n, err := layerNumber(in.Version)
	if err != nil {
		return nil, err
	}
	v, err := control.LayerVersion(a.control.View(), wire.CallFrom(ctx).Account, layerKey(ctx, in.LayerName), n)
	if err != nil {
		return nil, err
	}
	return a.layerShape(v), nil
}

func (a *api) getLayerByArn(ctx context.Context, in *GetLayerVersionByArnInput) (*Layer, error) {
	v, err := a.layerOf(ctx, value(in.Arn))
	if err != nil {
		return nil, err
	}
	return a.layerShape(v), nil
}

// layerOf finds the version that an ARN names, which may be another account's public
// one: acs:fc:<region>:<uid>:layers/<name>/versions/<number>.
func (a *api) layerOf(ctx context.Context, arn string) (*cloud.LayerVersion, error) {
	call := wire.CallFrom(ctx)
	parts := strings.Split(arn, ":")
	if len(parts) != 5 || parts[0] != "acs" || parts[1] != "fc" {
		return nil, invalid("layer '%s' is not a valid ARN: want acs:fc:<region>:<uid>:layers/<name>/versions/<number>", arn)
	}
	path := strings.Split(parts[4], "/")
	account, known := access.Account(parts[3])
	if len(path) != 4 || path[0] != "layers" || path[2] != "versions" || !known {
		return nil, invalid("layer '%s' is not a valid ARN: want acs:fc:<region>:<uid>:layers/<name>/versions/<number>", arn)
	}
	if parts[2] != call.Region {
		return nil, invalid("layer '%s' is not in region %s", arn, call.Region)
	}
	n, err := layerNumber(&path[3])
	if err != nil {
		return nil, err
	}
	return control.LayerVersion(a.control.View(), call.Account, cloud.MakeLayerKey(account, parts[2], path[1]), n)
}

func layerARN(key cloud.LayerVersionKey) string {
	parts := strings.Split(string(key), "/")
	return "acs:fc:" + parts[1] + ":" + access.UID(parts[0]) + ":layers/" + parts[2] + "/versions/" + parts[3]
}

func (a *api) layerShape(v *cloud.LayerVersion) *Layer {
	out := &Layer{LayerName: &v.Name, Version: ptr(int64(v.Number)), LayerVersionArn: ptr(layerARN(v.Key)), Description: &v.Description, License: &v.License,
		CompatibleRuntime: v.Runtimes, CodeSize: &v.Size, CodeChecksum: ptr(checksum(v.Attrs, v.Digest)), CreateTime: stamp(v.Created), Acl: ptr("0")}
	if l, ok := cloud.Layers.Get(a.control.View(), v.Layer); ok && l.Public {
		out.Acl = ptr("1")
	}
	if a.opt.CodeURL != nil {
		out.Code = &OutputCodeLocation{Location: ptr(a.opt.CodeURL(v.Digest)), RepositoryType: ptr("OSS")}
	}
	return out
}

// listLayers shows the newest version of each layer. Public layers are the account's
// own: this cloud's official ones are not here.
func (a *api) listLayers(ctx context.Context, in *ListLayersInput) (*ListLayersOutput, error) {
	call, v := wire.CallFrom(ctx), a.control.View()
	public, official := value(in.Public) == "true", value(in.Official) == "true"
	var all []*cloud.LayerVersion
	for l := range cloud.Layers.By(v, "scope", cloud.Scope(call.Account, call.Region)) {
		if newest := control.LayerHistory(v, l.Key); len(newest) > 0 && !official && (!public || l.Public) && strings.HasPrefix(l.Name, value(in.Prefix)) {
			all = append(all, newest[0])
		}
	}
	scope := strings.Join([]string{"layers", call.Account, call.Region, value(in.Prefix), strconv.FormatBool(public), strconv.FormatBool(official)}, " ")
	page, next, err := pageOf(all, in.Limit, in.NextToken, scope, func(v *cloud.LayerVersion) string { return v.Name })
	if err != nil {
		return nil, err
	}
	out := &ListLayersOutput{Layers: []Layer{}, NextToken: next}
	for _, v := range page {
		out.Layers = append(out.Layers, *a.layerShape(v))
	}
	return out, nil
}

// listLayerVersions shows the versions of a layer, the newest first, from startVersion on.
func (a *api) listLayerVersions(ctx context.Context, in *ListLayerVersionsInput) (*ListLayerVersionOutput, error) {
	key := layerKey(ctx, in.LayerName)
	if _, ok := cloud.Layers.Get(a.control.View(), key); !ok {
		return nil, missing("Layer", "layer '%s' does not exist", value(in.LayerName))
	}
	limit := 20
	if in.Limit != nil {
		if limit = int(*in.Limit); limit < 1 || limit > 100 {
			return nil, invalid("limit is set to an invalid value: want 1 to 100")
		}
	}
	all := control.LayerHistory(a.control.View(), key)
	if value(in.StartVersion) != "" {
		from, err := strconv.Atoi(*in.StartVersion)
		if err != nil {
			return nil, invalid("startVersion is set to an invalid value: want a number")
		}
		all = slices.DeleteFunc(all, func(v *cloud.LayerVersion) bool { return v.Number > from })
	}
	out := &ListLayerVersionOutput{Layers: []Layer{}}
	for _, v := range all[:min(len(all), limit)] {
		out.Layers = append(out.Layers, *a.layerShape(v))
	}
	if len(all) > limit {
		out.NextVersion = ptr(int64(all[limit].Number))
	}
	return out, nil
}

func (a *api) deleteLayerVersion(ctx context.Context, in *DeleteLayerVersionInput) (*DeleteLayerVersionOutput, error) {
	n, err := layerNumber(in.Version)
	if err != nil {
		return nil, err
	}
	return &DeleteLayerVersionOutput{}, a.control.DeleteLayerVersion(ctx, caller(ctx), value(in.LayerName), n)
}

func (a *api) putLayerACL(ctx context.Context, in *PutLayerACLInput) (*PutLayerACLOutput, error) {
	acl := value(in.Acl)
	if !slices.Contains([]string{"", "0", "1"}, acl) {
		return nil, invalid("acl is set to an invalid value: want 0 or 1")
	}
	return &PutLayerACLOutput{}, a.control.SetLayerPublic(ctx, caller(ctx), value(in.LayerName), acl == "1" || acl == "" && value(in.Public) == "true")
}

// layers finds a function's layers. The first hides files of the same name in those
// after it.
// https://www.alibabacloud.com/help/en/functioncompute/create-a-custom-layer-1
func (a *api) layers(ctx context.Context, in *UpdateFunctionInput, old *cloud.Version, s *control.FunctionSettings) error {
	if in.Layers == nil {
		return nil
	}
	runtime := value(in.Runtime)
	if in.Runtime == nil && old != nil {
		runtime = old.Runtime
	}
	switch {
	case len(in.Layers) > maxLayers:
		return invalid("layers has %d items, at most %d are allowed", len(in.Layers), maxLayers)
	case len(in.Layers) > 0 && runtime == containerRuntime:
		return invalid("layers are not supported for runtime custom-container")
	}
	uses := []cloud.LayerUse{}
	for _, arn := range in.Layers {
		v, err := a.layerOf(ctx, arn)
		if err != nil {
			return err
		}
		if len(v.Runtimes) > 0 && !slices.Contains(v.Runtimes, runtime) {
			return invalid("layer '%s' is not compatible with runtime %s", arn, runtime)
		}
		uses = append(uses, cloud.LayerUse{Version: v.Key, Digest: v.Digest, Size: v.Size})
	}
	slices.Reverse(uses)
	s.Layers = &uses
	return nil
}

func layersShape(v *cloud.Version) []FunctionLayer {
	var out []FunctionLayer
	for _, l := range slices.Backward(v.Layers) {
		out = append(out, FunctionLayer{Arn: ptr(layerARN(l.Version)), Size: ptr(l.Size)})
	}
	return out
}
