package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// PublishLayer makes a new version of a layer, and the layer with its first.
type PublishLayer struct {
	Name, Description, License string
	Runtimes                   []string
	Archive                    []byte
	Attrs                      map[string]string
}

// PublishLayer stores an archive as the next version of a layer.
func (c *Control) PublishLayer(ctx context.Context, who Caller, in PublishLayer) (*cloud.LayerVersion, error) {
	code, err := c.storeCode(ctx, in.Archive)
	if err != nil {
		return nil, err
	}
	defer code.release()
	return create(ctx, c, func(tx cloud.Tx) (*cloud.LayerVersion, error) {
		layer := cloud.Layer{Meta: c.meta(who, Labels{}), Key: cloud.MakeLayerKey(who.Account, who.Region, in.Name), Name: in.Name}
		if old, ok := cloud.Layers.Get(tx, layer.Key); ok {
			layer = *old
		}
		layer.Last++
		cloud.Layers.Put(tx, &layer)
		v := &cloud.LayerVersion{Meta: c.meta(who, Labels{Attrs: in.Attrs}), Key: cloud.MakeLayerVersionKey(layer.Key, layer.Last), Layer: layer.Key,
			Name: in.Name, Number: layer.Last, Description: in.Description, License: in.License, Runtimes: in.Runtimes, Digest: code.digest, Size: code.size}
		cloud.LayerVersions.Put(tx, v)
		return v, nil
	})
}

// DeleteLayerVersion removes a version of a layer; functions that have it keep it.
// Error: NotFound.
func (c *Control) DeleteLayerVersion(ctx context.Context, who Caller, name string, number int) error {
	var digest string
	err := c.transact(ctx, func(tx cloud.Tx) error {
		v, err := LayerVersion(tx, who.Account, cloud.MakeLayerKey(who.Account, who.Region, name), number)
		if err != nil {
			return err
		}
		digest = v.Digest
		cloud.LayerVersions.Delete(tx, v.Key)
		return nil
	})
	if err != nil {
		return err
	}
	c.dropCode(ctx, []string{digest})
	return nil
}

// SetLayerPublic lets functions of every account use a layer, or of its own alone.
func (c *Control) SetLayerPublic(ctx context.Context, who Caller, name string, public bool) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, ok := cloud.Layers.Get(tx, cloud.MakeLayerKey(who.Account, who.Region, name))
		if !ok {
			return noLayer(name)
		}
		layer := *old
		layer.Public = public
		cloud.Layers.Put(tx, &layer)
		return nil
	})
}

// LayerVersion finds a version of a layer that an account may use; number 0 is the newest.
func LayerVersion(v cloud.View, account string, layer cloud.LayerKey, number int) (*cloud.LayerVersion, error) {
	l, ok := cloud.Layers.Get(v, layer)
	if !ok || l.Account != account && !l.Public {
		return nil, noLayer(string(layer))
	}
	if all := LayerHistory(v, layer); number == 0 && len(all) > 0 {
		return all[0], nil
	}
	found, ok := cloud.LayerVersions.Get(v, cloud.MakeLayerVersionKey(layer, number))
	if !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindLayerVersion, l.Name, "", "layer %s has no version %d", l.Name, number)
	}
	return found, nil
}

// LayerHistory lists the versions of a layer, the newest first.
func LayerHistory(v cloud.View, layer cloud.LayerKey) []*cloud.LayerVersion {
	all := slices.Collect(cloud.LayerVersions.By(v, "layer", string(layer)))
	slices.SortFunc(all, func(a, b *cloud.LayerVersion) int { return b.Number - a.Number })
	return all
}

func noLayer(name string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindLayer, name, "", "there is no layer %s", name)
}

// archivesOf are the digests of what a version of a function is made of.
func archivesOf(v *cloud.Version) []string {
	all := []string{v.CodeDigest}
	for _, l := range v.Layers {
		all = append(all, l.Digest)
	}
	return all
}
