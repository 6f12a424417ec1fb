package control

import (
	"context"

	"weir/internal/cloud"
)

// ImageResult says what has come of a function's image.
type ImageResult struct {
	Function cloud.FunctionKey
	Revision string // of the version that has it
	Resolved string // what its name stands for, by its digest
	Problem  string // why it cannot be used, in words; "" if it can
}

// SettleImage records what has come of the image of a function's latest version, or
// of the one that is to be next. A version that is not there any more is none to
// record it of.
func (c *Control) SettleImage(ctx context.Context, in ImageResult) error {
	var dropped []string
	err := c.transact(ctx, func(tx cloud.Tx) error {
		dropped = nil
		old, ok := cloud.Functions.Get(tx, in.Function)
		if !ok {
			return nil
		}
		fn := copyFunction(old)
		switch {
		case old.Next != nil && old.Next.RevisionID == in.Revision:
			if fn.Next = nil; in.Problem != "" {
				fn.Latest.Update = cloud.FunctionUpdate{Status: "failed", Code: "image", Msg: in.Problem}
				break
			}
			fn.Latest = *old.Next
			fn.Latest.Image = settled(fn.Latest.Image, in)
			dropped = append(dropped, old.Latest.CodeDigest)
		case old.Latest.RevisionID == in.Revision && old.Latest.Image != nil:
			fn.Latest.Image = settled(old.Latest.Image, in)
		default:
			return nil
		}
		settleVersions(tx, old, in)
		cloud.Functions.Put(tx, fn)
		c.releaseNetwork(tx, old.Latest.Network)
		return nil
	})
	if err == nil {
		c.dropCode(ctx, dropped)
	}
	return err
}

// settleVersions records it of the versions that were published meanwhile.
func settleVersions(tx cloud.Tx, old *cloud.Function, in ImageResult) {
	ref := old.Latest.Image
	if old.Next != nil {
		ref = old.Next.Image
	}
	for pv := range cloud.PublishedVersions.By(tx, "function", string(old.Key)) {
		if i := pv.Version.Image; i.Pending() && i.Ref == ref.Ref {
			done := *pv
			done.Version.Image = settled(i, in)
			cloud.PublishedVersions.Put(tx, &done)
		}
	}
}

// settled is an image of which is known what has come of it.
func settled(i *cloud.Image, in ImageResult) *cloud.Image {
	out := *i
	if out.Problem = in.Problem; in.Resolved != "" {
		out.Resolved = in.Resolved
	}
	return &out
}

// awaitImage leaves what runs of a changed function in place until the image of
// what it was changed to is here.
func awaitImage(fn, old *cloud.Function) {
	if !fn.Latest.Image.Pending() || old.Latest.Image.Failed() {
		return
	}
	next := fn.Latest
	fn.Latest, fn.Next = old.Latest, &next
	fn.Latest.Update = cloud.FunctionUpdate{Status: "in-progress"}
}
