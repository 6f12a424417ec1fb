package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/image"
	"weir/internal/runtime"
)

// functionsImages is where an image of a function comes from. Who names it is no
// owner of this machine: neither its files nor what listens on it or in its own
// networks may be asked, only the registry that the operator named, or the internet.
func (d *daemon) functionsImages(i *cloud.Image) image.From {
	from := image.From{User: i.User, Password: i.Password}
	if d.cfg.registry != "" || d.cfg.internet == "host" {
		from.Transport = d.registries(func(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.IsPrivate() })
	}
	return from
}

// errNoRegistry tells the operator what functions of images need.
var errNoRegistry = errors.New("this Weir has no registry: start it with `weir up -registry HOST:PORT`")

// fetchImage gets the image of a function that was made or changed.
func (d *daemon) fetchImage(ctx context.Context, i *cloud.Image) (resolved string, err error) {
	img, err := d.pullFor(ctx, i, i.Ref)
	if err != nil {
		return "", err
	}
	return image.Pinned(i.Ref, img.Manifest)
}

func (d *daemon) pullFor(ctx context.Context, i *cloud.Image, ref string) (*image.Image, error) {
	from := d.functionsImages(i)
	if from.Transport == nil {
		return nil, errNoRegistry
	}
	return d.images.Pull(ctx, ref, from)
}

// settleImage records what has come of it.
func (d *daemon) settleImage(ctx context.Context, fn *cloud.Function, v *cloud.Version, resolved string, problem error) error {
	in := control.ImageResult{Function: fn.Key, Revision: v.RevisionID, Resolved: resolved}
	if problem != nil {
		in.Problem = problem.Error()
	}
	return d.control.SettleImage(ctx, in)
}

// lookWithin is how long an instance waits for its function's image.
const lookWithin = time.Minute

// functionImage finds the image of a function for an instance. Where a tag must
// stay what it was, one that stands for something else by now, or nothing, is the
// function's end until it is updated.
func (d *daemon) functionImage(ctx context.Context, fn *cloud.Function, v *cloud.Version) (*runtime.Image, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	img, err := d.sameImage(ctx, v)
	if errors.Is(err, image.ErrNotFound) || errors.Is(err, errChanged) {
		err = errors.Join(err, d.settleImage(ctx, fn, v, "", err))
		return nil, &cloud.Error{Kind: cloud.State, Resource: cloud.KindFunction, ID: fn.Name, Reason: "image", Msg: "Failed: " + err.Error()}
	}
	if err != nil {
		return nil, err
	}
	run, err := img.Run(image.Override{Entrypoint: v.Image.Entrypoint, Args: v.Image.Command, Env: variables(v.Env), Dir: v.Image.Dir})
	missing := errors.Is(err, image.ErrNoProgram)
	if err != nil && !missing {
		return nil, err
	}
	return &runtime.Image{
		Root: img.Root, Argv: run.Argv, Env: run.Env, Dir: run.Dir, UID: run.UID, GID: run.GID, Missing: missing, Serves: v.Server != nil,
	}, nil
}

// errChanged means that a tag is not what it was.
var errChanged = errors.New("the image's tag stands for another image now; update the function")

// sameImage is the image that a version had when it was configured.
func (d *daemon) sameImage(ctx context.Context, v *cloud.Version) (*image.Image, error) {
	if v.Contract != runtime.FC { // tags may change there
		return d.pullFor(ctx, v.Image, v.Image.Resolved)
	}
	img, err := d.pullFor(ctx, v.Image, v.Image.Ref)
	if err != nil {
		return nil, err
	}
	switch now, err := image.Pinned(v.Image.Ref, img.Manifest); {
	case err != nil:
		return nil, err
	case now != v.Image.Resolved:
		return nil, fmt.Errorf("%w (%s, not %s)", errChanged, now, v.Image.Resolved)
	}
	return img, nil
}

// variables writes a function's variables as an image's are.
func variables(env map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// findImage says why functions cannot have an image, before it is fetched.
func (d *daemon) findImage(ctx context.Context, uri string) error {
	from := d.functionsImages(&cloud.Image{Ref: uri})
	if err := image.CheckReference(uri); err != nil {
		return &cloud.Error{Kind: cloud.Malformed, Resource: cloud.KindFunction, ID: uri, Reason: "image", Msg: err.Error()}
	}
	if from.Transport == nil {
		return errNoRegistry
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := d.images.Find(ctx, uri, from)
	if errors.Is(err, image.ErrNotFound) {
		return &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindFunction, ID: uri, Reason: "image", Msg: err.Error()}
	}
	return err
}
