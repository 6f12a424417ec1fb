package cloud

import "strconv"

// Kinds of layers.
const (
	KindLayer        Resource = "layer"
	KindLayerVersion Resource = "layer-version"
)

// LayerKey is "account/region/name".
type LayerKey string

// LayerVersionKey is "account/region/name/number".
type LayerVersionKey string

// MakeLayerKey names a layer.
func MakeLayerKey(account, region, name string) LayerKey {
	return LayerKey(account + "/" + region + "/" + name)
}

// MakeLayerVersionKey names a version of a layer.
func MakeLayerVersionKey(layer LayerKey, number int) LayerVersionKey {
	return LayerVersionKey(string(layer) + "/" + strconv.Itoa(number))
}

// Layer is an archive that functions share, in versions. It stays when its versions
// are gone: a number is never used again.
type Layer struct {
	Meta
	Key    LayerKey
	Name   string
	Last   int  // number of the newest version
	Public bool // functions of every account may use it
}

// LayerVersion is one archive of a layer.
type LayerVersion struct {
	Meta
	Key         LayerVersionKey
	Layer       LayerKey
	Name        string // of the layer
	Number      int
	Description string
	License     string
	Runtimes    []string // that it is said to be for
	Digest      string   // as Version.CodeDigest
	Size        int64
}

// LayerUse is a layer of a function; it outlives the layer's version.
type LayerUse struct {
	Version LayerVersionKey
	Digest  string
	Size    int64
}

// Layers and their versions.
var (
	Layers = newTable("layer", func(r *Layer) LayerKey { return r.Key }, index[Layer]{
		"scope": func(r *Layer) []string { return one(r.Scope()) },
	})
	LayerVersions = newTable("layer-version", func(r *LayerVersion) LayerVersionKey { return r.Key }, index[LayerVersion]{
		"layer": func(r *LayerVersion) []string { return one(r.Layer) },
	})
)
