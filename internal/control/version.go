package control

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"time"

	"weir/internal/cloud"
)

// PublishVersion freezes $LATEST as a numbered version.
type PublishVersion struct {
	Name        string
	Description *string // nil takes $LATEST's
	CodeDigest  string  // if set, $LATEST must run this code
	RevisionID  string
}

// PublishVersion publishes $LATEST. If nothing changed since the newest
// version, it returns that one, as the vendor does.
func (c *Control) PublishVersion(ctx context.Context, caller Caller, in PublishVersion) (*cloud.PublishedVersion, error) {
	var out *cloud.PublishedVersion
	err := c.transact(ctx, func(tx cloud.Tx) error {
		old, err := findFunction(tx, caller, in.Name)
		if err != nil {
			return err
		}
		if err := c.changeable(old, in.RevisionID); err != nil {
			return err
		}
		if in.CodeDigest != "" && in.CodeDigest != old.Latest.CodeDigest {
			return cloud.Errorf(cloud.Invalid, cloud.KindFunction, in.Name, "code-digest", "function %s runs code %s, not %s", in.Name, old.Latest.CodeDigest, in.CodeDigest)
		}
		if newest, ok := cloud.PublishedVersions.Get(tx, cloud.MakeVersionKey(old.Key, old.LastVersion)); ok && newest.Described == old.Latest.Description && sameVersion(newest.Version, old.Latest) {
			out = newest
			return nil
		}
		fn := copyFunction(old)
		description := fn.Latest.Description
		set(&description, in.Description)
		out = c.publish(tx, fn, description)
		cloud.Functions.Put(tx, fn)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// sameVersion says whether two versions run the same code with the same configuration,
// but for the description.
func sameVersion(a, b cloud.Version) bool {
	for _, v := range []*cloud.Version{&a, &b} {
		v.Number, v.Description, v.RevisionID = 0, "", ""
		v.Modified, v.State, v.Update = time.Time{}, cloud.FunctionState{}, cloud.FunctionUpdate{}
	}
	return reflect.DeepEqual(a, b)
}

// publish adds $LATEST as the next version and counts it in fn; the caller stores fn.
func (c *Control) publish(tx cloud.Tx, fn *cloud.Function, description string) *cloud.PublishedVersion {
	fn.LastVersion++
	pv := &cloud.PublishedVersion{
		Meta:      cloud.Meta{Account: fn.Account, Region: fn.Region, Created: c.now()},
		Key:       cloud.MakeVersionKey(fn.Key, fn.LastVersion),
		Function:  fn.Key,
		Version:   fn.Latest,
		Described: fn.Latest.Description,
	}
	pv.Version.Number = fn.LastVersion
	pv.Version.Description = description
	pv.Version.RevisionID = newRevision()
	cloud.PublishedVersions.Put(tx, pv)
	return pv
}

// deleteVersion removes a published version that no alias uses.
func (c *Control) deleteVersion(tx cloud.Tx, fn *cloud.Function, number int, dropped *[]string) error {
	pv, ok := cloud.PublishedVersions.Get(tx, cloud.MakeVersionKey(fn.Key, number))
	if !ok {
		return nil // the vendor deletes a missing version without complaint
	}
	for a := range cloud.Aliases.By(tx, "function", string(fn.Key)) {
		if _, weighted := a.Weights[number]; weighted || a.Version == number {
			return cloud.Errorf(cloud.InUse, cloud.KindVersion, strconv.Itoa(number), "alias", "version %d of function %s cannot be deleted: alias %s uses it", number, fn.Name, a.Name)
		}
	}
	cloud.PublishedVersions.Delete(tx, pv.Key)
	cloud.Provisions.Delete(tx, cloud.MakeProvisionKey(fn.Key, strconv.Itoa(number)))
	*dropped = append(*dropped, archivesOf(&pv.Version)...)
	c.releaseNetwork(tx, pv.Version.Network)
	return nil
}

// FunctionVersions lists the published versions of a function, oldest first.
func FunctionVersions(v cloud.View, fn cloud.FunctionKey) []*cloud.PublishedVersion {
	out := slices.Collect(cloud.PublishedVersions.By(v, "function", string(fn)))
	slices.SortFunc(out, func(a, b *cloud.PublishedVersion) int { return a.Version.Number - b.Version.Number })
	return out
}
