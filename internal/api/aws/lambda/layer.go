package lambda

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// maxLayers is how many a function may have.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxLayers = 5

// attrArchitectures are what a layer's version is said to be for.
const attrArchitectures = "lambda.architectures"

var layerARNs = regexp.MustCompile(`^arn:aws:lambda:([^:]+):(\d{12}):layer:([^:]+)(?::(\d+))?$`)

// layerKey is the layer that a name or an ARN means, with the version's number if the ARN has one.
func layerKey(ctx context.Context, name *string) (key cloud.LayerKey, number int, err error) {
	call := wire.CallFrom(ctx)
	if !strings.HasPrefix(value(name), "arn:") {
		return cloud.MakeLayerKey(call.Account, call.Region, value(name)), 0, nil
	}
	m := layerARNs.FindStringSubmatch(value(name))
	if m == nil || m[1] != call.Region {
		return "", 0, invalid("%s is not the ARN of a layer in %s", value(name), call.Region)
	}
	number, _ = strconv.Atoi(m[4])
	return cloud.MakeLayerKey(m[2], m[1], m[3]), number, nil
}

// layerARN names a layer or a version of one.
func layerARN(key string) string {
	parts := strings.Split(key, "/")
	return fmt.Sprintf("arn:aws:lambda:%s:%s:layer:%s", parts[1], parts[0], strings.Join(parts[2:], ":"))
}

func noLayer() *wire.Error {
	return &wire.Error{Code: "ResourceNotFoundException", Msg: "The resource you requested does not exist."}
}

func (a *api) publishLayerVersion(ctx context.Context, in *PublishLayerVersionInput) (*PublishLayerVersionOutput, error) {
	key, _, err := layerKey(ctx, in.LayerName)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(string(key), "/")
	if parts[0] != wire.CallFrom(ctx).Account {
		return nil, invalid("%s is a layer of another account", *in.LayerName)
	}
	archive, err := a.archive("PublishLayerVersion", &FunctionCode{S3Bucket: in.Content.S3Bucket, S3Key: in.Content.S3Key, ZipFile: in.Content.ZipFile})
	if err != nil {
		return nil, err
	}
	v, err := a.control.PublishLayer(ctx, caller(ctx, parts[0]), control.PublishLayer{Name: parts[2], Description: value(in.Description), License: value(in.LicenseInfo),
		Runtimes: words(in.CompatibleRuntimes), Archive: archive, Attrs: map[string]string{attrArchitectures: strings.Join(words(in.CompatibleArchitectures), ",")}})
	if err != nil {
		return nil, err
	}
	out := PublishLayerVersionOutput(*a.layerVersion(v))
	return &out, nil
}

// words are the texts of an enumeration's values.
func words[T ~string](list []T) (out []string) {
	for _, w := range list {
		out = append(out, string(w))
	}
	return out
}

func (a *api) layerVersion(v *cloud.LayerVersion) *GetLayerVersionResponse {
	item := layerItem(v)
	out := &GetLayerVersionResponse{LayerArn: ptr(layerARN(string(v.Layer))), LayerVersionArn: item.LayerVersionArn, Version: item.Version, CreatedDate: item.CreatedDate,
		Description: item.Description, LicenseInfo: item.LicenseInfo, CompatibleRuntimes: item.CompatibleRuntimes, CompatibleArchitectures: item.CompatibleArchitectures,
		Content: &LayerVersionContentOutput{CodeSha256: &v.Digest, CodeSize: &v.Size}}
	if a.opt.Code != nil {
		out.Content.Location = ptr(a.opt.Code.URL(v.Digest))
	}
	return out
}

func layerItem(v *cloud.LayerVersion) *LayerVersionsListItem {
	out := &LayerVersionsListItem{LayerVersionArn: ptr(layerARN(string(v.Key))), Version: ptr(int64(v.Number)), CreatedDate: ptr(v.Created.UTC().Format(timeForm)), Description: &v.Description}
	if v.License != "" {
		out.LicenseInfo = &v.License
	}
	for _, r := range v.Runtimes {
		out.CompatibleRuntimes = append(out.CompatibleRuntimes, Runtime(r))
	}
	for _, arch := range architectures(v) {
		out.CompatibleArchitectures = append(out.CompatibleArchitectures, Architecture(arch))
	}
	return out
}

func architectures(v *cloud.LayerVersion) []string {
	if text := v.Attrs[attrArchitectures]; text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

// findLayer finds a version of a layer that the caller may use.
func (a *api) findLayer(ctx context.Context, name *string, number int) (*cloud.LayerVersion, error) {
	key, n, err := layerKey(ctx, name)
	if err != nil {
		return nil, err
	}
	if number = max(number, n); number < 1 {
		return nil, noLayer()
	}
	v, err := control.LayerVersion(a.control.View(), wire.CallFrom(ctx).Account, key, number)
	if err != nil {
		return nil, noLayer()
	}
	return v, nil
}

func checkLayerVersion(n *int64) error {
	if value(n) < 1 {
		return invalid("Layer Version Cannot be less than 1")
	}
	return nil
}

func (a *api) getLayerVersion(ctx context.Context, in *GetLayerVersionInput) (*GetLayerVersionResponse, error) {
	if err := checkLayerVersion(in.VersionNumber); err != nil {
		return nil, err
	}
	v, err := a.findLayer(ctx, in.LayerName, int(value(in.VersionNumber)))
	if err != nil {
		return nil, err
	}
	return a.layerVersion(v), nil
}

func (a *api) getLayerVersionByARN(ctx context.Context, in *GetLayerVersionByArnInput) (*GetLayerVersionResponse, error) {
	v, err := a.findLayer(ctx, in.Arn, 0)
	if err != nil {
		return nil, err
	}
	return a.layerVersion(v), nil
}

// fits tells whether a version is said to be for what a list asks for.
func fits(v *cloud.LayerVersion, runtime Runtime, arch Architecture) bool {
	return (runtime == "" || slices.Contains(v.Runtimes, string(runtime))) && (arch == "" || slices.Contains(architectures(v), string(arch)))
}

func (a *api) listLayerVersions(ctx context.Context, in *ListLayerVersionsInput) (*ListLayerVersionsOutput, error) {
	key, _, err := layerKey(ctx, in.LayerName)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(control.LayerHistory(a.control.View(), key), func(v *cloud.LayerVersion) bool {
		return v.Account != wire.CallFrom(ctx).Account || !fits(v, in.CompatibleRuntime, in.CompatibleArchitecture)
	})
	page, next, err := wire.Page(all, wire.Paging{Max: in.MaxItems, Token: in.Marker, Default: 50, Scope: "layer-versions " + string(key)},
		func(v *cloud.LayerVersion) string { return strconv.Itoa(1<<30 - v.Number) })
	if err != nil {
		return nil, err
	}
	out := &ListLayerVersionsOutput{LayerVersions: []LayerVersionsListItem{}, NextMarker: next}
	for _, v := range page {
		out.LayerVersions = append(out.LayerVersions, *layerItem(v))
	}
	return out, nil
}

func (a *api) listLayers(ctx context.Context, in *ListLayersInput) (*ListLayersOutput, error) {
	call, view := wire.CallFrom(ctx), a.control.View()
	var all []*cloud.LayerVersion
	for l := range cloud.Layers.By(view, "scope", cloud.Scope(call.Account, call.Region)) {
		history := control.LayerHistory(view, l.Key)
		if i := slices.IndexFunc(history, func(v *cloud.LayerVersion) bool { return fits(v, in.CompatibleRuntime, in.CompatibleArchitecture) }); i >= 0 {
			all = append(all, history[i])
		}
	}
	page, next, err := wire.Page(all, wire.Paging{Max: in.MaxItems, Token: in.Marker, Default: 50, Scope: "layers " + call.Account + " " + call.Region},
		func(v *cloud.LayerVersion) string { return v.Name })
	if err != nil {
		return nil, err
	}
	out := &ListLayersOutput{Layers: []LayersListItem{}, NextMarker: next}
	for _, v := range page {
		out.Layers = append(out.Layers, LayersListItem{LayerName: &v.Name, LayerArn: ptr(layerARN(string(v.Layer))), LatestMatchingVersion: layerItem(v)})
	}
	return out, nil
}

// deleteLayerVersion deletes a version; one that is not there is no error.
func (a *api) deleteLayerVersion(ctx context.Context, in *DeleteLayerVersionInput) (*DeleteLayerVersionOutput, error) {
	key, _, err := layerKey(ctx, in.LayerName)
	if err != nil {
		return nil, err
	}
	if err := checkLayerVersion(in.VersionNumber); err != nil {
		return nil, err
	}
	parts := strings.Split(string(key), "/")
	if parts[0] != wire.CallFrom(ctx).Account {
		return nil, noLayer()
	}
	err = a.control.DeleteLayerVersion(ctx, caller(ctx, parts[0]), parts[2], int(value(in.VersionNumber)))
	if cloud.IsKind(err, cloud.NotFound) {
		err = nil
	}
	return &DeleteLayerVersionOutput{}, err
}

// layers finds a function's layers: a later one hides files of those before it.
// https://docs.aws.amazon.com/lambda/latest/dg/adding-layers.html
func (a *api) layers(ctx context.Context, in []string, s *control.FunctionSettings) error {
	if in == nil {
		return nil
	}
	if len(in) > maxLayers {
		return invalid("Cannot reference more than %d layers.", maxLayers)
	}
	uses, seen := []cloud.LayerUse{}, map[cloud.LayerKey]string{}
	for _, arn := range in {
		if m, region := layerARNs.FindStringSubmatch(arn), wire.CallFrom(ctx).Region; m != nil && m[1] != region {
			return invalid("Layers are not in the same region as the function. Layers are expected to be in region %s.", region)
		}
		v, err := a.findLayer(ctx, &arn, 0)
		if err != nil {
			return invalid("Layer version %s does not exist.", arn)
		}
		if other := seen[v.Layer]; other != "" {
			return invalid("Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", other, arn)
		}
		seen[v.Layer] = arn
		uses = append(uses, cloud.LayerUse{Version: v.Key, Digest: v.Digest, Size: v.Size})
	}
	s.Layers = &uses
	return nil
}

func layersOf(v *cloud.Version) (out []Layer) {
	for _, l := range v.Layers {
		out = append(out, Layer{Arn: ptr(layerARN(string(l.Version))), CodeSize: ptr(l.Size)})
	}
	return out
}
